/**
 * `claim`: agents claim tasks and complete them, each with its own API key, over GraphQL on HTTP, with events logged.
 *
 * Three forms: two requests for each task; one document that completes a task and claims the next; one document that completes ten
 * tasks (ten aliases of the 30 that a document may have) and claims ten more. All sides work on a queue that never runs dry, with as
 * many jobs in work at a time, and are measured over the same stretch of time in the middle of it.
 * `--quick` leaves out 128 agents, and the sides that no goal speaks of.
 *
 * Peers: graphile-worker, pg-boss and BullMQ, with handlers in process that do nothing (how each is set up stands in `peers/`), and
 * stock Yoga with one statement for each act, which cannot claim ten. Limits: pgbench with a plain claim statement alone,
 * by as many connections up to 32, which completes nothing; and node:http that answers as many requests and does nothing.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { defaultOrganizationId } from '../../src/features/organizations/organization.model.js';
import { type Benchmark, check, type Figures, type Goal, type Measurement } from '../benchmark.js';
import type { BenchContext } from '../context.js';
import type { HttpClientArgs, HttpClientCommand, HttpClientResult } from '../http-client.js';
import { fillUpTasks, registerAgents } from '../organization.js';
import { fillUpPlainTasks, plainTables } from '../peers/plain-tables.js';
import type { StockYogaArgs, StockYogaReady } from '../peers/stock-yoga.js';
import { fillUpStockTasks, stockYogaTables } from '../peers/stock-yoga-tables.js';
import type { MeasuredWindow } from '../tally.js';
import type { AgentsArgs, AgentsCommand, AgentsResult } from './agents-client.js';
import { type Claimed, workBody } from './documents.js';
import { plainClaim } from './plain-claim.js';
import type { QueueCommand, QueueResult } from './queue-peer.js';

const agentCounts = [32, 128];
const agentCountMax = Math.max(...agentCounts);
/** Connections to Postgres of the product, unless it is told otherwise; the stock server has as many. */
const productPoolSize = 20;

const forms = {
  'two requests': { batchSize: 1, isOneDocument: false },
  'one document': { batchSize: 1, isOneDocument: true },
  'claims of ten': { batchSize: 10, isOneDocument: true },
} as const;
type Form = keyof typeof forms;
const formNames = Object.keys(forms) as Form[];

/** One side of the comparison: works for a round with so many agents, and says how many pairs of claim and completion it did. */
type Side = (agents: number, window: MeasuredWindow) => Promise<Figures & { pairsPerSecond: number }>;

export const benchmark: Benchmark = {
  name: 'claim',
  description: `${agentCounts.join(' and ')} agents claim and complete tasks`,
  run: async (context) => {
    const queues = await Queues.start(context, context.isQuick ? 20_000 : 100_000);
    const window = { warmUpMs: context.isQuick ? 100 : 500, durationMs: context.roundMs };
    const measurements: Measurement[] = [];
    for (const agents of context.isQuick ? agentCounts.slice(0, 1) : agentCounts) {
      const figures = await context.alternate(queues.sides, (side) => side(agents, window));
      measurements.push(...formNames.map((form) => measurementOf(form, agents, figures)));
    }
    await queues.check();
    return measurements;
  },
};

const goals: Record<Form, Goal[]> = {
  'two requests': [{ against: 'graphile-worker', atLeast: 1.5 }],
  'one document': [
    { against: 'graphile-worker', atLeast: 3 },
    { against: 'pgbench, claims one by one', atLeast: 1 },
  ],
  'claims of ten': [{ against: 'BullMQ', atLeast: 1 }],
};

function measurementOf(form: Form, agents: number, figures: Record<string, Figures>): Measurement {
  const rate = (side: string) => figures[side]?.pairsPerSecond;
  const tens = form === 'claims of ten';
  const peers = {
    'stock Yoga': rate(`stock Yoga, ${form}`),
    'graphile-worker': rate('graphile-worker'),
    'pg-boss': rate('pg-boss'),
    BullMQ: rate('BullMQ'),
    'bare node:http': rate(`bare node:http, ${form}`),
  };
  const limitName = tens ? 'pgbench, claims of ten' : 'pgbench, claims one by one';
  const limit = rate(limitName) ?? null;
  const { pairsPerSecond = Number.NaN, ...facts } = figures[`ours, ${form}`] ?? {};
  return {
    name: `claim: ${form}, ${agents} agents`,
    unit: 'pairs/s',
    ours: pairsPerSecond,
    peers: Object.fromEntries(Object.entries(peers).filter((peer): peer is [string, number] => peer[1] !== undefined)),
    limit,
    limitName,
    goals: goals[form].filter(({ against }) => against !== limitName || limit !== null),
    facts,
  };
}

