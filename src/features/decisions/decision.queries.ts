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
