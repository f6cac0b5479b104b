import type { Sql } from '../database/database.js';
import { currentPosition, type EventPage, scanEvents } from '../database/event-log.js';
import { encodeCursor, type LogPosition } from '../kernel/cursor.js';
import type { Logger } from '../kernel/logger.js';
import type { EventBus } from './event-bus.js';
import type { SubscriptionHub } from './subscription-hub.js';

const batchSizeMax = 500;
/** How soon to look again for committed events that an older transaction holds back: its end may send no nudge. */
const pendingDelayMs = { first: 2, longest: 100 };
/** How long one look at the log may take before the database counts as gone: it may also not answer at all. */
const lookLimitMs = 5000;
/** How soon to try again after the database failed. */
const retryDelayMs = { first: 50, longest: 1000 };

/**
 * Follows the event log in its safe order and feeds the hub: the one reader of live events in a process.
 *
 * It looks when the bus nudges and, since nudges may be lost, every `pollIntervalMs`. Nudges during a read become one more read.
 */
export class EventTailer {
  readonly #sql: Sql;
  readonly #hub: SubscriptionHub;
  readonly #bus: EventBus;
  readonly #pollIntervalMs: number;
  readonly #logger: Logger;
  readonly #batchSize: number;
  #running: Promise<void> | null = null;
  #isStopped = false;
  #isNudged = false;
  #endSleep = (): void => {};
  #markCaughtUp = (): void => {};
  /** Zero unless the last look saw events that are held back. */
  #pendingDelayMs = 0;
  /** Zero unless the last look failed. */
  #retryDelayMs = 0;
  #pendingAgeMs: number | null = null;
  #readAt = performance.now();

  constructor({
    sql,
    hub,
    bus,
    pollIntervalMs,
    logger,
  }: {
    sql: Sql;
    hub: SubscriptionHub;
    bus: EventBus;
    pollIntervalMs: number;
    logger: Logger;
  }) {
    this.#sql = sql;
    this.#hub = hub;
    this.#bus = bus;
    this.#pollIntervalMs = pollIntervalMs;
    this.#logger = logger;
    // A batch is published in one go: more than a buffer holds would drop subscribers that had no chance to read.
    this.#batchSize = Math.min(batchSizeMax, Math.ceil(hub.subscriberBuffer / 2));
  }

  /** How far the log has been read and published. */
  get position(): LogPosition {
    return this.#hub.position;
  }

  /** Whether the last look at the log failed. */
  get isFailing(): boolean {
    return this.#retryDelayMs > 0;
  }

  /** Whether the log was read lately: it is looked at every `pollIntervalMs` at least. */
  get isReading(): boolean {
    return !this.isFailing && performance.now() - this.#readAt < this.#pollIntervalMs + lookLimitMs;
  }

  /** Age, at the last look, of the oldest committed event that a running transaction holds back, in milliseconds; null when none. */
  get pendingAgeMs(): number | null {
    return this.#pendingAgeMs;
  }

  /** Begins to follow the log; resolves once everything that was there is published. */
  start(): Promise<void> {
    const caughtUp = new Promise<void>((resolve) => {
      this.#markCaughtUp = resolve;
    });
    const stopListening = this.#bus.onNudge(() => {
      this.#isNudged = true;
      // While the database fails, the nudges of others must not make us hammer it.
      if (!this.isFailing) this.#endSleep();
    });
    this.#running = this.#follow().finally(stopListening);
    return caughtUp;
  }

  /** Ends after the read in flight. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endSleep();
    await this.#running;
    this.#markCaughtUp();
  }

  async #follow(): Promise<void> {
    while (!this.#isStopped) {
      this.#isNudged = false;
      const delayMs = await this.#look();
      const mayLookNow = this.#isNudged && !this.isFailing;
      if (!mayLookNow && !this.#isStopped && delayMs > 0) await this.#sleep(delayMs);
    }
  }

  /** Reads and publishes one batch; returns how many milliseconds may pass until the next look. */
  async #look(): Promise<number> {
    try {
      const page = await scanEvents(this.#sql, { after: this.#hub.position, rowLimit: this.#batchSize });
      if (!page.isResumable) await this.#startAfresh();
      if (this.isFailing) this.#logger.info('The event log can be read again');
      this.#retryDelayMs = 0;
      this.#readAt = performance.now();
      this.#pendingAgeMs = page.pendingAgeMs;
      this.#hub.publish(page.events);
      if (!page.isCaughtUp) return 0;
      this.#markCaughtUp();
      return this.#delayAfter(page);
    } catch (error) {
      if (!this.isFailing)
        this.#logger.error({ err: error }, 'Could not read the event log; live events wait until it can be read');
      this.#retryDelayMs = longer(this.#retryDelayMs, retryDelayMs);
      return this.#retryDelayMs;
    }
  }

  #delayAfter({ events, pendingAgeMs }: EventPage): number {
    if (pendingAgeMs === null) {
      this.#pendingDelayMs = 0;
      return this.#pollIntervalMs;
    }
    this.#pendingDelayMs = events.length > 0 ? pendingDelayMs.first : longer(this.#pendingDelayMs, pendingDelayMs);
    return Math.min(this.#pendingDelayMs, this.#pollIntervalMs);
  }

  /** Our place is gone: the process slept past retention, or the database was restored or lost commits in a failover. */
  async #startAfresh(): Promise<void> {
    const lost = encodeCursor(this.#hub.position);
    const position = await currentPosition(this.#sql);
    this.#logger.error(
      { lost, found: encodeCursor(position) },
      'The event log cannot be resumed; every subscriber is told to resync',
    );
    this.#hub.restart(position);
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endSleep = () => {};
  }
}

/** The next, longer delay of a series that doubles from `first` up to `longest`. */
function longer(delayMs: number, { first, longest }: { first: number; longest: number }): number {
  return Math.min(Math.max(first, delayMs * 2), longest);
}
