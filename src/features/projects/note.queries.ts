import type { Viewer } from '../../auth/viewer.js';
import type { Prisma, ProjectNote } from '../../database/generated/prisma/client.js';
import { NoteNotFoundError } from './note.errors.js';

/** The notes that the caller may see: those of a project are gone with it. */
export function visibleNotes(viewer: Viewer): Prisma.ProjectNoteWhereInput {
  return { organizationId: viewer.organizationId, project: { deletedAt: null } };
}

/** The note; throws NoteNotFoundError unless the caller may see it, and, where one is named, it is that project's. */
export async function getNote(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  noteId: string,
  projectId?: string,
): Promise<ProjectNote> {
  const where = { id: noteId, ...visibleNotes(viewer), ...(projectId !== undefined && { projectId }) };
  const note = await prisma.projectNote.findFirst({ where });
  if (!note) throw new NoteNotFoundError(noteId);
  return note;
}

/** The notes of a project, oldest first, as many as a list without pages holds. */
export function listNotes(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  projectId: string,
  limit: number,
): Promise<ProjectNote[]> {
  return prisma.projectNote.findMany({
    where: { AND: [visibleNotes(viewer), { projectId }] },
    orderBy: { id: 'asc' },
    take: limit,
  });
}
