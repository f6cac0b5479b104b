import { z } from '@hono/zod-openapi';

/** Rows that a bare array holds at most: older clients ask for all, and none of them knows pages. */
export const listLimitMax = 10_000;

/** A whole number in a query string. */
export function integerText(min: number, max: number, description: string) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,10}$/, error)
    .transform(Number)
    .pipe(z.number().min(min, error).max(max, error))
    .openapi({ type: 'integer', minimum: min, maximum: max, description });
}

/** An instant as text: ISO 8601; without an offset it is UTC. */
export function instantText(description: string) {
  return z
    .string()
    .transform((text, context) => {
      const instant = parseInstant(text);
      if (instant) return instant;
      context.addIssue({ code: 'custom', message: 'must be a date and time in ISO 8601' });
      return z.NEVER;
    })
    .openapi({ type: 'string', format: 'date-time', description });
}

const isoPattern = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/** The instant that the text names; null when it names none. */
export function parseInstant(text: string): Date | null {
  const match = isoPattern.exec(text.trim());
  if (!match) return null;
  const hasTime = text.trim().length > 10;
  const instant = new Date(`${text.trim().replace(' ', 'T')}${hasTime && !match[1] ? 'Z' : ''}`);
  const date = text.trim().slice(0, 10);
  // JavaScript takes the 30th of February for the 2nd of March.
  const isOfCalendar = new Date(`${date}T00:00Z`).toJSON()?.startsWith(date);
  return isOfCalendar && !Number.isNaN(instant.getTime()) ? instant : null;
}

/** An instant in an answer. */
export const instantAnswer = z.string().openapi({ format: 'date-time', example: '2026-02-08T12:00:00.000Z' });

/** Any JSON in an answer, kept as its writer gave it. */
export const jsonAnswer = z.unknown();

export const jsonObjectAnswer = z.record(z.string(), z.unknown());
