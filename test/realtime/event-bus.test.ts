import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { currentPosition } from '../../src/database/event-log.js';
import type { RedisAddress } from '../../src/kernel/redis-address.js';
import type { EventBus } from '../../src/realtime/event-bus.js';
import { EventTailer } from '../../src/realtime/event-tailer.js';
import { MemoryEventBus } from '../../src/realtime/memory-event-bus.js';
import { RedisEventBus } from '../../src/realtime/redis-event-bus.js';
import { SubscriptionHub } from '../../src/realtime/subscription-hub.js';
import { describeEventBus } from '../contracts/event-bus.contract.js';
import { captureLog } from '../support/captured-log.js';
import { requireRedis } from '../support/redis.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { openTestLog, settledPosition, someEvent } from './test-log.js';

const { logger } = captureLog();

describeEventBus('the in-process bus', () => new MemoryEventBus({ logger }));

/** What nudges can travel through: a Redis for all tests of this file, and one for a test that stops it. */
interface Carrier {
  shared(context: TestContext): Promise<RedisAddress>;
  own(): Promise<OwnRedis>;
  /** Hears and says what travels on a channel, as somebody else does. */
  listen(address: RedisAddress, channel: string): Promise<{ ear: Redis; message: string; ping(): Promise<unknown> }>;
}

