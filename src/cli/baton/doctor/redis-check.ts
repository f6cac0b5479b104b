import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Config } from '../../../config.js';
import { type Finding, fail, ok } from './finding.js';

const timeoutMs = 3000;

/** Whether a message that is published comes back to a subscriber. */
export async function checkRedis({ REDIS_URL, POLL_INTERVAL_MS }: Config): Promise<Finding> {
  if (!REDIS_URL)
    return ok('redis', `Not set: one server needs none; several find each other's events every ${POLL_INTERVAL_MS} ms.`);
  const { host } = new URL(REDIS_URL);
  // No second attempt: the question is how things stand now.
  const options = {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  };
  const [subscriber, publisher] = [new Redis(REDIS_URL, options), new Redis(REDIS_URL, options)];
  let reason: string | undefined;
  for (const connection of [subscriber, publisher]) {
    connection.on('error', (error: Error) => {
      reason ??= error.message;
    });
  }
  try {
    await Promise.all([subscriber.connect(), publisher.connect()]);
    const channel = `baton:doctor:${randomUUID()}`;
    await subscriber.subscribe(channel);
    const startedAt = performance.now();
    const received = once(subscriber, 'message', { signal: AbortSignal.timeout(timeoutMs) });
    await Promise.all([received, publisher.publish(channel, 'hello')]);
    return ok('redis', `${host} carries a message in ${(performance.now() - startedAt).toFixed(1)} ms.`);
  } catch (error) {
    // Only messages: the error of a refused password carries the command, and so the password.
    const detail = reason ?? (error instanceof Error ? error.message : String(error));
    return fail(
      'redis',
      `${host} does not carry messages: ${detail}.`,
      'Check REDIS_URL. Servers work without, but hear of each other only by polling, and count rate limits each for itself.',
    );
  } finally {
    subscriber.disconnect();
    publisher.disconnect();
  }
}
