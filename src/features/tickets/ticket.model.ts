import type { AttemptOutcome, TaskStatus } from '../../database/generated/prisma/enums.js';

/** What of a task makes it a ticket on a board. */
interface Placed {
  status: TaskStatus;
  columnId: string | null;
  ticketStatus: string | null;
}

/**
 * The columns that say where a ticket stands. A column of the board's own says nothing: a ticket keeps its status in it.
 * A map, because a board may call a column `constructor`.
 */
const statusOfColumn: ReadonlyMap<string, TaskStatus> = new Map([
  ['backlog', 'BACKLOG'],
  ['in_progress', 'IN_PROGRESS'],
  ['in_review', 'REVIEW'],
  ['done', 'DONE'],
]);

/** Where a ticket appears whose status was changed through another face. Canceled ones are off the board. */
const columnOfStatus: Record<TaskStatus, string> = {
  BACKLOG: 'backlog',
  READY: 'backlog',
  CLAIMED: 'in_progress',
  IN_PROGRESS: 'in_progress',
  BLOCKED: 'in_progress',
  FAILED: 'in_progress',
  REVIEW: 'in_review',
  DONE: 'done',
  CANCELED: 'done',
};

/** The column in which agents work: a ticket that enters it is run. */
export const runningColumn = 'in_progress';

/** The column that the ticket stands in. */
export function columnOf({ columnId, status }: Placed): string {
  if (columnId !== null && !statusOfColumn.has(columnId)) return columnId;
  return columnOfStatus[status];
}

/** How the tickets that stand in one of the columns with a meaning are told: by their status, unless they name a column of the board's own. */
export function standingIn(columnId: string): { columnIds: string[]; statuses: TaskStatus[] } {
  const statuses = Object.entries(columnOfStatus).filter(([, column]) => column === columnId) as [TaskStatus, string][];
  return { columnIds: [...statusOfColumn.keys()], statuses: statuses.map(([status]) => status) };
}

/** The status of a new ticket in the column. */
export function firstStatusIn(columnId: string): TaskStatus {
  return statusOfColumn.get(columnId) ?? 'BACKLOG';
}

/** The status of a ticket once it stands in the column; one that stands there already stays as it is, blocked for instance. */
export function statusIn(columnId: string, ticket: Placed): TaskStatus {
  return columnOf(ticket) === columnId ? ticket.status : (statusOfColumn.get(columnId) ?? ticket.status);
}

/** The ticket's status in the words of the dialect: the caller's own where it gave one. */
export function ticketStatusOf({ status, ticketStatus }: Placed): string {
  return ticketStatus ?? usualStatus(status);
}

/** What is kept of the caller's word for the status: nothing when it says what the status says anyway. */
export function ownStatus(word: string | null, status: TaskStatus): string | null {
  return word === usualStatus(status) ? null : word;
}

function usualStatus(status: TaskStatus): string {
  return status === 'REVIEW' || status === 'DONE' ? 'completed' : 'todo';
}

/** How a claim ends when the ticket is moved away from under it. */
export function outcomeOf(status: TaskStatus): AttemptOutcome {
  if (status === 'DONE') return 'COMPLETED';
  return status === 'CANCELED' ? 'CANCELED' : 'RELEASED';
}

export const ticketPriorityDefault = 'medium';

/** The words for the four bands of urgency, by which a priority reads back when nobody wrote one. Source: contracts.md 2.2. */
export const ticketPriorityWords = ['critical', 'high', 'medium', 'low'] as const;
