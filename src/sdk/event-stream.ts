import { BatonConnectionError, isRetriable, ResyncRequiredError, requestError, retryAfterMsOf } from './errors.js';
import type { SubscriptionSink } from './graphql-socket.js';
import { Mailbox } from './mailbox.js';
import { Backoff, pause } from './retry.js';

/** Milliseconds without an event after which a stream that was catching up is taken to be live. */
const quietMs = 250;

/**
 * `catching-up`: connected, and what happened meanwhile may still be arriving, or waits to be read. `live`: connected, and
 * events arrive as they happen. `offline`: not connected; until the stream ends it keeps trying.
 */
export type StreamStatus = 'catching-up' | 'live' | 'offline';

export interface StreamState {
  status: StreamStatus;
  /** Time since which it has been so. */
  since: Date;
  /** Why it is offline. Null when it is not, or has not tried yet, or was ended. */
  error: Error | null;
}

export interface FollowOptions<Data> {
  /** Finds the cursor in an answer. Default: the field `cursor` of its only field. */
  cursorOf?: (data: Data) => string;
  /** Told of every change of the stream's state. */
  onState?: (state: StreamState) => void;
  /** Events that may wait to be read before no more are received; the server keeps the rest. Default 1,000. */
  bufferSize?: number;
  /** Ends the stream: next() rejects with the reason of the signal. */
  signal?: AbortSignal;
}

/** What a stream needs of the client that made it. */
export interface EventSource {
  /** Cursor to begin after; without one, a fresh `eventCursor` is read before anything else. */
  after: string | null | undefined;
  readCursor(signal: AbortSignal): Promise<string>;
  subscribe(after: string, sink: SubscriptionSink): () => void;
  /** The stream has begun: it is to be closed with the client. */
  enroll(stream: { close(): void }): void;
  /** The stream has ended. */
  release(stream: { close(): void }): void;
}

/**
 * The events of a subscription, each once and in order, over any number of connections.
 *
 * After every drop it connects again, to whichever server answers, and goes on strictly after the last event received.
 * A reader that is slower than the events makes it stop receiving when the buffer is full and, when half of it was read,
 * subscribe again after the last event in it: memory is bounded and nothing is dropped.
 *
 * next() rejects, once, with what no reconnect can mend: ResyncRequiredError, BatonRequestError for a bad document or
 * credential, the reason of the signal. What was received before is read first, except after the signal.
 */
export class EventStream<Data> implements AsyncIterableIterator<Data, undefined> {
  readonly #source: EventSource;
  readonly #cursorOf: (data: Data) => string;
  readonly #onState: ((state: StreamState) => void) | undefined;
  readonly #bufferSize: number;
  readonly #signal: AbortSignal | undefined;
  readonly #mailbox = new Mailbox<Data>();
  readonly #ending = new AbortController();
  readonly #backoff = new Backoff();
  #state: StreamState = { status: 'offline', since: new Date(), error: null };
  /** Cursor of the last event received; events in the mailbox count as such. */
  #received: string | undefined;
  /** Cursor of the last event handed over. */
  #handed: string | undefined;
  /** Cursor at which the server last said that the stream cannot go on. */
  #refused: string | undefined;
  #lastEventAt = 0;
  #quietTimer: ReturnType<typeof setTimeout> | undefined;
  #stopReceiving = () => {};
  #resume = () => {};

  constructor(source: EventSource, { cursorOf, onState, bufferSize = 1000, signal }: FollowOptions<Data>) {
    if (!(bufferSize >= 1)) throw new RangeError(`bufferSize must be at least 1, not ${bufferSize}`);
    this.#source = source;
    this.#cursorOf = cursorOf ?? soleCursor;
    this.#onState = onState;
    this.#bufferSize = bufferSize;
    this.#signal = signal;
    this.#received = source.after ?? undefined;
    this.#handed = this.#received;
    source.enroll(this);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    else void this.#run();
  }

  get state(): StreamState {
    return this.#state;
  }

