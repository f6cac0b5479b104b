import { createHash } from 'node:crypto';
import type pg from 'pg';
import { type Benchmark, check, type Measurement } from '../benchmark.js';
import type { AgentsArgs, AgentsCommand, AgentsResult } from '../claim/agents-client.js';
import { adminToken, type BenchContext } from '../context.js';
import { fillUpTasks, mutate, registerAgents } from '../organization.js';
import type { ListenersArgs, ListenersCommand, ListenersResult } from './listeners-client.js';

const agentCount = 36;
const listenersPerServer = 2;
/** More than are claimed in a second here. */
const claimsPerSecondMax = 8000;

export const benchmark: Benchmark = {
  name: 'replicas',
  description: `${agentCount} agents claim and complete tasks at 1, 2 and 3 server processes on one Postgres and one Redis`,
  async run(context) {
    const sides: Record<string, Side> = {};
    for (const serverCount of context.isQuick ? [1, 2] : [1, 2, 3]) sides[serverCount] = await Side.start(context, serverCount);
    const medians = await context.alternate(sides, (side) => side.work());
    for (const side of Object.values(sides)) await side.check();
    return Object.values(sides).map(({ serverCount }): Measurement => {
      const { perSecond = Number.NaN, cpuMicroseconds = Number.NaN } = medians[serverCount] ?? {};
      return {
        name: `replicas, ${serverCount} server process${serverCount > 1 ? 'es' : ''}`,
        unit: 'pairs/s',
        ours: perSecond,
        peers: serverCount > 1 ? { '1 server process': medians[1]?.perSecond ?? Number.NaN } : {},
        limit: null,
        goals: [],
        facts: { 'CPU of all servers, µs per pair': cpuMicroseconds },
      };
    });
  },
};

/** So many servers on a database and a Redis of their own, with agents and subscribers at each. */
class Side {
  #pairs = 0;

  private constructor(
    private readonly context: BenchContext,
    readonly serverCount: number,
    private readonly database: pg.Pool,
    private readonly pids: number[],
    private readonly agents: Awaited<ReturnType<typeof startAgents>>,
    private readonly listeners: Awaited<ReturnType<typeof startListeners>>,
  ) {}

  static async start(context: BenchContext, serverCount: number): Promise<Side> {
    const postgres = await context.postgres();
    const databaseUrl = await postgres.createDatabase(`replicas_${serverCount}`, { migrated: true });
    const redisUrl = (await context.redis(`replicas-${serverCount}`)).url;
    const servers = [];
    for (let index = 0; index < serverCount; index++) servers.push(await context.startServer({ databaseUrl, redisUrl }));
    const origins = servers.map(({ url }) => url);
    const [first = ''] = origins;
    const agents = await registerAgents(first, { name: 'agent', count: agentCount });
    const { eventCursor } = await mutate<{ eventCursor: string }>(first, '{ eventCursor }', {});
    return new Side(
      context,
      serverCount,
      postgres.openPool(databaseUrl),
      servers.map(({ pid }) => pid),
      await startAgents(context, { origins, apiKeys: agents.map(({ apiKey }) => apiKey) }),
      await startListeners(context, {
        origins: origins.flatMap((origin) => Array<string>(listenersPerServer).fill(origin)),
        token: adminToken,
        after: eventCursor,
      }),
    );
  }

  async work() {
    const { context } = this;
    await fillUpTasks(this.database, Math.ceil((claimsPerSecondMax * (context.roundMs + 500)) / 1000));
    const before = context.cpuSeconds(this.pids);
    const { count, seconds, total } = await this.agents.request({
      agents: agentCount,
      batchSize: 1,
      isOneDocument: false,
      warmUpMs: 100,
      durationMs: context.roundMs,
    });
    this.#pairs += total;
    return { perSecond: count / seconds, cpuMicroseconds: ((context.cpuSeconds(this.pids) - before) / total) * 1e6 };
  }

  /** No task may have been claimed twice, and every subscriber must have heard of everything once, in the order of the log. */
  async check(): Promise<void> {
    const { database } = this;
    const { rows: outcomes } = await database.query<{ done: number; attempts: number; claimedTwice: number }>(
      `select (select count(*)::int from task where status = 'DONE') as done, (select count(*)::int from task_attempt) as attempts,
         (select count(*)::int from task where fence > 1) as "claimedTwice"`,
    );
    const [outcome] = outcomes;
    const where = `with ${this.serverCount} server processes`;
    check(outcome?.claimedTwice === 0, `${where}, ${outcome?.claimedTwice} tasks were claimed twice`);
    check(
      outcome?.done === this.#pairs && outcome.attempts === this.#pairs,
      `${where}, ${this.#pairs} tasks were completed, ${outcome?.done} are done, and ${outcome?.attempts} were claimed`,
    );
    const { rows: events } = await database.query<{ type: string; taskId: string }>(
      `select type, task_id as "taskId" from event where type in ('TaskClaimed', 'TaskCompleted') order by xid, seq`,
    );
    check(events.length === 2 * this.#pairs, `${where}, the log has ${events.length} events of ${this.#pairs} tasks`);
    const hash = createHash('sha256');
    for (const { type, taskId } of events)
      hash.update(`${type === 'TaskClaimed' ? 'TASK_CLAIMED' : 'TASK_COMPLETED'} ${taskId}\n`);
    const digest = hash.digest('hex');
    const { heard } = await this.listeners.request({ count: events.length });
    check(
      heard.every((listener) => listener.count === events.length && listener.digest === digest),
      `${where}, of ${events.length} events the subscribers heard ${heard.map(({ count }) => count).join(', ')}, or in another order`,
    );
  }
}

function startAgents(context: BenchContext, args: AgentsArgs) {
  return context.spawn<unknown, AgentsCommand, AgentsResult>('claim/agents-client.ts', args);
}

function startListeners(context: BenchContext, args: ListenersArgs) {
  return context.spawn<unknown, ListenersCommand, ListenersResult>('replicas/listeners-client.ts', args);
}
