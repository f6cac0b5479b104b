import type { TaskSource, TaskStatus } from '../generated.js';

/** The columns of the board, in the order in which work flows; the words people read for each status. */
export const statusWords: Record<TaskStatus, string> = {
  BACKLOG: 'Backlog',
  READY: 'Ready',
  CLAIMED: 'Claimed',
  IN_PROGRESS: 'In progress',
  REVIEW: 'Review',
  BLOCKED: 'Blocked',
  DONE: 'Done',
  FAILED: 'Failed',
  CANCELED: 'Canceled',
};

export const statuses = Object.keys(statusWords) as TaskStatus[];

/** What having a task in the column means, for who sees the board for the first time. */
export const statusMeanings: Record<TaskStatus, string> = {
  BACKLOG: 'Parked: no agent takes it yet.',
  READY: 'Waits for an agent to claim it, most urgent first.',
  CLAIMED: 'An agent holds it and has not begun.',
  IN_PROGRESS: 'An agent works on it, under a lease that its heartbeats extend.',
  REVIEW: 'Finished by its agent, and waits for a review.',
  BLOCKED: 'Cannot go on, for the reason given.',
  DONE: 'Finished, latest first.',
  FAILED: 'Given up, latest first.',
  CANCELED: 'Ended before it was finished, latest first.',
};

export const endedStatuses: readonly TaskStatus[] = ['DONE', 'FAILED', 'CANCELED'];

export const sourceWords: Record<TaskSource, string> = {
  GRAPHQL: 'GraphQL',
  COORDINATOR: 'Coordinator',
  ORCHESTRATOR: 'Orchestrator',
  QUEUE: 'Queue',
  WORKER: 'Ticket',
};

export function StatusBadge({ status }: { status: TaskStatus }) {
  return <span className={`status status-${status.toLowerCase()}`}>{statusWords[status]}</span>;
}

/** The four bands of urgency that people speak of; the number itself is in the title. */
export function Priority({ priority }: { priority: number }) {
  const [level, word] = bandOf(priority);
  return (
    <span className={`priority priority-${level}`} title={`Priority ${priority}: 0 is most urgent, 100 least`}>
      <span className="priority-bars" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span className="visually-hidden">{word}, </span>
      <span className="visually-hidden">priority </span>
      {priority}
    </span>
  );
}

function bandOf(priority: number): [level: number, word: string] {
  if (priority <= 10) return [4, 'critical'];
  if (priority <= 25) return [3, 'high'];
  return priority <= 55 ? [2, 'normal'] : [1, 'low'];
}
