/**
 * `heartbeat`: 20,000 leased tasks, held by 64 agents, are kept alive over 64 connections, one heartbeat in each request.
 *
 * The same requests go to the product and to stock Yoga with one UPDATE for each. Compared are the heartbeats per second and the
 * processor time of Postgres for each. After every round as many leases must have moved as were sent heartbeats, and in the end all.
 */
import type pg from 'pg';
import { type Benchmark, check } from '../benchmark.js';
import type { BenchContext } from '../context.js';
import { fillUpTasks, registerAgents } from '../organization.js';
import { plainTables } from '../peers/plain-tables.js';
import type { Holding } from './documents.js';
import type { HeartbeatsCommand, HeartbeatsResult } from './heartbeats-client.js';
import type { PlainServerArgs } from './plain-server.js';

const taskCount = 20_000;
const agentCount = 64;
const leaseSeconds = 3600;
/** Connections to Postgres of the product, unless it is told otherwise; the other server has as many. */
const productPoolSize = 20;
const finishMs = 90_000;

export const benchmark: Benchmark = {
  name: 'heartbeat',
  description: `${taskCount.toLocaleString('en')} leased tasks are kept alive over ${agentCount} connections`,
  run: async (context) => {
    const sides = { ours: await startOurs(context), 'one UPDATE each': await startPlain(context) };
    const figures = await context.alternate(sides, (side) => side.play(context.roundMs));
    for (const side of Object.values(sides)) await side.finish();
    const { ours, 'one UPDATE each': plain } = figures;
    return [
      {
        name: 'heartbeat',
        unit: 'heartbeats/s',
        ours: ours.perSecond,
        peers: { 'one UPDATE each': plain.perSecond },
        limit: null,
        goals: [{ against: 'one UPDATE each', atLeast: 5 }],
        facts: { 'CPU µs of the server for each': ours.serverUs },
      },
      {
        name: 'heartbeat, processor time of Postgres',
        unit: 'µs/heartbeat',
        ours: ours.postgresUs,
        peers: { 'one UPDATE each': plain.postgresUs },
        limit: null,
        goals: [{ against: 'one UPDATE each', atMost: 0.1 }],
      },
    ];
  },
};

interface SideOptions {
  origin: string;
  /** Of the server. */
  pid: number;
  database: pg.Pool;
  /** Tokens by the id of the agent. */
  tokens: Map<string, string>;
}

/** A server with tasks that are held, and their holders, who are a process of their own. */
class Side {
  private constructor(
    private readonly context: BenchContext,
    private readonly options: SideOptions,
    private readonly client: Awaited<ReturnType<typeof spawnClient>>,
    private readonly postgresPid: number,
    private readonly startedAt: string,
  ) {}

  static async start(context: BenchContext, options: SideOptions): Promise<Side> {
    const { database, tokens } = options;
    await database.query('vacuum (analyze) task');
    const { rows } = await database.query<{ holderId: string; taskIds: string[] }>(
      `select holder_id as "holderId", array_agg(id::text) as "taskIds" from task where holder_id is not null and fence = 1 group by holder_id`,
    );
    const holdings = rows.map(({ holderId, taskIds }): Holding => ({ token: tokens.get(holderId) ?? '', taskIds }));
    const held = holdings.reduce((sum, { taskIds }) => sum + taskIds.length, 0);
    check(held === taskCount && holdings.length === agentCount, `${holdings.length} agents hold ${held} tasks`);
    const client = await spawnClient(context, options.origin);
    await client.request({ kind: 'hold', holdings });
    const { pid } = await context.postgres();
    return new Side(context, options, client, pid, await timeOf(database));
  }

  async play(durationMs: number): Promise<{ perSecond: number; postgresUs: number; serverUs: number }> {
    const { context, options, postgresPid } = this;
    const since = await timeOf(options.database);
    const postgresBefore = context.cpuSeconds(postgresPid, { children: true });
    const serverBefore = context.cpuSeconds(options.pid);
    const { perSecond, heartbeats, tasks } = await this.client.request({ kind: 'send', durationMs });
    const usForEach = (seconds: number) => (seconds * 1e6) / heartbeats;
    const serverUs = usForEach(context.cpuSeconds(options.pid) - serverBefore);
    const postgresUs = usForEach(context.cpuSeconds(postgresPid, { children: true }) - postgresBefore);
    const moved = await this.#countMoved(since);
    check(moved === tasks, `${tasks} tasks were sent heartbeats, and the leases of ${moved} moved`);
    return { perSecond, postgresUs, serverUs };
  }

