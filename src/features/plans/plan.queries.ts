import type { Viewer } from '../../auth/viewer.js';
import type { PlanStatus, Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone } from '../../kernel/ids.js';
import { InvalidCursorError } from '../invalid-cursor-error.js';

/** The plans that the caller may see and a list wants; what is left out or null does not restrict. */
export function planWhere(
  viewer: Viewer,
  { projectId, status }: { projectId?: string | null; status?: PlanStatus | null },
): Prisma.PlanWhereInput {
  const where: Prisma.PlanWhereInput = { organizationId: viewer.organizationId };
  if (projectId) where.projectId = idOrNone(projectId);
  if (status) where.status = status;
  return where;
}

/** The revision that a cursor of `Plan.revisions` names. Throws InvalidCursorError. */
export function revisionPlace(argument: 'after' | 'before', cursor: string | null | undefined): number | undefined {
  if (!cursor) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(cursor)) throw new InvalidCursorError(argument);
  return Number(cursor);
}

const withNames = {
  author: true,
  project: { select: { id: true, externalId: true } },
} satisfies Prisma.PlanInclude;

/** A plan with its author and its project. */
export type NamedPlan = Prisma.PlanGetPayload<{ include: typeof withNames }>;

/** The newest `limit` of the plans that `where` wants, oldest first. */
export async function listPlans(
  prisma: Prisma.TransactionClient,
  where: Prisma.PlanWhereInput,
  limit: number,
): Promise<NamedPlan[]> {
  return (await prisma.plan.findMany({ where, include: withNames, orderBy: { id: 'desc' }, take: limit })).reverse();
}
