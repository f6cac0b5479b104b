import { randomUUID } from 'node:crypto';
import { type Config, redisAddress } from '../../../config.js';
import { RedisLink } from '../../../realtime/redis-link.js';
import { type Finding, fail, ok } from './finding.js';

const timeoutMs = 3000;

/** Whether a message that is published comes back, by way of each server that is named. */
export async function checkRedis(config: Config): Promise<Finding> {
  const address = redisAddress(config);
  if (!address) {
    const { POLL_INTERVAL_MS } = config;
    return ok('redis', `Not set: one server needs none; several find each other's events every ${POLL_INTERVAL_MS} ms.`);
  }
  const times: string[] = [];
  for (const seed of address.urls) {
    const { host } = new URL(seed);
    try {
      times.push(`${host} carries a message in ${(await sendMessage(seed, address.isCluster)).toFixed(1)} ms.`);
    } catch (error) {
      return fail(
        'redis',
        `${host} does not carry messages: ${error instanceof Error ? error.message : String(error)}.`,
        'Check REDIS_URL and REDIS_CLUSTER. Servers work without, but hear of each other only by polling, and count rate limits each for itself.',
      );
    }
  }
  return ok('redis', times.join(' '));
}

/** Milliseconds from publishing to receiving. */
async function sendMessage(seed: string, isCluster: boolean): Promise<number> {
  const message = randomUUID();
  const signal = AbortSignal.timeout(timeoutMs);
  let receive = () => {};
  const received = new Promise<void>((resolve) => {
    receive = resolve;
  });
  const link = await RedisLink.open({
    seed,
    isCluster,
    channel: `baton:doctor:${message}`,
    probe: '',
    onMessage: (text) => {
      if (text === message) receive();
    },
    signal,
  });
  const startedAt = performance.now();
  void link.publish(message);
  const broken = link.broken.then((reason) => {
    throw new Error(signal.aborted ? `no answer in ${timeoutMs} ms` : reason);
  });
  await Promise.race([received, broken]);
  const milliseconds = performance.now() - startedAt;
  link.close();
  return milliseconds;
}
