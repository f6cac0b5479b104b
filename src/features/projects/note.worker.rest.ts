import { z } from '@hono/zod-openapi';
import { isId } from '../../kernel/ids.js';
import { type Call, endpoint } from '../../rest/endpoint.js';
import { instantAnswer, listLimitMax } from '../../rest/fields.js';
import { worker } from '../../rest/worker.js';
import { NoteNotFoundError } from './note.errors.js';
import { noteCreateInput, noteUpdateInput } from './note.inputs.js';
import { getNote, listNotes } from './note.queries.js';
import { requireProject } from './project.queries.js';
import { deleted } from './project.worker.rest.js';
import { projectIdIn, projectParams } from './project-path.rest.js';

const noteParams = projectParams.extend({ noteId: z.string().describe('Id of the note.') });

/** A list of ids, also as one text with commas; null is none. */
function links<List extends z.ZodType<string[]>>(list: List) {
  const toList = (value: unknown) =>
    typeof value === 'string' ? value.split(',').filter((id) => id.trim() !== '') : (value ?? []);
  return z.preprocess(toList, list).optional();
}

const noteBody = z.object({
  title: noteUpdateInput.shape.title,
  content: noteUpdateInput.shape.content,
  node_ids: links(noteCreateInput.shape.nodeIds),
  edge_ids: links(noteCreateInput.shape.edgeIds),
});

const noteAnswer = z
  .object({
    id: z.string(),
    project_id: z.string(),
    node_ids: z.array(z.string()),
    edge_ids: z.array(z.string()),
    title: z.string(),
    content: z.string(),
    created_at: instantAnswer,
    updated_at: instantAnswer,
  })
  .openapi('WorkerNote');

const collection = {
  dialect: worker,
  path: '/api/projects/{projectId}/notes',
  params: projectParams,
  failures: { 404: 'There is no such project.' },
} as const;
const one = {
  dialect: worker,
  path: '/api/projects/{projectId}/notes/{noteId}',
  params: noteParams,
  failures: { 404: 'There is no such project or note.' },
} as const;

export const noteEndpoints = [
  endpoint({
    ...collection,
    method: 'get',
    summary: 'List the notes of a project, oldest first.',
    answers: { 200: { description: 'Its notes.', schema: z.array(noteAnswer) } },
    handle: async (call) => {
      const projectId = projectIdIn(call);
      await requireProject(call.database.prisma, call.viewer, projectId);
      const notes = await listNotes(call.database.prisma, call.viewer, projectId, listLimitMax);
      return { status: 200, body: notes.map(toNote) };
    },
  }),
  endpoint({
    ...collection,
    method: 'post',
    summary: 'Write a note and keep it with a project.',
    body: noteBody,
    answers: { 201: { description: 'The new note.', schema: noteAnswer } },
    handle: async (call) => {
      const { title = '', content = '', node_ids = [], edge_ids = [] } = call.body;
      const input = { projectId: projectIdIn(call), title, content, nodeIds: node_ids, edgeIds: edge_ids };
      const { note } = await call.run((services) => services.notes.create(call.viewer, input));
      return { status: 201, body: toNote(note) };
    },
  }),
  endpoint({
    ...one,
    method: 'get',
    summary: 'Show a note.',
    answers: { 200: { description: 'The note.', schema: noteAnswer } },
    handle: async (call) => ({ status: 200, body: toNote(await noteNamed(call)) }),
  }),
  ...(['patch', 'put'] as const).map((method) =>
    endpoint({
      ...one,
      method,
      summary: 'Change a note.',
      description: 'What is left out stays.',
      body: noteBody,
      answers: { 200: { description: 'The note as it is now.', schema: noteAnswer } },
      handle: async (call) => {
        const { title, content, node_ids, edge_ids } = call.body;
        const { note } = await call.run(async (services, database) => {
          const { id: noteId } = await noteNamed({ ...call, database });
          return services.notes.update(call.viewer, { noteId, title, content, nodeIds: node_ids, edgeIds: edge_ids });
        });
        return { status: 200, body: toNote(note) };
      },
    }),
  ),
  endpoint({
    ...one,
    method: 'delete',
    summary: 'Delete a note for good.',
    answers: { 200: deleted('Note') },
    handle: async (call) => {
      await call.run(async (services, database) => {
        const { id: noteId } = await noteNamed({ ...call, database });
        return services.notes.delete(call.viewer, { noteId });
      });
      return { status: 200, body: { message: 'Note deleted' } };
    },
  }),
];

/** The note that the path names. Throws ProjectNotFoundError, NoteNotFoundError. */
async function noteNamed(call: Pick<Call<typeof noteParams>, 'database' | 'viewer' | 'params'>): Promise<Note> {
  const { prisma } = call.database;
  const projectId = projectIdIn(call);
  await requireProject(prisma, call.viewer, projectId);
  const noteId = call.params.noteId.toLowerCase();
  if (!isId(noteId)) throw new NoteNotFoundError(noteId);
  return getNote(prisma, call.viewer, noteId, projectId);
}

type Note = Awaited<ReturnType<typeof getNote>>;

function toNote(note: Note): z.input<typeof noteAnswer> {
  return {
    id: note.id,
    project_id: note.projectId,
    node_ids: note.nodeIds,
    edge_ids: note.edgeIds,
    title: note.title,
    content: note.content,
    created_at: note.createdAt.toISOString(),
    updated_at: note.updatedAt.toISOString(),
  };
}
