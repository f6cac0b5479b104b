import type pg from 'pg';
import { defaultOrganizationId } from '../../src/features/organizations/organization.model.js';
import type { Benchmark, Measurement } from '../benchmark.js';
import type { BenchContext } from '../context.js';
import type { HttpClientArgs, HttpClientCommand, HttpClientResult } from '../http-client.js';
import type { LoadResult } from '../http-load.js';
import { registerAgents } from '../organization.js';
import type { ClaimsClientArgs, ClaimsCommand } from './claims-client.js';
import type { HonoServerArgs } from './hono-server.js';

const agentCount = 32;
const poolSize = 20;
const queuedTasks = 10_000;
/** More than any server claims in a second here. */
const claimsPerSecondMax = 8000;

export const benchmark: Benchmark = {
  name: 'rest',
  description: `a claim over the coordinator dialect and a page of 20 tasks over the queue dialect, ${agentCount} connections`,
  async run(context) {
    const postgres = await context.postgres();
    const databaseUrl = await postgres.createDatabase('rest', { migrated: true });
    const database = postgres.openPool(databaseUrl);
    const baton = await context.startServer({
      databaseUrl,
      redisUrl: (await context.redis()).url,
      env: { DATABASE_POOL_SIZE: String(poolSize) },
    });
    const agents = await registerAgents(baton.url, { name: 'rest', count: agentCount });
    const tokens = agents.map(({ apiKey }) => apiKey);
    const hono = await context.spawnServer<{ url: string }>('rest/hono-server.ts', {
      databaseUrl,
      poolSize,
      organizationId: defaultOrganizationId,
      agentIds: Object.fromEntries(agents.map(({ id, apiKey }) => [apiKey, id])),
    } satisfies HonoServerArgs);
    const sides = { ours: { url: baton.url, pid: baton.pid, tokens }, hono: { url: hono.ready.url, pid: hono.pid, tokens } };
    return [await measureClaims(context, database, sides), await measureList(context, database, sides)];
  },
};

interface Side {
  url: string;
  pid: number;
  tokens: string[];
}

type Sides = { ours: Side; hono: Side };

async function measureClaims(context: BenchContext, database: pg.Pool, sides: Sides): Promise<Measurement> {
  const start = async (side: Side) => ({
    pid: side.pid,
    client: await context.spawn<unknown, ClaimsCommand, LoadResult>('rest/claims-client.ts', {
      origin: side.url,
      tokens: side.tokens,
    } satisfies ClaimsClientArgs),
  });
  let answered = 0;
  const medians = await context.alternate(
    { ours: await start(sides.ours), hono: await start(sides.hono) },
    async ({ pid, client }) => {
      const taskIds = await createTasks(database, Math.ceil((claimsPerSecondMax * context.roundMs) / 1000));
      const before = context.cpuSeconds(pid);
      const { requests, perSecond, p99 } = await client.request({ taskIds, durationMs: context.roundMs });
      answered += requests;
      const { rows } = await database.query<{ count: number }>(
        `select count(*)::int as count from task where id = any($1::uuid[]) and status = 'CLAIMED' and fence = 1`,
        [taskIds],
      );
      context.check(rows[0]?.count === requests, `${requests} claims were answered, and ${rows[0]?.count} tasks are claimed`);
      return { perSecond, p99, cpuMicroseconds: ((context.cpuSeconds(pid) - before) / requests) * 1e6 };
    },
  );
  const { rows } = await database.query<{ attempts: number; events: number }>(
    `select (select count(*)::int from task_attempt) as attempts,
       (select count(distinct task_id)::int from event where type = 'TaskClaimed') as events`,
  );
  context.check(rows[0]?.attempts === answered, `${answered} claims left ${rows[0]?.attempts} attempts`);
  context.check(rows[0]?.events === answered, `${answered} claims left events of ${rows[0]?.events} tasks`);
  return toMeasurement('rest, POST /api/coord/tasks/:id/claim', medians);
}

async function createTasks(database: pg.Pool, count: number): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    `insert into task (id, organization_id, title, source)
     select uuidv7(), $1, 'task ' || n, 'COORDINATOR' from generate_series(1, $2::int) as n returning id`,
    [defaultOrganizationId, count],
  );
  return rows.map(({ id }) => id);
}

async function measureList(context: BenchContext, database: pg.Pool, sides: Sides): Promise<Measurement> {
  // Of the page, every fourth task is claimed.
  await database.query(
    `insert into task (id, organization_id, title, source, number, kind, model_tier, metadata)
     select uuidv7(), $1, 'task ' || n, 'QUEUE', n, 'code', 'standard', '{"branch": "main"}'
     from generate_series(1, $2::int) as n`,
    [defaultOrganizationId, queuedTasks],
  );
  await database.query(
    `update task set status = 'CLAIMED', holder_id = agent.id, assignee_id = agent.id, fence = 1, claimed_at = clock_timestamp(),
       lease_ttl_seconds = 3600, lease_expires_at = clock_timestamp() + interval '1 hour',
       lease_check_at = statement_timestamp() + interval '1 hour'
     from (select id from actor where organization_id = $1 limit 1) as agent
     where source = 'QUEUE' and number % 4 = 0`,
    [defaultOrganizationId],
  );
  await database.query('vacuum (analyze) task');
  const start = async (side: Side) => ({
    pid: side.pid,
    client: await context.spawn<unknown, HttpClientCommand, HttpClientResult>('http-client.ts', {
      origin: side.url,
      requests: [{ path: '/tasks', headers: { authorization: `Bearer ${side.tokens[0]}` } }],
    } satisfies HttpClientArgs),
  });
  const answers = new Set<string>();
  const medians = await context.alternate(
    { ours: await start(sides.ours), hono: await start(sides.hono) },
    async ({ pid, client }) => {
      const before = context.cpuSeconds(pid);
      const { bodies, requests, perSecond, p99 } = await client.request({
        connections: agentCount,
        durationMs: context.roundMs,
      });
      answers.add(bodies[0] ?? '');
      return { perSecond, p99, cpuMicroseconds: ((context.cpuSeconds(pid) - before) / requests) * 1e6 };
    },
  );
  const [answer] = answers;
  const page = JSON.parse(answer ?? '[]') as { id: number; status: string; claimed_by: string | null }[];
  context.check(
    answers.size === 1,
    `the two servers answered other pages:\n${[...answers].map((text) => text.slice(0, 600)).join('\n')}`,
  );
  context.check(
    page.length === 20 &&
      page.every(({ id, status }, index) => id === index + 1 && status === (id % 4 === 0 ? 'claimed' : 'queued')),
    'the page is not the first twenty tasks',
  );
  return toMeasurement('rest, GET /tasks', medians);
}

type Medians = Record<'ours' | 'hono', { perSecond: number; p99: number; cpuMicroseconds: number }>;

function toMeasurement(name: string, { ours, hono }: Medians): Measurement {
  return {
    name,
    unit: 'requests/s',
    ours: ours.perSecond,
    peers: { 'bare hono': hono.perSecond },
    limit: null,
    goals: [{ against: 'bare hono', atLeast: 0.5 }],
    facts: {
      'ours: p99, ms': ours.p99,
      'bare hono: p99, ms': hono.p99,
      'ours: CPU of the server, µs per request': ours.cpuMicroseconds,
      'bare hono: CPU of the server, µs per request': hono.cpuMicroseconds,
    },
  };
}
