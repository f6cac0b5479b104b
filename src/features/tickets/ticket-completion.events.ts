import type { TaskStatus } from '../../database/generated/prisma/enums.js';

/** What happened when agents completed tickets, by event type. */
export interface TicketCompletionEventData {
  /** `before` and `after` are the same when the ticket stayed where it was. `summary` is cut. */
  TicketCompleted: { before: TaskStatus; after: TaskStatus; summary?: string; prUrl?: string; prNumber?: number };
}
