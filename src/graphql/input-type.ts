import type { InputRef } from '@pothos/core';
import { z } from 'zod';
import { builder } from './builder.js';

/**
 * Makes the GraphQL input type of a zod object: each field with the type, nullability and description that its schema
 * states, so that what is documented is what is checked. Fields with a default are optional. Nested objects become input
 * types named by their `graphql` metadata; enums are named the same way and must exist in the schema.
 */
export function inputType(name: string, description: string, schema: z.ZodObject): InputRef<Record<string, unknown>> {
  const ref = builder.inputRef<Record<string, unknown>>(name);
  ref.implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        Object.entries(schema.shape).map(([fieldName, fieldSchema]) => {
          const place = `${name}.${fieldName}`;
          const { inner, isOptional, description } = readLayers(fieldSchema as z.ZodType);
          if (!description) throw new Error(`the field ${place} has no description`);
          const type =
            inner instanceof z.ZodArray ? [typeOf(inner.element as z.ZodType, place)] : typeOf(fieldSchema as z.ZodType, place);
          return [fieldName, t.field({ type: type as never, required: !isOptional, description } as never)];
        }),
      ) as never,
  });
  return ref;
}

const nestedTypes = new Map<string, InputRef<Record<string, unknown>>>();

/** The GraphQL type of a schema: what its metadata names, or what its kind of value says. */
function typeOf(schema: z.ZodType, place: string): unknown {
  const { inner, name, description } = readLayers(schema);
  if (inner instanceof z.ZodObject) {
    if (!name) throw new Error(`the object at ${place} needs a name: .meta({ graphql: '...' })`);
    const known = nestedTypes.get(name) ?? inputType(name, description ?? '', inner);
    nestedTypes.set(name, known);
    return known;
  }
  if (name) return name;
  if (inner.type === 'string') return 'String';
  if (inner instanceof z.ZodNumber) return inner.format === 'safeint' ? 'Int' : 'Float';
  if (inner.type === 'boolean') return 'Boolean';
  throw new Error(`no GraphQL type is known for the field at ${place}`);
}

/** What stands in a schema's layers of default, optional, nullable and transformation, the outermost first. */
function readLayers(schema: z.ZodType): {
  inner: z.ZodType;
  isOptional: boolean;
  name?: string | undefined;
  description?: string | undefined;
} {
  let inner = schema;
  let isOptional = false;
  let name: string | undefined;
  let description: string | undefined;
  for (;;) {
    name ??= inner.meta()?.graphql;
    description ??= inner.meta()?.description;
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable) {
      isOptional = true;
      inner = inner.unwrap() as z.ZodType;
    } else if (inner instanceof z.ZodPipe) {
      inner = inner.in as z.ZodType;
    } else {
      return { inner, isOptional, name, description };
    }
  }
}