/** A server that agents work at. */
interface Workplace {
  client: AgentsArgs;
  /** Of the server. */
  pid: number;
  /** Has the wanted number of tasks ready. */
  fillUp(): Promise<void>;
  outcome(): Promise<Outcome>;
}

/** What became of all tasks. */
interface Outcome {
  done: number;
  /** Of those, by one claim and one completion, with the records of each. */
  once: number;
  /** Neither done nor as they were made. */
  others: number;
}

/** Every queue that takes part. */
class Queues {
  readonly sides: Record<string, Side> = {};
  readonly #checks: (() => Promise<void>)[] = [];

  private constructor(
    private readonly context: BenchContext,
    /** Tasks that wait when a round begins. */
    private readonly readyCount: number,
  ) {}

  static async start(context: BenchContext, readyCount: number): Promise<Queues> {
    const queues = new Queues(context, readyCount);
    await queues.#addOurs();
    await queues.#addStockYoga();
    const { createDatabase } = await context.postgres();
    const { url: redisUrl } = await context.redis();
    const graphile = { databaseUrl: await createDatabase('claim_graphile_worker') };
    await queues.#addInProcess('graphile-worker', 'peers/graphile-worker.ts', graphile);
    await queues.#addInProcess('BullMQ', 'peers/bullmq.ts', { redisUrl });
    await queues.#addPgbench();
    if (context.isQuick) return queues;
    const boss = { databaseUrl: await createDatabase('claim_pg_boss') };
    await queues.#addInProcess('pg-boss', 'peers/pg-boss.ts', boss, pgBossJobsPerMs);
    await queues.#addBareHttp();
    return queues;
  }

