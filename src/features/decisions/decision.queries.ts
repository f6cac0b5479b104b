import type { Viewer } from '../../auth/viewer.js';
import type { DecisionStatus, Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone } from '../../kernel/ids.js';

/** The decisions that the caller may see and a list wants; what is left out or null does not restrict. */
export function decisionWhere(
  viewer: Viewer,
  { projectId, status }: { projectId?: string | null; status?: DecisionStatus | null },
): Prisma.DecisionWhereInput {
  const where: Prisma.DecisionWhereInput = { organizationId: viewer.organizationId };
  if (projectId) where.projectId = idOrNone(projectId);
  if (status) where.status = status;
  return where;
}

const withNames = {
  author: true,
  project: { select: { id: true, externalId: true } },
} satisfies Prisma.DecisionInclude;

/** A decision with its author and its project. */
export type NamedDecision = Prisma.DecisionGetPayload<{ include: typeof withNames }>;

/** The newest `limit` of the decisions that `where` wants, oldest first. */
export async function listDecisions(
  prisma: Prisma.TransactionClient,
  where: Prisma.DecisionWhereInput,
  limit: number,
): Promise<NamedDecision[]> {
  return (await prisma.decision.findMany({ where, include: withNames, orderBy: { id: 'desc' }, take: limit })).reverse();
}
