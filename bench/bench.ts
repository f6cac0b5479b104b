/**
 * `npm run bench`: measures Baton beside its peers, on a Postgres and a Redis of its own, and prints one table of ratios.
 *
 * `--only read,claim` runs these alone; `--quick` takes fewer and shorter rounds; `--cpu-prof DIR` has every server write a CPU profile.
 * Writes bench/results.json. Ends with 1 when a check failed or something broke; a goal that was not reached is only shown.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Benchmark } from './benchmark.js';
import { BenchContext } from './context.js';
import { assess, type Result, renderTable, writeResults } from './report.js';

const here = import.meta.dirname;
const root = path.join(here, '..');
const resultsFile = path.join(here, 'results.json');

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
});

prepare();
const benchmarks = await loadBenchmarks(flags.only?.split(','));
const context = new BenchContext({
  isQuick: flags.quick,
  profileDirectory: flags['cpu-prof'] && path.resolve(flags['cpu-prof']),
});
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    isInterrupted = true;
    await context.close();
    process.exit(130);
  });
}
const results: Result[] = [];
const failures: string[] = [];
try {
  for (const benchmark of benchmarks) await runOne(benchmark);
} finally {
  if (!isInterrupted) await context.close();
}
if (!isInterrupted) {
  console.log(`\n${renderTable(results)}`);
  writeResults(resultsFile, results);
  console.log(`\nWritten to ${path.relative(process.cwd(), resultsFile)}.`);
  for (const failure of failures) console.error(`FAILED ${failure}`);
  process.exit(failures.length > 0 ? 1 : 0);
}

async function runOne(benchmark: Benchmark): Promise<void> {
  const started = performance.now();
  console.log(`${benchmark.name}: ${benchmark.description}`);
  try {
    results.push(...(await benchmark.run(context)).map(assess));
  } catch (error) {
    if (isInterrupted) return;
    failures.push(`${benchmark.name}: ${error instanceof Error ? error.message : error}`);
    console.error(error);
  }
  if (isInterrupted) return;
  await context.clear();
  console.log(`  ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/** Those that are named, in the order of the folders; all when none is. */
async function loadBenchmarks(only: string[] | undefined): Promise<Benchmark[]> {
  const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = folders.map(({ name }) => name).filter((name) => existsSync(fileOf(name)));
  const unknown = only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) {
    console.error(`There is no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}.`);
    process.exit(1);
  }
  const wanted = names.filter((name) => !only || only.includes(name));
  return Promise.all(
    wanted.map(async (name) => ((await import(pathToFileURL(fileOf(name)).href)) as { benchmark: Benchmark }).benchmark),
  );
}

function fileOf(name: string): string {
  return path.join(here, name, `${name}.bench.ts`);
}

/** Installs the peers, and builds the product, unless that was done since either changed. */
function prepare(): void {
  if (changedAt(path.join(here, 'package-lock.json')) > changedAt(path.join(here, 'node_modules/.package-lock.json')))
    execFileSync('npm', ['ci', '--prefix', here], { stdio: 'inherit' });
  if (newestIn(path.join(root, 'src')) > changedAt(path.join(root, 'dist/main.js')))
    execFileSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' });
}

/** Milliseconds; 0 for what is not there. */
function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestIn(directory: string): number {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  return Math.max(
    ...entries.filter((entry) => entry.isFile()).map((entry) => changedAt(path.join(entry.parentPath, entry.name))),
  );
}
