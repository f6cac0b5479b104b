import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../src/database/embedded/server-process.js';
import { BatonClient } from '../src/sdk/baton-client.js';
import { TaskEventsDocument } from '../src/sdk/generated.js';
import { openBalancer } from './support/balancer.js';
import { createTestDatabase } from './support/postgres.js';
import { requireRedis } from './support/redis.js';
import { type ServerProcess, useServerProcess } from './support/server-process.js';
import { StreamReader } from './support/stream.js';

const document = 'mutation ($title: String!) { taskCreate(input: { title: $title }) { task { id } errors { code } } }';

/** Sends one mutation, once, as programs do that use what Node has: over connections that are kept and used again. Answers the id, or what went wrong. */
async function create(url: string, title: string): Promise<{ id: string } | { failure: string }> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: document, variables: { title } }),
    });
    const { data } = (await response.json()) as { data?: { taskCreate: { task: { id: string } | null } } };
    const id = data?.taskCreate.task?.id;
    return id ? { id } : { failure: `status ${response.status}` };
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return { failure: String(cause?.code ?? error) };
  }
}

it('loses no request and no event while two servers are restarted in turn under load', { timeout: 60_000 }, async (context) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const variables = { REDIS_URL: requireRedis(context), SHUTDOWN_DRAIN_MS: '6000' };
  const ports = [await freePort(), await freePort()];
  const start = (port: number) => useServerProcess(database.url, { ...variables, PORT: String(port) });
  const servers: ServerProcess[] = [];
  for (const port of ports) servers.push(await start(port));
  const balancer = await openBalancer(
    servers.map(({ url }) => url),
    { intervalMs: 100 },
    onTestFinished,
  );
  const client = new BatonClient({ url: balancer.url });
  onTestFinished(() => client.close());
  const after = await client.eventCursor();
  const events = new StreamReader(client.follow(TaskEventsDocument, { after }));

  const outcomes: Awaited<ReturnType<typeof create>>[] = [];
  let isOver = false;
  const callers = Array.from({ length: 12 }, async (_, caller) => {
    for (let number = 0; !isOver; number++) {
      outcomes.push(await create(balancer.url, `task ${number} of caller ${caller}`));
      // Some hardly pause, so that some request is always on its way; some long enough for a connection to be idle.
      await delay(Math.random() * (caller % 3 === 0 ? 1 : 60));
    }
  });
  const stops: { code: number | null; ms: number }[] = [];
  for (const leaving of [0, 1]) {
    const began = performance.now();
    const code = await servers[leaving]?.end('SIGTERM');
    stops.push({ code: code ?? null, ms: performance.now() - began });
    servers[leaving] = await start(ports[leaving] as number);
    await expect.poll(() => balancer.leadsTo(servers[leaving]?.url ?? ''), { timeout: 10_000 }).toBe(true);
  }
  isOver = true;
  await Promise.all(callers);

  const failures = outcomes.filter((outcome) => 'failure' in outcome);
  expect(failures).toEqual([]);
  for (const { code, ms } of stops) {
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
  }
  const created = outcomes.flatMap((outcome) => ('id' in outcome ? [outcome.id] : []));
  const told = (await events.take(created.length)).map(({ taskEvents }) => taskEvents.task.id);
  expect(told.toSorted()).toEqual(created.toSorted());
});
