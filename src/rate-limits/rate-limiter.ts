/** How many requests of one key a window takes; or what they may cost together, where they are counted by their cost. */
export interface RateLimit {
  requests: number;
  windowSeconds: number;
}

/** What became of a request that was counted. */
export interface CountedRequest {
  isAllowed: boolean;
  /** Requests that the window still takes. */
  remaining: number;
  /** Milliseconds until the window ends, and a request is allowed again for sure. */
  resetsInMs: number;
}

/**
 * Counts requests against limits, each under a name. A window begins with its first request and ends after its length,
 * however many requests come: the last that the limit allows passes, the next one does not.
 */
export interface RateLimiter<Name extends string> {
  readonly limits: Readonly<Record<Name, RateLimit>>;
  /** Counts one more request of the key, or so many, also what is over the limit. Never fails. */
  count(name: Name, key: string, requests?: number): Promise<CountedRequest>;
  close(): void;
}
