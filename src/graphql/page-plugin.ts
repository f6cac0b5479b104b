import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { InvalidCursorError } from '../features/invalid-cursor-error.js';
import { ValidationError } from '../features/validation-error.js';
import { isId } from '../kernel/ids.js';
import type { GraphqlContext } from './context.js';
import { pageSizeDefault, pageSizeMax } from './page-size.js';

const pluginName = 'page';

export default pluginName;

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      page: PagePlugin<Types>;
    }
  }
}

/** Cursors that are not of an organization's rows: of a row's id alone, or of a list that makes and checks its own. */
export type CursorKind = 'id' | 'own';

interface PageArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
}

/**
 * Checks the page that a caller asks for before any connection field resolves, so that what cannot name a page is the
 * caller's error and not a fault of the server: a negative size, both ends at once, or a cursor that is none of ours.
 * It also prices the page by the number of items asked for, which the cost of a document multiplies by what is in them.
 */
class PagePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const complexity = priceOf(field);
    // Where the complexity plugin, which comes before this one here, has put its own.
    return complexity ? { ...field, extensions: { ...field.extensions, complexity } } : field;
  }

  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (!isPaged(field)) return resolver;
    // plugin-prisma keeps its option `cursor` to itself, so a list that is no organization's says so in this one.
    const cursors = field.extensions?.cursors as CursorKind | undefined;
    return (parent, args, context, info) => {
      checkSize(args);
      if (cursors !== 'own') checkCursors(args, cursors === 'id' ? null : (context as GraphqlContext).viewer.organizationId);
      return resolver(parent, args, context, info);
    };
  }
}

SchemaBuilder.registerPlugin(pluginName, PagePlugin);

function isPaged<Types extends SchemaTypes>({ args }: PothosOutputFieldConfig<Types>): boolean {
  return 'first' in args && 'after' in args;
}

/** A paged field counts what is in it once per item; the `nodes` and `edges` inside do not count it again. */
function priceOf<Types extends SchemaTypes>(field: PothosOutputFieldConfig<Types>) {
  if (isPaged(field)) {
    return ({ first, last }: PageArguments) => ({
      field: 1,
      multiplier: Math.max(1, Math.min(first ?? last ?? pageSizeDefault, pageSizeMax)),
    });
  }
  const isOfPage = field.parentType.endsWith('Connection') && (field.name === 'nodes' || field.name === 'edges');
  return isOfPage ? { field: 1, multiplier: 1 } : null;
}

function checkSize(page: PageArguments): void {
  for (const name of ['first', 'last'] as const) {
    if (typeof page[name] === 'number' && page[name] < 0) throw new ValidationError([name], `\`${name}\` must not be negative.`);
  }
  const asksFront = typeof page.first === 'number' || Boolean(page.after);
  const asksEnd = typeof page.last === 'number' || Boolean(page.before);
  if (asksFront && asksEnd) {
    throw new ValidationError(
      ['last'],
      'Ask for `first` items `after` a cursor, or for the `last` items `before` one, not for both.',
    );
  }
}

/**
 * Refuses a cursor that this server did not make, and one of another organization: where that row would stand in the
 * caller's list must not be told. `organizationId` is null for a list that is not an organization's.
 */
function checkCursors(page: PageArguments, organizationId: string | null): void {
  for (const name of ['after', 'before'] as const) {
    const cursor = page[name];
    if (cursor && !isListCursor(cursor, organizationId)) throw new InvalidCursorError(name);
  }
}

/** The cursors of plugin-prisma's connections: its own prefix, and the key of a row. */
function isListCursor(cursor: string, organizationId: string | null): boolean {
  const text = Buffer.from(cursor, 'base64').toString();
  if (organizationId === null) return text.startsWith('GPC:S:') && isId(text.slice(6));
  const match = /^GPC:T:\["S:([0-9a-f-]+)","S:([0-9a-f-]+)"\]$/.exec(text);
  return match?.[1] === organizationId && isId(match[2] ?? '');
}
