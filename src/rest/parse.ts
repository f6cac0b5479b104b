import type { IncomingMessage } from 'node:http';
import type { z } from '@hono/zod-openapi';
import { withoutNulls } from '../features/input-fields.js';
import { decodeUtf8, readBody } from '../http/request-body.js';
import { RequestRefusal } from '../http/request-refusal.js';
import { InvalidRequestError } from './failure.js';

/** What the schema makes of the value; without a schema, nothing. Throws InvalidRequestError. */
export function parse(schema: z.ZodObject | undefined, value: Record<string, unknown>): Record<string, unknown> {
  if (!schema) return {};
  const parsed = schema.safeParse(withoutNulls(schema, value), { error: explain });
  if (parsed.success) return parsed.data;
  throw new InvalidRequestError(
    parsed.error.issues.map(({ path, message }) => ({ path: path.map(String), message, isMissing: isBlank(value, path) })),
  );
}

/** The body with each field under the name that the endpoint knows; of two names for one field that one counts. */
export function withoutAliases(
  body: Record<string, unknown>,
  aliases: Record<string, string> | undefined,
): Record<string, unknown> {
  const renamed = Object.entries(aliases ?? {}).filter(([alias]) => Object.hasOwn(body, alias));
  return { ...Object.fromEntries(renamed.map(([alias, name]) => [name, body[alias]])), ...body };
}

/** Whether nothing, or nothing but blanks, was given at the place. */
function isBlank(value: unknown, path: PropertyKey[]): boolean {
  let place = value;
  for (const key of path) place = (place as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return place == null || (typeof place === 'string' && place.trim() === '');
}

/** Says what a value must be where the schema itself says nothing of it. */
const explain: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is required';
  return `must be ${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
};

/**
 * The JSON object in a request's body, whatever its content type says: older clients leave that out, or say anything.
 * An empty body is an empty object. Throws RequestRefusal and InvalidRequestError.
 */
export async function readJsonObject(request: IncomingMessage, maxBytes: number): Promise<Record<string, unknown>> {
  const text = decodeUtf8(await readBody(request, maxBytes));
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidRequestError([{ path: [], message: 'must be a JSON object', isMissing: false }]);
  }
  return value as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestRefusal(400, 'INVALID_JSON', 'The request body is not valid JSON.');
  }
}
