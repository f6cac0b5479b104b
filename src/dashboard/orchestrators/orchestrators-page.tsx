import { useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import { Avatar, Health } from '../elements/avatar.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { More } from '../elements/more.js';
import {
  CoordinationHistoryDocument,
  type CoordinationKind,
  OrchestratorsDocument,
  OwnedTasksDocument,
  type OwnedTasksQuery,
} from '../generated.js';
import type { FeedEvent } from '../live/feed.js';
import { useLiveList } from '../live/use-live-list.js';
import { StatusBadge } from '../tasks/status.js';
import { type Act, CoordinationForm, type Orchestrator } from './coordination-forms.js';
import { CoordinationItem, coordinationWords } from './coordination-item.js';
import './orchestrators-page.css';

type OwnedTask = OwnedTasksQuery['tasks']['nodes'][number];

const coordinationKinds: readonly FeedEvent['kind'][] = [
  'TASK_DELEGATED',
  'TASK_HANDED_OFF',
  'COLLABORATION_REQUESTED',
  'CONFLICT_RESOLVED',
  'TEAM_CONFLICT_RESOLVED',
];

/** Who coordinates, what each owns, and what they did with one another. */
export default function OrchestratorsPage() {
  const list = useLiveList(
    OrchestratorsDocument,
    {},
    (data) => data.orchestrators,
    (event) => 'agent' in event,
  );
  const [params, setParams] = useSearchParams();
  const [form, setForm] = useState<{ act: Act; from: Orchestrator | null; task: OwnedTask | null } | null>(null);
  const orchestrators = list.nodes ?? [];
  const chosen = orchestrators.find(({ id }) => id === params.get('id')) ?? orchestrators[0];
  return (
    <main className="page">
      <div className="page-head">
        <h1>Orchestrators</h1>
        <div className="page-actions">
          <button
            type="button"
            className="button"
            disabled={orchestrators.length < 2}
            onClick={() => setForm({ act: 'settle', from: null, task: null })}
          >
            Settle a conflict
          </button>
        </div>
      </div>
      {list.error && !list.nodes && <Failure error={list.error} onRetry={list.reload} />}
      {!list.nodes && !list.error && <Loading />}
      {list.nodes?.length === 0 && (
        <Empty title="No orchestrators yet">
          An orchestrator is an agent that coordinates others: it registers with <code>isOrchestrator: true</code>, and owns tasks
          that it delegates, hands off, or asks for help with.
        </Empty>
      )}
      {chosen && (
        <div className="orchestrators">
          <section className="panel">
            <h2>Who</h2>
            <ul className="list orchestrators-list">
              {orchestrators.map((orchestrator) => (
                <li key={orchestrator.id}>
                  <button
                    type="button"
                    aria-pressed={orchestrator.id === chosen.id}
                    onClick={() => setParams({ id: orchestrator.id }, { replace: true })}
                  >
                    <Avatar name={orchestrator.name} health={orchestrator.health} />
                    <span>
                      <strong>{orchestrator.name}</strong>
                      <small>{[orchestrator.role, orchestrator.discipline].filter(Boolean).join(', ') || 'orchestrator'}</small>
                    </span>
                  </button>
                </li>
              ))}
            </ul>
            <More list={list} what="orchestrators" />
          </section>
          <Owned key={chosen.id} orchestrator={chosen} onAct={(act, task) => setForm({ act, from: chosen, task })} />
          <History />
        </div>
      )}
      {form && <CoordinationForm {...form} orchestrators={orchestrators} onClose={() => setForm(null)} />}
    </main>
  );
}

function Owned({ orchestrator, onAct }: { orchestrator: Orchestrator; onAct: (act: Act, task: OwnedTask) => void }) {
  const list = useLiveList(
    OwnedTasksDocument,
    { orchestratorId: orchestrator.id },
    (data) => data.tasks,
    (event) => 'task' in event,
  );
  const tasks = list.nodes ?? [];
  return (
    <section className="panel">
      <header className="orchestrators-head">
        <h2>
          What <Link href={`/ui/agents/${orchestrator.id}`}>{orchestrator.name}</Link> owns
        </h2>
        <Health health={orchestrator.health} />
      </header>
      {list.error && !list.nodes && <Failure error={list.error} onRetry={list.reload} />}
      {list.nodes?.length === 0 && (
        <Empty title="Owns no task">A task is owned from its creation, or by a delegation or handoff since.</Empty>
      )}
      <ul className="list owned">
        {tasks.map((task) => (
          <li key={task.id}>
            <Link href={`/ui/tasks/${task.id}`}>{task.title}</Link>
            <StatusBadge status={task.status} />
            <span className="owned-actions">
              <button type="button" className="button" onClick={() => onAct('delegate', task)}>
                Delegate
              </button>
              <button type="button" className="button" onClick={() => onAct('hand-off', task)}>
                Hand off
              </button>
              <button type="button" className="button" onClick={() => onAct('collaborate', task)}>
                Ask for help
              </button>
            </span>
          </li>
        ))}
      </ul>
      <More list={list} what="tasks" />
    </section>
  );
}

function History() {
  const [kind, setKind] = useState<CoordinationKind | null>(null);
  const list = useLiveList(
    CoordinationHistoryDocument,
    { kinds: kind && [kind] },
    ({ coordinationHistory: { nodes, pageInfo } }) => ({ nodes: nodes.toReversed(), pageInfo }),
    ({ kind: happened }) => coordinationKinds.includes(happened),
  );
  return (
    <section className="panel orchestrators-history">
      <header className="orchestrators-head">
        <h2>What they did with one another</h2>
        <select
          aria-label="Kind"
          value={kind ?? ''}
          onChange={(event) => setKind((event.target.value || null) as CoordinationKind | null)}
        >
          <option value="">All</option>
          {Object.entries(coordinationWords).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </header>
      {list.error && !list.nodes && <Failure error={list.error} onRetry={list.reload} />}
      {list.nodes?.length === 0 && <Empty title="Nothing yet" />}
      <ol className="list panel-body">
        {list.nodes?.map((record) => (
          <li key={record.id}>
            <CoordinationItem record={record} hasTask={true} />
          </li>
        ))}
      </ol>
      <More list={list} what="records" />
    </section>
  );
}
