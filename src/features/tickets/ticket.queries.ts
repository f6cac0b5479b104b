import type { Viewer } from '../../auth/viewer.js';
import type { Prisma, Project, PullRequest, Task } from '../../database/generated/prisma/client.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';

/** A ticket with its newest pull request, if it has any. */
export type TicketWithPullRequest = Task & { pullRequests: PullRequest[] };

/** The same with its project. */
export type Ticket = TicketWithPullRequest & { projectId: string; project: Project };

const newestPullRequest = { orderBy: { id: 'desc' }, take: 1 } as const;

/** The tickets that the caller may see: tasks of the worker dialect that are on a board. Those of a project are gone with it. */
export function visibleTickets(viewer: Viewer): Prisma.TaskWhereInput {
  return {
    organizationId: viewer.organizationId,
    source: 'WORKER',
    status: { not: 'CANCELED' },
    project: { deletedAt: null },
  };
}

/** The ticket; throws TaskNotFoundError unless the caller may see it, and, where one is named, it is that project's. */
export async function getTicket(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  taskId: string,
  projectId?: string,
): Promise<Ticket> {
  const where = { AND: [{ id: taskId }, visibleTickets(viewer), projectId === undefined ? {} : { projectId }] };
  const ticket = await prisma.task.findFirst({ where, include: { pullRequests: newestPullRequest, project: true } });
  if (!ticket?.project) throw new TaskNotFoundError(taskId);
  return { ...ticket, projectId: ticket.project.id, project: ticket.project };
}

/** The tickets of a project, oldest first, as many as a list without pages holds. */
export function listTickets(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  projectId: string,
  limit: number,
): Promise<TicketWithPullRequest[]> {
  return prisma.task.findMany({
    where: { AND: [visibleTickets(viewer), { projectId }] },
    orderBy: { id: 'asc' },
    take: limit,
    include: { pullRequests: newestPullRequest },
  });
}
