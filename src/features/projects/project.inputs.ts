import { z } from 'zod';
import { ExecutionMode } from '../../database/generated/prisma/enums.js';
import {
  type CommandOf,
  commandInput,
  id,
  jsonObject,
  listOf,
  longText,
  shortText,
  storable,
  wholeNumber,
} from '../input-fields.js';
import { boardColumnsMax, graphItemsMax } from './project.model.js';

const projectId = id('Id of the project.');
const name = shortText('Name of the project.', 200);
const description = longText('What the project is about, in Markdown.', 100_000);
const repoUrl = storable(z.string().trim().min(1, 'must not be empty').max(2000, 'must have at most 2000 characters')).describe(
  'Address of its git repository, as git takes it. 1 to 2000 characters.',
);
const executionMode = z.enum(ExecutionMode).meta({ graphql: 'ExecutionMode' });
const projectPath = shortText('Directory of the project on the host of its coordinator, for the execution mode LOCAL.', 2000);

export const projectCreateInput = commandInput({
  name,
  description: description.optional(),
  repoUrl: repoUrl.optional(),
  executionMode: executionMode.default('DOCKER').describe('Where its agents run. Default DOCKER.'),
  projectPath: projectPath.optional(),
  isExistingRepo: z
    .boolean()
    .default(false)
    .describe('Whether the repository has been worked on before, and so needs no setting up. Default false.'),
});

export const projectUpdateInput = commandInput({
  projectId,
  name: name.optional(),
  description: description.nullable().optional(),
  repoUrl: repoUrl.nullable().optional(),
  executionMode: executionMode.optional().describe('Where its agents run from now on.'),
  projectPath: projectPath.nullable().optional(),
});

export const projectDeleteInput = commandInput({
  projectId,
  confirmName: longText('Name of the project, exactly as it is: so nobody deletes another by mistake.', 200),
});

/** Nodes and edges are the business of whoever draws them; the server looks for `id`, `label`, `source` and `target`. */
export const graphNodes = listOf(jsonObject('A node of the graph.'), 0, graphItemsMax);
export const graphEdges = listOf(jsonObject('An edge of the graph.'), 0, graphItemsMax);

export const graphReplaceInput = commandInput({
  projectId,
  nodes: graphNodes.optional().describe(`All nodes of the graph, at most ${graphItemsMax}. Left out: they stay.`),
  edges: graphEdges.optional().describe(`All edges of the graph, at most ${graphItemsMax}. Left out: they stay.`),
  expectedVersion: wholeNumber(1, 2_147_483_647)
    .optional()
    .describe('Version that you have read and now change. If the graph has another by now, nothing is written.'),
});

export const boardColumn = z
  .object({
    id: shortText('Name of the column, as tickets write it in `columnId`.', 100),
    title: shortText('What people call the column.', 200),
    order: wholeNumber(-1_000_000, 1_000_000).describe('Place of the column: lower ones stand further left.'),
  })
  .meta({ graphql: 'BoardColumnInput', description: 'A column of the board.' });

export const boardColumns = listOf(boardColumn, 0, boardColumnsMax).superRefine((columns, context) => {
  columns.forEach(({ id }, index) => {
    if (columns.findIndex((other) => other.id === id) !== index) {
      context.addIssue({ code: 'custom', path: [index, 'id'], message: 'is the name of two columns' });
    }
  });
});

export const boardReplaceInput = commandInput({
  projectId,
  columns: boardColumns.describe(`All columns of the board, at most ${boardColumnsMax}.`),
});

export type ProjectCreate = CommandOf<typeof projectCreateInput>;
export type ProjectUpdate = CommandOf<typeof projectUpdateInput>;
export type ProjectDelete = CommandOf<typeof projectDeleteInput>;
export type GraphReplace = CommandOf<typeof graphReplaceInput>;
export type BoardReplace = CommandOf<typeof boardReplaceInput>;
