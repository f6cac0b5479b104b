import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Logger } from '../kernel/logger.js';
import { type RedisAddress, redisHosts } from '../kernel/redis-address.js';
import { countWith, memoryCounter } from './memory-rate-limiter.js';
import type { CountedRequest, RateLimit, RateLimiter } from './rate-limiter.js';

/** 50 ms, doubling to 2 s; the random part keeps replicas from coming back in step. */
const retryDelayMs = (attempt: number) => Math.min(50 * 2 ** (attempt - 1), 2000) * (0.75 + Math.random() / 4);

/** Nothing waits for a Redis that is away: the request is counted in this process instead. */
const connectionOptions: RedisOptions = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 1000,
  keepAlive: 10_000,
};

/**
 * Counts the requests of all processes that share a Redis, or a Redis Cluster, and a namespace, exactly: each is one script
 * there. In a cluster the keys are spread over its nodes.
 *
 * With Redis away, or the node of a key, each process counts for itself, from nothing, until it is back; what Redis has
 * counted goes on then.
 */
export class RedisRateLimiter<Name extends string> implements RateLimiter<Name> {
  readonly limits: Readonly<Record<Name, RateLimit>>;
  readonly #redis: Redis | Cluster;
  readonly #counters = new Map<Name, RateLimiterAbstract>();
  #isAway = false;

  /** `namespace` keeps apart the servers of different databases that share one Redis. */
  constructor(options: {
    address: RedisAddress;
    namespace: string;
    limits: Readonly<Record<Name, RateLimit>>;
    logger: Logger;
  }) {
    const { address, namespace, limits } = options;
    const logger = options.logger.child({ redis: redisHosts(address) });
    this.limits = limits;
    this.#redis = address.isCluster ? toCluster(address) : toServer(address);
    let lastError: string | undefined;
    // Only the message: the error of a refused password carries the command, and so the password.
    this.#redis.on('error', (error: Error) => {
      lastError = error.message;
    });
    this.#redis.on('close', () => {
      if (!this.#isAway) logger.warn({ reason: lastError }, 'Redis is away: each process counts requests for itself');
      this.#isAway = true;
    });
    this.#redis.on('ready', () => {
      if (this.#isAway) logger.info('Redis is back: requests are counted over all processes again');
      this.#isAway = false;
    });
    for (const name of Object.keys(limits) as Name[]) {
      const { requests, windowSeconds } = limits[name];
      this.#counters.set(
        name,
        new RateLimiterRedis({
          storeClient: this.#redis,
          keyPrefix: `${namespace}:rate:${name}`,
          points: requests,
          duration: windowSeconds,
          rejectIfRedisNotReady: true,
          insuranceLimiter: memoryCounter(name, limits[name]),
        }),
      );
    }
  }

  /** Resolves once Redis answers, or has shown that it does not: more attempts follow by themselves. */
  async start(): Promise<void> {
    // Not the promise of connect(): when a cluster answers that it is down, that never settles.
    const settled = untilSettled(this.#redis, 'close');
    this.#redis.connect().catch(() => {});
    await settled;
    if (this.#redis instanceof Cluster) await Promise.all(this.#redis.nodes('master').map((node) => untilSettled(node, 'end')));
  }

  count(name: Name, key: string, requests = 1): Promise<CountedRequest> {
    return countWith(this.#counters, name, key, requests);
  }

  close(): void {
    // Leaving is no outage.
    this.#isAway = true;
    this.#redis.disconnect();
  }
}

function toServer({ urls }: RedisAddress): Redis {
  return new Redis(urls[0] as string, {
    ...connectionOptions,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: retryDelayMs,
  });
}

function toCluster({ urls }: RedisAddress): Cluster {
  const { username, password, protocol } = new URL(urls[0] as string);
  const cluster = new Cluster([...urls], {
    lazyConnect: true,
    clusterRetryStrategy: retryDelayMs,
    slotsRefreshTimeout: connectionOptions.connectTimeout,
    // A node that is found is connected to at once, and requests wait for that, not longer than for an answer.
    enableOfflineQueue: true,
    // A redirection to the node that has the key now is followed; a node that is away is not waited for.
    maxRedirections: 4,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: {
      ...connectionOptions,
      // Of the nodes that are found; those that are named have them in their URLs.
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  });
  // Otherwise a node would be connected to when it is first needed, and the cluster not known to be away as long as there are
  // nodes that were never asked.
  cluster.on('+node', (node: Redis) => void node.connect().catch(() => {}));
  return cluster;
}

/** Until it is ready, or has failed, which the event tells. */
function untilSettled(redis: Redis | Cluster, failure: 'close' | 'end'): Promise<void> {
  if (redis.status === 'ready' || redis.status === failure) return Promise.resolve();
  return new Promise((resolve) => redis.once('ready', resolve).once(failure, resolve));
}
