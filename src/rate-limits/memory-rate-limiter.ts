import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { CountedRequest, RateLimit, RateLimiter } from './rate-limiter.js';

/** Counts the requests of this process alone: exact where there is only one. */
export class MemoryRateLimiter<Name extends string> implements RateLimiter<Name> {
  readonly #counters = new Map<Name, RateLimiterAbstract>();

  constructor(readonly limits: Readonly<Record<Name, RateLimit>>) {
    for (const name of Object.keys(limits) as Name[]) this.#counters.set(name, memoryCounter(name, limits[name]));
  }

  count(name: Name, key: string, requests = 1): Promise<CountedRequest> {
    return countWith(this.#counters, name, key, requests);
  }

  close(): void {}
}

export function memoryCounter(name: string, { requests, windowSeconds }: RateLimit): RateLimiterMemory {
  return new RateLimiterMemory({ keyPrefix: name, points: requests, duration: windowSeconds });
}

/** Counts requests with the counter of that name. */
export async function countWith<Name extends string>(
  counters: ReadonlyMap<Name, RateLimiterAbstract>,
  name: Name,
  key: string,
  requests: number,
): Promise<CountedRequest> {
  const counter = counters.get(name);
  if (!counter) throw new Error(`there is no limit ${name}`);
  try {
    return toCounted(await counter.consume(key, requests), true);
  } catch (refusal) {
    // The library rejects a request over the limit with its count.
    if (refusal instanceof RateLimiterRes) return toCounted(refusal, false);
    throw refusal;
  }
}

function toCounted({ remainingPoints, msBeforeNext }: RateLimiterRes, isAllowed: boolean): CountedRequest {
  return { isAllowed, remaining: remainingPoints, resetsInMs: Math.max(0, msBeforeNext) };
}
