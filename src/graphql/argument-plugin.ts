import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { ValidationError } from '../features/validation-error.js';

const pluginName = 'arguments';

export default pluginName;

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      arguments: ArgumentPlugin<Types>;
    }
  }
}

/** Items that a list in a filter may have; `nodes` takes as many ids. */
const itemsMax = 100;

/**
 * Checks what a caller reads by before any field resolves, so that what the database cannot look for is the caller's error
 * and not a fault of the server. Commands check their input by its own schema.
 */
class ArgumentPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    return isChecked(field)
      ? (parent, args, context, info) => {
          check(args, []);
          return resolver(parent, args, context, info);
        }
      : resolver;
  }

  override wrapSubscribe(
    subscriber: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    return subscriber && isChecked(field)
      ? (parent, args, context, info) => {
          check(args, []);
          return subscriber(parent, args, context, info);
        }
      : subscriber;
  }
}

SchemaBuilder.registerPlugin(pluginName, ArgumentPlugin);

function isChecked<Types extends SchemaTypes>({ kind, args }: PothosOutputFieldConfig<Types>): boolean {
  return kind !== 'Mutation' && Object.keys(args).length > 0;
}

function check(value: unknown, path: string[]): void {
  const refuse = (reason: string) => {
    throw new ValidationError(path, `\`${path.join('.')}\` ${reason}.`);
  };
  if (typeof value === 'string') {
    if (value.includes('\u0000')) refuse('must not have the character U+0000');
  } else if (value instanceof Date) {
    if (value.getUTCFullYear() < 1 || value.getUTCFullYear() > 9999) refuse('must be in the years 1 to 9999');
  } else if (Array.isArray(value)) {
    if (value.length > itemsMax) refuse(`must have at most ${itemsMax} items`);
    for (const [index, item] of value.entries()) check(item, [...path, String(index)]);
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) check(item, [...path, key]);
  }
}
