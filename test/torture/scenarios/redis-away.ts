import { setTimeout as delay } from 'node:timers/promises';
import { play, type Scenario } from '../run.js';

/** Longest time for which Redis is away. */
const awayMs = 10_000;

/** Replicas that cannot wake each other for a while. */
export const redisAway: Scenario = {
  name: 'redis-away',
  description: `Two servers that wake each other through a Redis which restarts at once, and is then away for ${awayMs / 1000} s, in turn.`,
  async run(stage, settings) {
    const { url: databaseUrl } = await stage.postgres();
    const redis = await stage.redis();
    const replicas = await stage.replicas(2, { DATABASE_URL: databaseUrl, REDIS_URL: redis.url });
    const [writing, reading] = replicas.map(({ url }) => url) as [string, string];
    return play({
      ...settings,
      ...{ stage, databaseUrl, agentCount: 8, leaseSeconds: 2 },
      // All work goes to one server, and those who follow it are at the other.
      ...{ line: { urls: () => [writing], insistMs: 20_000, copies: 1 }, followUrls: [reading, reading] },
      faults: async (isOver) => {
        let outages = 0;
        while (!isOver()) {
          await redis.stop();
          if (outages % 2 === 1) await delay(Math.min(awayMs, settings.durationMs / 2));
          await redis.start();
          outages += 1;
          await delay(settings.random.between(200, 1000));
        }
        return { outages };
      },
    });
  },
};
