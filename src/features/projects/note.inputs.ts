import { type CommandOf, code, commandInput, id, listOf, longText } from '../input-fields.js';

const noteId = id('Id of the note.');
const title = longText('What the note is about, in one line.', 500);
const content = longText('The note itself, in Markdown.', 100_000);
const nodeIds = listOf(code('Id of a node.'), 0, 1000)
  .transform((ids) => [...new Set(ids)])
  .describe('Nodes of the graph that the note is about: ids of 1 to 100 characters, at most 1000.');
const edgeIds = listOf(code('Id of an edge.'), 0, 1000)
  .transform((ids) => [...new Set(ids)])
  .describe('Edges of the graph that the note is about: ids of 1 to 100 characters, at most 1000.');

export const noteCreateInput = commandInput({
  projectId: id('Id of the project that the note is kept with.'),
  title: title.default(''),
  content: content.default(''),
  nodeIds: nodeIds.default([]),
  edgeIds: edgeIds.default([]),
});

export const noteUpdateInput = commandInput({
  noteId,
  title: title.optional(),
  content: content.optional(),
  nodeIds: nodeIds.optional(),
  edgeIds: edgeIds.optional(),
});

export const noteDeleteInput = commandInput({ noteId });

export type NoteCreate = CommandOf<typeof noteCreateInput>;
export type NoteUpdate = CommandOf<typeof noteUpdateInput>;
export type NoteDelete = CommandOf<typeof noteDeleteInput>;
