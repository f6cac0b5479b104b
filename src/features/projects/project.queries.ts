import type { Viewer } from '../../auth/viewer.js';
import type { Prisma } from '../../database/generated/prisma/client.js';
import { ProjectNotFoundError } from './project.errors.js';

/** The projects that the caller may see. */
export function visibleProjects(viewer: Viewer): { organizationId: string; deletedAt: null } {
  return { organizationId: viewer.organizationId, deletedAt: null };
}

/** Throws ProjectNotFoundError unless the project exists and the caller may see it. */
export async function requireProject(prisma: Prisma.TransactionClient, viewer: Viewer, projectId: string): Promise<void> {
  const project = await prisma.project.findFirst({ where: { id: projectId, ...visibleProjects(viewer) }, select: { id: true } });
  if (!project) throw new ProjectNotFoundError(projectId);
}
