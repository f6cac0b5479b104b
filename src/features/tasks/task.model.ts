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

/**
 * The statuses to which a person can move a task from this one. A task is given back to READY from each but READY itself, if
 * need be by a reset; CLAIMED is for agents to reach, by a claim.
 */
export function nextStatuses(status: TaskStatus): TaskStatus[] {
  const named = transitions[status].filter((target) => target !== 'CLAIMED' && target !== 'READY');
  return status === 'READY' ? named : ['READY', ...named];
}

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

/** What the words that older callers have for a priority stand for, whatever their case. */
const priorityWords: Record<string, number> = {
  P0: 10,
  CRITICAL: 10,
  URGENT: 10,
  P1: 20,
  HIGH: 20,
  P2: 50,
  MEDIUM: 50,
  NORMAL: 50,
  P3: 80,
  LOW: 80,
};

/** The priority that a word stands for; undefined when it is none. */
export function priorityOf(word: string): number | undefined {
  const key = word.trim().toUpperCase();
  return Object.hasOwn(priorityWords, key) ? priorityWords[key] : undefined;
}

/** The word for a task's priority: its creator's own, or else the one of four (most urgent first) whose band it falls in. */
export function priorityWord(
  task: { priority: number; priorityLabel: string | null },
  [critical, high, medium, low]: readonly [string, string, string, string],
): string {
  if (task.priorityLabel !== null) return task.priorityLabel;
  if (task.priority <= 10) return critical;
  if (task.priority <= 20) return high;
  return task.priority <= 50 ? medium : low;
}
