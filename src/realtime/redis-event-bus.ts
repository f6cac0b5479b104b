import { randomUUID } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../kernel/logger.js';
import type { EventBus } from './event-bus.js';
import { MemoryEventBus } from './memory-event-bus.js';

/** How long start() waits for a Redis that neither confirms nor refuses. */
const startTimeoutMs = 3000;

/** Nothing is queued or sent again: a nudge that cannot go out now is worth nothing later, and polling makes up for it. */
const connectionOptions: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 2000,
  keepAlive: 10_000,
  // 50 ms, doubling to 2 s; the random part keeps replicas from coming back in step.
  retryStrategy: (attempt) => Math.min(50 * 2 ** (attempt - 1), 2000) * (0.75 + Math.random() / 4),
};

/**
 * Carries nudges between the processes that share a Redis and a namespace.
 *
 * Listeners of this process are reached directly, never by way of Redis, so that they hear local nudges with Redis away.
 * Whenever the connection stands (again), everybody is nudged once, since somebody may have missed something.
 */
export class RedisEventBus implements EventBus {
  readonly #logger: Logger;
  readonly #local: MemoryEventBus;
  readonly #channel: string;
  /** The payload of our messages, by which we know our own echo. */
  readonly #senderId = randomUUID();
  /** A connection in subscriber mode takes no other command, hence two. */
  readonly #subscriber: Redis;
  readonly #publisher: Redis;
  #state: 'connecting' | 'up' | 'down' | 'closed' = 'connecting';
  #isSubscribed = false;
  #lastError: string | undefined;
  #isPublishing = false;
  #hasMoreToPublish = false;
  #settleStart = (): void => {};

  /** `namespace` keeps deployments apart that share one Redis. */
  constructor({ url, namespace = 'baton', logger }: { url: string; namespace?: string; logger: Logger }) {
    // The address without credentials.
    this.#logger = logger.child({ redis: new URL(url).host });
    this.#local = new MemoryEventBus({ logger });
    this.#channel = `${namespace}:nudge`;
    this.#subscriber = new Redis(url, connectionOptions);
    this.#publisher = new Redis(url, connectionOptions);
    this.#subscriber.on('message', (_channel, senderId) => {
      if (senderId !== this.#senderId) this.#local.nudge();
    });
    this.#subscriber.on('ready', () => void this.#subscribe());
    this.#publisher.on('ready', () => this.#cameUp());
    for (const connection of [this.#subscriber, this.#publisher]) {
      // Only the message: the error of a refused password carries the command, and so the password.
      connection.on('error', (error: Error) => {
        this.#lastError = error.message;
      });
      connection.on('close', () => this.#wentDown());
    }
  }

  get isHealthy(): boolean {
    return this.#state === 'up';
  }

  async start(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#settleStart = resolve;
    });
    const deadline = setTimeout(() => this.#wentDown(), startTimeoutMs);
    // A first attempt that fails is told by 'close', and more attempts follow.
    this.#subscriber.connect().catch(() => {});
    this.#publisher.connect().catch(() => {});
    await settled;
    clearTimeout(deadline);
  }

  nudge(): void {
    this.#local.nudge();
    this.#hasMoreToPublish = true;
    void this.#publish();
  }

  onNudge(listener: () => void): () => void {
    return this.#local.onNudge(listener);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#settleStart();
    this.#subscriber.disconnect();
    this.#publisher.disconnect();
    await this.#local.close();
  }

  /** One message at a time: whatever is nudged while one travels goes out as one more. */
  async #publish(): Promise<void> {
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    while (this.#hasMoreToPublish && this.isHealthy) {
      this.#hasMoreToPublish = false;
      try {
        await this.#publisher.publish(this.#channel, this.#senderId);
      } catch {
        // The other replicas poll; if the connection broke, 'close' tells.
      }
    }
    this.#isPublishing = false;
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#channel);
    } catch (error) {
      // Refused, or the connection broke: try again from the start, with the usual delay.
      this.#lastError = error instanceof Error ? error.message : String(error);
      if (this.#state !== 'closed') this.#subscriber.disconnect(true);
      return;
    }
    this.#isSubscribed = true;
    this.#cameUp();
  }

  #cameUp(): void {
    if (!this.#isSubscribed || this.#publisher.status !== 'ready') return;
    if (this.#state === 'up' || this.#state === 'closed') return;
    if (this.#state === 'down') this.#logger.info('Redis is back: replicas wake each other again');
    this.#state = 'up';
    this.nudge();
    this.#settleStart();
  }

  #wentDown(): void {
    this.#isSubscribed = this.#isSubscribed && this.#subscriber.status === 'ready';
    if (this.#state === 'down' || this.#state === 'closed') return;
    this.#state = 'down';
    this.#logger.warn(
      { reason: this.#lastError },
      'Redis is away: events of other replicas are found by polling until it is back',
    );
    this.#settleStart();
  }
}
