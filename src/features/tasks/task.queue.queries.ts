import type { Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import type { Prisma, Task, TaskStatus } from '../../database/generated/prisma/client.js';
import {
  openQueuePageStatement,
  queueClaimStatement,
  queuePageStatement,
  type ShownTask,
  type TaskClaimRow,
} from './sql/queue-page.sql.js';
import { TaskNotFoundError } from './task.errors.js';
import { isLapsed } from './task.model.js';

/** The reads of the queue dialect: it knows tasks by their number, and those alone that came in by it. */

/** Which tasks a page of the queue has; what is left out does not restrict. */
export interface QueueFilter {
  statuses: TaskStatus[];
  /** Id of the agent that has claimed it, or has finished it. */
  assigneeId?: string | undefined;
  kind?: string | undefined;
  modelTier?: string | undefined;
}

/** A task with whose it is, or was when it was finished. */
export interface QueuedTask {
  task: ShownTask;
  /** Text id of the agent; null when nobody has claimed it. */
  claimedBy: string | null;
  /** Time of the newest claim, unless the task has come back from it. */
  claimedAt: Date | null;
}

/** The tasks of a page, most urgent first, oldest first within a priority, as of `now` on the database's clock. */
export async function queuePage(
  database: Database,
  viewer: Viewer,
  { statuses, assigneeId, kind, modelTier }: QueueFilter,
  { limit, offset, now }: { limit: number; offset: number; now: Date },
): Promise<QueuedTask[]> {
  const isOpen = !statuses.some((status) => finishedStatuses.includes(status));
  const statement = isOpen ? openQueuePageStatement : queuePageStatement;
  const values = [viewer.organizationId, statuses, now, assigneeId ?? null, kind ?? null, modelTier ?? null, limit, offset];
  const rows = await database.query<ShownTask & TaskClaimRow>(statement, values);
  return rows.map(({ assigneeName, newestClaimAt, ...task }) => toQueued(task, { assigneeName, newestClaimAt }, now));
}

const finishedStatuses: TaskStatus[] = ['DONE', 'FAILED', 'CANCELED'];

/** The task of this number, unless it was canceled. Throws TaskNotFoundError, also for a number that is none. */
export async function requireNumberedTask(prisma: Prisma.TransactionClient, viewer: Viewer, number: string): Promise<Task> {
  if (/^[1-9]\d{0,9}$/.test(number) && Number(number) <= numberMax) {
    const { organizationId } = viewer;
    const task = await prisma.task.findFirst({
      where: { organizationId, number: Number(number), source: 'QUEUE', status: { not: 'CANCELED' } },
    });
    if (task) return task;
  }
  throw new TaskNotFoundError(number);
}

const numberMax = 2_147_483_647;

/** Whose the task is as of `now`. */
export async function withClaim(database: Pick<Database, 'query'>, task: ShownTask, now: Date): Promise<QueuedTask> {
  if (!isSomebodys(task, now)) return { task, claimedBy: null, claimedAt: null };
  const [claim] = await database.query<TaskClaimRow>(queueClaimStatement, [task.id]);
  if (!claim) throw new Error(`the task ${task.id} is gone while it is shown`);
  return toQueued(task, claim, now);
}

/** A task whose lease has lapsed is nobody's. */
function toQueued(task: ShownTask, { assigneeName, newestClaimAt }: TaskClaimRow, now: Date): QueuedTask {
  return isSomebodys(task, now)
    ? { task, claimedBy: assigneeName, claimedAt: newestClaimAt }
    : { task, claimedBy: null, claimedAt: null };
}

/** Whether an agent works on the task or has finished it. One that is blocked waits, though it remembers who had it. */
function isSomebodys(task: ShownTask, now: Date): boolean {
  return task.assigneeId !== null && task.status !== 'BLOCKED' && !isLapsed(task, now);
}
