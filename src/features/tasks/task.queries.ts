import type { Viewer } from '../../auth/viewer.js';
import type { Database, Statement } from '../../database/database.js';
import { type Prisma, type TaskSource, TaskStatus } from '../../database/generated/prisma/client.js';
import { idOrNone, isId } from '../../kernel/ids.js';
import { TaskNotFoundError } from './task.errors.js';
import { leasedStatuses } from './task.model.js';

/** Which tasks a list wants; what is left out or null does not restrict. */
export interface TaskFilter {
  statuses?: TaskStatus[] | null;
  sources?: TaskSource[] | null;
  projectId?: string | null;
  requiredSpecialization?: string | null;
  assigneeId?: string | null;
  createdById?: string | null;
  orchestratorId?: string | null;
  kinds?: string[] | null;
  text?: string | null;
}

/** The tasks that the caller may see and the filter wants, as of `now` on the database's clock: a lapsed lease counts as READY. */
export function taskWhere(viewer: Viewer, filter: TaskFilter | null | undefined, now: Date): Prisma.TaskWhereInput {
  const where: Prisma.TaskWhereInput[] = [{ organizationId: viewer.organizationId }];
  if (filter?.statuses) where.push(statusWhere(filter.statuses, now));
  if (filter?.sources) where.push({ source: { in: filter.sources } });
  if (filter?.projectId) where.push({ projectId: idOrNone(filter.projectId) });
  if (filter?.requiredSpecialization) where.push({ requiredSpecialization: filter.requiredSpecialization });
  if (filter?.assigneeId) where.push({ assigneeId: idOrNone(filter.assigneeId), ...leaseNotLapsed(now) });
  if (filter?.createdById) where.push({ createdById: idOrNone(filter.createdById) });
  if (filter?.orchestratorId) where.push({ orchestratorId: idOrNone(filter.orchestratorId) });
  if (filter?.kinds) where.push({ kind: { in: filter.kinds } });
  if (filter?.text) {
    const contains = { contains: filter.text, mode: 'insensitive' } as const;
    where.push({ OR: [{ title: contains }, { description: contains }] });
  }
  return { AND: where };
}

function statusWhere(statuses: TaskStatus[], now: Date): Prisma.TaskWhereInput {
  const isLapsed = leaseLapsed(now);
  const stored: Prisma.TaskWhereInput = { status: { in: statuses } };
  const canLapse = statuses.some((status) => (leasedStatuses as readonly TaskStatus[]).includes(status));
  const exact = canLapse ? { AND: [stored, leaseNotLapsed(now)] } : stored;
  return statuses.includes('READY') ? { OR: [exact, isLapsed] } : exact;
}

/** A lease that has lapsed was to be looked at no later: by that they are found without walking all tasks. */
function leaseLapsed(now: Date): Prisma.TaskWhereInput {
  return { leaseCheckAt: { lte: now }, leaseExpiresAt: { lte: now } };
}

function leaseNotLapsed(now: Date): Prisma.TaskWhereInput {
  return { OR: [{ leaseExpiresAt: null }, { leaseExpiresAt: { gt: now } }] };
}

const withNames = {
  createdBy: true,
  assignee: true,
  project: { select: { id: true, externalId: true } },
} satisfies Prisma.TaskInclude;

/** A task with the people and the project that it names. */
export type NamedTask = Prisma.TaskGetPayload<{ include: typeof withNames }>;

/** A page of the tasks that `where` wants, most urgent first, oldest first within a priority. */
export function listTasks(
  prisma: Prisma.TransactionClient,
  where: Prisma.TaskWhereInput,
  page: { limit: number; offset: number },
): Promise<NamedTask[]> {
  const { limit: take, offset: skip } = page;
  return prisma.task.findMany({ where, include: withNames, orderBy: [{ priority: 'asc' }, { id: 'asc' }], take, skip });
}

/** The task, of those that came in by one face; throws TaskNotFoundError. */
export async function getTask(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  source: TaskSource,
  id: string,
): Promise<NamedTask> {
  const { organizationId } = viewer;
  const task = isId(id) ? await prisma.task.findUnique({ where: { id, organizationId, source }, include: withNames }) : null;
  if (!task) throw new TaskNotFoundError(id);
  return task;
}

/** The id of a task, of those that came in by one face; throws TaskNotFoundError. */
export async function requireTask(
  database: Pick<Database, 'query'>,
  viewer: Viewer,
  source: TaskSource,
  id: string,
): Promise<{ id: string }> {
  const [task] = isId(id) ? await database.query<{ id: string }>(taskFromStatement, [viewer.organizationId, id, source]) : [];
  if (!task) throw new TaskNotFoundError(id);
  return task;
}

const taskFromStatement: Statement = {
  name: 'task-from',
  text: `select id from task where organization_id = $1::uuid and id = $2::uuid and source = $3::"TaskSource"`,
};

/** The tasks that an agent holds now. */
export function heldBy(viewer: Viewer, holderId: string, now: Date): Prisma.TaskWhereInput {
  return { organizationId: viewer.organizationId, holderId, leaseExpiresAt: { gt: now } };
}

/** How many tasks there are of each status, every status listed. */
export async function countTasks(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  filter: TaskFilter | null | undefined,
  now: Date,
): Promise<{ status: TaskStatus; count: number }[]> {
  const matching = taskWhere(viewer, { ...filter, statuses: null }, now);
  const count = (where: Prisma.TaskWhereInput) =>
    prisma.task.groupBy({ by: ['status'], where: { AND: [matching, where] }, _count: true });
  // All of them, which an index alone can tell, and the few lapsed ones taken out of where they are stored.
  const [stored, lapsed] = await Promise.all([count({}), count(leaseLapsed(now))]);
  const counts = new Map(stored.map((row) => [row.status, row._count]));
  for (const { status, _count } of lapsed) {
    counts.set(status, (counts.get(status) ?? 0) - _count);
    counts.set('READY', (counts.get('READY') ?? 0) + _count);
  }
  return Object.values(TaskStatus)
    .filter((status) => !filter?.statuses || filter.statuses.includes(status))
    .map((status) => ({ status, count: counts.get(status) ?? 0 }));
}
