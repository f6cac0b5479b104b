import type { MeasuredWindow, Tallied } from '../tally.js';

/** What the queues that run in process are told: to have so many jobs waiting, or to work on them. */
export type QueueCommand = { kind: 'fill'; readyCount: number } | QueueWork;

export interface QueueWork extends MeasuredWindow {
  kind: 'work';
  /** Jobs in work at a time. */
  agents: number;
}

/** Jobs taken and finished; for `fill` none. */
export type QueueResult = Tallied;

/** The answer to `fill`. */
export const nothingDone: QueueResult = { count: 0, seconds: 0, total: 0 };
