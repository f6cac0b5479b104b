import { createRequire } from 'node:module';
import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { createLogger, type Logger } from '../../kernel/logger.js';

// CommonJS whose one export is the class: its types and Node agree on `require` only.
const Table = createRequire(import.meta.url)('cli-table3') as typeof import('cli-table3');

/** A column of what a command lists. */
export interface Column<Row> {
  title: string;
  value(row: Row): string;
  /** Part of the width that the other columns leave: its text is wrapped to that. */
  share?: number;
}

/** Colours for standard output; plain text off a terminal and under NO_COLOR. */
export const colors = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);

/** Prints the answer of a command. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints the answer of a command as JSON. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Says something beside the answer, so that the answer can be piped on. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Prints rows: as a table on a terminal; off it, for other programs, one line each, the values between tabs, without a head. */
export function printRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
  if (!process.stdout.isTTY) {
    for (const row of rows) print(columns.map(({ value }) => value(row).replace(/\s+/g, ' ')).join('\t'));
    return;
  }
  const table = new Table({
    head: columns.map(({ title }) => colors.bold(title)),
    style: { head: [], border: [] },
    colWidths: widthsOf(columns, rows),
    wordWrap: true,
  });
  for (const row of rows) table.push(columns.map(({ value }) => value(row)));
  print(table.toString());
}

/** Widths of the columns that share what is left; null for the others, which take what they need. */
function widthsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): (number | null)[] {
  // A blank on either side, and a line before each column and after the last.
  const frame = columns.length * 3 + 1;
  const taken = columns
    .filter(({ share }) => share === undefined)
    .map(({ title, value }) => Math.max(title.length, ...rows.map((row) => stripVTControlCharacters(value(row)).length)));
  const left = process.stdout.columns - frame - taken.reduce((sum, width) => sum + width, 0);
  return columns.map(({ share }) => (share === undefined ? null : Math.max(20, Math.floor(left * share)) + 2));
}

/** A log of what a person at a terminal should know: warnings and worse, as sentences on standard error. */
export function terminalLogger(): Logger {
  return createLogger('warn', {
    write(line: string) {
      const { msg, reason, err } = JSON.parse(line) as { msg: string; reason?: string; err?: { message: string } };
      const detail = reason ?? err?.message;
      note(detail ? `${msg}: ${detail}` : msg);
    },
  });
}
