import { Redis } from 'ioredis';
import { afterAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { type TestApp, useTestApp } from './support/app.js';
import { requireRedis } from './support/redis.js';
import { type RedisServer, startRedisServer } from './support/redis-server.js';
import { rest } from './support/rest-call.js';
import { seedTask } from './support/seed.js';

// Deployments that have a Redis in common, and nothing else.

const token = 'sixteen-characters';
let redis: RedisServer | undefined;
afterAll(() => redis?.remove());

/** A Redis that no other test file talks through. */
async function variables(context: TestContext): Promise<Record<string, string>> {
  requireRedis(context);
  redis ??= await startRedisServer();
  return { REDIS_URL: redis.url, ADMIN_TOKEN: token, ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR: '2' };
}

function useConnection({ REDIS_URL = '' }: Record<string, string>): Redis {
  const connection = new Redis(REDIS_URL);
  onTestFinished(() => connection.disconnect());
  return connection;
}

describe('servers of different databases on one Redis', () => {
  it('do not wake each other, and those of one database do', async (context) => {
    const settings = await variables(context);
    const here = await useTestApp(settings);
    const replica = await useTestApp(settings, { databaseUrl: here.databaseUrl });
    await useTestApp(settings);
    const ear = useConnection(settings);
    let processes: Record<string, number> = {};
    const countProcesses = async () => {
      const channels = (await ear.pubsub('CHANNELS')) as string[];
      const counts = (await ear.pubsub('NUMSUB', ...channels)) as (string | number)[];
      processes = Object.fromEntries(channels.map((channel) => [channel, Number(counts[counts.indexOf(channel) + 1])]));
      return Object.values(processes).toSorted();
    };
    await expect.poll(countProcesses).toEqual([1, 2]);
    const shared = Object.keys(processes).find((channel) => processes[channel] === 2);
    const listener = useConnection(settings);
    let heard: string[] = [];
    listener.on('message', (channel) => heard.push(channel));
    await listener.subscribe(...Object.keys(processes));

    const client = replica.client({ token });
    const countShared = () => heard.filter((channel) => channel === shared).length;
    const write = async () => {
      const before = countShared();
      await seedTask(client);
      await expect.poll(countShared).toBeGreaterThan(before);
    };
    // What went astray of the first write is heard before the second is; and what is heard of the start of the servers, by then as well.
    const heardOfTwoWrites = async () => {
      heard = [];
      await write();
      await write();
      return new Set(heard);
    };
    await expect.poll(heardOfTwoWrites).toEqual(new Set([shared]));
  });

  it('count requests for themselves, though both have a default organization', async (context) => {
    const settings = await variables(context);
    const [here, there] = [await useTestApp(settings), await useTestApp(settings)];
    const ask = async (app: TestApp) => (await rest(app, 'GET', '/api/orchestrators', { token })).status;

    expect([await ask(here), await ask(here), await ask(here)]).toEqual([200, 200, 429]);
    expect(await ask(there)).toBe(200);
  });
});
