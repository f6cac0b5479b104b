import type { ProjectNote } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventInterface, eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { noteCreateInput, noteDeleteInput, noteUpdateInput } from './note.inputs.js';
import { visibleNotes } from './note.queries.js';
import { ProjectRef, projectField } from './project.graphql.js';

const ProjectNoteRef = builder.prismaObject('ProjectNote', {
  description: 'Something that agents should know of a project, or of a part of its graph.',
  interfaces: [NodeRef],
  fields: (t) => ({
    project: t.field({ ...projectField, description: 'Project that the note is kept with. Null once it was deleted.' }),
    title: t.exposeString('title', { description: 'What the note is about, in one line; may be empty.' }),
    content: t.exposeString('content', { description: 'The note itself, in Markdown; may be empty.' }),
    nodeIds: t.exposeStringList('nodeIds', { description: 'Nodes of the graph that the note is about.' }),
    edgeIds: t.exposeStringList('edgeIds', { description: 'Edges of the graph that the note is about.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the note was written.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'Time at which the note was last changed.' }),
  }),
});

builder.prismaObjectField(ProjectRef, 'notes', (t) =>
  t.prismaConnection(
    {
      type: ProjectNoteRef,
      cursor: 'organizationId_id',
      description: 'Notes that are kept with the project, oldest first.',
      resolve: (query, project, _args, { prisma, viewer }) =>
        prisma.projectNote.findMany(pageById(query, { AND: [visibleNotes(viewer), { projectId: project.id }] }, 'asc')),
    },
    ...connectionOf('ProjectNote', ProjectNoteRef),
  ),
);

const notePayload = {
  type: ProjectNoteRef,
  nullable: true,
  description: 'The note as this command left it. Null on errors.',
  resolve: (payload: { note: ProjectNote | null }) => payload.note,
} as const;

mutation('noteCreate', {
  description: 'Write a note and keep it with a project.',
  input: noteCreateInput,
  run: (services, context, input) => services.notes.create(context.viewer, input),
  payload: (t) => ({ note: t.field(notePayload) }),
});

mutation('noteUpdate', {
  description: 'Change a note. What is left out stays.',
  input: noteUpdateInput,
  run: (services, context, input) => services.notes.update(context.viewer, input),
  payload: (t) => ({ note: t.field(notePayload) }),
});

mutation('noteDelete', {
  description: 'Delete a note for good.',
  input: noteDeleteInput,
  run: (services, context, input) => services.notes.delete(context.viewer, input),
  payload: (t) => ({
    deletedNoteId: t.id({
      nullable: true,
      description: 'Id of the note that is gone. Null on errors.',
      resolve: (payload) => payload.noteId,
    }),
  }),
});

const NoteEventRef = eventInterface('NoteEvent', 'Something that happened to a note of a project.', (t) => ({
  note: t.prismaField({
    type: ProjectNoteRef,
    nullable: true,
    description: 'The note, as it is when the event is delivered. Null once it was deleted.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.projectNote.findFirst({
        ...query,
        where: { id: event.subjectId, organizationId: event.organizationId, project: { deletedAt: null } },
      }),
  }),
  title: t.string({ description: 'What the note was about then.', resolve: (event) => event.data.title as string }),
}));

for (const type of ['NoteCreated', 'NoteUpdated', 'NoteDeleted'] as const) eventType(type, NoteEventRef);