interface OwnRedis {
  address: RedisAddress;
  /** Ends it, as an outage would. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const server: Carrier = {
  shared: async (context) => ({ urls: [requireRedis(context)], isCluster: false }),
  async own() {
    const redis = await startRedisServer();
    onTestFinished(() => redis.remove());
    return { address: { urls: [redis.url], isCluster: false }, stop: redis.stop, start: redis.start };
  },
  async listen({ urls: [url] }, channel) {
    const ear = useConnection(url as string);
    await ear.subscribe(channel);
    const other = useConnection(url as string);
    return { ear, message: 'message', ping: () => other.ping() };
  },
};

let sharedCluster: RedisCluster | undefined;
afterAll(() => sharedCluster?.remove());

async function useCluster(): Promise<RedisCluster> {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.remove());
  return cluster;
}

const cluster: Carrier = {
  async shared(context) {
    requireRedis(context);
    sharedCluster ??= await startRedisCluster();
    return { urls: sharedCluster.urls, isCluster: true };
  },
  async own() {
    const { urls, nodes, heal } = await useCluster();
    return {
      address: { urls, isCluster: true },
      stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
      start: heal,
    };
  },
  async listen(_address, channel) {
    const { owner } = await (sharedCluster as RedisCluster).nodesOf(channel);
    const ear = useConnection(owner.url);
    await ear.ssubscribe(channel);
    const other = useConnection(owner.url);
    return { ear, message: 'smessage', ping: () => other.ping() };
  },
};

function useConnection(url: string): Redis {
  const connection = new Redis(url);
  onTestFinished(() => connection.disconnect());
  return connection;
}

const buses: EventBus[] = [];
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close();
});
function createBus(options: { address: RedisAddress; namespace: string }, log = logger): EventBus {
  const bus = new RedisEventBus({ ...options, logger: log });
  buses.push(bus);
  return bus;
}

const carriers = [
  ['the Redis bus', server],
  ['the Redis bus on a cluster', cluster],
] as const;

for (const [name, carrier] of carriers) {
  describeEventBus(name, async (context) => {
    const address = await carrier.shared(context);
    return new RedisEventBus({ address, namespace: randomUUID(), logger });
  });
}

describe.each(carriers)('%s', (_name, carrier) => {
  it('wakes the other replicas', async (context) => {
    const shared = { address: await carrier.shared(context), namespace: randomUUID() };
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
    const shared = { address: await carrier.shared(context), namespace: randomUUID() };
    const { ear, message, ping } = await carrier.listen(shared.address, `${shared.namespace}:nudge`);
    const greeted = once(ear, message);
    const here = createBus(shared);
    await here.start();
    await greeted;
    await quiet(ping);
    let count = 0;
    here.onNudge(() => {
      count += 1;
    });

    const echoed = once(ear, message);
    here.nudge();
    await echoed;
    await quiet(ping);

    expect(count).toBe(1);
  });

  it('keeps to its namespace', async (context) => {
    const address = await carrier.shared(context);
    const namespace = randomUUID();
    const [here, friend, stranger] = [
      createBus({ address, namespace }),
      createBus({ address, namespace }),
      createBus({ address, namespace: randomUUID() }),
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
    const redis = await carrier.own();
    await redis.stop();
    const { logger: log, lines } = captureLog();
    const shared = { address: redis.address, namespace: 'test' };
    const [here, there] = [createBus(shared, log), createBus(shared)];

    await Promise.all([here.start(), there.start()]);
    const isHealthyWithout = here.isHealthy;
    const local = nextNudge(here);
    here.nudge();
    await local;
    const joined = Promise.all([nextNudge(here), nextNudge(there)]);
    await redis.start();
    await joined;
    await until(here, () => here.isHealthy && there.isHealthy);
    const heard = nextNudge(there);
    here.nudge();
    await heard;

    expect(isHealthyWithout).toBe(false);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([40, 30]);
  });

  it('starts within seconds when somebody answers the port but says nothing', async () => {
    const mute: Server = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void mute.close());
    const address = mute.address();
    if (!address || typeof address === 'string') throw new Error('The server has no port');
    const urls = [`redis://127.0.0.1:${address.port}`];
    const bus = createBus({ address: { urls, isCluster: carrier === cluster }, namespace: 'test' });

    await bus.start();

    expect(bus.isHealthy).toBe(false);
  });

  it('never writes the password of its URL to the log', async (context) => {
    const { urls, isCluster } = await carrier.shared(context);
    const withPassword = urls.map((url) => url.replace('//', '//somebody:hunter2hunter2@'));
    const { logger: log, lines } = captureLog();
    const bus = createBus({ address: { urls: withPassword, isCluster }, namespace: 'test' }, log);

    await bus.start();

    expect(bus.isHealthy).toBe(false);
    expect(lines.join('')).toContain('WRONGPASS');
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('lets nothing be lost while Redis is away, and events are late by no more than a second', async (context) => {
    requireRedis(context);
    const redis = await carrier.own();
    const log = await openTestLog();
    onTestFinished(() => log.close());
    const shared = { address: redis.address, namespace: 'test' };
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

describe('the Redis bus on a cluster', () => {
  it('follows its channel to another node when the slot is moved there', async (context) => {
    requireRedis(context);
    const redis = await useCluster();
    const shared = { address: { urls: redis.urls, isCluster: true }, namespace: 'test' };
    const [here, there] = [createBus(shared), createBus(shared)];
    await Promise.all([here.start(), there.start()]);
    const { others } = await redis.nodesOf('test:nudge');

    await redis.moveSlotOf('test:nudge', others[0] as RedisServer);

    await untilHeard(here, there);
    await untilHeard(there, here);
    expect((await redis.nodesOf('test:nudge')).owner).toBe(others[0]);
  });

  it('goes to the node that takes the slot over when the one of its channel is killed', async (context) => {
    requireRedis(context);
    const redis = await useCluster();
    const { logger: log, lines } = captureLog();
    const { owner, others } = await redis.nodesOf('test:nudge');
    // The node that is killed stands first: the others are asked next.
    const address = { urls: [owner, ...others].map(({ url }) => url), isCluster: true };
    const [here, there] = [createBus({ address, namespace: 'test' }, log), createBus({ address, namespace: 'test' })];
    await Promise.all([here.start(), there.start()]);

    await owner.stop();
    const local = nextNudge(here);
    here.nudge();
    await local;
    await redis.moveSlotOf('test:nudge', others[0] as RedisServer);

    await untilHeard(here, there);
    await untilHeard(there, here);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([40, 30]);
  });

  it('goes on while another node than that of its channel is away', async (context) => {
    requireRedis(context);
    const redis = await useCluster();
    const { logger: log, lines } = captureLog();
    const shared = { address: { urls: redis.urls, isCluster: true }, namespace: 'test' };
    const [here, there] = [createBus(shared, log), createBus(shared)];
    await Promise.all([here.start(), there.start()]);
    const { others } = await redis.nodesOf('test:nudge');

    await others[0]?.stop();
    await untilHeard(here, there);

    expect(lines).toEqual([]);
  });

  it('finds its channel by any one node, and tells its log when it is told of none', async (context) => {
    const { urls } = await cluster.shared(context);
    const namespace = randomUUID();

    for (const url of urls) {
      const bus = createBus({ address: { urls: [url], isCluster: true }, namespace });
      await bus.start();
      expect(bus.isHealthy).toBe(true);
    }
    const { logger: log, lines } = captureLog();
    const lost = createBus({ address: { urls: ['redis://127.0.0.1:1'], isCluster: true }, namespace }, log);
    await lost.start();

    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ level: 40, reason: expect.stringContaining('ECONNREFUSED') });
  });
});

/** Lets pass what a Redis was still sending: it sends to all subscribers before it answers what came later. */
async function quiet(ping: () => Promise<unknown>): Promise<void> {
  for (let trip = 0; trip < 5; trip += 1) await ping();
}

/** Nudges here until it is heard there: those that were given while Redis was away are lost. */
async function untilHeard(here: EventBus, there: EventBus): Promise<void> {
  let isHeard = false;
  const heard = nextNudge(there).then(() => {
    isHeard = true;
  });
  while (!isHeard) {
    here.nudge();
    await Promise.race([heard, delay(20)]);
  }
}

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
