import type { Sql } from '../database/database.js';
import { type LoggedEvent, scanEvents } from '../database/event-log.js';
import type { LogPosition } from '../kernel/cursor.js';
import type { Logger } from '../kernel/logger.js';
import type { PullStream } from '../kernel/pull-stream.js';
import { EventRing } from './event-ring.js';
import { type EventSource, EventSubscription, type SubscriptionFilter } from './event-subscription.js';
import { ResyncRequiredError } from './resync-required-error.js';

/** Rows of the log that one subscription looks at in one read while it catches up. */
const catchUpPageSize = 1000;
/** Reads of the log at a time for all subscriptions together, so that a crowd that reconnects leaves the database to others. */
const catchUpReadersMax = 4;

export interface SubscriptionHubOptions {
  /** Where older events are read. */
  sql: Sql;
  logger: Logger;
  /** Where the stream starts. Some way back from the present, a fresh process can serve reconnecting clients from memory. */
  position: LogPosition;
  /** Events that may wait for one live subscriber. */
  subscriberBuffer: number;
  /** Events kept in memory for those who reconnect. */
  ringSize?: number;
}

/** Hands each event of the log to those who subscribed to it. Events come from the tailer, in safe order. */
export class SubscriptionHub {
  readonly subscriberBuffer: number;
  readonly #sql: Sql;
  readonly #logger: Logger;
  readonly #ring: EventRing;
  readonly #subscriptions = new Set<EventSubscription>();
  /** Live subscriptions by what they filter on: see `routeOf`. Those that answer alike share the execution, not the stream. */
  readonly #routes = new Map<string, Set<EventSubscription>>();
  readonly #listeners = new Set<(event: LoggedEvent) => void>();
  readonly #readers = new Turns(catchUpReadersMax);
  #droppedCount = 0;
  #isClosed = false;

  constructor({ sql, logger, position, subscriberBuffer, ringSize = 4096 }: SubscriptionHubOptions) {
    this.#sql = sql;
    this.#logger = logger;
    this.subscriberBuffer = subscriberBuffer;
    this.#ring = new EventRing(ringSize, position);
  }

  /** The last event that was published. */
  get position(): LogPosition {
    return this.#ring.end;
  }

  /** Streams that are open. */
  get subscriberCount(): number {
    return this.#subscriptions.size;
  }

  /** Events that wait for the slowest reader of a live stream. */
  get backlogMax(): number {
    let most = 0;
    for (const subscription of this.#subscriptions) most = Math.max(most, subscription.backlog);
    return most;
  }

  /** Streams that ended because their reader was too slow, since the start. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /**
   * A stream of the events that match, each once and in order.
   *
   * Without `after`: whatever is published from the moment of the call. With it: everything after that place, from memory or
   * from the log, then live. next() throws ResyncRequiredError when the place is lost or the reader too slow.
   */
  subscribe({
    filter,
    after,
    signal,
  }: {
    filter: SubscriptionFilter;
    after?: LogPosition | null;
    signal?: AbortSignal;
  }): PullStream<LoggedEvent> {
    const subscription = new EventSubscription({
      filter,
      source: this.#source,
      bufferSize: this.subscriberBuffer,
      position: after ?? this.position,
      isPositionTrusted: !after,
    });
    this.#subscriptions.add(subscription);
    if (!after) subscription.goLive();
    if (signal) subscription.endOn(signal);
    if (this.#isClosed) subscription.end();
    return subscription;
  }

  /**
   * Calls `listener` for every event of every organization as it arrives, for the server's own clockwork.
   * It must return quickly; what it throws is logged. Returns the function that ends this.
   */
  listen(listener: (event: LoggedEvent) => void): () => void {
    const entry = (event: LoggedEvent) => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  /** Hands out the next events of the log. Never throws, and never waits for a reader. */
  publish(events: readonly LoggedEvent[]): void {
    this.#ring.append(events);
    for (const event of events) {
      for (const listener of this.#listeners) this.#tell(listener, event);
      for (const route of routesOf(event)) {
        for (const subscription of this.#routes.get(route) ?? []) {
          if (!subscription.deliver(event)) this.#droppedCount += 1;
        }
      }
    }
  }

  /** Goes on from another place, when the log cannot be followed without a gap: every stream ends with ResyncRequiredError. */
  restart(position: LogPosition): void {
    this.#ring.restart(position);
    for (const subscription of this.#subscriptions) subscription.fail(new ResyncRequiredError('CURSOR_LOST'));
  }

  /** Ends every stream as done; later ones end at once. */
  close(): void {
    this.#isClosed = true;
    for (const subscription of this.#subscriptions) subscription.end();
    this.#listeners.clear();
  }

  readonly #source: EventSource = {
    remembers: (position) => this.#ring.holds(position),
    recall: (filter, after, limit) => this.#ring.recall(filter, after, limit),
    readPage: (subscription, after) =>
      this.#readers.take(async () =>
        this.#subscriptions.has(subscription)
          ? scanEvents(this.#sql, { after, filter: subscription.filter, rowLimit: catchUpPageSize })
          : null,
      ),
    attach: (subscription) => {
      const route = routeOf(subscription.filter);
      const others = this.#routes.get(route);
      if (others) others.add(subscription);
      else this.#routes.set(route, new Set([subscription]));
    },
    release: (subscription) => {
      this.#subscriptions.delete(subscription);
      const route = routeOf(subscription.filter);
      const others = this.#routes.get(route);
      others?.delete(subscription);
      if (others?.size === 0) this.#routes.delete(route);
    },
  };

  #tell(listener: (event: LoggedEvent) => void, event: LoggedEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#logger.error({ err: error, type: event.type, cursor: event.cursor }, 'A listener of the event stream failed');
    }
  }
}

/** What a route goes by, the most selective first. */
const dimensions = ['taskId', 'threadId', 'agentId', 'projectId', 'specialization'] as const;

/** The one route under which a subscription stands: the most selective part of its filter, else all of its organization. */
function routeOf(filter: SubscriptionFilter): string {
  const dimension = dimensions.find((candidate) => filter[candidate] != null);
  return dimension ? `${filter.organizationId} ${dimension} ${filter[dimension]}` : filter.organizationId;
}

/** Every route under which somebody may want the event. */
function routesOf(event: LoggedEvent): string[] {
  const routes = [event.organizationId];
  for (const dimension of dimensions) {
    if (event[dimension] !== null) routes.push(`${event.organizationId} ${dimension} ${event[dimension]}`);
  }
  return routes;
}

/** Lets so many work at a time; the others wait in line. */
class Turns {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
