import type { Viewer } from '../../auth/viewer.js';
import type { ExecutionLog, Prisma } from '../../database/generated/prisma/client.js';

/** Everything that was logged of a task, with the outputs, oldest first. */
export function listLogs(prisma: Prisma.TransactionClient, viewer: Viewer, taskId: string): Promise<ExecutionLog[]> {
  return prisma.executionLog.findMany({ where: { taskId, organizationId: viewer.organizationId }, orderBy: { id: 'asc' } });
}
