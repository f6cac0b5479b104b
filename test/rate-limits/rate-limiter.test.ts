import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, expect, it, onTestFinished, type TestContext, vi } from 'vitest';
import type { RedisAddress } from '../../src/kernel/redis-address.js';
import { MemoryRateLimiter } from '../../src/rate-limits/memory-rate-limiter.js';
import { RedisRateLimiter } from '../../src/rate-limits/redis-rate-limiter.js';
import { describeRateLimiter } from '../contracts/rate-limiter.contract.js';
import { captureLog } from '../support/captured-log.js';
import { requireRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';

describeRateLimiter('the limiter in memory', async (_context, limits) => new MemoryRateLimiter(limits));

let cluster: RedisCluster | undefined;
afterAll(() => cluster?.remove());

const overServer = (context: TestContext): RedisAddress => ({ urls: [requireRedis(context)], isCluster: false });
async function overCluster(context: TestContext): Promise<RedisAddress> {
  requireRedis(context);
  cluster ??= await startRedisCluster();
  // One node is enough to find the others.
  return { urls: cluster.urls.slice(0, 1), isCluster: true };
}

const carriers = [
  ['the limiter over Redis', overServer],
  ['the limiter over a Redis Cluster', overCluster],
] as const;

for (const [name, addressFor] of carriers) {
  describeRateLimiter(name, async (context, limits) => {
    const address = await addressFor(context);
    const limiter = new RedisRateLimiter({ address, namespace: randomUUID(), limits, logger: captureLog().logger });
    await limiter.start();
    return limiter;
  });
}

const limits = { few: { requests: 3, windowSeconds: 3600 } };

it.for(carriers)('%s counts what other processes of its namespace let pass, and no others', async ([, addressFor], context) => {
  const [namespace, key] = [randomUUID(), randomUUID()];
  const address = await addressFor(context);
  const [here, there] = [await useLimiter({ address, namespace }), await useLimiter({ address, namespace })];
  const stranger = await useLimiter({ address, namespace: randomUUID() });

  const remaining = [];
  for (const limiter of [here, there, here, there]) remaining.push(await limiter.count('few', key));

  expect(remaining).toMatchObject([{ remaining: 2 }, { remaining: 1 }, { remaining: 0 }, { isAllowed: false }]);
  expect(await stranger.count('few', key)).toMatchObject({ isAllowed: true, remaining: 2 });
});

it('the limiter over Redis still limits while Redis is away, and goes on with it when it is back', async (context) => {
  requireRedis(context);
  const redis = await startRedisServer();
  onTestFinished(() => redis.remove());
  await provesOutage({ urls: [redis.url], isCluster: false }, redis.stop, redis.start);
});

it('the limiter over a Redis Cluster still limits while that is away, and goes on with it when it is back', async (context) => {
  requireRedis(context);
  const redis = await useOwnCluster();
  const stop = async () => void (await Promise.all(redis.nodes.map((node) => node.stop())));
  await provesOutage({ urls: redis.urls, isCluster: true }, stop, redis.heal);
});

async function provesOutage(address: RedisAddress, stop: () => Promise<void>, start: () => Promise<void>): Promise<void> {
  const { logger, lines } = captureLog();
  const limiter = await useLimiter({ address, namespace: randomUUID() }, logger);
  const said = () => lines.map((line) => JSON.parse(line).msg);
  await limiter.count('few', 'key');

  await stop();
  await vi.waitFor(() => expect(said()).toEqual(['Redis is away: each process counts requests for itself']), 10_000);
  const away = [];
  for (let request = 0; request < 4; request += 1) away.push((await limiter.count('few', 'key')).isAllowed);
  await start();
  await vi.waitFor(() => expect(said()).toHaveLength(2), 10_000);

  expect(away).toEqual([true, true, true, false]);
  expect(await limiter.count('few', 'key')).toMatchObject({ isAllowed: true, remaining: 2 });
}

it('the limiter over a Redis Cluster counts on, on another node, when that of a key is lost and its slot moved', async (context) => {
  requireRedis(context);
  const redis = await useOwnCluster();
  const namespace = randomUUID();
  const redisKey = `${namespace}:rate:few:key`;
  const { owner, others } = await redis.nodesOf(redisKey);
  const [target] = others as [RedisServer];
  const limiter = await useLimiter({ address: { urls: redis.urls, isCluster: true }, namespace });
  const count = async () => (await limiter.count('few', 'key')).remaining;
  const counted = [await count()];

  // Its node is lost, and with it what was counted there.
  await owner.stop();
  const alone = await count();
  await redis.moveSlotOf(redisKey, target);
  await owner.start();
  await redis.heal();
  await vi.waitFor(async () => {
    const reader = new Redis(target.url);
    onTestFinished(() => reader.disconnect());
    await limiter.count('few', 'key');
    expect(Number(await reader.get(redisKey))).toBeGreaterThan(0);
  }, 10_000);

  expect(counted).toEqual([2]);
  expect(alone).toBe(2);
});

it.each([false, true])('starts without Redis, and says nothing of its password (of a cluster: %s)', async (isCluster) => {
  const { logger, lines } = captureLog();
  const urls = ['redis://:the-password@127.0.0.1:1'];

  const limiter = await useLimiter({ address: { urls, isCluster }, namespace: 'any' }, logger);

  expect(await limiter.count('few', 'key')).toMatchObject({ isAllowed: true });
  expect(lines.join()).not.toContain('the-password');
});

async function useOwnCluster(): Promise<RedisCluster> {
  const redis = await startRedisCluster();
  onTestFinished(() => redis.remove());
  return redis;
}

async function useLimiter(options: { address: RedisAddress; namespace: string }, logger = captureLog().logger) {
  const limiter = new RedisRateLimiter({ ...options, limits, logger });
  onTestFinished(() => limiter.close());
  await limiter.start();
  return limiter;
}
