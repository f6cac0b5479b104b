import { z } from 'zod';

/**
 * An archive: everything that a database of Baton holds, as JSON Lines in UTF-8. docs/cli.md describes it for its readers.
 *
 * The first line says what follows, then comes one line per row, and the last line has the checksum of all before it, so
 * that half an archive is never taken for a whole one.
 */

/** Raised when a reader of before could not read what is written now. */
export const formatNumber = 1;

const count = z.int().min(0);
const digits = z.string().regex(/^\d{1,19}$/);

export const archiveHeader = z.strictObject({
  baton: z.literal('export'),
  format: z.literal(formatNumber),
  /** When the snapshot was taken, on the database's clock. */
  createdAt: z.iso.datetime(),
  /** Of the Baton that wrote it. */
  version: z.string(),
  /** Names of the migrations that the database had, in their order. */
  migrations: z.array(z.string()),
  /** In the order of the lines that follow; each after those that it refers to. */
  tables: z.array(z.strictObject({ name: z.string(), columns: z.array(z.string()), rows: count })),
  /** The last number that each sequence gave out; null when it gave out none. */
  sequences: z.array(z.strictObject({ name: z.string(), value: digits.nullable() })),
});

export const archiveTrailer = z.strictObject({
  baton: z.literal('end'),
  rows: count,
  /** SHA-256, hex, of every byte before this line. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export type ArchiveHeader = z.infer<typeof archiveHeader>;
export type ArchiveTrailer = z.infer<typeof archiveTrailer>;

/** What a command can show of an export or import while it runs. */
export interface ArchiveProgress {
  /** How many rows there will be. */
  begin(rows: number): void;
  advance(rows: number): void;
}

/**
 * Text of an archive's line for one row. `row` is what Postgres' `row_to_json` wrote, and goes through untouched: numbers
 * that JavaScript cannot hold stay as they are. There, a JSON null reads like no value; `jsonNulls` names the columns that
 * hold one.
 */
export function rowLine(table: string, row: string, jsonNulls: readonly string[]): string {
  const nulls = jsonNulls.length > 0 ? `,"jsonNulls":${JSON.stringify(jsonNulls)}` : '';
  return `{"table":${JSON.stringify(table)},"row":${row}${nulls}}\n`;
}

/** The table that a line is a row of; null when the line is none of `rowLine`. */
export function tableOfLine(line: string): string | null {
  return /^\{"table":"(\w+)","row":\{/.exec(line)?.[1] ?? null;
}

/** The same text for the same instants, intervals and numbers on every server. */
export const textSettings = `
  set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'iso_8601';
  set local extra_float_digits = 1; set local bytea_output = 'hex'`;
