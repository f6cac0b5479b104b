import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventInterface, eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { ProjectRef, projectField } from '../projects/project.graphql.js';
import { ValidationError } from '../validation-error.js';
import type { MemoryEventData } from './memory.events.js';
import { memoryDeleteInput, memoryIndexInput } from './memory.inputs.js';
import { hitsDefault, hitsMax, queriesMax } from './memory.model.js';
import { memoryWhere } from './memory.queries.js';
import type { MemorySearchResult } from './memory.search.js';

const MemoryDocumentRef = builder.prismaObject('MemoryDocument', {
  description: 'A text that a project remembers: what was learned, decided or built, for whoever works on it next.',
  interfaces: [NodeRef],
  fields: (t) => ({
    project: t.field({ ...projectField, description: 'Project that remembers it. Null when it was deleted.' }),
    body: t.exposeString('body', { description: 'The text, exactly as it was indexed.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which it was first indexed.' }),
  }),
});

const MemoryHitRef = builder.objectRef<MemorySearchResult['hits'][number]>('MemoryHit').implement({
  description: 'A document that answers a query.',
  fields: (t) => ({
    document: t.field({ type: MemoryDocumentRef, description: 'The document.', resolve: (hit) => hit.document }),
    score: t.exposeFloat('score', {
      description: 'How well it answers the query, from 0 to 1. Compare the hits of one query with it, not those of two.',
    }),
  }),
});

const MemorySearchResultRef = builder.objectRef<MemorySearchResult>('MemorySearchResult').implement({
  description: 'What a project remembers about one query.',
  fields: (t) => ({
    query: t.exposeString('query', { description: 'The query, as it was asked.' }),
    hits: t.field({
      type: [MemoryHitRef],
      description: 'The documents that answer it best, best first; none when no document has anything to do with it.',
      resolve: (result) => result.hits,
    }),
  }),
});

builder.queryField('memorySearch', (t) =>
  t.field({
    type: [MemorySearchResultRef],
    description:
      'Ask the memory of a project, in the words of a question or in the terms you look for; misspelt words and names of code are found too. One result for each query, in their order. A project that remembers nothing yet is given its own description first.',
    args: {
      projectId: t.arg.id({ required: true, description: 'Id of the project.' }),
      queries: t.arg.stringList({
        required: true,
        description: `What you want to know, 1 to ${queriesMax} queries. Of a long one the first 8000 characters count.`,
      }),
      limit: t.arg.int({ description: `Hits for each query, 1 to ${hitsMax}. Default ${hitsDefault}.` }),
    },
    complexity: ({ queries, limit }) => ({
      field: 10 * (queries?.length ?? 1),
      multiplier: (queries?.length ?? 1) * (limit ?? hitsDefault),
    }),
    resolve: (_root, { projectId, queries, limit }, { memory, viewer }) => {
      requireRange('queries', queries.length, queriesMax, 'items');
      if (limit != null) requireRange('limit', limit, hitsMax);
      return memory.retrieve(viewer, { projectId, queries, limit: limit ?? undefined });
    },
  }),
);

function requireRange(name: string, value: number, max: number, unit?: string): void {
  if (value >= 1 && value <= max) return;
  throw new ValidationError([name], `\`${name}\` must ${unit ? `have 1 to ${max} ${unit}` : `be from 1 to ${max}`}.`);
}

const memoryConnection = connectionOf('MemoryDocument', MemoryDocumentRef);

builder.prismaObjectField(ProjectRef, 'memory', (t) =>
  t.prismaConnection(
    {
      type: MemoryDocumentRef,
      cursor: 'organizationId_id',
      description: 'Everything that the project remembers, oldest first. To find what bears on a question, use `memorySearch`.',
      resolve: (query, project, _args, { prisma, viewer }) =>
        prisma.memoryDocument.findMany(pageById(query, memoryWhere(viewer, project.id), 'asc')),
    },
    ...memoryConnection,
  ),
);

mutation('memoryIndex', {
  description:
    'Let a project remember texts, so that whoever works on it later finds them with `memorySearch`: what you learned, what you decided and why, what you built and where. Write each so that it can be understood alone. A text that the project remembers already changes nothing.',
  input: memoryIndexInput,
  run: (services, context, input) => services.memory.index(context.viewer, input),
  payload: (t) => ({
    documents: t.prismaField({
      type: [MemoryDocumentRef],
      nullable: true,
      description: 'The documents, in the order given; of texts that are the same there is one. Null on errors.',
      resolve: async (query, { documentIds }, _args, { prisma, viewer }) => {
        if (!documentIds) return null;
        const where = { organizationId: viewer.organizationId, id: { in: documentIds } };
        const documents = await prisma.memoryDocument.findMany({ ...query, where });
        return documents.sort((one, other) => documentIds.indexOf(one.id) - documentIds.indexOf(other.id));
      },
    }),
  }),
});

mutation('memoryDelete', {
  description: 'Let a project forget texts, such as what is no longer true. A text that it does not remember is passed over.',
  input: memoryDeleteInput,
  run: (services, context, input) => services.memory.delete(context.viewer, input),
  payload: (t) => ({
    deletedIds: t.idList({
      nullable: true,
      description: 'Ids of the documents that were forgotten. Null on errors.',
      resolve: (payload) => payload.deletedIds,
    }),
  }),
});

const MemoryEventRef = eventInterface('MemoryEvent', 'Something that happened to the memory of a project.', (t) => ({
  project: t.prismaField({
    type: ProjectRef,
    nullable: true,
    description: 'The project, as it is when the event is delivered. Null once it was deleted.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.project.findUnique({
        ...query,
        where: { id: event.subjectId, organizationId: event.organizationId, deletedAt: null },
      }),
  }),
  count: t.int({
    description: 'How many documents it is about.',
    resolve: (event) => (event.data as unknown as MemoryEventData['MemoryIndexed']).count,
  }),
  documentIds: t.idList({
    description: 'Ids of the documents.',
    resolve: (event) => (event.data as unknown as MemoryEventData['MemoryIndexed']).documentIds,
  }),
}));

eventType('MemoryIndexed', MemoryEventRef);
eventType('MemoryDeleted', MemoryEventRef);
