import { type ReactNode, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { unwrap } from '../../sdk/errors.js';
import { Doer, type HistoryEvent, whatHappened } from '../activity/event-sentence.js';
import { Avatar } from '../elements/avatar.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { MoveIcon } from '../elements/icons.js';
import { hasContent, Json } from '../elements/json.js';
import { Markdown } from '../elements/markdown.js';
import { useNotices } from '../elements/notices.js';
import { Ago, formatAge } from '../elements/time.js';
import {
  type AttemptOutcome,
  OpenThreadDocument,
  TaskHistoryDocument,
  type TaskHistoryQuery,
  TaskPageDocument,
  type TaskPageQuery,
} from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useNow } from '../live/use-now.js';
import { CoordinationItem } from '../orchestrators/coordination-item.js';
import { useSession } from '../session/session.js';
import { Chat } from '../threads/chat.js';
import { Lease } from './lease.js';
import { useMover } from './move-dialog.js';
import { Priority, StatusBadge, sourceWords } from './status.js';
import { EditTask } from './task-form.js';
import './task-page.css';

type Task = NonNullable<TaskPageQuery['task']>;

export default function TaskPage({ id }: { id: string }) {
  const { data, error, reload } = useLiveQuery(TaskPageDocument, { id }, (event) => 'task' in event && event.task.id === id);
  useRenewedLease(data?.task?.lease ?? null, reload);
  const mover = useMover({ onMoved: reload });
  const [isEditing, setEditing] = useState(false);

  if (!data) return <main className="page">{error ? <Failure error={error} onRetry={reload} /> : <Loading />}</main>;
  const { task } = data;
  if (!task) {
    return (
      <main className="page">
        <Empty title="There is no such task">
          It may be of another organization. <Link href="/">Go to the board</Link>
        </Empty>
      </main>
    );
  }
  return (
    <main className="page">
      <nav className="crumbs" aria-label="Where this is">
        <Link href="/">Board</Link>
        {task.project && <Link href={`/?project=${task.project.id}`}>{task.project.name}</Link>}
      </nav>
      <div className="page-head">
        <StatusBadge status={task.status} />
        <h1>
          {task.number !== null && <span className="task-number">#{task.number}</span>}
          {task.title}
        </h1>
        <div className="page-actions">
          <button type="button" className="button" onClick={() => setEditing(true)}>
            Edit
          </button>
          {task.nextStatuses.length > 0 && (
            <button type="button" className="button" onClick={() => mover.choose(task)}>
              <MoveIcon />
              Move
            </button>
          )}
        </div>
      </div>
      <Standing task={task} />
      <div className="task-layout">
        <div className="task-main">
          {task.description && (
            <section className="panel">
              <h2>Description</h2>
              <div className="panel-body">
                <Markdown text={task.description} />
              </div>
            </section>
          )}
          {hasContent(task.result) && (
            <section className="panel">
              <h2>Result</h2>
              <div className="panel-body">
                <Json value={task.result} />
              </div>
            </section>
          )}
          {task.threads.nodes.length > 0 && <Threads task={task} />}
          <section className="panel">
            <h2>History</h2>
            <div className="panel-body">
              <History taskId={id} />
            </div>
          </section>
          {task.threads.nodes.length === 0 && <Threads task={task} />}
        </div>
        <aside className="task-side" aria-label="About the task">
          <section className="panel">
            <h2>Facts</h2>
            <div className="panel-body">
              <Facts task={task} />
            </div>
          </section>
          <Attempts attempts={task.attempts.nodes} />
          {task.coordination.nodes.length > 0 && (
            <section className="panel">
              <h2>Coordination</h2>
              <ul className="list panel-body task-coordination">
                {task.coordination.nodes.map((record) => (
                  <li key={record.id}>
                    <CoordinationItem record={record} />
                  </li>
                ))}
              </ul>
            </section>
          )}
          {task.jobs.nodes.length > 0 && (
            <section className="panel">
              <h2>Jobs</h2>
              <ul className="list panel-body">
                {task.jobs.nodes.map((job) => (
                  <li key={job.id}>
                    <Link href={`/ui/jobs/${job.id}`}>
                      {job.kind === 'REVIEW' ? 'Review' : 'Work'}, {job.status.toLowerCase()}
                    </Link>{' '}
                    <span className="hint">
                      <Ago at={job.createdAt} />
                    </span>
                  </li>
                ))}
              </ul>
            </section>
          )}
          {task.pullRequests.nodes.length > 0 && (
            <section className="panel">
              <h2>Pull requests</h2>
              <ul className="list panel-body">
                {task.pullRequests.nodes.map(({ id: pullRequestId, url, number, state }) => (
                  <li key={pullRequestId}>
                    {/^https?:/.test(url) ? (
                      <a href={url} rel="noreferrer" target="_blank">
                        {number === null ? url : `#${number}`}
                      </a>
                    ) : (
                      url
                    )}{' '}
                    <span className="hint">{state.toLowerCase()}</span>
                  </li>
                ))}
              </ul>
            </section>
          )}
          {hasContent(task.metadata) && (
            <section className="panel">
              <h2>Metadata</h2>
              <div className="panel-body">
                <Json value={task.metadata} />
              </div>
            </section>
          )}
        </aside>
      </div>
      {mover.dialog}
      {isEditing && <EditTask task={task} onClose={() => setEditing(false)} />}
    </main>
  );
}

/** Why the task is where it is, in a sentence, where that needs one. */
function Standing({ task }: { task: Task }) {
  const sentence = standingOf(task);
  if (!sentence) return null;
  return <p className={`standing status-${task.status.toLowerCase()}`}>{sentence}</p>;
}

function standingOf(task: Task): ReactNode {
  switch (task.status) {
    case 'BLOCKED':
      return `Blocked: ${task.blocker ?? 'nobody said why'}`;
    case 'FAILED':
      return task.failureReason && `Failed: ${task.failureReason}`;
    case 'READY':
      return (
        <>
          {task.releaseReason && `Given back: ${task.releaseReason}. `}
          Waits for an agent{task.requiredSpecialization && ` that knows ${task.requiredSpecialization}`}
          {task.whyNotClaimable?.some(({ code }) => code === 'SPECIALIZATION_MISMATCH') && ', and none does'}.
        </>
      );
    case 'BACKLOG':
      return 'Parked: no agent takes it until somebody moves it to ready.';
    case 'CLAIMED':
    case 'IN_PROGRESS':
    case 'REVIEW':
      return (
        task.lease && (
          <>
            Held by {task.assignee?.name ?? 'an agent'}.{' '}
            <Lease expiresAt={task.lease.expiresAt} ttlSeconds={task.lease.ttlSeconds} /> left, unless a heartbeat extends it.
          </>
        )
      );
    default:
      return null;
  }
}

function Facts({ task }: { task: Task }) {
  const creator = task.createdBy?.name ?? task.createdByLabel;
  return (
    <dl className="facts">
      <Fact name={task.lease ? 'Holder' : 'Last holder'}>
        {task.assignee && (
          <Link className="who" href={`/ui/agents/${task.assignee.id}`}>
            <Avatar name={task.assignee.name} isAgent={task.assignee.__typename === 'Agent'} />
            {task.assignee.name}
          </Link>
        )}
      </Fact>
      <Fact name="Priority">
        <Priority priority={task.priority} />
      </Fact>
      <Fact name="Requires">{task.requiredSpecialization && <span className="tag">{task.requiredSpecialization}</span>}</Fact>
      <Fact name="Project">{task.project?.name}</Fact>
      <Fact name="Orchestrator">{task.orchestrator?.name}</Fact>
      <Fact name="Kind">{task.kind}</Fact>
      <Fact name="Model">{task.modelTier}</Fact>
      <Fact name="Source">{sourceWords[task.source]}</Fact>
      <Fact name="Due">{task.dueAt && new Date(task.dueAt).toLocaleString()}</Fact>
      <Fact name="Created">
        <Ago at={task.createdAt} />
        {creator && ` by ${creator}`}
      </Fact>
      <Fact name="Changed">
        <Ago at={task.updatedAt} />
      </Fact>
      <Fact name="Ended">{task.completedAt && <Ago at={task.completedAt} />}</Fact>
      <Fact name="Id">
        <code>{task.id}</code>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (!children) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

const outcomeWords: Record<AttemptOutcome, string> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  RELEASED: 'gave it back',
  EXPIRED: 'lost the lease',
  BLOCKED: 'was blocked',
  CANCELED: 'was canceled',
};

function Attempts({ attempts }: { attempts: Task['attempts']['nodes'] }) {
  const now = useNow();
  if (attempts.length === 0) return null;
  return (
    <section className="panel">
      <h2>Attempts</h2>
      <ol className="list panel-body attempts">
        {attempts.toReversed().map(({ id, fence, holder, startedAt, endedAt, outcome, reason, isOverride }) => (
          <li key={id}>
            <span className="attempt-fence" title="The fence: the number of this claim">
              {fence}
            </span>
            <span>
              <strong>{holder.name}</strong> {outcome ? outcomeWords[outcome] : 'works on it'}
              <small className="hint">
                {' '}
                {outcome ? 'after' : 'for'} {formatAge((endedAt ? Date.parse(endedAt) : now) - Date.parse(startedAt))}
                {isOverride && ', without the specialization'}
              </small>
              {reason && <small className="attempt-reason">{reason}</small>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Threads({ task }: { task: Task }) {
  const { client } = useSession();
  const notices = useNotices();
  const [, navigate] = useLocation();
  const [first, ...others] = task.threads.nodes;
  const open = async () => {
    try {
      const { thread } = unwrap(
        (await client.request(OpenThreadDocument, { input: { taskId: task.id, title: task.title } })).threadCreate,
      );
      if (thread) navigate(`/ui/threads/${thread.id}`);
    } catch (error) {
      notices.complain(error);
    }
  };
  return (
    <section className="panel">
      <header className="task-thread-head">
        <h2>Thread</h2>
        {others.map(({ id, title }) => (
          <Link key={id} href={`/ui/threads/${id}`}>
            {title ?? 'another'}
          </Link>
        ))}
      </header>
      {first ? (
        <div className="task-thread">
          <Chat threadId={first.id} />
        </div>
      ) : (
        <div className="panel-body">
          <button type="button" className="button" onClick={open}>
            Open a thread about this task
          </button>
        </div>
      )}
    </section>
  );
}

/** The whole history is read at first, page by page; from then on it lives on the feed. */
function History({ taskId }: { taskId: string }) {
  const { client, feed } = useSession();
  const [events, setEvents] = useState<readonly HistoryEvent[]>([]);
  const [error, setError] = useState<Error>();
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is the same once more.
  useEffect(() => {
    const ending = new AbortController();
    const known = new Map<string, HistoryEvent>();
    let isComplete = false;
    const add = (more: readonly HistoryEvent[]) => {
      for (const event of more) known.set(event.cursor, event);
      setEvents([...known.values()]);
    };
    const waiting: HistoryEvent[] = [];
    const stop = feed.listen({
      event: (event) => {
        if (!('task' in event) || event.task.id !== taskId) return;
        // Behind what is being read, so that the order is that of the log.
        if (isComplete) add([event as HistoryEvent]);
        else waiting.push(event as HistoryEvent);
      },
      reset: () => setAttempt((last) => last + 1),
    });
    const read = async () => {
      let after: string | null = null;
      for (let hasMore = true; hasMore; ) {
        const answer: TaskHistoryQuery = await client.request(
          TaskHistoryDocument,
          { id: taskId, after },
          { signal: ending.signal },
        );
        if (!answer.task) return;
        const { nodes, pageInfo } = answer.task.history;
        add(nodes);
        after = pageInfo.endCursor;
        hasMore = pageInfo.hasNextPage;
      }
      isComplete = true;
      add(waiting);
    };
    setError(undefined);
    read().catch((reason) => !ending.signal.aborted && setError(reason));
    return () => {
      ending.abort();
      stop();
    };
  }, [client, feed, taskId, attempt]);

  if (error) return <Failure error={error} onRetry={() => setAttempt((last) => last + 1)} />;
  if (events.length === 0) return <Loading />;
  return (
    <ol className="list timeline">
      {events.toReversed().map((event) => (
        <li key={event.cursor} className={`timeline-${event.__typename}`}>
          <p>
            <Doer event={event} /> {whatHappened(event, 'it')}
          </p>
          <Ago at={event.occurredAt} />
        </li>
      ))}
    </ol>
  );
}

/** Asks again when a lease has run down by a fifth, as heartbeats extend it without an event; every five seconds at most. */
function useRenewedLease(lease: Task['lease'], reload: () => void): void {
  const { clock } = useSession();
  const expiresAt = lease && Date.parse(lease.expiresAt);
  const ttlMs = lease ? lease.ttlSeconds * 1000 : 0;
  useEffect(() => {
    if (expiresAt === null) return;
    const dueInMs = expiresAt - clock.now() - ttlMs * 0.8;
    const timer = setInterval(reload, Math.max(5000, Math.min(dueInMs, 60_000)));
    return () => clearInterval(timer);
  }, [expiresAt, ttlMs, clock, reload]);
}
