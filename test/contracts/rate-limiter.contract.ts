import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, type TestContext, vi } from 'vitest';
import type { RateLimit, RateLimiter } from '../../src/rate-limits/rate-limiter.js';

type Limits = Record<'many' | 'few' | 'short', RateLimit>;

const limits: Limits = {
  many: { requests: 100, windowSeconds: 60 },
  few: { requests: 3, windowSeconds: 3600 },
  short: { requests: 1, windowSeconds: 1 },
};

/** What every rate limiter must do. */
export function describeRateLimiter(
  name: string,
  createLimiter: (context: TestContext, limits: Limits) => Promise<RateLimiter<keyof Limits>>,
): void {
  describe(`${name} keeps the contract of a rate limiter:`, () => {
    let limiter: RateLimiter<keyof Limits>;
    let key: string;

    beforeEach(async (context) => {
      limiter = await createLimiter(context, limits);
      key = randomUUID();
    });
    afterEach(() => limiter?.close());

    it('lets the last request of the limit pass, and not the next', async () => {
      const counted = [];
      for (let request = 0; request < 102; request += 1) counted.push(await limiter.count('many', key));

      expect(counted.map(({ isAllowed }) => isAllowed)).toEqual([...Array(100).fill(true), false, false]);
      expect(counted.map(({ remaining }) => remaining)).toEqual([...Array(100).keys()].reverse().concat([0, 0]));
    });

    it('counts requests that come at once one by one', async () => {
      const counted = await Promise.all(Array.from({ length: 250 }, () => limiter.count('many', key)));

      expect(counted.filter(({ isAllowed }) => isAllowed)).toHaveLength(100);
    });

    it('counts each key and each limit by itself', async () => {
      for (let request = 0; request < 3; request += 1) await limiter.count('few', key);

      expect(await limiter.count('few', key)).toMatchObject({ isAllowed: false });
      expect(await limiter.count('few', randomUUID())).toMatchObject({ isAllowed: true, remaining: 2 });
      expect(await limiter.count('many', key)).toMatchObject({ isAllowed: true, remaining: 99 });
    });

    it('says when the window ends, which requests do not put off', async () => {
      const { resetsInMs: first } = await limiter.count('few', key);
      const { resetsInMs: later } = await limiter.count('few', key);

      expect(first).toBeGreaterThan(3_590_000);
      expect(first).toBeLessThanOrEqual(3_600_000);
      expect(later).toBeLessThanOrEqual(first);
    });

    it('begins a new window when one has ended, also for who never stopped asking', async () => {
      await limiter.count('short', key);
      expect(await limiter.count('short', key)).toMatchObject({ isAllowed: false });

      await vi.waitFor(async () => expect(await limiter.count('short', key)).toMatchObject({ isAllowed: true }), 5000);
    });
  });
}
