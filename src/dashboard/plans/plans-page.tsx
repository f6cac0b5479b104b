import { type FormEvent, useState } from 'react';
import { Link, useLocation } from 'wouter';
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
  PlanDocument,
  type PlanQuery,
  type PlanStatus,
  PlansDocument,
  RevisePlanDocument,
  SetPlanStatusDocument,
  WritePlanDocument,
} from '../generated.js';
import { useLiveList } from '../live/use-live-list.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import { Diff } from './diff.js';
import './plans-page.css';

type Plan = NonNullable<PlanQuery['plan']>;
type Revision = Plan['revisions']['nodes'][number];

const statusWords: Record<PlanStatus, string> = {
  DRAFT: 'Draft',
  ACTIVE: 'Active',
  COMPLETED: 'Completed',
  ARCHIVED: 'Archived',
};

/** Plans beside the one that is read; on a phone, one or the other. */
export default function PlansPage({ id }: { id: string | undefined }) {
  const [status, setStatus] = useState<PlanStatus | null>(null);
  const list = useLiveList(
    PlansDocument,
    { status },
    ({ plans: page }) => page,
    (event) => 'plan' in event,
  );
  const [isWriting, setWriting] = useState(false);
  const plans = list.nodes;
  return (
    <main className={`page plans ${id ? 'plans-reading' : ''}`}>
      <div className="page-head">
        <h1>Plans</h1>
        <div className="page-actions">
          <Choice
            aria-label="Which plans"
            all="All"
            value={status}
            options={Object.entries(statusWords).map(([value, label]) => ({ value, label }))}
            onChange={(chosen) => setStatus(chosen as PlanStatus | null)}
          />
          <button type="button" className="button button-primary" onClick={() => setWriting(true)}>
            <PlusIcon />
            New plan
          </button>
        </div>
      </div>
      {list.error && !plans && <Failure error={list.error} onRetry={list.reload} />}
      {!plans && !list.error && <Loading />}
      {plans?.length === 0 && !id && (
        <Empty title={status ? 'No such plan' : 'No plans yet'}>
          Agents and people write down here what they are up to, and revise it as they learn.
        </Empty>
      )}
      <div className="plans-layout">
        {plans && plans.length > 0 && (
          <nav className="plans-list" aria-label="Plans">
            <ul className="list">
              {plans.map((plan) => (
                <li key={plan.id}>
                  <Link href={`/ui/plans/${plan.id}`} aria-current={plan.id === id ? 'page' : undefined}>
                    <span className="plans-title">{plan.title}</span>
                    <PlanBadge status={plan.status} />
                    <span className="plans-about">
                      {plan.author?.name ?? plan.authorLabel}, revision {plan.revision}, <Ago at={plan.updatedAt} />
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
            <More list={list} what="plans" />
          </nav>
        )}
        {id ? <OnePlan key={id} id={id} /> : plans && plans.length > 0 && <Empty title="Choose a plan to read it" />}
      </div>
      {isWriting && <PlanForm onClose={() => setWriting(false)} />}
    </main>
  );
}

function PlanBadge({ status }: { status: PlanStatus }) {
  return <span className={`status plan-${status.toLowerCase()}`}>{statusWords[status]}</span>;
}

function OnePlan({ id }: { id: string }) {
  const { data, error, reload } = useLiveQuery(PlanDocument, { id }, (event) => 'plan' in event && event.plan.id === id);
  const { client } = useSession();
  const notices = useNotices();
  const [isRevising, setRevising] = useState(false);
  if (!data) return error ? <Failure error={error} onRetry={reload} /> : <Loading />;
  const { plan } = data;
  if (!plan) return <Empty title="There is no such plan">It may be of another organization.</Empty>;
  const setStatus = async (status: PlanStatus) => {
    try {
      unwrap((await client.request(SetPlanStatusDocument, { input: { planId: id, status } })).planSetStatus);
    } catch (reason) {
      notices.complain(reason);
    }
  };
  return (
    <div className="plan">
      <section className="panel">
        <header className="plan-head">
          <Link className="plan-back" href="/ui/plans">
            All plans
          </Link>
          <h2>{plan.title}</h2>
          <select
            aria-label="Status of the plan"
            value={plan.status}
            onChange={(event) => setStatus(event.target.value as PlanStatus)}
          >
            {Object.entries(statusWords).map(([status, words]) => (
              <option key={status} value={status}>
                {words}
              </option>
            ))}
          </select>
          <button type="button" className="button" onClick={() => setRevising(true)}>
            Revise
          </button>
          <p className="hint">
            by {plan.author?.name ?? plan.authorLabel}
            {plan.project && `, for ${plan.project.name}`}, revision {plan.revision}, <Ago at={plan.updatedAt} />
          </p>
        </header>
        <div className="panel-body">
          <Markdown text={plan.bodyMarkdown} />
        </div>
      </section>
      <Revisions revisions={plan.revisions.nodes} />
      {isRevising && <PlanForm plan={plan} onClose={() => setRevising(false)} />}
    </div>
  );
}

/** The revisions, newest first, each with what it changed against the one before, or against any other that is chosen. */
function Revisions({ revisions }: { revisions: readonly Revision[] }) {
  const newest = revisions.at(-1)?.revision ?? 1;
  const [shown, setShown] = useState<{ from: number; to: number } | null>(null);
  const to = shown?.to ?? newest;
  const from = shown?.from ?? to - 1;
  const textOf = (number: number) => revisions.find(({ revision }) => revision === number);
  const [before, after] = [textOf(from), textOf(to)];
  return (
    <section className="panel">
      <h2>Revisions</h2>
      <div className="panel-body revisions">
        <ol className="list">
          {revisions.toReversed().map(({ revision, author, authorLabel, createdAt }) => (
            <li key={revision}>
              <button type="button" aria-pressed={revision === to} onClick={() => setShown({ from: revision - 1, to: revision })}>
                <strong>Revision {revision}</strong>
                <span>
                  {author?.name ?? authorLabel}, <Ago at={createdAt} />
                </span>
              </button>
            </li>
          ))}
        </ol>
        <div>
          {after && (
            <p className="revisions-what">
              {before ? (
                <>
                  <label>
                    <span className="visually-hidden">Compare with</span>
                    <select value={from} onChange={(event) => setShown({ from: Number(event.target.value), to })}>
                      {revisions
                        .filter(({ revision }) => revision !== to)
                        .map(({ revision }) => (
                          <option key={revision} value={revision}>
                            Revision {revision}
                          </option>
                        ))}
                    </select>
                  </label>
                  <span>
                    compared with <strong>revision {to}</strong>
                  </span>
                </>
              ) : (
                <span>The first revision, as it was written.</span>
              )}
            </p>
          )}
          {before && after && before.title !== after.title && <Diff before={before.title} after={after.title} />}
          {after && <Diff before={before?.bodyMarkdown ?? ''} after={after.bodyMarkdown} />}
        </div>
      </div>
    </section>
  );
}

/** A new plan, or another revision of one. */
function PlanForm({ plan, onClose }: { plan?: Plan; onClose: () => void }) {
  const { client } = useSession();
  const notices = useNotices();
  const [, navigate] = useLocation();
  // As it was when the writing began: somebody else's revision in between is a conflict, and not overwritten.
  const [expectedRevision] = useState(plan?.revision ?? 0);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = { title: String(form.get('title')).trim(), bodyMarkdown: String(form.get('body')) };
    setBusy(true);
    try {
      if (plan) {
        unwrap((await client.request(RevisePlanDocument, { input: { ...input, planId: plan.id, expectedRevision } })).planRevise);
      } else {
        const written = unwrap((await client.request(WritePlanDocument, { input })).planCreate).plan;
        if (written) navigate(`/ui/plans/${written.id}`);
      }
      onClose();
    } catch (error) {
      notices.complain(error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={plan ? `Revise “${plan.title}”` : 'New plan'} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          Title
          <input name="title" defaultValue={plan?.title} required maxLength={500} />
        </label>
        <label>
          Text
          <textarea name="body" defaultValue={plan?.bodyMarkdown} rows={14} placeholder="Markdown" required />
        </label>
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={isBusy}>
            {plan ? 'Save the revision' : 'Write it down'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
