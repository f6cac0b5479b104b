import { type EventFilter, type EventPage, type LoggedEvent, matches } from '../database/event-log.js';
import { comparePositions, type LogPosition } from '../kernel/cursor.js';
import { nextOf, type PullStream, type Receiver } from '../kernel/pull-stream.js';
import { ResyncRequiredError } from './resync-required-error.js';

/** A filter of one organization: subscriptions never cross. */
export type SubscriptionFilter = EventFilter & { organizationId: string };

/** What a subscription needs of the hub that made it. */
export interface EventSource {
  /** Whether a place is one that memory knows for certain. */
  remembers(position: LogPosition): boolean;
  /** Wanted events after a place, from memory; null when memory does not reach back so far. */
  recall(filter: EventFilter, after: LogPosition, limit: number): Pick<EventPage, 'events' | 'horizon' | 'isCaughtUp'> | null;
  /** The same from the log, when it is its turn; null when the subscription has ended by then. */
  readPage(subscription: EventSubscription, after: LogPosition): Promise<EventPage | null>;
  /** From now on each new event that may be wanted is given to `deliver`. */
  attach(subscription: EventSubscription): void;
  /** The subscription has ended. */
  release(subscription: EventSubscription): void;
}

/**
 * One subscriber's stream.
 *
 * It is either catching up or live. Catching up, it pulls from memory or from the log when its reader asks, so a
 * reader of any speed holds one page at most. It turns live in the same step in which it took the last event
 * that the hub has, hence without a seam. Live, the hub pushes; a reader that falls behind by more than the buffer loses
 * the stream, and nobody else notices.
 *
 * `position` never goes back, and only what lies after it is delivered: that alone rules out doubles.
 */
export class EventSubscription implements PullStream<LoggedEvent> {
  readonly filter: SubscriptionFilter;
  readonly #source: EventSource;
  readonly #bufferSize: number;
  #signal: AbortSignal | undefined;
  #mode: 'catching up' | 'live' | 'ended' = 'catching up';
  #position: LogPosition;
  /** A place that a client named may be none of this log, until a page was read from it. */
  #isPositionTrusted: boolean;
  #isFilling = false;
  #buffer: LoggedEvent[] = [];
  /** Those who asked for an event; only ever while the buffer is empty. */
  #waiting: Receiver<LoggedEvent>[] = [];
  #failure: unknown = null;

  constructor({
    filter,
    source,
    bufferSize,
    position,
    isPositionTrusted,
  }: {
    filter: SubscriptionFilter;
    source: EventSource;
    bufferSize: number;
    position: LogPosition;
    isPositionTrusted: boolean;
  }) {
    this.filter = filter;
    this.#source = source;
    this.#bufferSize = bufferSize;
    this.#position = position;
    this.#isPositionTrusted = isPositionTrusted;
  }

  /** Events that wait for the reader. */
  get backlog(): number {
    return this.#buffer.length;
  }

  /** Ends the stream when `signal` aborts. */
  endOn(signal: AbortSignal): void {
    this.#signal = signal;
    if (signal.aborted) this.end();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** From now on the hub pushes. Right when nothing lies between the position and the end of what the hub has. */
  goLive(): void {
    this.#mode = 'live';
    this.#source.attach(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Rejects once, with ResyncRequiredError or the error of a failed read of the log; the stream has then ended. */
  next(): Promise<IteratorResult<LoggedEvent>> {
    return nextOf(this);
  }

  pull(receiver: Receiver<LoggedEvent>): void {
    const event = this.#buffer.shift();
    if (event) receiver.onValue(event);
    else if (this.#failure !== null) {
      const failure = this.#failure;
      this.#failure = null;
      receiver.onError(failure);
    } else if (this.#mode === 'ended') receiver.onEnd();
    else {
      this.#waiting.push(receiver);
      if (this.#mode === 'catching up') void this.#catchUp();
    }
  }

  /** Ends the stream at once; a pending next() resolves as done. */
  return(): Promise<IteratorResult<LoggedEvent>> {
    this.end();
    this.#failure = null;
    return Promise.resolve(finished);
  }

  /** Ends the stream as if nothing more were to come; what is still buffered is dropped. */
  end(): void {
    this.#stop();
    for (const receiver of this.#waiting.splice(0)) receiver.onEnd();
  }

  /** Ends the stream with an error for its reader; what is still buffered is dropped. */
  fail(error: unknown): void {
    if (this.#mode === 'ended') return;
    this.#stop();
    const [first, ...others] = this.#waiting.splice(0);
    if (first) first.onError(error);
    else this.#failure = error;
    for (const receiver of others) receiver.onEnd();
  }

  /** Takes a new event if it is wanted. Returns false when the buffer was full, which ends the stream. */
  deliver(event: LoggedEvent): boolean {
    if (this.#mode !== 'live' || !matches(this.filter, event)) return true;
    if (comparePositions(event.position, this.#position) <= 0) return true;
    if (this.#buffer.length >= this.#bufferSize) {
      this.fail(new ResyncRequiredError('TOO_SLOW'));
      return false;
    }
    this.#position = event.position;
    this.#accept(event);
    return true;
  }

  #onAbort = (): void => {
    this.end();
  };

  #accept(event: LoggedEvent): void {
    const receiver = this.#waiting.shift();
    if (receiver) receiver.onValue(event);
    else this.#buffer.push(event);
  }

  #stop(): void {
    this.#mode = 'ended';
    this.#buffer = [];
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#source.release(this);
  }

  /** Pulls until every waiting next() is answered or the stream is live. */
  async #catchUp(): Promise<void> {
    if (this.#isFilling) return;
    this.#isFilling = true;
    try {
      while (this.#mode === 'catching up' && this.#waiting.length > 0) {
        if (!this.#takeFromMemory()) await this.#takeFromLog();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#isFilling = false;
    }
  }

  #takeFromMemory(): boolean {
    if (!this.#isPositionTrusted && !this.#source.remembers(this.#position)) return false;
    // Half of the buffer stays free for what arrives while the reader works these off.
    const page = this.#source.recall(this.filter, this.#position, Math.ceil(this.#bufferSize / 2));
    if (!page) return false;
    this.#take(page);
    if (page.isCaughtUp) this.goLive();
    return true;
  }

  async #takeFromLog(): Promise<void> {
    const page = await this.#source.readPage(this, this.#position);
    if (!page || this.#mode === 'ended') return;
    if (page.isResumable) this.#take(page);
    else this.fail(new ResyncRequiredError('CURSOR_LOST'));
  }

  #take(page: Pick<EventPage, 'events' | 'horizon'>): void {
    this.#isPositionTrusted = true;
    this.#position = page.horizon;
    for (const event of page.events) this.#accept(event);
  }
}

const finished: IteratorResult<LoggedEvent> = { value: undefined, done: true };
