import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../kernel/logger.js';
import { type RedisAddress, redisHosts } from '../kernel/redis-address.js';
import type { EventBus } from './event-bus.js';
import { MemoryEventBus } from './memory-event-bus.js';
import { RedisLink } from './redis-link.js';

/** How long start() waits for a Redis that neither confirms nor refuses. */
const startTimeoutMs = 3000;

/**
 * Milliseconds between two messages of one process. Each is heard by every other process, at some 60 microseconds of its CPU,
 * so that without a limit a busy deployment of thirty would do little else. A message after a pause goes out at once.
 */
const messageIntervalMs = 5;

/**
 * Carries nudges between the processes that share a Redis, or a Redis Cluster, and a namespace.
 *
 * Listeners of this process are reached directly, never by way of Redis, so that they hear local nudges with Redis away.
 * Whenever the connection stands (again), everybody is nudged once, since somebody may have missed something.
 */
export class RedisEventBus implements EventBus {
  readonly #logger: Logger;
  readonly #local: MemoryEventBus;
  readonly #address: RedisAddress;
  readonly #channel: string;
  /** The payload of our messages, by which we know our own echo. */
  readonly #senderId = randomUUID();
  readonly #closing = new AbortController();
  /** Null while Redis is away. */
  #link: RedisLink | null = null;
  #isAway = false;
  #isPublishing = false;
  #hasMoreToPublish = false;
  #running: Promise<void> = Promise.resolve();
  #settleStart = (): void => {};

  /** `namespace` keeps apart the servers of different databases that share one Redis. */
  constructor({ address, namespace, logger }: { address: RedisAddress; namespace: string; logger: Logger }) {
    this.#logger = logger.child({ redis: redisHosts(address) });
    this.#local = new MemoryEventBus({ logger });
    this.#address = address;
    this.#channel = `${namespace}:nudge`;
  }

  get isHealthy(): boolean {
    return this.#link !== null;
  }

  async start(): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#settleStart = resolve;
    });
    const deadline = setTimeout(() => this.#wentAway('it does not answer'), startTimeoutMs);
    this.#running = this.#run();
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
    this.#closing.abort();
    this.#settleStart();
    await this.#running;
    await this.#local.close();
  }

  /** One link after another, as long as the bus is open. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { urls, isCluster } = this.#address;
    for (let failures = 0, seed = 0; !signal.aborted; failures += 1) {
      if (failures > 0) await delay(retryDelayMs(failures), undefined, { signal }).catch(() => {});
      try {
        const link = await RedisLink.open({
          seed: urls[seed % urls.length] as string,
          isCluster,
          channel: this.#channel,
          probe: this.#senderId,
          onMessage: (senderId) => {
            if (senderId !== this.#senderId) this.#local.nudge();
          },
          signal,
        });
        failures = 0;
        this.#cameBack(link);
        this.#wentAway(await link.broken);
      } catch (error) {
        // The next attempt is through another node, where several are named.
        seed += 1;
        this.#wentAway(error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** One message at a time, and not too many: whatever is nudged meanwhile goes out as one more. */
  async #publish(): Promise<void> {
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    const { signal } = this.#closing;
    while (this.#hasMoreToPublish && this.#link) {
      this.#hasMoreToPublish = false;
      const interval = delay(messageIntervalMs, undefined, { signal }).catch(() => {});
      // If it fails, the link breaks; the other replicas poll meanwhile.
      await this.#link.publish(this.#senderId);
      await interval;
    }
    this.#isPublishing = false;
  }

  #cameBack(link: RedisLink): void {
    if (this.#isAway) this.#logger.info('Redis is back: replicas wake each other again');
    this.#isAway = false;
    this.#link = link;
    this.nudge();
    this.#settleStart();
  }

  #wentAway(reason: string): void {
    this.#link = null;
    if (this.#isAway || this.#closing.signal.aborted) return;
    this.#isAway = true;
    this.#logger.warn({ reason }, 'Redis is away: events of other replicas are found by polling until it is back');
    this.#settleStart();
  }
}

/** 50 ms, doubling to 2 s; the random part keeps replicas from coming back in step. */
function retryDelayMs(failures: number): number {
  return Math.min(50 * 2 ** (failures - 1), 2000) * (0.75 + Math.random() / 4);
}
