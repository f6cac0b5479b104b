import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { unwrap } from '../../sdk/errors.js';
import { Choice } from '../elements/choice.js';
import { Dialog } from '../elements/dialog.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { PlusIcon } from '../elements/icons.js';
import { Markdown } from '../elements/markdown.js';
import { More } from '../elements/more.js';
import { useNotices } from '../elements/notices.js';
import { Ago } from '../elements/time.js';
import {
  type DecisionCardFragment,
  DecisionDocument,
  type DecisionStatus,
  DecisionsDocument,
  RecordDecisionDocument,
} from '../generated.js';
import { useLiveList } from '../live/use-live-list.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import './decisions-page.css';

export default function DecisionsPage({ id }: { id: string | undefined }) {
  const [status, setStatus] = useState<DecisionStatus | null>(null);
  const [isRecording, setRecording] = useState<{ supersedes: DecisionCardFragment | null } | null>(null);
  const isAboutDecisions = (event: { kind: string }) => event.kind === 'DECISION_RECORDED';
  const list = useLiveList(DecisionsDocument, { status }, (data) => data.decisions, isAboutDecisions);
  const decisions = list.nodes ?? [];
  const isListed = !id || decisions.some((decision) => decision.id === id);
  return (
    <main className="page">
      <div className="page-head">
        <h1>Decisions</h1>
        <div className="page-actions">
          <Choice
            aria-label="Which decisions"
            all="All"
            value={status}
            options={[
              { value: 'ACCEPTED', label: 'In force' },
              { value: 'SUPERSEDED', label: 'Superseded' },
            ]}
            onChange={(chosen) => setStatus(chosen as DecisionStatus | null)}
          />
          <button type="button" className="button button-primary" onClick={() => setRecording({ supersedes: null })}>
            <PlusIcon />
            Record a decision
          </button>
        </div>
      </div>
      {list.error && !list.nodes && <Failure error={list.error} onRetry={list.reload} />}
      {!list.nodes && !list.error && <Loading />}
      {list.nodes?.length === 0 && !id && (
        <Empty title={status ? 'No such decision' : 'No decisions yet'}>
          What was decided is kept here with its reasons; what changes later supersedes it.
        </Empty>
      )}
      <ul className="list decisions">
        {list.nodes && !isListed && id && <OlderDecision id={id} onSupersede={(supersedes) => setRecording({ supersedes })} />}
        {decisions.map((decision) => (
          <DecisionItem
            key={decision.id}
            decision={decision}
            isCurrent={decision.id === id}
            onSupersede={() => setRecording({ supersedes: decision })}
          />
        ))}
      </ul>
      <More list={list} what="decisions" />
      {isRecording && <DecisionForm supersedes={isRecording.supersedes} onClose={() => setRecording(null)} />}
    </main>
  );
}

/** The one that the address names, when it is not among those listed. */
function OlderDecision({ id, onSupersede }: { id: string; onSupersede: (decision: DecisionCardFragment) => void }) {
  const { data } = useLiveQuery(DecisionDocument, { id }, (event) => event.kind === 'DECISION_RECORDED');
  if (!data) return null;
  if (!data.decision) return <Empty title="There is no such decision">It may be of another organization.</Empty>;
  const { decision } = data;
  return <DecisionItem decision={decision} isCurrent={true} onSupersede={() => onSupersede(decision)} />;
}

function DecisionItem({
  decision,
  isCurrent,
  onSupersede,
}: {
  decision: DecisionCardFragment;
  isCurrent: boolean;
  onSupersede: () => void;
}) {
  const { id, title, bodyMarkdown, status, author, authorLabel, project, createdAt, supersedes, supersededBy } = decision;
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isCurrent) element.current?.scrollIntoView({ block: 'center' });
  }, [isCurrent]);
  return (
    <li ref={element} className={`panel decision decision-${status.toLowerCase()} ${isCurrent ? 'decision-current' : ''}`}>
      <article>
        <header>
          <h2>
            <Link href={`/ui/decisions/${id}`}>{title}</Link>
          </h2>
          {status === 'SUPERSEDED' && <span className="tag">superseded</span>}
        </header>
        <p className="hint">
          decided by {author?.name ?? authorLabel}
          {project && ` for ${project.name}`}, <Ago at={createdAt} />
        </p>
        <Markdown text={bodyMarkdown} />
        <footer>
          {supersededBy && (
            <p>
              Superseded by <Link href={`/ui/decisions/${supersededBy.id}`}>{supersededBy.title}</Link>
            </p>
          )}
          {supersedes && (
            <p>
              Supersedes <Link href={`/ui/decisions/${supersedes.id}`}>{supersedes.title}</Link>
            </p>
          )}
          {status === 'ACCEPTED' && (
            <button type="button" className="button" onClick={onSupersede}>
              Decide otherwise
            </button>
          )}
        </footer>
      </article>
    </li>
  );
}

function DecisionForm({ supersedes, onClose }: { supersedes: DecisionCardFragment | null; onClose: () => void }) {
  const { client } = useSession();
  const notices = useNotices();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      const input = {
        title: String(form.get('title')).trim(),
        bodyMarkdown: String(form.get('body')),
        supersedesId: supersedes?.id,
        projectId: supersedes?.project?.id,
      };
      unwrap((await client.request(RecordDecisionDocument, { input })).decisionRecord);
      onClose();
    } catch (error) {
      notices.complain(error);
    }
  };
  return (
    <Dialog title={supersedes ? `Instead of “${supersedes.title}”` : 'Record a decision'} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          What was decided
          <input name="title" required maxLength={500} />
        </label>
        <label>
          Why
          <textarea name="body" rows={8} placeholder="Markdown" required />
        </label>
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary">
            Record
          </button>
        </div>
      </form>
    </Dialog>
  );
}
