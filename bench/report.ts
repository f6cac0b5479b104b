import { writeFileSync } from 'node:fs';
import type { Goal, Measurement } from './benchmark.js';

/** One entry of results.json. */
export interface Result extends Measurement {
  /** Ours divided by each peer, and by the limit under its name. */
  ratios: Record<string, number>;
  goals: (Goal & { isMet: boolean })[];
}

/** Adds the ratios, and whether each goal is met. Throws when a goal names nothing that was measured. */
export function assess(measurement: Measurement): Result {
  const { ours, peers, limit, limitName = 'limit' } = measurement;
  const others = { ...peers, ...(limit !== null && { [limitName]: limit }) };
  const ratios = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, ours / value]));
  const goals = measurement.goals.map((goal) => {
    const value = goal.against === undefined ? ours : ratios[goal.against];
    if (value === undefined) throw new Error(`${measurement.name} has a goal against ${goal.against}, which was not measured`);
    return { ...goal, isMet: 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost };
  });
  return { ...measurement, ratios, goals };
}

/** The table: a line for what was measured, then one for each that it is compared with, with the ratio and its goal. */
export function renderTable(results: readonly Result[]): string {
  const rows = results.flatMap((result) => {
    const others: [string, number | null][] = Object.entries(result.peers);
    if (result.limit !== null) others.push([result.limitName ?? 'limit', result.limit]);
    const own = result.goals.filter((goal) => goal.against === undefined);
    return [
      [result.name, `${figure(result.ours)} ${result.unit}`, '', own.map(goalText).join(', '), own.map(verdict).join(', ')],
      ...others.map(([name, value]) => {
        const goals = result.goals.filter((goal) => goal.against === name);
        const ratio = `${(result.ratios[name] ?? Number.NaN).toFixed(2)} of it`;
        return [
          `  ${name}`,
          `${figure(value ?? Number.NaN)} ${result.unit}`,
          ratio,
          goals.map(goalText).join(', '),
          goals.map(verdict).join(', '),
        ];
      }),
      ...Object.entries(result.facts ?? {}).map(([name, value]) => [`  (${name})`, figure(value), '', '', '']),
    ];
  });
  const header = ['benchmark', 'ours, then the others', 'ours is', 'goal', ''];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export function writeResults(file: string, results: readonly Result[]): void {
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

function goalText(goal: Goal): string {
  return 'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
}

function verdict(goal: { isMet: boolean }): string {
  return goal.isMet ? 'met' : 'SHORT';
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
