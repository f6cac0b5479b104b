import { expect } from 'vitest';
import { z } from 'zod';
import type { RestAnswer } from './rest-call.js';

/** Reads the OpenAPI document, so that a test holds for every endpoint there is, also for those that are added after it was written. */

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  pattern?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  description?: string;
  default?: unknown;
  example?: unknown;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: JsonSchema;
}

interface DescribedOperation {
  tags?: string[];
  summary?: string;
  operationId?: string;
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: JsonSchema }> }>;
}

export interface Document {
  openapi: string;
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, DescribedOperation>>;
  components: { schemas: Record<string, JsonSchema> };
}

/** One endpoint, as the document describes it. */
export interface RestOperation extends DescribedOperation {
  /** `POST /api/coord/tasks/{id}/claim`. */
  name: string;
  method: string;
  path: string;
  dialect: string;
  /** Whether it asks for no credential. */
  isOpen: boolean;
  parameters: Parameter[];
  /** Of the JSON body; null when it takes none. */
  body: JsonSchema | null;
}

/** Every operation of the document; those that only read first. */
export function operationsOf(document: Document): RestOperation[] {
  return Object.entries(document.paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => ({
        ...described,
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        dialect: described.tags?.[0] ?? '',
        isOpen: described.security?.length === 0,
        parameters: described.parameters ?? [],
        body: described.requestBody?.content['application/json']?.schema ?? null,
      })),
    )
    .sort((one, other) => Number(one.method !== 'GET') - Number(other.method !== 'GET'));
}

/** Checks values against the schemas of the document. */
export class SchemaCheck {
  readonly #definitions: string;
  readonly #compiled = new Map<string, z.ZodType>();

  /** With `isClosed` an object has no keys but those that its schema declares, unless the schema says that it may. */
  constructor(
    readonly document: Document,
    { isClosed }: { isClosed: boolean },
  ) {
    const { schemas } = structuredClone(document.components);
    this.isClosed = isClosed;
    this.#definitions = JSON.stringify(isClosed ? closed(schemas) : schemas);
  }

  readonly isClosed: boolean;

  /** What does not fit, by its place; empty when all does. */
  problems(schema: JsonSchema, value: unknown): string[] {
    const checked = this.#compile(schema).safeParse(value);
    return checked.success
      ? []
      : checked.error.issues.map(({ path, message }) => `${path.join('.') || '(all of it)'}: ${message}`);
  }

  #compile(schema: JsonSchema): z.ZodType {
    const text = JSON.stringify(this.isClosed ? closed(schema) : schema);
    let compiled = this.#compiled.get(text);
    if (!compiled) {
      const whole = `{"allOf":[${text}],"$defs":${this.#definitions}}`;
      compiled = z.fromJSONSchema(JSON.parse(whole.replaceAll('"#/components/schemas/', '"#/$defs/')));
      this.#compiled.set(text, compiled);
    }
    return compiled;
  }
}

/** A copy in which every object that declares its properties has no others. */
function closed<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(closed) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, closed(item)]));
  const declares = typeof copy.properties === 'object' && copy.type !== undefined && typeof copy.type !== 'object';
  if (declares && !('additionalProperties' in copy)) copy.additionalProperties = false;
  return copy as Value;
}

/** Follows a reference. */
export function resolved(document: Document, schema: JsonSchema): JsonSchema {
  if (!schema.$ref) return schema;
  const { $ref, ...beside } = schema;
  const name = $ref.split('/').pop() ?? '';
  const found = document.components.schemas[name];
  if (!found) throw new Error(`the document has no schema ${name}`);
  return { ...resolved(document, found), ...beside };
}

/** Fails unless the answer is one that the document promises of the operation. Checked against closed schemas. */
export function expectDocumented(check: SchemaCheck, operation: RestOperation, answer: RestAnswer): void {
  const { status, headers, text, json } = answer;
  const shown = `${operation.name} answered ${status} ${text.slice(0, 400)}`;
  const documented = operation.responses[status];
  expect(documented, `an undocumented status: ${shown}`).toBeDefined();
  // Of the faults, a dialect may document that something is not set up.
  if (status >= 500) expect(status, shown).toBe(503);
  const schema = documented?.content?.['application/json']?.schema;
  if (!schema) {
    expect(text, `a body where the document has none: ${shown}`).toBe('');
    return;
  }
  expect(headers.get('content-type'), shown).toMatch(/^application\/json/);
  expect(check.problems(schema, json), `an answer that its schema does not describe: ${shown}`).toEqual([]);
}
