import { setTimeout as delay } from 'node:timers/promises';
import { play, type Scenario } from '../run.js';
import type { Replica } from '../stage.js';

/** How long a server may work, on average, until it is killed. */
const lifeMs = 300;

/** Servers that are killed as soon as they have begun to work. */
export const kills: Scenario = {
  name: 'kills',
  description: `Two servers; each is killed with -9 some ${lifeMs} ms after it answers, and started again, over and over.`,
  async run(stage, settings) {
    const { random } = settings;
    const { url: databaseUrl } = await stage.postgres();
    const replicas = await stage.replicas(2, { DATABASE_URL: databaseUrl });
    const urls = replicas.map(({ url }) => url);
    let killCount = 0;
    const torment = async (replica: Replica, lives: () => number, isOver: () => boolean) => {
      while (!isOver()) {
        await delay(lives());
        await replica.end('SIGKILL');
        killCount += 1;
        await replica.start();
      }
    };
    return play({
      ...settings,
      ...{ stage, databaseUrl, agentCount: 12, leaseSeconds: 2, followUrls: urls },
      line: { urls: () => (random.chance(0.5) ? urls : [...urls].reverse()), insistMs: 30_000, copies: 1 },
      faults: async (isOver) => {
        const draws = replicas.map(() => random.fork());
        const lives = (index: number) => () => draws[index]?.between(lifeMs / 2, lifeMs * 1.5) ?? lifeMs;
        await Promise.all(replicas.map((replica, index) => torment(replica, lives(index), isOver)));
        return { kills: killCount };
      },
    });
  },
};
