import { setTimeout as delay } from 'node:timers/promises';
import { play, type Scenario } from '../run.js';

/** A network that loses answers: the server has done what it was asked, and nobody knows. */
export const cutConnections: Scenario = {
  name: 'cut-connections',
  description: 'A proxy that loses answers on their way and resets connections, some thirty times a second.',
  async run(stage, settings) {
    const { random } = settings;
    const { url: databaseUrl } = await stage.postgres();
    const [replica] = await stage.replicas(1, { DATABASE_URL: databaseUrl });
    const network = await stage.network(replica?.url as string);
    return play({
      ...settings,
      ...{ stage, databaseUrl, agentCount: 12, leaseSeconds: 2, followUrls: [network.url, network.url] },
      line: { urls: () => [network.url], insistMs: 20_000, copies: 1 },
      faults: async (isOver) => {
        const counts = { 'lost answers': 0, cuts: 0 };
        while (!isOver()) {
          await delay(random.between(5, 60));
          if (random.chance(0.8)) {
            network.loseNextAnswer();
            counts['lost answers'] += 1;
          } else {
            network.cut();
            counts.cuts += 1;
          }
        }
        return counts;
      },
    });
  },
};
