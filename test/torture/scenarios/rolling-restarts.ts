import { setTimeout as delay } from 'node:timers/promises';
import { openBalancer } from '../../support/balancer.js';
import { Operator } from '../agents.js';
import { startCrowd, subscribersOf } from '../crowd.js';
import { History } from '../history.js';
import { eventCursor, percentile, play, type Scenario } from '../run.js';
import { adminToken, type Replica } from '../stage.js';

/** Milliseconds of faults from which on everything is played in full, and is timed: a short run is one among other tests. */
const fullMs = 30_000;
/** Websockets at once. */
const crowdSize = { full: 10_000, short: 500 };

/** Projects of which each websocket follows one, as a dashboard does. */
const projectCount = 50;

/** Milliseconds within which 99 of 100 who lost their connection are to be back. */
const reconnectLimitMs = 1000;
/** Milliseconds within which a server that is told to stop is to have ended. */
const stopLimitMs = 10_000;

/** A new version is rolled out: one server after the other is told to stop and comes back. */
export const rollingRestarts: Scenario = {
  name: 'rolling-restarts',
  description:
    'Two servers with up to 10,000 websockets are restarted in turn (SIGTERM) under load, behind a balancer of connections that asks for `/readyz`. Every request must be answered when it is sent once.',
  async run(stage, settings) {
    const { url: databaseUrl } = await stage.postgres();
    const redis = await stage.redis();
    // As long as leaves a second for the rest of a stop, so that the clients are sent away as gently as can be.
    const drainMs = Math.min(stopLimitMs - 1000, settings.durationMs);
    const variables = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, SHUTDOWN_DRAIN_MS: String(drainMs) };
    const replicas = (await stage.replicas(2, variables)) as [Replica, Replica];
    const history = new History();
    const after = await eventCursor(replicas[0].url);
    const urls = replicas.map(({ url }) => url);
    const isFull = settings.durationMs >= fullMs;
    const count = isFull ? crowdSize.full : crowdSize.short;
    const line = { urls: () => [replicas[0].url], insistMs: 20_000, copies: 1 };
    const operator = new Operator({ line, token: adminToken, history });
    const projectIds: string[] = [];
    for (let number = 1; number <= projectCount; number++) projectIds.push(await operator.createProject(`project ${number}`));
    const crowd = await startCrowd(stage, { urls, count, after, projectIds });
    const reconnects: number[] = [];
    const balancer = await openBalancer(urls, { intervalMs: 250 }, stage.onCleanUp);
    const stops: number[] = [];
    const findings = await play({
      ...settings,
      ...{ stage, databaseUrl, history, projectIds, followUrls: urls },
      ...{ agentCount: 8, pauseMs: 1500, leaseSeconds: isFull ? 10 : 3 },
      line: { ...line, urls: () => [balancer.url] },
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
      atRest: async (events) => {
        const report = await crowd.reach(events, 60_000);
        history.subscribers.push(...subscribersOf('the crowd', after, report));
        reconnects.push(...report.reconnectMs);
      },
    });
    const counts = {
      ...findings.counts,
      websockets: count,
      reconnects: reconnects.length,
      'reconnect p50 ms': Math.round(percentile(reconnects, 50)),
      'reconnect p99 ms': Math.round(percentile(reconnects, 99)),
      'longest stop ms': Math.round(Math.max(...stops)),
    };
    const unanswered = history.operations.reduce((sum, operation) => sum + operation.unanswered, 0);
    const violations = [...findings.violations];
    if (unanswered > 0) {
      violations.push({ rule: 'lost answer', subject: 'the servers', detail: `${unanswered} requests got no answer` });
    }
    for (const [name, limit] of [
      ['reconnect p99 ms', reconnectLimitMs],
      ['longest stop ms', stopLimitMs],
    ] as const) {
      if (isFull && counts[name] > limit)
        violations.push({ rule: 'too slow', subject: name, detail: `${counts[name]}, over ${limit}` });
    }
    return { history, counts, violations };
  },
};
