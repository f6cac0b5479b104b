import type pg from 'pg';
import { type Benchmark, type Measurement, percentile } from '../benchmark.js';
import type { BenchContext } from '../context.js';
import { fillUpTasks, registerAgents } from '../organization.js';
import type { StockYogaArgs, StockYogaReady } from '../peers/stock-yoga.js';
import { fillUpStockTasks, stockYogaTables } from '../peers/stock-yoga-tables.js';
import type { LatencyClientArgs, LatencyCommand, LatencyResult } from './latency-client.js';

const agentCount = 32;
const subscriberCount = 10;
const poolSize = 20;
/** More than any server claims in a second here. */
const claimsPerSecondMax = 8000;

interface Side {
  client: Awaited<ReturnType<typeof startClient>>;
  fillUp(readyCount: number): Promise<void>;
  /** When the claims of these tasks were committed: microseconds since 1970. */
  committedAt(taskIds: string[]): Promise<Map<string, number>>;
}

export const benchmark: Benchmark = {
  name: 'latency',
  description: `a claim answered, and its event received by ${subscriberCount} subscribers, at half of what ${agentCount} agents get at most`,
  async run(context) {
    const ours = await startOurs(context);
    const stock = await startStock(context);
    const most = await measureSaturation(context, { ours, stock });
    const medians = await context.alternate(
      {
        ours: { side: ours, perSecond: most.ours / 2 },
        stock: { side: stock, perSecond: most.stock / 2 },
        'ours at the rate of stock': { side: ours, perSecond: most.stock / 2 },
      },
      async ({ side, perSecond }) => {
        const durationMs = Math.max(1000, context.roundMs);
        await side.fillUp(1000 + Math.ceil((perSecond * durationMs) / 1000));
        const result = await side.client.request({ durationMs, perSecond });
        const delays = await deliveryDelays(context, side, result);
        return {
          p50: result.p50,
          p99: result.p99,
          eventP50: percentile(delays, 0.5),
          eventP99: percentile(delays, 0.99),
          empty: (100 * result.emptyClaims) / result.requests,
        };
      },
    );
    const facts = {
      'ours: claims/s, half of saturation': most.ours / 2,
      'stock: claims/s, half of saturation': most.stock / 2,
    };
    const toMeasurement = (name: string, middle: 'p50' | 'eventP50', tail: 'p99' | 'eventP99'): Measurement => ({
      name: `latency, ${name}`,
      unit: 'ms, p99',
      ours: medians.ours[tail],
      peers: { 'stock Yoga': medians.stock[tail] },
      limit: null,
      goals: [{ against: 'stock Yoga', atMost: 0.5 }],
      facts: {
        ...facts,
        'ours: p50, ms': medians.ours[middle],
        'stock: p50, ms': medians.stock[middle],
        'ours: claims that got none of the ready tasks, %': medians.ours.empty,
        'ours at the rate of stock: p50, ms': medians['ours at the rate of stock'][middle],
        'ours at the rate of stock: p99, ms': medians['ours at the rate of stock'][tail],
      },
    });
    return [toMeasurement('claim answered', 'p50', 'p99'), toMeasurement('event received after commit', 'eventP50', 'eventP99')];
  },
};

/** Claims per second of each when its agents wait for nothing but the answer. */
function measureSaturation(context: BenchContext, sides: { ours: Side; stock: Side }): Promise<{ ours: number; stock: number }> {
  return context
    .alternate(
      sides,
      async ({ fillUp, client }) => {
        await fillUp(1000 + Math.ceil((claimsPerSecondMax * context.roundMs) / 1000));
        const { receivedAt, seconds } = await client.request({ durationMs: context.roundMs });
        return { perSecond: Object.keys(receivedAt).length / seconds };
      },
      { rounds: 3 },
    )
    .then(({ ours, stock }) => ({ ours: ours.perSecond, stock: stock.perSecond }));
}

/** Milliseconds from each commit to each subscriber, sorted. Every claim must have been committed, and heard of by all. */
async function deliveryDelays(
  context: BenchContext,
  side: Side,
  { receivedAt, requests, emptyClaims }: LatencyResult,
): Promise<number[]> {
  const committedAt = await side.committedAt(Object.keys(receivedAt));
  const claims = requests - emptyClaims;
  context.check(committedAt.size === claims, `${claims} tasks were claimed, and the event log has ${committedAt.size} of them`);
  const delays = Object.entries(receivedAt).flatMap(([taskId, instants]) => {
    context.check(instants.length === subscriberCount, `a claim was heard of ${instants.length} times`);
    return instants.map((at) => (at - (committedAt.get(taskId) ?? Number.NaN)) / 1000);
  });
  return delays.sort((a, b) => a - b);
}

async function startOurs(context: BenchContext): Promise<Side> {
  const postgres = await context.postgres();
  const databaseUrl = await postgres.createDatabase('latency_ours', { migrated: true });
  const database = postgres.openPool(databaseUrl);
  const { url } = await context.startServer({
    databaseUrl,
    redisUrl: (await context.redis()).url,
    env: { DATABASE_POOL_SIZE: String(poolSize) },
  });
  const agents = await registerAgents(url, { name: 'latency', count: agentCount });
  const tokens = agents.map(({ apiKey }) => apiKey);
  await fillUpTasks(database, 1000);
  return {
    client: await startClient(context, { origin: url, tokens, subscriberCount }),
    fillUp: (readyCount) => fillUpTasks(database, readyCount),
    committedAt: (taskIds) => committedAt(database, `event where type = 'TaskClaimed'`, taskIds),
  };
}

async function startStock(context: BenchContext): Promise<Side> {
  const postgres = await context.postgres();
  const databaseUrl = await postgres.createDatabase('latency_stock');
  const database = postgres.openPool(databaseUrl);
  await database.query(stockYogaTables);
  const { ready } = await context.spawnServer<StockYogaReady>('peers/stock-yoga.ts', {
    databaseUrl,
    poolSize,
    agentCount,
  } satisfies StockYogaArgs);
  await fillUpStockTasks(database, 1000);
  return {
    client: await startClient(context, { origin: ready.url, tokens: ready.tokens, subscriberCount }),
    fillUp: (readyCount) => fillUpStockTasks(database, readyCount),
    committedAt: (taskIds) => committedAt(database, `event where kind = 'TASK_CLAIMED'`, taskIds),
  };
}

function startClient(context: BenchContext, args: LatencyClientArgs) {
  return context.spawn<unknown, LatencyCommand, LatencyResult>('latency/latency-client.ts', args);
}

async function committedAt(database: pg.Pool, claims: string, taskIds: string[]): Promise<Map<string, number>> {
  const { rows } = await database.query<{ taskId: string; at: number }>(
    `select task_id as "taskId", (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::float8 as at
     from ${claims} and task_id = any($1::uuid[])`,
    [taskIds],
  );
  return new Map(rows.map(({ taskId, at }) => [taskId, at]));
}
