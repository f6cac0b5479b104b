import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { check, type Figures } from '../benchmark.js';
import type { BenchContext } from '../context.js';
import type { HttpClientArgs, HttpClientCommand, HttpClientResult } from '../http-client.js';
import { fillUpTasks, registerAgents } from '../organization.js';
import { fillUpPlainTasks, plainTables } from '../peers/plain-tables.js';
import type { StockYogaArgs, StockYogaReady } from '../peers/stock-yoga.js';
import { fillUpStockTasks, stockYogaTables } from '../peers/stock-yoga-tables.js';
import type { MeasuredWindow } from '../tally.js';
import type { AgentsArgs, AgentsCommand, AgentsResult } from './agents-client.js';
import { bareRequests } from './bare-requests.js';
import { type Form, formNames, forms } from './forms.js';
import { type Outcome, outcomeOfProduct, outcomeOfStock } from './outcome.js';
import { plainClaim } from './plain-claim.js';
import type { QueueCommand, QueueResult } from './queue-peer.js';

/** Connections to Postgres of the product, unless it is told otherwise; the stock server has as many. */
const productPoolSize = 20;

/**
 * One side of the comparison: works for a round with so many agents, and says how many pairs of claim and completion it did, and what
 * processor time each took of it and of its Postgres or Redis.
 */
export type Side = (agents: number, window: MeasuredWindow) => Promise<Figures & { pairsPerSecond: number; cpuMs: number }>;

export interface QueuesOptions {
  agentCountMax: number;
  /** Tasks that wait when a round begins. */
  readyCount: number;
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

/** Every queue that takes part. */
export class Queues {
  readonly sides: Record<string, Side> = {};
  readonly #checks: (() => Promise<void>)[] = [];

  private constructor(
    private readonly context: BenchContext,
    private readonly options: QueuesOptions,
  ) {}

  static async start(context: BenchContext, options: QueuesOptions): Promise<Queues> {
    const queues = new Queues(context, options);
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
    const agents = await registerAgents(origin, { name: 'agent', count: this.options.agentCountMax });
    const database = openPool(databaseUrl);
    await this.#addAgents('ours', formNames, {
      client: { origins: [origin], apiKeys: agents.map(({ apiKey }) => apiKey) },
      pid,
      fillUp: () => fillUpTasks(database, this.options.readyCount),
      outcome: () => outcomeOfProduct(database),
    });
  }

  async #addStockYoga(): Promise<void> {
    const { createDatabase, openPool } = await this.context.postgres();
    const databaseUrl = await createDatabase('claim_yoga');
    const database = openPool(databaseUrl);
    await database.query(stockYogaTables);
    const args: StockYogaArgs = { databaseUrl, poolSize: productPoolSize, agentCount: this.options.agentCountMax };
    const { ready, pid } = await this.context.spawnServer<StockYogaReady>('peers/stock-yoga.ts', args);
    await this.#addAgents('stock Yoga', ['two requests', 'one document'], {
      client: { origins: [ready.url], apiKeys: ready.tokens },
      pid,
      fillUp: () => fillUpStockTasks(database, this.options.readyCount),
      outcome: () => outcomeOfStock(database),
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
        const serverMs = stopwatch(() => context.cpuSeconds(place.pid));
        const postgresMs = stopwatch(() => context.cpuSeconds(postgresPid, { children: true }));
        const result = await client.request({ ...window, ...forms[form], agents });
        total += result.total;
        const each = { server: serverMs() / result.total, postgres: postgresMs() / result.total };
        return {
          pairsPerSecond: result.count / result.seconds,
          cpuMs: each.server + each.postgres,
          'CPU ms of the server for each': each.server,
          'CPU ms of Postgres for each': each.postgres,
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
    const { context } = this;
    const { pid: storePid } = 'redisUrl' in args ? await context.redis() : await context.postgres();
    const peer = await context.spawnServer<object, QueueCommand, QueueResult>(script, args);
    this.sides[name] = async (agents, window) => {
      const enough = (jobsPerMs ?? Number.POSITIVE_INFINITY) * (window.warmUpMs + window.durationMs);
      await peer.request({ kind: 'fill', readyCount: Math.min(this.options.readyCount, enough) });
      const cpuMs = stopwatch(() => context.cpuSeconds(peer.pid) + context.cpuSeconds(storePid, { children: true }));
      const { count, seconds, total } = await peer.request({ kind: 'work', agents, ...window });
      return { pairsPerSecond: count / seconds, cpuMs: cpuMs() / total };
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
    const { createDatabase, openPool, pid } = await context.postgres();
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
        await fillUpPlainTasks(database, this.options.readyCount);
        const before = await countClaimed(database);
        const clients = Math.min(agentCount, pgbenchClientsMax);
        const each = Math.ceil((durationMs * pgbenchTransactionsPerMs) / clients);
        const flags = `--no-vacuum --protocol=prepared --jobs=2 --client=${clients} --transactions=${each} --file=${file}`;
        const cpuMs = stopwatch(() => context.cpuSeconds(pid, { children: true }));
        const output = await context.runProgram('pgbench', [...flags.split(' '), databaseUrl]);
        const cpuMsEach = cpuMs() / (clients * each * batchSize);
        const claimed = (await countClaimed(database)) - before;
        check(claimed === clients * each * batchSize, `${name}: ${clients * each} claims took ${claimed} tasks`);
        const perSecond = Number(/tps = ([\d.]+)/.exec(output)?.[1]);
        return { pairsPerSecond: perSecond * batchSize, cpuMs: cpuMsEach };
      };
    }
  }

  async #addBareHttp(): Promise<void> {
    const { ready, pid } = await this.context.spawnServer<{ url: string }>('claim/bare-server.ts');
    for (const form of formNames) {
      const requests = bareRequests[form].map(({ path, body }) => ({ path, body }));
      const args: HttpClientArgs = { origin: ready.url, requests };
      const client = await this.context.spawn<object, HttpClientCommand, HttpClientResult>('http-client.ts', args);
      this.sides[`bare node:http, ${form}`] = async (agents, { durationMs }) => {
        const cpuMs = stopwatch(() => this.context.cpuSeconds(pid));
        const { perSecond, requests: count } = await client.request({ connections: agents, durationMs });
        const pairsPerRequest = forms[form].batchSize / requests.length;
        return { pairsPerSecond: perSecond * pairsPerRequest, cpuMs: cpuMs() / (count * pairsPerRequest) };
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

/** Milliseconds that a clock of seconds has moved on from now. */
function stopwatch(seconds: () => number): () => number {
  const before = seconds();
  return () => (seconds() - before) * 1000;
}
