import { z } from 'zod';
import { type CommandOf, commandInput, id, listOf, storable } from '../input-fields.js';
import { documentLengthMax, documentsMax } from './memory.model.js';

const projectId = id('Id of the project whose memory it is.');

/** Kept exactly as written: a document is told from another by its whole text. */
const documentText = storable(
  z
    .string()
    .max(documentLengthMax, `must have at most ${documentLengthMax} characters`)
    .refine((text) => text.trim() !== '', { error: 'must not be empty' }),
);

const agentId = id(
  'Id of the agent that acts. Leave it out with an API key: the key says who acts. People and administrators name the agent they act for.',
).optional();

export const memoryIndexInput = commandInput({
  projectId,
  documents: listOf(documentText, 1, documentsMax).describe(
    `Texts to remember, such as what was learned from a task, at most ${documentsMax}; each 1 to ${documentLengthMax} characters.`,
  ),
  agentId,
});

export const memoryDeleteInput = commandInput({
  projectId,
  documents: listOf(documentText, 1, documentsMax).describe(
    `Texts to forget, exactly as they were indexed, at most ${documentsMax}; each 1 to ${documentLengthMax} characters.`,
  ),
  agentId,
});

export type MemoryIndex = CommandOf<typeof memoryIndexInput>;
export type MemoryDelete = CommandOf<typeof memoryDeleteInput>;
