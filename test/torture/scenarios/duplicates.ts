import { setTimeout as delay } from 'node:timers/promises';
import { play, type Scenario } from '../run.js';

/** A network that delivers everything twice, to two servers, at the same moment. */
export const duplicates: Scenario = {
  name: 'duplicates',
  description:
    'Every request is sent twice at once, to either of two servers, under one idempotency key; both answers must be the same.',
  async run(stage, settings) {
    const { random } = settings;
    const { url: databaseUrl } = await stage.postgres();
    const urls = (await stage.replicas(2, { DATABASE_URL: databaseUrl })).map(({ url }) => url);
    return play({
      ...settings,
      ...{ stage, databaseUrl, agentCount: 12, leaseSeconds: 3, followUrls: urls },
      line: { urls: () => (random.chance(0.5) ? urls : [...urls].reverse()), insistMs: 20_000, copies: 2 },
      faults: async (isOver) => {
        while (!isOver()) await delay(50);
        return {};
      },
    });
  },
};
