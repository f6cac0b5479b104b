import type { TaskStatus } from '../../database/generated/prisma/enums.js';

/** What happened to tasks, by event type: the facts each event keeps beside who, when and which task. */
export interface TaskEventData {
  /** `after` is READY or BACKLOG, and for a ticket any status that a column of a board stands for. */
  TaskCreated: { after: TaskStatus; title: string; priority: number };
  /** Descriptive fields that changed, as they were and as they are. */
  TaskUpdated: { before: Record<string, unknown>; after: Record<string, unknown> };
  TaskClaimed: {
    before: 'READY';
    after: 'CLAIMED';
    fence: number;
    leaseSeconds: number;
    leaseExpiresAt: string;
    isOverride: boolean;
  };
  TaskReleased: TaskTransitionData;
  TaskLeaseExpired: { before: TaskStatus; after: 'READY'; fence: number; holderId: string; leaseExpiresAt: string };
  TaskStatusChanged: TaskTransitionData;
  TaskCompleted: TaskTransitionData;
  TaskFailed: TaskTransitionData;
  TaskCanceled: TaskTransitionData;
  /** Back to READY from any other status, also a final one; the result is gone from the task. */
  TaskReset: TaskTransitionData;
  /** Somebody asked that the work be stopped; the task goes on until whoever works on it does. */
  TaskCancelRequested: { status: TaskStatus };
}

/** A task went from one status to another. `holderId` is who held it until then, absent when nobody did. */
export interface TaskTransitionData {
  before: TaskStatus;
  after: TaskStatus;
  fence: number;
  holderId?: string;
  reason?: string;
  result?: unknown;
}
