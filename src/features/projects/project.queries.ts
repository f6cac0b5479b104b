import type { Viewer } from '../../auth/viewer.js';
import type { Prisma, Project } from '../../database/generated/prisma/client.js';
import { isId } from '../../kernel/ids.js';
import { ProjectNotFoundError } from './project.errors.js';

/** The projects that the caller may see. */
export function visibleProjects(viewer: Viewer): { organizationId: string; deletedAt: null } {
  return { organizationId: viewer.organizationId, deletedAt: null };
}

/**
 * The visible project that goes by the given id: its own, or the one that a REST caller gave it.
 * Null when there is none.
 */
export async function findProjectId(prisma: Prisma.TransactionClient, viewer: Viewer, givenId: string): Promise<string | null> {
  if (!isId(givenId)) return null;
  const goesBy = { OR: [{ id: givenId }, { externalId: givenId }] };
  const project = await prisma.project.findFirst({ where: { ...visibleProjects(viewer), ...goesBy }, select: { id: true } });
  return project?.id ?? null;
}

/** Throws ProjectNotFoundError unless the project exists and the caller may see it. */
export async function requireProject(prisma: Prisma.TransactionClient, viewer: Viewer, projectId: string): Promise<void> {
  const project = await prisma.project.findFirst({ where: { id: projectId, ...visibleProjects(viewer) }, select: { id: true } });
  if (!project) throw new ProjectNotFoundError(projectId);
}

/** The project; throws ProjectNotFoundError unless it exists and the caller may see it. */
export async function getProject(prisma: Prisma.TransactionClient, viewer: Viewer, projectId: string): Promise<Project> {
  const project = await prisma.project.findFirst({ where: { id: projectId, ...visibleProjects(viewer) } });
  if (!project) throw new ProjectNotFoundError(projectId);
  return project;
}

/** The projects that the caller may see, oldest first, as many as a list without pages holds. */
export function listProjects(prisma: Prisma.TransactionClient, viewer: Viewer, limit: number): Promise<Project[]> {
  return prisma.project.findMany({ where: visibleProjects(viewer), orderBy: { id: 'asc' }, take: limit });
}
