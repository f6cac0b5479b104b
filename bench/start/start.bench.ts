import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { inspectEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { type Benchmark, type Measurement, median } from '../benchmark.js';
import { adminToken, type BatonServer, type BenchContext } from '../context.js';
import { fillUpTasks, mutate } from '../organization.js';
import { bytesOfDescendants, residentBytes } from '../processes.js';
import type { SubscribersClientArgs, SubscribersCommand, SubscribersResult } from './subscribers-client.js';

const storedTasks = 10_000;
/** Subscribers that are there before those that are measured: the first ones make the server load and compile what all use. */
const firstSubscribers = 500;
const measuredCount = ({ isQuick }: BenchContext) => (isQuick ? 2000 : 10_000);

const mebibyte = 1024 * 1024;
const readDocument = 'query Read { tasks(first: 20) { nodes { id title status } } }';

export const benchmark: Benchmark = {
  name: 'start',
  description: `from nothing to the first answer on the embedded Postgres with ${storedTasks} tasks; memory of an idle server and of each of thousands of idle subscribers`,
  async run(context) {
    const dataDir = context.makeDirectory('start');
    await createData(context, dataDir);
    return [...(await measureStart(context, dataDir)), await measureSubscribers(context)];
  },
};

function startEmbedded(context: BenchContext, dataDir: string): Promise<BatonServer> {
  return context.startServer({ env: { DATA_DIR: dataDir } });
}

/** What a server finds that ran before: tasks, and a clean end. */
async function createData(context: BenchContext, dataDir: string): Promise<void> {
  const server = await startEmbedded(context, dataDir);
  const state = await inspectEmbeddedPostgres(dataDir);
  context.check(state?.running, 'the embedded Postgres does not run');
  const database = new pg.Pool({ connectionString: state.running.url, max: 1 });
  await fillUpTasks(database, storedTasks);
  await database.end();
  await server.stop();
}

/** Starts the server again and again; the files of Postgres and node are in the page cache, as after a deployment. */
async function measureStart(context: BenchContext, dataDir: string): Promise<Measurement[]> {
  const rounds: Record<'seconds' | 'cpuSeconds' | 'server' | 'postgres', number>[] = [];
  for (let round = -1; round < context.rounds; round++) {
    const started = performance.now();
    const server = await startEmbedded(context, dataDir);
    const { tasks } = await mutate<{ tasks: { nodes: unknown[] } }>(server.url, readDocument, {});
    const seconds = (performance.now() - started) / 1000;
    const cpuSeconds = context.cpuSeconds(server.pid, { children: true });
    context.check(tasks.nodes.length === 20, `${tasks.nodes.length} of the stored tasks were answered`);
    await sleep(context.isQuick ? 500 : 5000);
    const memory = { server: residentBytes(server.pid), postgres: bytesOfDescendants(server.pid) };
    await server.stop();
    if (round >= 0) rounds.push({ seconds, cpuSeconds, ...memory });
  }
  const middle = (name: keyof (typeof rounds)[number]) => median(rounds.map((figures) => figures[name]));
  return [
    {
      name: 'start, to the first answer',
      unit: 's',
      ours: middle('seconds'),
      peers: {},
      limit: null,
      goals: [{ atMost: 2 }],
      facts: {
        'slowest round, s': Math.max(...rounds.map((figures) => figures.seconds)),
        'CPU until then, with Postgres, s': middle('cpuSeconds'),
      },
    },
    {
      name: 'start, memory of an idle server',
      unit: 'MB, resident',
      ours: middle('server') / mebibyte,
      peers: {},
      limit: null,
      goals: [{ atMost: 150 }],
      facts: { 'its embedded Postgres, all processes, MB': middle('postgres') / mebibyte },
    },
  ];
}

/**
 * What each subscriber adds: the difference of the server's memory before and after thousands more, by two servers: the more there are, the
 * less it matters that V8's young generation grows with the first of them. One runs as
 * it is shipped, and its resident memory is looked at when it has been idle for a while: that has garbage in it which
 * nobody has collected. The other is told to collect its garbage before each look, and shows what must stay in memory.
 */
async function measureSubscribers(context: BenchContext): Promise<Measurement> {
  const resident = await perSubscriber(context, 'start_resident', async (server) => {
    await sleep(context.isQuick ? 3000 : 15_000);
    return { resident: residentBytes(server.pid), live: Number.NaN };
  });
  const collected = await perSubscriber(context, 'start_collected', (server, probeFile) => probe(server, probeFile));
  return {
    name: `start, memory of each of ${measuredCount(context).toLocaleString('en')} idle subscribers`,
    unit: 'kB, resident',
    ours: resident.resident / 1024,
    peers: {},
    limit: null,
    goals: [{ atMost: 20 }],
    facts: {
      'after garbage collection, resident, kB': collected.resident / 1024,
      'after garbage collection, heap and buffers, kB': collected.live / 1024,
    },
  };
}

interface Memory {
  resident: number;
  /** Heap in use, and buffers outside it. */
  live: number;
}

async function perSubscriber(
  context: BenchContext,
  databaseName: string,
  look: (server: BatonServer, probeFile: string) => Promise<Memory>,
): Promise<Memory> {
  const postgres = await context.postgres();
  const databaseUrl = await postgres.createDatabase(databaseName, { migrated: true });
  const probeFile = path.join(context.makeDirectory('probe'), 'memory.json');
  const server = await context.startServer({
    databaseUrl,
    redisUrl: (await context.redis()).url,
    env: { NODE_OPTIONS: `--import ${path.join(import.meta.dirname, 'memory-probe.mjs')}`, MEMORY_PROBE_FILE: probeFile },
  });
  const client = await context.spawn<unknown, SubscribersCommand, SubscribersResult>('start/subscribers-client.ts', {
    origin: server.url,
    token: adminToken,
  } satisfies SubscribersClientArgs);
  await client.request({ count: firstSubscribers });
  await hearOneEvent(context, server, client, firstSubscribers, 1);
  const before = await look(server, probeFile);
  const count = firstSubscribers + measuredCount(context);
  await client.request({ count });
  const after = await look(server, probeFile);
  await hearOneEvent(context, server, client, count, 2);
  await client.stop();
  await server.stop();
  return {
    resident: (after.resident - before.resident) / measuredCount(context),
    live: (after.live - before.live) / measuredCount(context),
  };
}

/** Creates a task, of which every subscriber must hear once: it is subscribed, and not only connected. */
async function hearOneEvent(
  context: BenchContext,
  server: BatonServer,
  client: { request(command: SubscribersCommand): Promise<SubscribersResult> },
  count: number,
  events: number,
): Promise<void> {
  await mutate(server.url, 'mutation Create($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } } }', {
    input: { title: 'A task to hear of' },
  });
  const isHeard = ({ eventCounts }: SubscribersResult) =>
    eventCounts.length === count && eventCounts.every((heard, index) => heard === (index < firstSubscribers ? events : 1));
  const deadline = performance.now() + 10_000;
  let result = await client.request({ count });
  while (!isHeard(result) && performance.now() < deadline) {
    await sleep(50);
    result = await client.request({ count });
  }
  context.check(isHeard(result), `not each of ${count} subscribers heard once of a new task`);
}

/** Has the server collect its garbage, and returns the memory that it has then. */
async function probe({ pid }: BatonServer, file: string): Promise<Memory> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await sleep(20);
  const { rss, heapUsed, external } = JSON.parse(readFileSync(file, 'utf8')) as NodeJS.MemoryUsage;
  return { resident: rss, live: heapUsed + external };
}
