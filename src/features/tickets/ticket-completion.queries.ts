import type { Viewer } from '../../auth/viewer.js';
import type { Prisma, Project, Task } from '../../database/generated/prisma/client.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';

/**
 * The ticket with its project. Throws TaskNotFoundError unless it is a ticket of the worker dialect that the caller may
 * see, and, where one is named, of that project.
 */
export async function getTicket(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  taskId: string,
  projectId?: string,
): Promise<Task & { projectId: string; project: Project }> {
  const ticket = await prisma.task.findFirst({
    where: {
      id: taskId,
      organizationId: viewer.organizationId,
      source: 'WORKER',
      project: { deletedAt: null },
      ...(projectId !== undefined && { projectId }),
    },
    include: { project: true },
  });
  if (!ticket?.project) throw new TaskNotFoundError(taskId);
  return { ...ticket, projectId: ticket.project.id, project: ticket.project };
}
