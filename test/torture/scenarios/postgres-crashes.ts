import { setTimeout as delay } from 'node:timers/promises';
import { play, type Scenario } from '../run.js';

/** A database that ends without a word, over and over. */
export const postgresCrashes: Scenario = {
  name: 'postgres-crashes',
  description: 'Two servers on a Postgres that is ended at once (immediate shutdown) every 1 to 4 s, and started again.',
  async run(stage, settings) {
    const { random } = settings;
    const postgres = await stage.postgres();
    const urls = (await stage.replicas(2, { DATABASE_URL: postgres.url })).map(({ url }) => url);
    return play({
      ...settings,
      ...{ stage, databaseUrl: postgres.url, agentCount: 12, leaseSeconds: 2, followUrls: urls },
      line: { urls: () => (random.chance(0.5) ? urls : [...urls].reverse()), insistMs: 30_000, copies: 1 },
      faults: async (isOver) => {
        let crashes = 0;
        while (!isOver()) {
          await delay(random.between(1000, 4000));
          await postgres.crash();
          crashes += 1;
        }
        return { crashes };
      },
    });
  },
};