  /** Finds every lease moved. */
  async finish(): Promise<void> {
    await this.client.request({ kind: 'finish' }, { timeoutMs: finishMs });
    const moved = await this.#countMoved(this.startedAt);
    check(moved === taskCount, `of ${taskCount} leases ${moved} moved`);
  }

  async #countMoved(since: string): Promise<number> {
    // Instants are kept to the millisecond.
    const { rows } = await this.options.database.query<{ count: number }>(
      `select count(*)::int as count from task
       where lease_expires_at >= $1::timestamptz + make_interval(secs => lease_ttl_seconds) - interval '1 ms'`,
      [since],
    );
    return rows[0]?.count ?? 0;
  }
}

function spawnClient(context: BenchContext, origin: string) {
  return context.spawn<object, HeartbeatsCommand, HeartbeatsResult>('heartbeat/heartbeats-client.ts', { origin });
}

async function timeOf(database: pg.Pool): Promise<string> {
  // What was written a moment ago must lie before it, however it was rounded.
  const { rows } = await database.query<{ time: string }>(`select clock_timestamp()::text as time from pg_sleep(0.01)`);
  return rows[0]?.time ?? '';
}

async function startOurs(context: BenchContext): Promise<Side> {
  const { createDatabase, openPool } = await context.postgres();
  const databaseUrl = await createDatabase('heartbeat', { migrated: true });
  const { url: origin, pid } = await context.startServer({ databaseUrl });
  const agents = await registerAgents(origin, { name: 'agent', count: agentCount });
  const database = openPool(databaseUrl);
  await fillUpTasks(database, taskCount);
  for (const [index, { apiKey }] of agents.entries()) {
    const isOneMore = index < taskCount % agentCount;
    await claim(origin, apiKey, Math.floor(taskCount / agentCount) + (isOneMore ? 1 : 0));
  }
  return Side.start(context, { origin, pid, database, tokens: new Map(agents.map(({ id, apiKey }) => [id, apiKey])) });
}

/** Has the agent claim so many tasks. */
async function claim(origin: string, apiKey: string, count: number): Promise<void> {
  const query =
    'mutation ($input: TaskClaimNextInput!) { taskClaimNext(input: $input) { tasks { id } errors { code message } } }';
  for (let left = count; left > 0; ) {
    const response = await fetch(`${origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query, variables: { input: { leaseSeconds, count: Math.min(left, claimCountMax) } } }),
    });
    const { data } = (await response.json()) as { data?: { taskClaimNext: { tasks: unknown[] } } };
    const claimed = data?.taskClaimNext.tasks.length ?? 0;
    check(claimed > 0, `nothing was claimed: ${JSON.stringify(data)}`);
    left -= claimed;
  }
}

/** What one claim may take. */
const claimCountMax = 100;

async function startPlain(context: BenchContext): Promise<Side> {
  const { createDatabase, openPool } = await context.postgres();
  const databaseUrl = await createDatabase('heartbeat_plain');
  const database = openPool(databaseUrl);
  await database.query(plainTables);
  const { rows } = await database.query<{ id: string }>('select uuidv7()::text as id from generate_series(1, $1::int)', [
    agentCount,
  ]);
  const agentIds = rows.map(({ id }) => id);
  await database.query(
    `insert into task (id, title, status, fence, holder_id, assignee_id, claimed_at, lease_ttl_seconds, lease_expires_at)
     select uuidv7(), 'task ' || n, 'CLAIMED', 1, agent.id, agent.id, now(), $2::int, now() + make_interval(secs => $2::int)
     from generate_series(0, $1::int - 1) as n
     cross join lateral (select ($3::uuid[])[n % cardinality($3::uuid[]) + 1] as id) as agent`,
    [taskCount, leaseSeconds, agentIds],
  );
  const tokens = new Map(agentIds.map((id, index) => [id, `plain-agent-token-${index}`]));
  const agents = Object.fromEntries([...tokens].map(([id, token]) => [token, id]));
  const args: PlainServerArgs = { databaseUrl, poolSize: productPoolSize, agents };
  const { ready, pid } = await context.spawnServer<{ url: string }>('heartbeat/plain-server.ts', args);
  return Side.start(context, { origin: ready.url, pid, database, tokens });
}
