import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import type PrismaTypes from '../database/generated/pothos-types.js';
import { getDatamodel } from '../database/generated/pothos-types.js';
import ArgumentPlugin from './argument-plugin.js';
import type { GraphqlContext } from './context.js';
import PagePlugin from './page-plugin.js';
import { pageSizeDefault, pageSizeMax } from './page-size.js';

/**
 * Builds the schema; holds no types of its own. Every `*.graphql.ts` adds its types to it, and `schema.ts` imports them all.
 */
export const builder = new SchemaBuilder<{
  PrismaTypes: PrismaTypes;
  Context: GraphqlContext;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: unknown; Output: unknown };
  };
}>({
  plugins: [ArgumentPlugin, PagePlugin, RelayPlugin, PrismaPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 10,
    // It only prices the fields; what an operation costs is judged before it runs, once for a document: see operation-cost.ts.
    disabled: true,
  },
  prisma: {
    client: (context) => context.prisma,
    dmmf: getDatamodel(),
    defaultConnectionSize: pageSizeDefault,
    maxConnectionSize: pageSizeMax,
    onUnusedQuery: null,
  },
  relay: {
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    clientMutationId: 'omit',
    cursorType: 'String',
    edgesFieldOptions: { description: 'Items of the page with the cursor of each.' },
    nodeFieldOptions: { description: 'The item itself.' },
    cursorFieldOptions: { description: 'Place of the item in the list; pass it as `after` or `before`.' },
    pageInfoFieldOptions: { description: 'Whether there is more, and the cursors to get it with.' },
    nodesOnConnection: { description: 'Items of the page, without their cursors.' },
    defaultConnectionTypeOptions: { description: 'One page of a list.' },
    defaultEdgeTypeOptions: { description: 'One item of a page, with its cursor.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'Whether items follow this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether items come before this page.' },
    startCursorFieldOptions: { description: 'Cursor of the first item of the page; null when the page is empty.' },
    endCursorFieldOptions: { description: 'Cursor of the last item of the page; null when the page is empty.' },
    firstArgOptions: {
      description: `Number of items from the front of the list. Default ${pageSizeDefault}, at most ${pageSizeMax}.`,
    },
    lastArgOptions: { description: `Number of items from the end of the list. At most ${pageSizeMax}.` },
    afterArgOptions: { description: 'Cursor after which the page begins.' },
    beforeArgOptions: { description: 'Cursor before which the page ends.' },
  },
});

export type SchemaTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer Types> ? Types : never;

builder.queryType({
  description: 'Reads. Whatever the caller may not see answers as if it did not exist: null, or left out of the list.',
});
builder.mutationType({
  description:
    'Commands. Each takes one `input` and answers what it changed, or `errors`: check `errors` first. Every command is safe to retry with the same `idempotencyKey`.',
});
builder.subscriptionType({
  description:
    'Live events, each once and in order. Keep the `cursor` of the last event you handled and pass it as `after` when you reconnect: nothing is missed or doubled. A stream that cannot go on without a gap ends with the error code RESYNC_REQUIRED.',
});
