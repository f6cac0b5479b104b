import type pg from 'pg';
import { defaultOrganizationId } from '../../src/features/organizations/organization.model.js';
import type { Benchmark, Measurement } from '../benchmark.js';
import { adminToken, type BenchContext } from '../context.js';
import type { HttpClientArgs, HttpClientCommand, HttpClientResult } from '../http-client.js';
import { fillUpTasks, registerAgents } from '../organization.js';
import { compileProduct } from '../product.js';
import type { MercuriusPrismaArgs } from './mercurius-prisma-server.js';
import { answer, query } from './tasks.js';

const connections = 32;

export const benchmark: Benchmark = {
  name: 'read',
  description: `20 tasks with 6 fields over HTTP, ${connections} connections; without a database, then with Postgres`,
  async run(context) {
    await compileProduct();
    return [await readMemory(context), await readPostgres(context)];
  },
};

/** How long a server that has just started is asked before it is measured: it compiles what is asked often. */
const settleMs = ({ roundMs }: BenchContext) => Math.min(1000, roundMs);

/** Each round asks a server that was started for it: of two processes of one program, one may be a third slower for as long as it lives. */
async function readMemory(context: BenchContext): Promise<Measurement> {
  const servers: Record<string, string> = {
    ours: 'read/baton-server.ts',
    'Mercurius with JIT': 'read/mercurius-server.ts',
    'graphql-yoga': 'read/yoga-server.ts',
    ...(!context.isQuick && { 'Apollo Server': 'read/apollo-server.ts', 'bare node:http': 'read/http-server.ts' }),
  };
  const playRound = async (script: string) => {
    const { server, client } = await startSide(context, script);
    await client.request({ connections, durationMs: settleMs(context) });
    const before = context.cpuSeconds(server.pid);
    const { perSecond, requests, bodies } = await client.request({ connections, durationMs: context.roundMs });
    const cpuMicroseconds = ((context.cpuSeconds(server.pid) - before) / requests) * 1e6;
    context.check(bodies[0]?.trim() === answer, 'a server answered other rows');
    await Promise.all([server.stop(), client.stop()]);
    return { perSecond, cpuMicroseconds };
  };
  const medians = await context.alternate(servers, playRound, { warmUps: 0 });
  const { ours, 'bare node:http': limit, ...peers } = medians;
  context.check(ours, 'nothing was measured');
  return {
    name: 'read, database taken out',
    unit: 'requests/s',
    ours: ours.perSecond,
    peers: Object.fromEntries(Object.entries(peers).map(([name, { perSecond }]) => [name, perSecond])),
    limit: limit?.perSecond ?? null,
    limitName: 'bare node:http',
    goals: [
      { against: 'Mercurius with JIT', atLeast: 1 },
      { against: 'graphql-yoga', atLeast: 6 },
    ],
    facts: Object.fromEntries(
      Object.entries(medians).map(([name, { cpuMicroseconds }]) => [
        `${name}: CPU of the server, µs per request`,
        cpuMicroseconds,
      ]),
    ),
  };
}

const storedQuery = '{ tasks(first: 20) { nodes { id title status priority requiredSpecialization createdAt } } }';
const storedTasks = 10_000;
const poolSize = 20;

/** The product itself, with an agent's API key, beside Mercurius with the same Prisma query on the same database. */
async function readPostgres(context: BenchContext): Promise<Measurement> {
  const postgres = await context.postgres();
  const databaseUrl = await postgres.createDatabase('read', { migrated: true });
  const database = postgres.openPool(databaseUrl);
  await fillUpTasks(database, storedTasks);
  const baton = await context.startServer({
    databaseUrl,
    redisUrl: (await context.redis()).url,
    env: { DATABASE_POOL_SIZE: String(poolSize) },
  });
  const [agent] = await registerAgents(baton.url, { name: 'reader', count: 1 });
  context.check(agent, 'no agent was registered');
  const ours = { pid: baton.pid, client: await startClient(context, baton.url, agent.apiKey, storedQuery) };
  await ours.client.request({ connections: 1, durationMs: 100 });
  const statement = await statementOf(database, 'baton');
  const mercurius = await context.spawnServer<{ url: string }>('read/mercurius-prisma-server.ts', {
    databaseUrl: `${databaseUrl}?application_name=mercurius`,
    poolSize,
    organizationId: defaultOrganizationId,
    token: adminToken,
    readsAllColumns: statement?.includes('"metadata"') ?? true,
  } satisfies MercuriusPrismaArgs);
  const peer = { pid: mercurius.pid, client: await startClient(context, mercurius.ready.url, adminToken, storedQuery) };

  const answers = new Set<string>();
  const medians = await context.alternate({ ours, peer }, async ({ pid, client }) => {
    const before = context.cpuSeconds(pid);
    const { perSecond, requests, bodies } = await client.request({ connections, durationMs: context.roundMs });
    answers.add(JSON.stringify(JSON.parse(bodies[0] ?? '')));
    return { perSecond, cpuMicroseconds: ((context.cpuSeconds(pid) - before) / requests) * 1e6 };
  });
  const { rows } = await database.query(
    `select id, title, status, priority, required_specialization as "requiredSpecialization", created_at as "createdAt"
     from task order by id limit 20`,
  );
  context.check(answers.size === 1, 'the two servers answered other rows');
  context.check(answers.has(JSON.stringify({ data: { tasks: { nodes: rows } } })), 'what was answered is not what is stored');
  const peerStatement = await statementOf(database, 'mercurius');
  context.check(
    statement === undefined || statement === peerStatement,
    `the peer runs another query than the product:\n${peerStatement}\nwhere the product runs\n${statement}`,
  );
  return {
    name: 'read, with Postgres',
    unit: 'requests/s',
    ours: medians.ours.perSecond,
    peers: { 'Mercurius with JIT, same Prisma query': medians.peer.perSecond },
    limit: null,
    goals: [{ against: 'Mercurius with JIT, same Prisma query', atLeast: 1 }],
    facts: {
      'ours: CPU of the server, µs per request': medians.ours.cpuMicroseconds,
      'peer: CPU of the server, µs per request': medians.peer.cpuMicroseconds,
    },
  };
}

/** The text of Prisma's query for tasks, which a server has run last; undefined when Prisma has run none. */
async function statementOf(database: pg.Pool, application: string): Promise<string | undefined> {
  const { rows } = await database.query<{ query: string }>(
    `select query from pg_stat_activity
     where datname = current_database() and application_name = $1 and query like 'SELECT "public"."task"%' limit 1`,
    [application],
  );
  return rows[0]?.query;
}

async function startSide(context: BenchContext, script: string) {
  const server = await context.spawnServer<{ url: string }>(script, { adminToken });
  return { server, client: await startClient(context, server.ready.url, adminToken, query) };
}

function startClient(context: BenchContext, origin: string, token: string, document: string) {
  return context.spawn<unknown, HttpClientCommand, HttpClientResult>('http-client.ts', {
    origin,
    requests: [{ path: '/graphql', headers: { authorization: `Bearer ${token}` }, body: { query: document } }],
  } satisfies HttpClientArgs);
}
