import type { Viewer } from '../../auth/viewer.js';
import type { Prisma, PullRequest } from '../../database/generated/prisma/client.js';

/** The pull request that a ticket is about: the newest that was named. Null when there is none. */
export function currentPullRequest(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  where: { taskId: string; number?: number | { not: null } },
): Promise<PullRequest | null> {
  return prisma.pullRequest.findFirst({
    where: { ...where, organizationId: viewer.organizationId },
    orderBy: { id: 'desc' },
  });
}
