import { inject, type TestContext } from 'vitest';

/** Address of the Redis of this run; skips the test where there is none (the start of the run has said so, loudly). */
export function requireRedis(context: TestContext): string {
  const url = inject('redisUrl');
  if (url === null) return context.skip('no redis-server on this machine');
  return url;
}
