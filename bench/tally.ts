/** How much of the work that is counted is measured. */
export interface MeasuredWindow {
  /** Milliseconds of work before it, from the first that is done. */
  warmUpMs: number;
  durationMs: number;
}

/** What was done: `count` within the window, in `seconds`, and `total` within it and without. */
export interface Tallied {
  count: number;
  seconds: number;
  total: number;
}

/** Counts what is done within a stretch of time in the middle of the work, so that neither its start nor its end is measured. */
export class Tally {
  /** All that was done, within the window and without. */
  total = 0;
  /** Resolves when the window is over. */
  readonly closed: Promise<void>;
  readonly #window: MeasuredWindow;
  #close: () => void = () => {};
  #opensAt = 0;
  #firstAt = 0;
  #lastAt = 0;
  #count = 0;
  #isClosed = false;

  constructor(window: MeasuredWindow) {
    this.#window = window;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  /** Whether the window is over, and with it the work. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  add(count: number): void {
    const now = performance.now();
    if (this.total === 0) this.#opensAt = now + this.#window.warmUpMs;
    this.total += count;
    if (now < this.#opensAt || this.#isClosed) return;
    // The first that is done in the window opens it: what it took was spent before.
    if (this.#firstAt === 0) this.#firstAt = now;
    else this.#count += count;
    this.#lastAt = now;
    if (now < this.#opensAt + this.#window.durationMs) return;
    this.#isClosed = true;
    this.#close();
  }

  result(): Tallied {
    return { count: this.#count, seconds: (this.#lastAt - this.#firstAt) / 1000, total: this.total };
  }
}
