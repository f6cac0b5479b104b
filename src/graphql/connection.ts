import type { OutputType } from '@pothos/core';
import { builder, type SchemaTypes } from './builder.js';

/**
 * The connection and edge types of one type of thing, `NameConnection` and `NameEdge`, shared by every field that lists
 * it: spread them behind the options of the field.
 */
export function connectionOf<Type extends OutputType<SchemaTypes>>(name: string, type: Type) {
  const edge = builder.edgeObject({ name: `${name}Edge`, type });
  const connection = builder.connectionObject({ name: `${name}Connection`, type }, edge);
  return [connection, edge] as const;
}
