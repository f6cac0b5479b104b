import type { Benchmark, Measurement } from '../benchmark.js';
import { adminToken, type BenchContext } from '../context.js';
import type { HttpClientArgs, HttpClientCommand, HttpClientResult } from '../http-client.js';
import { answer, query } from './tasks.js';

const connections = 32;

export const benchmark: Benchmark = {
  name: 'read',
  description: `20 tasks with 6 fields over HTTP, ${connections} connections; without a database, then with Postgres`,
  run: async (context) => [await readMemory(context)],
};

async function readMemory(context: BenchContext): Promise<Measurement> {
  const servers = {
    ours: 'read/baton-server.ts',
    'Mercurius with JIT': 'read/mercurius-server.ts',
    'graphql-yoga': 'read/yoga-server.ts',
    'Apollo Server': 'read/apollo-server.ts',
    'bare node:http': 'read/http-server.ts',
  };
  const sides = {} as Record<keyof typeof servers, Awaited<ReturnType<typeof startSide>>>;
  for (const [name, script] of Object.entries(servers)) sides[name as keyof typeof servers] = await startSide(context, script);
  const medians = await context.alternate(sides, async ({ server, client }) => {
    const before = context.cpuSeconds(server.pid);
    const { perSecond, requests, bodies } = await client.request({ connections, durationMs: context.roundMs });
    context.check(bodies[0]?.trim() === answer, 'a server answered other rows');
    return { perSecond, cpuMicroseconds: ((context.cpuSeconds(server.pid) - before) / requests) * 1e6 };
  });
  const { ours, 'bare node:http': limit, ...peers } = medians;
  return {
    name: 'read, database taken out',
    unit: 'requests/s',
    ours: ours.perSecond,
    peers: Object.fromEntries(Object.entries(peers).map(([name, { perSecond }]) => [name, perSecond])),
    limit: limit.perSecond,
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

async function startSide(context: BenchContext, script: string) {
  const server = await context.spawnServer<{ url: string }>(script, { adminToken });
  const client = await context.spawn<unknown, HttpClientCommand, HttpClientResult>('http-client.ts', {
    origin: server.ready.url,
    requests: [{ path: '/graphql', headers: { authorization: `Bearer ${adminToken}` }, body: { query } }],
  } satisfies HttpClientArgs);
  return { server, client };
}