  async check(): Promise<void> {
    for (const check of this.#checks) await check();
  }

  async #addOurs(): Promise<void> {
    const { createDatabase, openPool } = await this.context.postgres();
    const databaseUrl = await createDatabase('claim_baton', { migrated: true });
    const { url: origin, pid } = await this.context.startServer({ databaseUrl });
    const agents = await registerAgents(origin, { name: 'agent', count: agentCountMax });
    const database = openPool(databaseUrl);
    await this.#addAgents('ours', formNames, {
      client: { origins: [origin], apiKeys: agents.map(({ apiKey }) => apiKey) },
      pid,
      fillUp: () => fillUpTasks(database, this.readyCount),
      outcome: async () => outcomeOf(database, outcomeText),
    });
  }

  async #addStockYoga(): Promise<void> {
    const { createDatabase, openPool } = await this.context.postgres();
    const databaseUrl = await createDatabase('claim_yoga');
    const database = openPool(databaseUrl);
    await database.query(stockYogaTables);
    const args: StockYogaArgs = { databaseUrl, poolSize: productPoolSize, agentCount: agentCountMax };
    const { ready, pid } = await this.context.spawnServer<StockYogaReady>('peers/stock-yoga.ts', args);
    await this.#addAgents('stock Yoga', ['two requests', 'one document'], {
      client: { origins: [ready.url], apiKeys: ready.tokens },
      pid,
      fillUp: () => fillUpStockTasks(database, this.readyCount),
      outcome: async () => outcomeOf(database, stockOutcomeText),
    });
  }

  /** A server that agents work at, in each of the forms. */
  async #addAgents(name: string, served: Form[], place: Workplace): Promise<void> {
    const { context } = this;
    const { pid: postgresPid } = await context.postgres();
    const client = await context.spawn<object, AgentsCommand, AgentsResult>('claim/agents-client.ts', place.client);
    let total = 0;
    for (const form of served) {
      this.sides[`${name}, ${form}`] = async (agents, window) => {
        await place.fillUp();
        const serverBefore = context.cpuSeconds(place.pid);
        const postgresBefore = context.cpuSeconds(postgresPid, { children: true });
        const result = await client.request({ ...window, ...forms[form], agents });
        total += result.total;
        const msForEach = (seconds: number) => (seconds * 1000) / result.total;
        return {
          pairsPerSecond: result.count / result.seconds,
          'CPU ms of the server for each': msForEach(context.cpuSeconds(place.pid) - serverBefore),
          'CPU ms of Postgres for each': msForEach(context.cpuSeconds(postgresPid, { children: true }) - postgresBefore),
          'empty claims': result.emptyClaims,
        };
      };
    }
    this.#checks.push(async () => {
      const { done, once, others } = await place.outcome();
      check(done === total, `${name}: agents completed ${total} tasks, and ${done} are DONE`);
      check(once === done, `${name}: of ${done} tasks, ${once} were claimed and completed exactly once`);
      check(others === 0, `${name}: ${others} tasks are neither DONE nor as they were made`);
    });
  }

  /** A queue with its workers in a process of its own. With `jobsPerMs` only so many wait as it can take in a round. */
  async #addInProcess(name: string, script: string, args: object, jobsPerMs?: number): Promise<void> {
    const peer = await this.context.spawnServer<object, QueueCommand, QueueResult>(script, args);
    this.sides[name] = async (agents, window) => {
      const enough = (jobsPerMs ?? Number.POSITIVE_INFINITY) * (window.warmUpMs + window.durationMs);
      await peer.request({ kind: 'fill', readyCount: Math.min(this.readyCount, enough) });
      const { count, seconds } = await peer.request({ kind: 'work', agents, ...window });
      return { pairsPerSecond: count / seconds };
    };
    // Filling up finds whether what was done is gone, and nothing else.
    this.#checks.push(async () => {
      await peer.request({ kind: 'fill', readyCount: 0 });
    });
  }

  /** Debian's pgbench; without it these limits are left out. */
  async #addPgbench(): Promise<void> {
    const { context } = this;
    try {
      await context.runProgram('pgbench', ['--version']);
    } catch {
      console.log('  pgbench is missing, so the limits that it measures are left out: apt install postgresql-contrib');
      return;
    }
    const { createDatabase, openPool } = await context.postgres();
    const databaseUrl = await createDatabase('claim_pgbench');
    const database = openPool(databaseUrl);
    await database.query(plainTables);
    const directory = context.makeDirectory('pgbench');
    for (const [name, batchSize] of Object.entries({ 'pgbench, claims one by one': 1, 'pgbench, claims of ten': 10 })) {
      const file = path.join(directory, `claim-${batchSize}.sql`);
      const text = plainClaim({
        agentId: plainAgentId,
        leaseSeconds: 3600,
        count: batchSize,
      });
      writeFileSync(file, `${text.replaceAll(/\s+/g, ' ')};\n`);
      this.sides[name] = async (agentCount, { durationMs }) => {
        await fillUpPlainTasks(database, this.readyCount);
        const before = await countClaimed(database);
        const clients = Math.min(agentCount, pgbenchClientsMax);
        const each = Math.ceil((durationMs * pgbenchTransactionsPerMs) / clients);
        const flags = `--no-vacuum --protocol=prepared --jobs=2 --client=${clients} --transactions=${each} --file=${file}`;
        const output = await context.runProgram('pgbench', [...flags.split(' '), databaseUrl]);
        const claimed = (await countClaimed(database)) - before;
        check(claimed === clients * each * batchSize, `${name}: ${clients * each} claims took ${claimed} tasks`);
        const perSecond = Number(/tps = ([\d.]+)/.exec(output)?.[1]);
        return { pairsPerSecond: perSecond * batchSize };
      };
    }
  }

  async #addBareHttp(): Promise<void> {
    const held = (fence: number): Claimed & { title: string } => ({
      id: defaultOrganizationId,
      title: 'task 12345',
      lease: { fence },
    });
    const requestsOf: Record<Form, { path: string; body: object; answer: object }[]> = {
      'two requests': [
        { path: '/claim', body: workBody([], 1), answer: { data: { claim: { tasks: [held(1)], errors: [] } } } },
        {
          path: '/complete',
          body: workBody([held(1)], 0),
          answer: { data: { done0: { task: { status: 'DONE' }, errors: [] } } },
        },
      ],
      'one document': [
        {
          path: '/one',
          body: workBody([held(1)], 1),
          answer: { data: { done0: { task: { status: 'DONE' }, errors: [] }, claim: { tasks: [held(1)], errors: [] } } },
        },
      ],
      'claims of ten': [
        {
          path: '/ten',
          body: workBody(new Array(10).fill(held(1)), 10),
          answer: {
            data: {
              ...Object.fromEntries(
                Array.from({ length: 10 }, (_, index) => [`done${index}`, { task: { status: 'DONE' }, errors: [] }]),
              ),
              claim: { tasks: new Array(10).fill(held(1)), errors: [] },
            },
          },
        },
      ],
    };
    const answers = Object.values(requestsOf).flatMap((requests) => requests.map(({ path, answer }) => [path, answer]));
    const { ready } = await this.context.spawnServer<{ url: string }>('claim/bare-server.ts', Object.fromEntries(answers));
    for (const form of formNames) {
      const requests = requestsOf[form].map(({ path, body }) => ({ path, body }));
      const args: HttpClientArgs = { origin: ready.url, requests };
      const client = await this.context.spawn<object, HttpClientCommand, HttpClientResult>('http-client.ts', args);
      this.sides[`bare node:http, ${form}`] = async (agents, { durationMs }) => {
        const { perSecond } = await client.request({ connections: agents, durationMs });
        return { pairsPerSecond: (perSecond * forms[form].batchSize) / requests.length };
      };
    }
  }
}