  /**
   * Cursor of the last event that next() handed over, or the one that the stream begins after: keep it to go on later,
   * in another process. Undefined until a stream that was given no cursor has read one.
   */
  get cursor(): string | undefined {
    return this.#handed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Data, undefined>> {
    const result = await this.#mailbox.take();
    if (!result.done) this.#handed = this.#cursorOf(result.value);
    if (this.#isHalfRead) this.#resume();
    return result;
  }

  /** Ends the stream at once; a pending next() resolves as done. */
  async return(): Promise<IteratorResult<Data, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** The same, without an answer. */
  close(): void {
    this.#end(null);
    this.#mailbox.discard();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        this.#received ??= await this.#source.readCursor(signal);
        this.#handed ??= this.#received;
        await this.#receive(this.#received);
        await this.#untilHalfRead();
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#mayGoOn(error)) {
          this.#end(error as Error);
          this.#mailbox.end({ error });
          return;
        }
        this.#setState('offline', error as Error);
        await pause(Math.max(this.#backoff.nextMs(), retryAfterMsOf(error)), signal).catch(() => {});
      }
    }
  }

  /** Receives until the mailbox is full or the stream has ended. Rejects when the connection is lost, or does not come about. */
  #receive(after: string): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const unsubscribe = this.#source.subscribe(after, {
        connected: () => this.#connected(),
        next: ({ data, errors }) => {
          try {
            if (!data || errors) throw requestError(errors ?? [], 200);
            this.#accept(data as Data);
            if (this.#mailbox.size >= this.#bufferSize) this.#stopReceiving();
          } catch (error) {
            unsubscribe();
            reject(error);
          }
        },
        failed: reject,
        completed: () => reject(new BatonConnectionError('The server ended the stream.')),
      });
      this.#stopReceiving = () => {
        unsubscribe();
        resolve();
      };
    }).finally(() => clearTimeout(this.#quietTimer));
  }

  #accept(data: Data): void {
    this.#received = this.#cursorOf(data);
    this.#lastEventAt = performance.now();
    this.#backoff.reset();
    this.#mailbox.put(data);
  }

  get #isHalfRead(): boolean {
    return this.#mailbox.size <= this.#bufferSize / 2;
  }

  async #untilHalfRead(): Promise<void> {
    if (this.#isHalfRead || this.#ending.signal.aborted) return;
    this.#setState('catching-up', null);
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }

  /**
   * RESYNC_REQUIRED is also said to a subscriber that could not keep up. To one that knows its place, that is a drop like any
   * other; said twice at the same place, the place itself is lost.
   */
  #mayGoOn(error: unknown): boolean {
    if (!(error instanceof ResyncRequiredError)) return isRetriable(error);
    const isRepeated = this.#refused === this.#received;
    this.#refused = this.#received;
    return !isRepeated;
  }

  #connected(): void {
    this.#lastEventAt = performance.now();
    this.#setState('catching-up', null);
    this.#watchForQuiet(quietMs);
  }

  #watchForQuiet(milliseconds: number): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      const stillMs = this.#lastEventAt + quietMs - performance.now();
      if (stillMs > 0) return this.#watchForQuiet(stillMs);
      this.#backoff.reset();
      this.#setState('live', null);
    }, milliseconds);
  }

  #setState(status: StreamStatus, error: Error | null): void {
    if (status === this.#state.status && error === this.#state.error) return;
    this.#state = { status, since: new Date(), error };
    this.#onState?.(this.#state);
  }

  #onAbort = (): void => {
    this.#end(this.#signal?.reason);
    this.#mailbox.discard({ error: this.#signal?.reason });
  };

  #end(error: Error | null): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#stopReceiving();
    this.#resume();
    this.#source.release(this);
    this.#setState('offline', error);
  }
}

/** The cursor of the one event that an answer carries. */
function soleCursor(data: unknown): string {
  const fields = Object.values(data as object) as ({ cursor?: unknown } | null)[];
  const cursor = fields.length === 1 ? fields[0]?.cursor : undefined;
  if (typeof cursor === 'string') return cursor;
  throw new TypeError('A subscription can be followed when its only field selects `cursor`, or with the option `cursorOf`.');
}
