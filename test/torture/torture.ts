/**
 * `npm run torture [-- --minutes 10] [--seed 7] [--only kills,clocks] [--report file.json]`: plays every scenario for its
 * share of the time, and tells what it counted. Exit code 1 when anything was violated.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Report, runScenario } from './report.js';
import { scenarios } from './scenarios.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    only: { type: 'string' },
    report: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes must be a number over 0, not ${values.minutes}`);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const names = values.only?.split(',');
const chosen = scenarios.filter(({ name }) => !names || names.includes(name));
if (chosen.length === 0) throw new Error(`--only names no scenario; there are ${scenarios.map(({ name }) => name).join(', ')}`);

console.log(`seed ${seed}`);
const durationMs = (minutes * 60_000) / chosen.length;
const reports: Report[] = [];
for (const scenario of chosen) {
  const obstacle = scenario.impossible?.();
  if (obstacle) {
    console.log(`${scenario.name}: not played: ${obstacle}`);
    continue;
  }
  const report = await runScenario(scenario, { seed, durationMs, pauseMs: 0, backlogSize: 60 });
  reports.push(report);
  const { name, acknowledged, refused, unknown, events, receptions, counts, violations } = report;
  const told = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  console.log(
    `${name}: ${acknowledged} acknowledged, ${refused} refused, ${unknown} unknown; ${events} events, ${receptions} received; ` +
      `${told.join(', ')}; ${violations.length} violations`,
  );
  for (const { rule, subject, detail } of violations.slice(0, 10)) console.log(`  ${rule}: ${subject}: ${detail}`);
}
const total = reports.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
const violated = reports.reduce((sum, { violations }) => sum + violations.length, 0);
console.log(`${total} acknowledged operations, ${violated} violations`);
if (values.report) await writeFile(values.report, `${JSON.stringify({ seed, minutes, reports }, null, 2)}\n`);
process.exit(violated > 0 ? 1 : 0);
