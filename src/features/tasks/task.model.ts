import type { TaskStatus } from '../../database/generated/prisma/enums.js';

/** Seconds. Source: the architecture's third guarantee. */
export const leaseSecondsDefault = 1800;
export const leaseSecondsMax = 86_400;

/** Tasks that one claim may take, and that one request may create. */
export const claimCountMax = 100;
export const createCountMax = 500;

/** The statuses in which a task can have a holder. */
export const leasedStatuses = ['CLAIMED', 'IN_PROGRESS', 'REVIEW'] as const satisfies TaskStatus[];

/**
 * Where a task can go from each status. READY from a leased status is a release or an expiry, CLAIMED a claim; the
 * rest is asked for by name. Drawn in docs/task-lifecycle.md.
 */
export const transitions: Record<TaskStatus, readonly TaskStatus[]> = {
  BACKLOG: ['READY', 'BLOCKED', 'CANCELED'],
  READY: ['CLAIMED', 'BLOCKED', 'CANCELED'],
  CLAIMED: ['READY', 'IN_PROGRESS', 'DONE', 'BLOCKED', 'FAILED', 'CANCELED'],
  IN_PROGRESS: ['READY', 'REVIEW', 'DONE', 'BLOCKED', 'FAILED', 'CANCELED'],
  REVIEW: ['READY', 'IN_PROGRESS', 'DONE', 'BLOCKED', 'FAILED', 'CANCELED'],
  BLOCKED: ['READY', 'CANCELED'],
  DONE: [],
  FAILED: [],
  CANCELED: [],
};

/** The statuses from which `taskSetStatus` can reach this one: claiming and giving back have operations of their own. */
export function sourcesOf(target: TaskStatus): TaskStatus[] {
  if (target === 'CLAIMED') return [];
  return (Object.keys(transitions) as TaskStatus[]).filter(
    (status) => transitions[status].includes(target) && !(target === 'READY' && isLeased(status)),
  );
}

/** The statuses from which a task can be reset: all but the one in which it waits to be claimed anyway. */
export const resettableStatuses: readonly TaskStatus[] = (Object.keys(transitions) as TaskStatus[]).filter(
  (status) => status !== 'READY',
);

/** Whether entering the status ends the lease; otherwise expiry would flip the task back to READY. */
export function endsLease(target: TaskStatus): boolean {
  return !isLeased(target);
}

export function isLeased(status: TaskStatus): boolean {
  return (leasedStatuses as readonly TaskStatus[]).includes(status);
}

/** What of a stored task its lease decides. */
export interface LeaseState {
  status: TaskStatus;
  leaseExpiresAt: Date | null;
}

/** Whether the lease has run out at `now`, though no sweep has returned the task yet. */
export function isLapsed(task: LeaseState, now: Date): boolean {
  return task.leaseExpiresAt !== null && task.leaseExpiresAt <= now;
}

/** The status that readers see: a task whose lease has lapsed is READY, swept or not. */
export function effectiveStatus(task: LeaseState, now: Date): TaskStatus {
  return isLapsed(task, now) ? 'READY' : task.status;
}
