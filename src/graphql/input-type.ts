import type { InputRef } from '@pothos/core';
import { z } from 'zod';
import { builder } from './builder.js';

type InputFieldType = Parameters<typeof builder.inputRef>[0];

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
          const { inner, isOptional } = unwrap(fieldSchema as z.ZodType);
          const fieldDescription = describe(fieldSchema as z.ZodType);
          if (!fieldDescription) throw new Error(`the field ${fieldName} of ${name} has no description`);
          const isList = inner instanceof z.ZodArray;
          const type = isList
            ? [typeName(inner.element as z.ZodType, `${name}.${fieldName}`)]
            : typeName(inner, `${name}.${fieldName}`);
          return [fieldName, t.field({ type: type as never, required: !isOptional, description: fieldDescription } as never)];
        }),
      ) as never,
  });
  return ref;
}

const nestedTypes = new Map<string, InputFieldType | InputRef<Record<string, unknown>>>();

function typeName(schema: z.ZodType, place: string): unknown {
  const { inner } = unwrap(schema);
  const named = schema.meta()?.graphql ?? inner.meta()?.graphql;
  if (inner instanceof z.ZodObject) {
    if (!named) throw new Error(`the object at ${place} needs a name: .meta({ graphql: '...' })`);
    const known = nestedTypes.get(named) ?? inputType(named, describe(schema) ?? '', inner);
    nestedTypes.set(named, known);
    return known;
  }
  if (named) return named;
  if (inner instanceof z.ZodString) return 'String';
  if (inner instanceof z.ZodNumber) return inner.format === 'safeint' || inner.format === 'int32' ? 'Int' : 'Float';
  if (inner instanceof z.ZodBoolean) return 'Boolean';
  throw new Error(`no GraphQL type is known for the field at ${place}`);
}

/** The schema inside optional, default, nullable and transforming layers, and whether the field may be left out. */
function unwrap(schema: z.ZodType): { inner: z.ZodType; isOptional: boolean } {
  let inner = schema;
  let isOptional = false;
  for (;;) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable) {
      isOptional = true;
      inner = inner.unwrap() as z.ZodType;
    } else if (inner instanceof z.ZodPipe) {
      inner = inner.in as z.ZodType;
    } else {
      return { inner, isOptional };
    }
  }
}

function describe(schema: z.ZodType): string | undefined {
  let layer = schema;
  for (;;) {
    const description = layer.meta()?.description;
    if (description) return description;
    if (layer instanceof z.ZodOptional || layer instanceof z.ZodDefault || layer instanceof z.ZodNullable)
      layer = layer.unwrap() as z.ZodType;
    else return undefined;
  }
}
