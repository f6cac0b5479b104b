/**
 * `cost`: processor time of a server and of Postgres for what agents do besides claims and the heartbeats of leases, which have
 * benchmarks of their own, and for every event that a server follows. The table in docs/operations.md is made of these.
 *
 * There is nothing to compare with. Checked is that each task was created, and that each event was followed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { defaultOrganizationId } from '../../src/features/organizations/organization.model.js';
import { type Benchmark, check, type Measurement, median } from '../benchmark.js';
import { adminToken, type BatonServer, type BenchContext } from '../context.js';
import { registerAgents } from '../organization.js';
import type { ActsClientArgs, ActsCommand, ActsResult } from './acts-client.js';

const agentCount = 32;
const followedEvents = 50_000;
const followLimitMs = 60_000;

const acts = {
  'a task created': 'mutation { taskCreate(input: { title: "bench" }) { task { id } errors { code message } } }',
  'a heartbeat of an agent': 'mutation { agentHeartbeat(input: {}) { agent { id } errors { code message } } }',
};

interface Cost extends Record<string, number> {
  serverUs: number;
  postgresUs: number;
}

export const benchmark: Benchmark = {
  name: 'cost',
  description: `processor time of what ${agentCount} agents do, and of following ${followedEvents.toLocaleString('en')} events`,
  async run(context) {
    const { createDatabase, openPool } = await context.postgres();
    const databaseUrl = await createDatabase('cost', { migrated: true });
    const server = await context.startServer({ databaseUrl });
    const database = openPool(databaseUrl);
    const agents = await registerAgents(server.url, { name: 'agent', count: agentCount });
    const client = await context.spawn<unknown, ActsCommand, ActsResult>('cost/acts-client.ts', {
      origin: server.url,
      tokens: agents.map(({ apiKey }) => apiKey),
    } satisfies ActsClientArgs);
    const measurements: Measurement[] = [];
    for (const [name, query] of Object.entries(acts)) {
      const costs: Cost[] = [];
      for (let round = -1; round < context.rounds; round++) {
        const before = await countTasks(database);
        const cost = await measure(context, server, async () => {
          const { requests } = await client.request({ query, durationMs: context.roundMs });
          return requests;
        });
        const created = (await countTasks(database)) - before;
        if (query === acts['a task created'])
          check(created === cost.acts, `${cost.acts} tasks were created, and ${created} are there`);
        if (round >= 0) costs.push(cost);
      }
      measurements.push(asMeasurement(`cost, ${name}`, costs));
    }
    const costs: Cost[] = [];
    for (let round = 0; round < context.rounds; round++) costs.push(await follow(context, server, database));
    measurements.push(asMeasurement('cost, an event followed', costs));
    return measurements;
  },
};

async function measure(
  context: BenchContext,
  { pid }: BatonServer,
  act: () => Promise<number>,
): Promise<Cost & { acts: number }> {
  const { pid: postgresPid } = await context.postgres();
  const serverBefore = context.cpuSeconds(pid);
  const postgresBefore = context.cpuSeconds(postgresPid, { children: true });
  const count = await act();
  const usForEach = (seconds: number) => (seconds * 1e6) / count;
  return {
    acts: count,
    serverUs: usForEach(context.cpuSeconds(pid) - serverBefore),
    postgresUs: usForEach(context.cpuSeconds(postgresPid, { children: true }) - postgresBefore),
  };
}

/** Events that were written elsewhere, as those of all other servers are, read into a server that nobody subscribes at. */
async function follow(context: BenchContext, server: BatonServer, database: pg.Pool): Promise<Cost> {
  const before = await countFollowed(server);
  await database.query(
    `insert into event (organization_id, type, subject_id, task_id, project_id, source, data)
     select $1, 'TaskClaimed', id, id, id, 'GRAPHQL', '{"before": "READY", "after": "CLAIMED", "fence": 1}'
     from (select gen_random_uuid() as id from generate_series(1, $2::int)) as ids`,
    [defaultOrganizationId, followedEvents],
  );
  return measure(context, server, async () => {
    const deadline = performance.now() + followLimitMs;
    let followed = 0;
    while (followed < followedEvents) {
      check(performance.now() < deadline, `of ${followedEvents} events ${followed} were followed`);
      await sleep(100);
      followed = (await countFollowed(server)) - before;
    }
    return followed;
  });
}

async function countFollowed(server: BatonServer): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } });
  const counts = (await response.text()).matchAll(/^baton_events_total\{[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function countTasks(database: pg.Pool): Promise<number> {
  const { rows } = await database.query<{ count: number }>('select count(*)::int as count from task');
  return rows[0]?.count ?? 0;
}

function asMeasurement(name: string, costs: Cost[]): Measurement {
  const middle = (part: 'serverUs' | 'postgresUs') => median(costs.map((cost) => cost[part]));
  const facts = { 'of the server, µs': middle('serverUs'), 'of Postgres, µs': middle('postgresUs') };
  return {
    name,
    unit: 'µs of processor',
    ours: middle('serverUs') + middle('postgresUs'),
    peers: {},
    limit: null,
    goals: [],
    facts,
  };
}
