import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { currentPosition } from '../../src/database/event-log.js';
import type { EventBus } from '../../src/realtime/event-bus.js';
import { EventTailer } from '../../src/realtime/event-tailer.js';
import { MemoryEventBus } from '../../src/realtime/memory-event-bus.js';
import { RedisEventBus } from '../../src/realtime/redis-event-bus.js';
import { SubscriptionHub } from '../../src/realtime/subscription-hub.js';
import { describeEventBus } from '../contracts/event-bus.contract.js';
import { captureLog } from '../support/captured-log.js';
import { requireRedis } from '../support/redis.js';
import { startRedisServer } from '../support/redis-server.js';
import { openTestLog, settledPosition, someEvent } from './test-log.js';

const { logger } = captureLog();

describeEventBus('the in-process bus', () => new MemoryEventBus({ logger }));
describeEventBus(
  'the Redis bus',
  (context) => new RedisEventBus({ url: requireRedis(context), namespace: randomUUID(), logger }),
);

describe('the Redis bus', () => {
  const buses: EventBus[] = [];
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close();
  });
  function createBus(options: { url: string; namespace: string }, log = logger): EventBus {
    const bus = new RedisEventBus({ ...options, logger: log });
    buses.push(bus);
    return bus;
  }

  it('wakes the other replicas', async (context) => {
    const shared = { url: requireRedis(context), namespace: randomUUID() };
    const [here, there] = [createBus(shared), createBus(shared)];
    await there.start();
    const greeted = nextNudge(there);
    await here.start();
    await greeted;

    const heard = nextNudge(there);
    here.nudge();

    await heard;
  });

  it('wakes the sender once, not again by the echo', async (context) => {
    const shared = { url: requireRedis(context), namespace: randomUUID() };
    const channel = `${shared.namespace}:nudge`;
    const [publisher, subscriber] = [new Redis(shared.url), new Redis(shared.url)];
    onTestFinished(() => {
      publisher.disconnect();
      subscriber.disconnect();
    });
    await subscriber.subscribe(channel);
    const greeted = once(subscriber, 'message');
    const here = createBus(shared);
    await here.start();
    await greeted;
    let count = 0;
    here.onNudge(() => {
      count += 1;
    });

    const echoed = once(subscriber, 'message');
    here.nudge();
    await echoed;
    // Redis sends to all subscribers before it answers what came later, so the echo is here by now.
    for (let trip = 0; trip < 5; trip += 1) await publisher.ping();

    expect(count).toBe(1);
  });

  it('keeps to its namespace', async (context) => {
    const url = requireRedis(context);
    const namespace = randomUUID();
    const [here, friend, stranger] = [
      createBus({ url, namespace }),
      createBus({ url, namespace }),
      createBus({ url, namespace: randomUUID() }),
    ];
    await stranger.start();
    await friend.start();
    await here.start();
    let strangerCount = 0;
    stranger.onNudge(() => {
      strangerCount += 1;
    });

    for (let round = 0; round < 3; round += 1) {
      const heard = nextNudge(friend);
      here.nudge();
      await heard;
    }

    // The stranger's own greeting at its start may still be on its way to it; nothing else is.
    expect(strangerCount).toBeLessThanOrEqual(1);
  });

  it('starts without Redis, delivers here meanwhile, and joins the others once Redis is there', async (context) => {
    requireRedis(context);
    const redis = await startRedisServer();
    onTestFinished(() => redis.remove());
    await redis.stop();
    const { logger: log, lines } = captureLog();
    const shared = { url: redis.url, namespace: 'test' };
    const [here, there] = [createBus(shared, log), createBus(shared)];

    await Promise.all([here.start(), there.start()]);
    const isHealthyWithout = here.isHealthy;
    const local = nextNudge(here);
    here.nudge();
    await local;
    await redis.start();
    await Promise.all([nextNudge(here), nextNudge(there)]);
    await until(here, () => here.isHealthy && there.isHealthy);
    const heard = nextNudge(there);
    here.nudge();
    await heard;

    expect(isHealthyWithout).toBe(false);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([40, 30]);
  });

  it('starts within seconds when somebody answers the port but says nothing', async () => {
    const server: Server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    if (!address || typeof address === 'string') throw new Error('The server has no port');
    const bus = createBus({ url: `redis://127.0.0.1:${address.port}`, namespace: 'test' });

    await bus.start();

    expect(bus.isHealthy).toBe(false);
  });

  it('never writes the password of its URL to the log', async (context) => {
    const url = new URL(requireRedis(context));
    url.username = 'somebody';
    url.password = 'hunter2hunter2';
    const { logger: log, lines } = captureLog();
    const bus = createBus({ url: url.href, namespace: 'test' }, log);

    await bus.start();

    expect(bus.isHealthy).toBe(false);
    expect(lines.join('')).toContain('WRONGPASS');
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('lets nothing be lost while Redis is away, and events are late by no more than a second', async (context) => {
    requireRedis(context);
    const redis = await startRedisServer();
    onTestFinished(() => redis.remove());
    const log = await openTestLog();
    onTestFinished(() => log.close());
    const shared = { url: redis.url, namespace: 'test' };
    const { logger: hereLog, lines } = captureLog();
    const [here, there] = [createBus(shared, hereLog), createBus(shared)];
    const organizationId = randomUUID();
    const hub = new SubscriptionHub({ sql: log.sql, logger, position: await currentPosition(log.sql), subscriberBuffer: 1000 });
    const tailer = new EventTailer({ sql: log.sql, hub, bus: there, pollIntervalMs: 1000, logger });
    onTestFinished(() => tailer.stop());
    await Promise.all([here.start(), there.start()]);
    await tailer.start();
    const stream = hub.subscribe({ filter: { organizationId } });
    /** Milliseconds from a commit on this replica to its delivery on the other. */
    async function deliver(): Promise<number> {
      const event = someEvent({ organizationId });
      await log.write(event);
      const committedAt = performance.now();
      here.nudge();
      const { value } = await stream.next();
      expect(value?.subjectId).toBe(event.subjectId);
      return performance.now() - committedAt;
    }

    const before = await deliver();
    await redis.stop();
    const local = nextNudge(here);
    here.nudge();
    await local;
    const away = await deliver();
    const back = nextNudge(there);
    await redis.start();
    await back;
    await until(there, () => here.isHealthy && there.isHealthy);
    const after = await deliver();
    await settledPosition(log.sql);

    expect(before).toBeLessThan(900);
    // A poll's second, and what two busy cores take to get round to it.
    expect(away).toBeLessThan(1500);
    expect(after).toBeLessThan(900);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([40, 30]);
  });
});

function nextNudge(bus: EventBus): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = bus.onNudge(() => {
      unsubscribe();
      resolve();
    });
  });
}

/** Waits, from nudge to nudge, for something to hold. */
async function until(bus: EventBus, condition: () => boolean): Promise<void> {
  while (!condition()) await nextNudge(bus);
}
