import type { Viewer } from '../../auth/viewer.js';
import type { Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone } from '../../kernel/ids.js';

/** Which threads a list wants; what is left out or null does not restrict. */
interface ThreadFilter {
  projectId?: string | null;
  taskId?: string | null;
  type?: string | null;
  createdById?: string | null;
}

/** Which messages a list or a stream wants; what is left out or null does not restrict. */
export interface MessageFilter {
  threadId?: string | null;
  projectId?: string | null;
  taskId?: string | null;
  senderId?: string | null;
  types?: string[] | null;
  /** Inclusive. */
  since?: Date | null;
}

/** The threads that the caller may see and the filter wants. */
export function threadWhere(viewer: Viewer, filter: ThreadFilter | null | undefined): Prisma.ThreadWhereInput {
  const where: Prisma.ThreadWhereInput = { organizationId: viewer.organizationId };
  if (filter?.projectId) where.projectId = idOrNone(filter.projectId);
  if (filter?.taskId) where.taskId = idOrNone(filter.taskId);
  if (filter?.type) where.type = filter.type;
  if (filter?.createdById) where.createdById = idOrNone(filter.createdById);
  return where;
}

/** The messages that the caller may see and the filter wants. */
export function messageWhere(viewer: Viewer, filter: MessageFilter | null | undefined): Prisma.MessageWhereInput {
  const where: Prisma.MessageWhereInput = { organizationId: viewer.organizationId };
  if (filter?.threadId) where.threadId = idOrNone(filter.threadId);
  if (filter?.projectId || filter?.taskId)
    where.thread = threadWhere(viewer, { projectId: filter.projectId, taskId: filter.taskId });
  if (filter?.senderId) where.senderId = idOrNone(filter.senderId);
  if (filter?.types) where.type = { in: filter.types };
  if (filter?.since) where.createdAt = { gte: filter.since };
  return where;
}
