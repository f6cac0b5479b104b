import type { BatonClient } from '../../sdk/baton-client.js';
import { BatonRequestError, ResyncRequiredError } from '../../sdk/errors.js';
import type { StreamStatus } from '../../sdk/event-stream.js';
import { FeedDocument, type FeedSubscription } from '../generated.js';
import type { ServerClock } from './server-clock.js';

export type FeedEvent = FeedSubscription['events'];

export interface FeedState {
  status: StreamStatus;
  /** Milliseconds since the epoch, on this machine's clock, since which it has been so. */
  since: number;
  /** Why it is offline; null when it is not, or when nobody knows. */
  reason: string | null;
  /** Milliseconds from when the last event happened until it was here; null before the first one. */
  lagMs: number | null;
  /** Time of the last event, as ISO 8601; null before the first one. */
  lastEventAt: string | null;
  /** Milliseconds since the epoch, on this machine's clock, at which it came; null before the first one. */
  lastReceivedAt: number | null;
  eventCount: number;
}

/** Events that are kept to be looked back at. */
const recentMax = 300;

export interface FeedListener {
  event?(event: FeedEvent): void;
  /** Events may have been missed: whatever was read before is to be read again. */
  reset?(): void;
}

/**
 * All events of the organization over one subscription, which the SDK resumes after every drop without a gap: what the whole
 * dashboard lives on. State that was read after `start()` is never older than the place where the feed begins.
 */
export class Feed {
  #state: FeedState = {
    status: 'offline',
    since: Date.now(),
    reason: null,
    lagMs: null,
    lastEventAt: null,
    lastReceivedAt: null,
    eventCount: 0,
  };
  #recent: readonly FeedEvent[] = [];
  readonly #listeners = new Set<FeedListener>();
  readonly #watchers = new Set<() => void>();
  readonly #ending = new AbortController();

  constructor(
    private readonly client: BatonClient,
    private readonly clock: ServerClock,
    /** The credential is not good any more. */
    private readonly onSignedOut: () => void,
  ) {}

  get state(): FeedState {
    return this.#state;
  }

  /** The last events since the feed began, newest first; another list with each event. */
  get recent(): readonly FeedEvent[] {
    return this.#recent;
  }

  /** Rejects when the place to begin at cannot be found out. */
  async start(): Promise<void> {
    const after = await this.client.eventCursor({ signal: this.#ending.signal });
    void this.#run(after);
  }

  stop(): void {
    this.#ending.abort();
  }

  listen(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of each change of `state`. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  async #run(first: string): Promise<void> {
    const { signal } = this.#ending;
    let after: string | null = first;
    while (!signal.aborted) {
      try {
        if (after === null) {
          after = await this.client.eventCursor({ signal });
          for (const listener of this.#listeners) listener.reset?.();
        }
        const events = this.client.follow(
          FeedDocument,
          { after },
          { signal, onState: ({ status, error }) => this.#change({ status, since: Date.now(), reason: error?.message ?? null }) },
        );
        for await (const { events: event } of events) this.#take(event);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ResyncRequiredError) {
          after = null;
          continue;
        }
        if (error instanceof BatonRequestError && error.status === 401) return this.onSignedOut();
        this.#change({ status: 'offline', since: Date.now(), reason: (error as Error).message });
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
    }
  }

  #take(event: FeedEvent): void {
    this.#recent = [event, ...this.#recent.slice(0, recentMax - 1)];
    for (const listener of this.#listeners) listener.event?.(event);
    const lagMs = Math.max(0, this.clock.now() - Date.parse(event.occurredAt));
    const eventCount = this.#state.eventCount + 1;
    this.#change({ lagMs, lastEventAt: event.occurredAt, lastReceivedAt: Date.now(), eventCount });
  }

  #change(change: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}
