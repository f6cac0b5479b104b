import { type EventFilter, type LoggedEvent, matches } from '../database/event-log.js';
import { comparePositions, type LogPosition } from '../kernel/cursor.js';

/** The newest stretch of the event log, in memory: every event after `start`, up to and including `end`. */
export class EventRing {
  readonly #capacity: number;
  #start: LogPosition;
  #events: LoggedEvent[] = [];

  /** Keeps at least the last `capacity` events, and at most twice as many: it drops them by the half, which costs next to nothing. */
  constructor(capacity: number, start: LogPosition) {
    this.#capacity = capacity;
    this.#start = start;
  }

  get end(): LogPosition {
    return this.#events.at(-1)?.position ?? this.#start;
  }

  append(events: readonly LoggedEvent[]): void {
    this.#events.push(...events);
    if (this.#events.length < this.#capacity * 2) return;
    const dropped = this.#events.splice(0, this.#events.length - this.#capacity);
    this.#start = dropped.at(-1)?.position ?? this.#start;
  }

  /** Forgets everything and goes on from another place. */
  restart(start: LogPosition): void {
    this.#start = start;
    this.#events = [];
  }

  /** Whether this is a place in the kept stretch: its start, or right after one of its events. */
  holds(position: LogPosition): boolean {
    const index = this.#indexAfter(position);
    const before = index === 0 ? this.#start : this.#events[index - 1]?.position;
    return before !== undefined && comparePositions(before, position) === 0;
  }

  /**
   * The wanted events after a place, at most `limit`. `horizon` is how far it looked; `isCaughtUp` when that is the end.
   * Null when the ring no longer reaches back to that place.
   */
  recall(
    filter: EventFilter,
    after: LogPosition,
    limit: number,
  ): { events: LoggedEvent[]; horizon: LogPosition; isCaughtUp: boolean } | null {
    if (comparePositions(after, this.#start) < 0) return null;
    const found: LoggedEvent[] = [];
    let horizon = after;
    for (let index = this.#indexAfter(after); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      if (!event) break;
      if (found.length === limit) return { events: found, horizon, isCaughtUp: false };
      if (matches(filter, event)) found.push(event);
      horizon = event.position;
    }
    return { events: found, horizon, isCaughtUp: true };
  }

  /** Index of the first event after a place. */
  #indexAfter(position: LogPosition): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const event = this.#events[middle];
      if (event && comparePositions(event.position, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
