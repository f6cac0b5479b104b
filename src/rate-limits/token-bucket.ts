/** Seconds' worth that may come at once after a pause. */
const burstSeconds = 5;

/** Lets so many pass in a second on average, and five times as many at once after a pause. */
export class TokenBucket {
  #tokens: number;
  #filledAt = performance.now();

  constructor(private readonly perSecond: number) {
    this.#tokens = perSecond * burstSeconds;
  }

  /** Whether one more passes. */
  take(): boolean {
    const now = performance.now();
    const fresh = ((now - this.#filledAt) / 1000) * this.perSecond;
    this.#tokens = Math.min(this.#tokens + fresh, this.perSecond * burstSeconds);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
