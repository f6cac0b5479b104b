import { setTimeout as delay } from 'node:timers/promises';
import { startAgentProcess } from '../agent-processes.js';
import { Operator } from '../agents.js';
import { History } from '../history.js';
import { play, type Scenario } from '../run.js';
import { adminToken } from '../stage.js';

const leaseSeconds = 1;

/** Agents that freeze in the middle of their work, and wake up when others have it. */
export const stoppedAgents: Scenario = {
  name: 'stopped-agents',
  description: `Agent processes that are stopped (SIGSTOP) for longer than their lease of ${leaseSeconds} s and continued, beside agents that are not.`,
  async run(stage, settings) {
    const { random } = settings;
    const { url: databaseUrl } = await stage.postgres();
    const urls = (await stage.replicas(2, { DATABASE_URL: databaseUrl })).map(({ url }) => url);
    const line = { urls: () => urls, insistMs: 20_000, copies: 1 };
    const history = new History();
    const operator = new Operator({ line, token: adminToken, history });
    let stopCount = 0;
    return play({
      ...settings,
      ...{ stage, databaseUrl, line, history, leaseSeconds, agentCount: 4, followUrls: urls },
      faults: async (isOver) => {
        const freeze = async () => {
          const draws = random.fork();
          const options = {
            credentials: await operator.register('sleeper'),
            urls,
            leaseSeconds,
            pauseMs: settings.pauseMs,
            seed: draws.between(0, 2 ** 31),
          };
          const agent = startAgentProcess(stage, history, options);
          while (!isOver()) {
            await delay(draws.between(200, 800));
            agent.child.kill('SIGSTOP');
            stopCount += 1;
            await delay(leaseSeconds * 1000 + draws.between(300, 1500));
            agent.child.kill('SIGCONT');
          }
          await agent.finish();
        };
        await Promise.all(Array.from({ length: 3 }, freeze));
        return { stops: stopCount };
      },
    });
  },
};
