import { setTimeout as delay } from 'node:timers/promises';
import { startAgentProcess } from '../agent-processes.js';
import { Operator } from '../agents.js';
import { History } from '../history.js';
import { play, type Scenario } from '../run.js';
import { adminToken } from '../stage.js';

/** Minutes by which clocks are off: those of the two servers, and those of agents. */
const offsets = { servers: [5, -7], agents: [-11, 13] } as const;

function withClock(minutes: number): Record<string, string> {
  const shim = new URL('../clock-offset.mjs', import.meta.url).href;
  return { NODE_OPTIONS: `--import ${shim}`, CLOCK_OFFSET_MS: String(minutes * 60_000) };
}

/** Machines that do not agree on the time. */
export const wrongClocks: Scenario = {
  name: 'wrong-clocks',
  description: `Two servers whose clocks are off by ${offsets.servers.join(' and ')} minutes, and agents whose clocks are off by ${offsets.agents.join(' and ')}.`,
  async run(stage, settings) {
    const { random } = settings;
    const { url: databaseUrl } = await stage.postgres();
    const replicas = [];
    for (const minutes of offsets.servers) {
      const replica = await stage.replica({ DATABASE_URL: databaseUrl, ...withClock(minutes) });
      await replica.start();
      replicas.push(replica);
    }
    const urls = replicas.map(({ url }) => url);
    const line = { urls: () => urls, insistMs: 20_000, copies: 1 };
    const history = new History();
    const operator = new Operator({ line, token: adminToken, history });
    const leaseSeconds = 2;
    return play({
      ...settings,
      ...{ stage, databaseUrl, line, history, leaseSeconds, agentCount: 4, followUrls: urls },
      faults: async (isOver) => {
        const agents = [];
        for (const minutes of offsets.agents) {
          const credentials = await operator.register('time traveller');
          const options = { credentials, urls, leaseSeconds, pauseMs: settings.pauseMs, seed: random.between(0, 2 ** 31) };
          agents.push(startAgentProcess(stage, history, options, withClock(minutes)));
        }
        while (!isOver()) await delay(50);
        await Promise.all(agents.map((agent) => agent.finish()));
        return {};
      },
    });
  },
};
