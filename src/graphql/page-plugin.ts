import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { InvalidCursorError } from '../features/invalid-cursor-error.js';
import { ValidationError } from '../features/validation-error.js';
import { isId } from '../kernel/ids.js';
import type { GraphqlContext } from './context.js';

const pluginName = 'page';

export default pluginName;

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      page: PagePlugin<Types>;
    }
  }
}

interface PageArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
}

/**
 * Checks the page that a caller asks for before any connection field resolves, so that what cannot name a page is the
 * caller's error and not a fault of the server: a negative size, both ends at once, or a cursor that is none of ours.
 */
class PagePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (!('first' in field.args && 'after' in field.args)) return resolver;
    // Other lists than stored ones have cursors of their own, and check them.
    const key = 'cursor' in field.pothosOptions ? field.pothosOptions.cursor : undefined;
    return (parent, args, context, info) => {
      checkSize(args);
      if (key) checkCursors(args, key === 'id' ? null : (context as GraphqlContext).viewer.organizationId);
      return resolver(parent, args, context, info);
    };
  }
}

SchemaBuilder.registerPlugin(pluginName, PagePlugin);

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
  if (!text.startsWith('GPC:J:')) return false;
  try {
    const key: unknown = JSON.parse(text.slice(6));
    return Array.isArray(key) && key.length === 2 && key[0] === organizationId && typeof key[1] === 'string' && isId(key[1]);
  } catch {
    return false;
  }
}
