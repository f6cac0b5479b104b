import type { Viewer } from '../../auth/viewer.js';
import type { Prisma } from '../../database/generated/prisma/client.js';

/** The documents that the caller may see of a project: those of a deleted one are gone with it. */
export function memoryWhere(viewer: Viewer, projectId: string): Prisma.MemoryDocumentWhereInput {
  return { organizationId: viewer.organizationId, projectId, project: { deletedAt: null } };
}
