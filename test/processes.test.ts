import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { BatonClient } from '../src/sdk/baton-client.js';
import {
  AgentsDocument,
  EventCursorDocument,
  TaskClaimDocument,
  TaskCompleteDocument,
  TaskEventsDocument,
} from '../src/sdk/generated.js';
import { createTestDatabase } from './support/postgres.js';
import { requireRedis } from './support/redis.js';
import { seedAgent, seedClaim, seedTask } from './support/seed.js';
import { useNpmStart, useServerProcess } from './support/server-process.js';
import { StreamReader } from './support/stream.js';

const clients: BatonClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function clientOf(url: string, token?: string): BatonClient {
  const client = new BatonClient({ url, token });
  clients.push(client);
  return client;
}

async function useDatabase(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

it('gives a task that 50 agents race for over three servers to exactly one, 200 times', { timeout: 240_000 }, async (context) => {
  const redisUrl = requireRedis(context);
  const databaseUrl = await useDatabase();
  const servers = await Promise.all(
    [1, 2, 3].map(() => useServerProcess(databaseUrl, { REDIS_URL: redisUrl, LOG_LEVEL: 'info' })),
  );
  const operator = clientOf(servers[0]?.url ?? '');
  const agents = await Promise.all(Array.from({ length: 50 }, () => seedAgent(operator)));
  const claimants = agents.map((agent, index) => ({ ...agent, client: clientOf(servers[index % 3]?.url ?? '', agent.apiKey) }));

  for (let round = 0; round < 200; round++) {
    const task = await seedTask(operator);

    const answers = await Promise.all(
      claimants.map(async ({ id, client }) => {
        const { taskClaim } = await client.request(TaskClaimDocument, { input: { taskId: task.id } });
        return { id, ...taskClaim };
      }),
    );

    const winners = answers.filter((answer) => answer.task);
    expect(winners).toHaveLength(1);
    expect(winners[0]?.task?.lease).toMatchObject({ fence: 1, holder: { id: winners[0]?.id } });
    const losers = answers.filter((answer) => !answer.task);
    expect(losers.every(({ errors: [error] }) => error?.code === 'TASK_ALREADY_CLAIMED')).toBe(true);
    for (const { errors } of losers) expect(errors).toMatchObject([{ holder: { id: winners[0]?.id } }]);
  }
});

it('returns a task within a second of the lapse when the server that granted the lease was killed', async (context) => {
  const databaseUrl = await useDatabase();
  const redisUrl = requireRedis(context);
  const [granting, surviving] = await Promise.all([
    useServerProcess(databaseUrl, { REDIS_URL: redisUrl }),
    useServerProcess(databaseUrl, { REDIS_URL: redisUrl }),
  ]);
  const operator = clientOf(surviving.url);
  const agent = await seedAgent(operator);
  const task = await seedTask(operator);
  const { eventCursor } = await operator.request(EventCursorDocument, {});
  await seedClaim(clientOf(granting.url, agent.apiKey), { taskId: task.id, leaseSeconds: 1 });
  const filter = { taskId: task.id, kinds: ['TASK_CLAIMED' as const, 'TASK_LEASE_EXPIRED' as const] };
  const events = new StreamReader(operator.subscribe(TaskEventsDocument, { filter, after: eventCursor }));

  await granting.end('SIGKILL');
  const { taskEvents: expired } = await events.find((event) => event.taskEvents.kind === 'TASK_LEASE_EXPIRED');

  const { leaseExpiresAt } = expired.data as { leaseExpiresAt: string };
  expect(Date.parse(expired.occurredAt) - Date.parse(leaseExpiresAt)).toBeLessThan(1000);
  expect(events.items.map((event) => event.taskEvents.kind)).toEqual(['TASK_CLAIMED', 'TASK_LEASE_EXPIRED']);
});

it('tells a subscriber of one server what happens on another, with and without Redis', async (context) => {
  for (const variables of [{ REDIS_URL: requireRedis(context) }, {} as Record<string, string>]) {
    const databaseUrl = await useDatabase();
    const [first, second] = await Promise.all([
      useServerProcess(databaseUrl, variables),
      useServerProcess(databaseUrl, variables),
    ]);
    const { eventCursor } = await clientOf(first.url).request(EventCursorDocument, {});
    const events = new StreamReader(clientOf(first.url).subscribe(TaskEventsDocument, { after: eventCursor }));

    const task = await seedTask(clientOf(second.url));

    const { taskEvents: created } = await events.find((event) => event.taskEvents.task.id === task.id);
    expect(created.kind).toBe('TASK_CREATED');
  }
});

it('answers what is in flight and ends with exit code 0 when it is told to stop', async () => {
  const databaseUrl = await useDatabase();
  const server = await useServerProcess(databaseUrl);
  const client = clientOf(server.url);
  const tasks = await Promise.all(Array.from({ length: 100 }, () => seedTask(client)));
  const events = new StreamReader(client.subscribe(TaskEventsDocument, {}));
  const inFlight = tasks.map((task) => client.request(TaskCompleteDocument, { input: { taskId: task.id } }));
  await inFlight[0];
  const started = performance.now();

  const code = await server.end('SIGTERM');
  const answers = await Promise.allSettled(inFlight);

  expect(code).toBe(0);
  expect(performance.now() - started).toBeLessThan(10_000);
  // A request that was accepted is answered; one that had not arrived yet is refused as a connection, never cut in the middle.
  const cut = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [String(answer.reason?.cause?.code ?? answer.reason)] : [],
  );
  expect(cut.filter((reason) => reason !== 'ECONNREFUSED')).toEqual([]);
  await events.ended;
});

it('stops with npm, when npm started it', async () => {
  const server = await useNpmStart(await useDatabase());

  const code = await server.end('SIGTERM');

  expect(code).toBe(0);
  const after = await fetch(`${server.url}/graphql?query={__typename}`).catch((error) => error.cause.code);
  expect(after).toBe('ECONNREFUSED');
});

it('keeps its data over a second start, in the embedded database as well', { timeout: 60_000 }, async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'baton-test-'));
  // Postgres' own user must get in; otherwise, as root, the data would be kept elsewhere.
  await chmod(dataDir, 0o711);
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const first = await useServerProcess('', { DATA_DIR: `${dataDir}/data` });
  const agent = await seedAgent(clientOf(first.url));
  expect(await first.end('SIGTERM')).toBe(0);

  const second = await useServerProcess('', { DATA_DIR: `${dataDir}/data` });

  const { agents } = await clientOf(second.url).request(AgentsDocument, {});
  expect(agents.nodes).toMatchObject([{ id: agent.id }]);
  expect(await second.end('SIGTERM')).toBe(0);
});
