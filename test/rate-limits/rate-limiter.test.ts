import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished, vi } from 'vitest';
import { MemoryRateLimiter } from '../../src/rate-limits/memory-rate-limiter.js';
import { RedisRateLimiter } from '../../src/rate-limits/redis-rate-limiter.js';
import { describeRateLimiter } from '../contracts/rate-limiter.contract.js';
import { captureLog } from '../support/captured-log.js';
import { requireRedis } from '../support/redis.js';
import { startRedisServer } from '../support/redis-server.js';

describeRateLimiter('the limiter in memory', async (_context, limits) => new MemoryRateLimiter(limits));
describeRateLimiter('the limiter over Redis', async (context, limits) => {
  const limiter = new RedisRateLimiter({
    url: requireRedis(context),
    namespace: randomUUID(),
    limits,
    logger: captureLog().logger,
  });
  await limiter.start();
  return limiter;
});

const limits = { few: { requests: 3, windowSeconds: 3600 } };

it('the limiter over Redis counts what other processes of its namespace let pass, and no others', async (context) => {
  const [url, namespace, key] = [requireRedis(context), randomUUID(), randomUUID()];
  const [here, there] = [await useLimiter({ url, namespace }), await useLimiter({ url, namespace })];
  const stranger = await useLimiter({ url, namespace: randomUUID() });

  const remaining = [];
  for (const limiter of [here, there, here, there]) remaining.push(await limiter.count('few', key));

  expect(remaining).toMatchObject([{ remaining: 2 }, { remaining: 1 }, { remaining: 0 }, { isAllowed: false }]);
  expect(await stranger.count('few', key)).toMatchObject({ isAllowed: true, remaining: 2 });
});

it('the limiter over Redis still limits while Redis is away, and goes on with it when it is back', async (context) => {
  requireRedis(context);
  const redis = await startRedisServer();
  onTestFinished(() => redis.remove());
  const { logger, lines } = captureLog();
  const limiter = await useLimiter({ url: redis.url, namespace: randomUUID() }, logger);
  const said = () => lines.map((line) => JSON.parse(line).msg);
  await limiter.count('few', 'key');

  await redis.stop();
  await vi.waitFor(() => expect(said()).toEqual(['Redis is away: each process counts requests for itself']), 10_000);
  const away = [];
  for (let request = 0; request < 4; request += 1) away.push((await limiter.count('few', 'key')).isAllowed);
  await redis.start();
  await vi.waitFor(() => expect(said()).toHaveLength(2), 10_000);

  expect(away).toEqual([true, true, true, false]);
  expect(await limiter.count('few', 'key')).toMatchObject({ isAllowed: true, remaining: 2 });
});

it('the limiter over Redis starts without Redis, and says nothing of its password', async () => {
  const { logger, lines } = captureLog();

  const limiter = await useLimiter({ url: 'redis://:the-password@127.0.0.1:1', namespace: 'any' }, logger);

  expect(await limiter.count('few', 'key')).toMatchObject({ isAllowed: true });
  expect(lines.join()).not.toContain('the-password');
});

async function useLimiter(options: { url: string; namespace: string }, logger = captureLog().logger) {
  const limiter = new RedisRateLimiter({ ...options, limits, logger });
  onTestFinished(() => limiter.close());
  await limiter.start();
  return limiter;
}
