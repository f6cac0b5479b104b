import type { CountedRequest, RateLimit, RateLimiter } from './rate-limiter.js';

/** How often processes tell each other what was spent. */
const tellIntervalMs = 1000;

/** What may be spent, as a part of the limit, before it is worth telling: who spends little costs no round trip. */
const worthTelling = 0.01;

interface Window {
  endsAt: number;
  /** The same in seconds since 1970, as text. */
  endsAtText: string;
  /** By all processes, as far as it is known here. */
  spent: number;
  /** Of that, what was spent here and not told yet. */
  untold: number;
}

/** What became of a charge. */
export interface Charge extends CountedRequest {
  /** Time at which the window ends, in seconds since 1970, as text. */
  resetsAt: string;
}

/**
 * What each key may spend in a window that begins with its first charge. A charge is judged at once, by what is known in this
 * process: to ask Redis for each operation would cost more than most operations do.
 *
 * With a `limiter` that other processes count with as well, they tell each other once a second what was spent, as soon as
 * it is a hundredth of the limit. So what a key spends over N processes may pass the limit by what it spends within
 * a second and N hundredths of the limit, and not by more.
 */
export class CostBudget {
  readonly #windows = new Map<string, Window>();
  readonly #limit: RateLimit;
  readonly #limiter: RateLimiter<'cost'> | null;
  readonly #timer: NodeJS.Timeout;

  constructor({ limit, limiter = null }: { limit: RateLimit; limiter?: RateLimiter<'cost'> | null }) {
    this.#limit = limit;
    this.#limiter = limiter;
    this.#timer = setInterval(() => this.#tell(), tellIntervalMs).unref();
  }

  /** What one key may spend in a window. */
  get limit(): number {
    return this.#limit.requests;
  }

  get windowSeconds(): number {
    return this.#limit.windowSeconds;
  }

  /** Charges the key; a charge that goes over what is left is not made. */
  charge(key: string, cost: number): Charge {
    const now = performance.now();
    let window = this.#windows.get(key);
    if (!window || now >= window.endsAt) {
      const resetsInMs = this.#limit.windowSeconds * 1000;
      window = { endsAt: now + resetsInMs, endsAtText: endOf(resetsInMs), spent: 0, untold: 0 };
      this.#windows.set(key, window);
    }
    const isAllowed = window.spent + cost <= this.limit;
    if (isAllowed) {
      window.spent += cost;
      window.untold += cost;
    }
    const remaining = Math.max(0, this.limit - window.spent);
    return { isAllowed, remaining, resetsInMs: Math.round(window.endsAt - now), resetsAt: window.endsAtText };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tell(): void {
    const now = performance.now();
    for (const [key, window] of this.#windows) {
      if (now >= window.endsAt) this.#windows.delete(key);
      else if (this.#limiter && window.untold >= this.limit * worthTelling) void this.#share(this.#limiter, key, window);
    }
  }

  async #share(limiter: RateLimiter<'cost'>, key: string, window: Window): Promise<void> {
    const told = window.untold;
    window.untold = 0;
    const { remaining, resetsInMs } = await limiter.count('cost', key, told);
    // Not less than is known here: a Redis that was away has forgotten.
    window.spent = Math.max(window.spent, this.limit - remaining + window.untold);
    window.endsAt = performance.now() + resetsInMs;
    window.endsAtText = endOf(resetsInMs);
  }
}

function endOf(resetsInMs: number): string {
  return String(Math.ceil((Date.now() + resetsInMs) / 1000));
}
