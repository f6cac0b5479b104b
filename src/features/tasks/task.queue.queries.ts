import type { Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import type { Prisma, Task, TaskStatus } from '../../database/generated/prisma/client.js';
import { openQueuePageStatement, queuePageStatement } from './sql/queue-page.sql.js';
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
  task: Task;
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
  return withClaims(database.prisma, await database.query<Task>(statement, values), now);
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

/** Whose each task is as of `now`; a task whose lease has lapsed is nobody's. */
export async function withClaims(prisma: Prisma.TransactionClient, tasks: Task[], now: Date): Promise<QueuedTask[]> {
  const claimed = tasks.filter((task) => isSomebodys(task, now));
  const agents = await prisma.actor.findMany({
    where: { id: { in: claimed.flatMap(({ assigneeId }) => assigneeId ?? []) } },
    select: { id: true, externalId: true, name: true },
  });
  const nameOf = new Map(agents.map(({ id, externalId, name }) => [id, externalId ?? name]));
  // A task that is no longer leased has kept no time of its claim: its attempt has.
  const attempts = await prisma.taskAttempt.findMany({
    where: { OR: claimed.filter(({ claimedAt }) => !claimedAt).map(({ id, fence }) => ({ taskId: id, fence })) },
    select: { taskId: true, startedAt: true },
  });
  const startOf = new Map(attempts.map(({ taskId, startedAt }) => [taskId, startedAt]));
  return tasks.map((task) => {
    if (!isSomebodys(task, now)) return { task, claimedBy: null, claimedAt: null };
    const claimedBy = nameOf.get(task.assigneeId ?? '') ?? null;
    return { task, claimedBy, claimedAt: task.claimedAt ?? startOf.get(task.id) ?? null };
  });
}

/** Whether an agent works on the task or has finished it. One that is blocked waits, though it remembers who had it. */
function isSomebodys(task: Task, now: Date): boolean {
  return task.assigneeId !== null && task.status !== 'BLOCKED' && !isLapsed(task, now);
}
