import { z } from '@hono/zod-openapi';
import { isId } from '../../kernel/ids.js';
import { type Call, endpoint } from '../../rest/endpoint.js';
import { worker } from '../../rest/worker.js';
import { madeStorable } from '../input-fields.js';
import { ProjectNotFoundError } from '../projects/project.errors.js';
import { documentLengthMax, documentsMax, hitsDefault, hitsMax, queriesMax } from './memory.model.js';

const projectParams = z.object({ projectId: z.string().describe('Id of the project.') });

/** A list of texts, in the words that the dialect's clients have always been told when it is none. */
function texts(description: string, itemsMax?: number) {
  return z
    .custom<string[]>(isListOfTexts, { error: '(list of strings) is required' })
    .refine((list) => itemsMax === undefined || list.length <= itemsMax, { error: `must have at most ${itemsMax} items` })
    .openapi({
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      ...(itemsMax && { maxItems: itemsMax }),
      description,
    });
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}

/**
 * Documents as this dialect takes them: as many as fit into a body, and whatever an agent's tools have put out, because its
 * clients ignore the answer, so that what is refused is lost. Blank ones are passed over.
 */
const docs = texts('The texts, each at most 100000 characters.')
  .transform((list) => list.filter((doc) => doc.trim() !== '').map(madeStorable))
  .refine((list) => list.length > 0, { error: '(list of strings) is required' })
  .refine((list) => list.every(({ length }) => length <= documentLengthMax), {
    error: `must have at most ${documentLengthMax} characters each`,
  });

const retrieveBody = z.object({
  queries: texts('What you want to know.', queriesMax),
  num_to_retrieve: z
    .int({ error: 'must be a whole number from 1' })
    .min(1, 'must be a whole number from 1')
    .optional()
    .openapi({ description: `Documents for each query; more than ${hitsMax} are ${hitsMax}. Default ${hitsDefault}.` }),
});

const results = z
  .object({
    results: z.array(
      z.object({
        question: z.string(),
        docs: z.array(z.string()).openapi({ description: 'Best first; empty when nothing has to do with the question.' }),
        doc_scores: z.array(z.number()).openapi({ description: 'How well each answers the question, from 0 to 1.' }),
      }),
    ),
  })
  .openapi('MemoryResults');

const failures = { 404: 'There is no such project.' };

export const memoryEndpoints = [
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/projects/{projectId}/memory/retrieve',
    access: 'agent',
    summary: 'Ask the memory of a project.',
    description:
      'One result for each query, in their order. By words, and by meaning where an embedding service is set and answers: so this never fails for want of one. An empty memory is given what the project is about first.',
    params: projectParams,
    body: retrieveBody,
    answers: { 200: { description: 'What the project remembers.', schema: results } },
    failures,
    handle: async (call) => {
      const { memory, viewer, body } = call;
      const limit = body.num_to_retrieve && Math.min(body.num_to_retrieve, hitsMax);
      const found = await memory.retrieve(viewer, { projectId: projectIn(call), queries: body.queries, limit });
      const inWords = found.map(({ query, hits }) => ({
        question: query,
        docs: hits.map(({ document }) => document.body),
        doc_scores: hits.map(({ score }) => score),
      }));
      return { status: 200, body: { results: inWords } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/projects/{projectId}/memory/index',
    access: 'agent',
    summary: 'Let a project remember texts.',
    description: 'A text that it remembers already changes nothing.',
    params: projectParams,
    body: z.object({ docs }),
    answers: {
      200: {
        description: 'They are remembered; `count` says how many were sent, without blank ones.',
        schema: z.object({ message: z.literal('Indexed'), count: z.int() }).openapi('MemoryIndexed'),
      },
    },
    failures,
    handle: async (call) => {
      const { viewer, body, run } = call;
      const projectId = projectIn(call);
      await run(async (services) => {
        for (const documents of portions(body.docs)) await services.memory.index(viewer, { projectId, documents });
      });
      return { status: 200, body: { message: 'Indexed', count: body.docs.length } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/projects/{projectId}/memory/delete',
    access: 'agent',
    summary: 'Let a project forget texts.',
    description: 'Exactly as they were indexed. One that it does not remember is passed over.',
    params: projectParams,
    body: z.object({ docs }),
    answers: {
      200: {
        description: 'They are forgotten; `count` says how many there were.',
        schema: z.object({ message: z.literal('Deleted'), count: z.int() }).openapi('MemoryDeleted'),
      },
    },
    failures,
    handle: async (call) => {
      const { viewer, body, run } = call;
      const projectId = projectIn(call);
      const count = await run(async (services) => {
        let deleted = 0;
        for (const documents of portions(body.docs)) {
          deleted += (await services.memory.delete(viewer, { projectId, documents })).deletedIds.length;
        }
        return deleted;
      });
      return { status: 200, body: { message: 'Deleted', count } };
    },
  }),
];

/** What is not the id of anything leads to no project. */
function projectIn({ params }: Call<typeof projectParams>): string {
  if (!isId(params.projectId)) throw new ProjectNotFoundError(params.projectId);
  return params.projectId.toLowerCase();
}

/** As many documents at a time as one command takes. */
function portions(documents: string[]): string[][] {
  return Array.from({ length: Math.ceil(documents.length / documentsMax) }, (_, index) =>
    documents.slice(index * documentsMax, (index + 1) * documentsMax),
  );
}
