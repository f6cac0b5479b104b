import { z } from 'zod';
import { isId } from '../kernel/ids.js';

/**
 * The kinds of field that commands take. Each command's input is one zod schema, from which every face is made: the
 * GraphQL input type with its descriptions, the check of what arrives, and the type that the service is given.
 * `graphql` in a field's metadata names its GraphQL type where zod cannot tell it.
 */

declare module 'zod' {
  interface GlobalMeta {
    graphql?: string;
    /** JSON type, where zod cannot tell it. */
    type?: 'object';
  }
}

/** Bytes of JSON that one field may hold. */
const jsonBytesMax = 262_144;

/** Levels to which JSON in a field may be nested. */
const jsonDepthMax = 64;

/** The input of a command: its own fields, and the idempotency key that every mutation takes. */
export function commandInput<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.object({
    ...shape,
    idempotencyKey: storable(z.string().min(1).max(255))
      .optional()
      .describe(
        'Key of your choice, 1 to 255 characters, that makes a retry safe: the same key with the same input gives the first answer again and changes nothing twice.',
      ),
  });
}

/** What a command is given: its checked input. The idempotency key is the business of whoever runs it. */
export type CommandOf<Schema extends z.ZodType> = Omit<z.output<Schema>, 'idempotencyKey'>;

/** An id that this server minted. */
export function id(description: string) {
  return z
    .string()
    .refine(isId, { error: 'is not an id of this server (a UUID)' })
    .transform((value) => value.toLowerCase())
    .meta({ graphql: 'ID', description });
}

export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A list of `min` to `max` items. */
export function listOf<Item extends z.ZodType>(item: Item, min: number, max: number) {
  const error = `must have ${min} to ${max} items`;
  return z.array(item).min(min, { error }).max(max, { error });
}

/** Text that must say something: at least one character that is not blank. Blanks around it are cut. */
export function shortText(description: string, max: number) {
  return storable(z.string().trim().min(1, 'must not be empty').max(max, `must have at most ${max} characters`)).describe(
    `${description} 1 to ${max} characters.`,
  );
}

/** Text kept exactly as written, possibly empty. */
export function longText(description: string, max: number) {
  return storable(z.string().max(max, `must have at most ${max} characters`)).describe(
    `${description} At most ${max} characters.`,
  );
}

export function title(description: string) {
  return shortText(description, 500);
}

/** A short word of the caller's own, such as a specialization or a kind. */
export function code(description: string) {
  return shortText(description, 100);
}

export function instant(description: string) {
  return z.date().meta({ graphql: 'DateTime', description });
}

export function jsonObject(description: string) {
  return (
    z
      // Not z.record, which drops a key `__proto__` before it is refused.
      .custom<Record<string, unknown>>(isJsonObject, { error: 'must be a JSON object' })
      .superRefine(checkJson)
      .meta({ graphql: 'JSON', type: 'object', description: `${description} At most ${jsonBytesMax} bytes.` })
  );
}

export function jsonValue(description: string) {
  return z
    .unknown()
    .superRefine(checkJson)
    .meta({ graphql: 'JSON', description: `${description} At most ${jsonBytesMax} bytes.` });
}

function isJsonObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Postgres cannot hold the character U+0000, nor half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

/** The text with a mark in the place of what the database cannot hold. */
export function madeStorable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\uFFFD');
}

/** Text that the database can hold. */
export function storable(schema: z.ZodString): z.ZodString {
  return schema.refine(isStorable, { error: 'must be well-formed Unicode without the character U+0000' });
}

/** Without recursion: the value may be nested deeper than the stack. */
function checkJson(value: unknown, context: z.core.$RefinementCtx): void {
  const open: { item: unknown; depth: number }[] = [{ item: value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { item, depth } = next;
    if (depth > jsonDepthMax) {
      context.addIssue({ code: 'custom', message: `must not be nested deeper than ${jsonDepthMax}` });
      return;
    }
    if (typeof item === 'string' && !isStorable(item)) {
      context.addIssue({ code: 'custom', message: 'must be well-formed Unicode without the character U+0000' });
      return;
    }
    if (item !== null && typeof item === 'object') {
      // Copying an object on its way to the database would take it for the prototype, and lose it.
      if (Object.hasOwn(item, '__proto__')) {
        context.addIssue({ code: 'custom', message: 'must not have a key `__proto__`' });
        return;
      }
      for (const [key, child] of Object.entries(item)) open.push({ item: key, depth }, { item: child, depth: depth + 1 });
    }
  }
  if (Buffer.byteLength(JSON.stringify(value ?? null)) > jsonBytesMax) {
    context.addIssue({ code: 'custom', message: `must have at most ${jsonBytesMax} bytes as JSON` });
  }
}

/** Clients write null for a field they leave out; it stays only where null has a meaning of its own. */
export function withoutNulls(schema: z.ZodObject, input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).flatMap(([key, value]) => {
      const field = schema.shape[key] as z.ZodType | undefined;
      if (value === null && !field?.safeParse(null).success) return [];
      const items = field instanceof z.ZodArray && field.element instanceof z.ZodObject ? field.element : null;
      return [[key, items && Array.isArray(value) ? value.map((item) => withoutNulls(items, item)) : value]];
    }),
  );
}
