import type { Viewer } from '../../auth/viewer.js';
import type { Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone, isId } from '../../kernel/ids.js';

/** Which threads a list wants; what is left out or null does not restrict. */
interface ThreadFilter {
  projectId?: string | null;
  taskId?: string | null;
  type?: string | null;
  createdById?: string | null;
  /** Who opened it, as named by a caller who is not registered here. */
  createdByLabel?: string | null;
}

/** Which messages a list or a stream wants; what is left out or null does not restrict. */
export interface MessageFilter {
  threadId?: string | null;
  projectId?: string | null;
  taskId?: string | null;
  senderId?: string | null;
  /** Sender as named by a caller who is not registered here. */
  senderName?: string | null;
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
  if (filter?.createdByLabel) where.createdByLabel = filter.createdByLabel;
  return where;
}

/** The messages that the caller may see and the filter wants. */
export function messageWhere(viewer: Viewer, filter: MessageFilter | null | undefined): Prisma.MessageWhereInput {
  const where: Prisma.MessageWhereInput = { organizationId: viewer.organizationId };
  if (filter?.threadId) where.threadId = idOrNone(filter.threadId);
  if (filter?.projectId || filter?.taskId)
    where.thread = threadWhere(viewer, { projectId: filter.projectId, taskId: filter.taskId });
  if (filter?.senderId) where.senderId = idOrNone(filter.senderId);
  if (filter?.senderName) where.senderName = filter.senderName;
  if (filter?.types) where.type = { in: filter.types };
  if (filter?.since) where.createdAt = { gte: filter.since };
  return where;
}

/** The thread that goes by the given id: its own, or the one that a REST caller gave it. Null when there is none. */
export async function findThreadId(prisma: Prisma.TransactionClient, viewer: Viewer, givenId: string): Promise<string | null> {
  if (!isId(givenId)) return null;
  const { organizationId } = viewer;
  const thread = await prisma.thread.findFirst({
    where: { organizationId, OR: [{ id: givenId }, { externalId: givenId }] },
    select: { id: true },
  });
  return thread?.id ?? null;
}

const withNames = {
  sender: true,
  thread: { select: { id: true, externalId: true } },
} satisfies Prisma.MessageInclude;

/** A message with its sender, and the thread that it stands in. */
export type NamedMessage = Prisma.MessageGetPayload<{ include: typeof withNames }>;

/** The newest `limit` of the messages that `where` wants, oldest first. */
export async function listMessages(
  prisma: Prisma.TransactionClient,
  where: Prisma.MessageWhereInput,
  limit: number,
): Promise<NamedMessage[]> {
  return (await prisma.message.findMany({ where, include: withNames, orderBy: { id: 'desc' }, take: limit })).reverse();
}

const withSubject = {
  createdBy: true,
  project: { select: { id: true, externalId: true } },
} satisfies Prisma.ThreadInclude;

/** A thread with who opened it, and the project that it is about. */
export type NamedThread = Prisma.ThreadGetPayload<{ include: typeof withSubject }>;

/** The newest `limit` of the threads that `where` wants, oldest first. */
export async function listThreads(
  prisma: Prisma.TransactionClient,
  where: Prisma.ThreadWhereInput,
  limit: number,
): Promise<NamedThread[]> {
  return (await prisma.thread.findMany({ where, include: withSubject, orderBy: { id: 'desc' }, take: limit })).reverse();
}
