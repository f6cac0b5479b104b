import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { ProjectNote } from '../../database/generated/prisma/client.js';
import { lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { changedFields } from '../changed-fields.js';
import type { NoteEventData } from './note.events.js';
import type { NoteCreate, NoteDelete, NoteUpdate } from './note.inputs.js';
import { getNote } from './note.queries.js';
import { requireProject } from './project.queries.js';

/** The commands on the notes of projects. */
export class NoteService {
  constructor(private readonly database: Database) {}

  /** Throws ProjectNotFoundError. */
  async create(viewer: Viewer, input: NoteCreate): Promise<{ note: ProjectNote }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      await requireProject(tx.prisma, viewer, input.projectId);
      const { organizationId } = viewer;
      const note = await tx.prisma.projectNote.create({ data: { ...input, id: newId(), organizationId } });
      await appendEvents(tx, [noteEvent(viewer, note, 'NoteCreated', { title: note.title })]);
      return { note };
    });
  }

  /** Changes what is given. Throws NoteNotFoundError. */
  async update(viewer: Viewer, { noteId, ...fields }: NoteUpdate): Promise<{ note: ProjectNote }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const before = await lockNote(tx, viewer, noteId);
      const changed = changedFields(before, fields);
      if (changed.length === 0) return { note: before };
      const note = await tx.prisma.projectNote.update({ where: { id: noteId }, data: fields });
      await appendEvents(tx, [noteEvent(viewer, note, 'NoteUpdated', { title: note.title, changed })]);
      return { note };
    });
  }

  /** Removes the note for good. Throws NoteNotFoundError. */
  async delete(viewer: Viewer, { noteId }: NoteDelete): Promise<{ noteId: string }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const note = await lockNote(tx, viewer, noteId);
      await tx.prisma.projectNote.delete({ where: { id: noteId } });
      await appendEvents(tx, [noteEvent(viewer, note, 'NoteDeleted', { title: note.title })]);
      return { noteId };
    });
  }
}

async function lockNote(tx: Transaction, viewer: Viewer, noteId: string): Promise<ProjectNote> {
  await lockRow(tx, 'project_note', viewer.organizationId, noteId);
  return getNote(tx.prisma, viewer, noteId);
}

function noteEvent<Type extends keyof NoteEventData>(
  viewer: Viewer,
  { id, organizationId, projectId }: ProjectNote,
  type: Type,
  data: NoteEventData[Type],
) {
  return { ...stampOf(viewer), organizationId, type, subjectId: id, projectId, data: { ...data } };
}
