import { Link } from 'wouter';
import { Markdown } from '../elements/markdown.js';
import { Ago } from '../elements/time.js';
import type { CoordinationFieldsFragment, CoordinationKind } from '../generated.js';
import './coordination-item.css';

export const coordinationWords: Record<CoordinationKind, string> = {
  DELEGATION: 'Delegation',
  HANDOFF: 'Handoff',
  COLLABORATION: 'Collaboration',
  CONFLICT: 'Settled conflict',
};

/** One act between orchestrators: what kind, who to whom, about what, and what was said. */
export function CoordinationItem({ record, hasTask = false }: { record: CoordinationFieldsFragment; hasTask?: boolean }) {
  const { kind, orchestrator, participants, note, task, createdAt, conflictType } = record;
  const names = participants.map(({ orchestrator: { id, name }, role }) => (
    <span key={id}>
      <Link href={`/ui/agents/${id}`}>{name}</Link>
      {role && kind === 'COLLABORATION' && <small className="hint"> as {role}</small>}
    </span>
  ));
  return (
    <article className="coordination">
      <p>
        <span className={`coordination-kind coordination-${kind.toLowerCase()}`}>{coordinationWords[kind]}</span>
        <Ago at={createdAt} />
      </p>
      <p className="coordination-who">
        {orchestrator && <Link href={`/ui/agents/${orchestrator.id}`}>{orchestrator.name}</Link>}
        {orchestrator && names.length > 0 && <span aria-hidden="true">→</span>}
        {names.length > 0 && <span className="visually-hidden">with</span>}
        {names}
        {conflictType && <span className="tag">{conflictType.toLowerCase().replaceAll('_', ' ')}</span>}
      </p>
      {hasTask && task && (
        <p>
          about <Link href={`/ui/tasks/${task.id}`}>{task.title}</Link>
        </p>
      )}
      {note && (
        <div className="coordination-note">
          <Markdown text={note} />
        </div>
      )}
    </article>
  );
}
