import { setTimeout as delay } from 'node:timers/promises';
import { openBalancer } from '../../support/balancer.js';
import { startCrowd, subscribersOf } from '../crowd.js';
import { History } from '../history.js';
import { eventCursor, percentile, play, type Scenario } from '../run.js';
import type { Replica } from '../stage.js';

/** Websockets at once; fewer when the time is short, so that they get to connect at all. */
const crowdSize = (durationMs: number) => (durationMs >= 30_000 ? 10_000 : 1000);

/** A new version is rolled out: one server after the other is told to stop and comes back. */
export const rollingRestarts: Scenario = {
  name: 'rolling-restarts',
  description:
    'Two servers with up to 10,000 websockets are restarted in turn (SIGTERM) under load, behind a balancer of connections that asks for `/readyz`. Every request must be answered when it is sent once.',
  async run(stage, settings) {
    const { url: databaseUrl } = await stage.postgres();
    const redis = await stage.redis();
    const variables = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url };
    const replicas = (await stage.replicas(2, variables)) as [Replica, Replica];
    const history = new History();
    const after = await eventCursor(replicas[0].url);
    const urls = replicas.map(({ url }) => url);
    const count = crowdSize(settings.durationMs);
    const crowd = await startCrowd(stage, { urls, count, after });
    const reconnects: number[] = [];
    const balancer = await openBalancer(urls, { intervalMs: 250 }, stage.onCleanUp);
    const stops: number[] = [];
    const findings = await play({
      ...settings,
      ...{ stage, databaseUrl, history, agentCount: 8, leaseSeconds: 10, followUrls: urls },
      line: { urls: () => [balancer.url], insistMs: 20_000, copies: 1 },
      faults: async (isOver) => {
        let restarts = 0;
        while (!isOver()) {
          const leaving = replicas[restarts % 2] as Replica;
          const told = performance.now();
          const code = await leaving.end('SIGTERM');
          stops.push(performance.now() - told);
          if (code !== 0) throw new Error(`a server that was told to stop ended with ${code}`);
          await leaving.start();
          while (!balancer.leadsTo(leaving.url)) await delay(20);
          restarts += 1;
          await delay(settings.random.between(500, 2000));
        }
        return { restarts };
      },
      atRest: async (cursor) => {
        const report = await crowd.reach(cursor, 60_000);
        history.subscribers.push(...subscribersOf('the crowd', after, report));
        reconnects.push(...report.reconnectMs);
      },
    });
    const counts = {
      ...findings.counts,
      websockets: count,
      reconnects: reconnects.length,
      'reconnect p99 ms': Math.round(percentile(reconnects, 99)),
      'longest stop ms': Math.round(Math.max(...stops)),
    };
    const unanswered = history.operations.reduce((sum, operation) => sum + operation.unanswered, 0);
    const violations = [...findings.violations];
    if (unanswered > 0) {
      violations.push({ rule: 'lost answer', subject: 'the servers', detail: `${unanswered} requests got no answer` });
    }
    return { history, counts, violations };
  },
};
