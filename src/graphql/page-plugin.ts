import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { InvalidCursorError } from '../features/invalid-cursor-error.js';
import { ValidationError } from '../features/validation-error.js';
import { isId } from '../kernel/ids.js';

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
    // Stored lists are read around an id; other lists have cursors of their own, and check them.
    const isStoredList = 'cursor' in field.pothosOptions;
    return (parent, args, context, info) => {
      checkPage(args, isStoredList);
      return resolver(parent, args, context, info);
    };
  }
}

SchemaBuilder.registerPlugin(pluginName, PagePlugin);

function checkPage(page: PageArguments, isStoredList: boolean): void {
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
  for (const name of ['after', 'before'] as const) {
    const cursor = page[name];
    if (isStoredList && cursor && !isListCursor(cursor)) throw new InvalidCursorError(name);
  }
}

/** The cursors of plugin-prisma's connections: its own prefix, and the id of a row. */
function isListCursor(cursor: string): boolean {
  const match = /^GPC:S:(.+)$/.exec(Buffer.from(cursor, 'base64').toString());
  return match?.[1] !== undefined && isId(match[1]);
}