/** More than pg-boss has been seen to do. */
const pgBossJobsPerMs = 10;
/** More connections than this only wait for each other. */
const pgbenchClientsMax = 32;
/** Who claims there. */
const plainAgentId = '00000000-0000-7000-8000-0000000000a1';
/** What makes its rounds about as long as those of the others. */
const pgbenchTransactionsPerMs = 3;

async function countClaimed(database: pg.Pool): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int as count from task where status = 'CLAIMED'`);
  return rows[0]?.count ?? 0;
}

async function outcomeOf(database: pg.Pool, text: string): Promise<Outcome> {
  const { rows } = await database.query<Outcome>(text);
  if (!rows[0]) throw new Error('a count has a row');
  return rows[0];
}

const countOutcomes = `
select count(*) filter (where is_done)::int as "done", count(*) filter (where is_done and is_once)::int as "once",
  count(*) filter (where not is_done and not is_untouched)::int as "others"
from outcome`;

/** Done once is: fence 1, one attempt, and one event for each of the two. */
const outcomeText = `
with attempts as (
  select task_id, count(*) as count, count(*) filter (where fence = 1 and outcome = 'COMPLETED' and ended_at is not null) as completed
  from task_attempt group by task_id
), events as (
  select task_id, count(*) as count, count(*) filter (where type = 'TaskClaimed') as claimed, count(*) filter (where type = 'TaskCompleted') as completed
  from event where task_id is not null group by task_id
), outcome as (
  select task.status = 'DONE' as is_done,
    task.fence = 1 and attempts.count = 1 and attempts.completed = 1
      and events.count = 2 and events.claimed = 1 and events.completed = 1 as is_once,
    task.status = 'READY' and task.fence = 0 and attempts.count is null and events.count is null as is_untouched
  from task left join attempts on attempts.task_id = task.id left join events on events.task_id = task.id
)
${countOutcomes}`;

const stockOutcomeText = `
with events as (
  select task_id, count(*) as count, count(*) filter (where kind = 'TASK_CLAIMED') as claimed, count(*) filter (where kind = 'TASK_COMPLETED') as completed
  from event group by task_id
), outcome as (
  select task.status = 'DONE' as is_done,
    task.fence = 1 and events.count = 2 and events.claimed = 1 and events.completed = 1 as is_once,
    task.status = 'READY' and task.fence = 0 and events.count is null as is_untouched
  from task left join events on events.task_id = task.id
)
${countOutcomes}`;
