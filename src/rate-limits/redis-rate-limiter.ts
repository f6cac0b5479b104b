import { Redis, type RedisOptions } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Logger } from '../kernel/logger.js';
import { countWith, memoryCounter } from './memory-rate-limiter.js';
import type { CountedRequest, RateLimit, RateLimiter } from './rate-limiter.js';

/** Nothing waits for a Redis that is away: the request is counted in this process instead. */
const connectionOptions: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 1000,
  keepAlive: 10_000,
  retryStrategy: (attempt) => Math.min(50 * 2 ** (attempt - 1), 2000) * (0.75 + Math.random() / 4),
};

/**
 * Counts the requests of all processes that share a Redis and a namespace, exactly: each is one script there.
 *
 * With Redis away, each process counts for itself, from nothing, until it is back; what Redis has counted goes on then.
 */
export class RedisRateLimiter<Name extends string> implements RateLimiter<Name> {
  readonly limits: Readonly<Record<Name, RateLimit>>;
  readonly #redis: Redis;
  readonly #counters = new Map<Name, RateLimiterAbstract>();
  #isAway = false;

  /** `namespace` keeps deployments apart that share one Redis. */
  constructor(options: { url: string; namespace?: string; limits: Readonly<Record<Name, RateLimit>>; logger: Logger }) {
    const { url, namespace = 'baton', limits } = options;
    // The address without credentials.
    const logger = options.logger.child({ redis: new URL(url).host });
    this.limits = limits;
    this.#redis = new Redis(url, connectionOptions);
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
    await this.#redis.connect().catch(() => {});
  }

  count(name: Name, key: string): Promise<CountedRequest> {
    return countWith(this.#counters, name, key);
  }

  close(): void {
    // Leaving is no outage.
    this.#isAway = true;
    this.#redis.disconnect();
  }
}
