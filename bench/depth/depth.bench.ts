/**
 * `depth`: claims per second with 1,000, 100,000 and 1,000,000 tasks waiting, and with 100,000 of 500 specializations.
 *
 * Eight agents claim at a time, of which each has three of the specializations. Tasks have one of twenty, or none, and a hundred priorities. What
 * was claimed is put back after each stretch, so that every one finds the same depth. A claim that walked over what waits would show in
 * the processor time of Postgres first, which is therefore reported beside the rate.
 */
import type pg from 'pg';
import { defaultOrganizationId } from '../../src/features/organizations/organization.model.js';
import { type Benchmark, check, type Measurement } from '../benchmark.js';
import type { AgentsArgs, AgentsCommand, AgentsResult } from '../claim/agents-client.js';
import type { BenchContext } from '../context.js';
import { registerAgents } from '../organization.js';

interface Depth {
  readyCount: number;
  specializations: number;
}

const shallow: Depth = { readyCount: 1000, specializations: 20 };
const agentCount = 8;
/** Of a stretch: few enough that the shallowest queue is as deep at its end. */
const claimsPerStretch = 200;

export const benchmark: Benchmark = {
  name: 'depth',
  description: `${agentCount} agents claim from short and long queues`,
  run: async (context) => {
    const depths = [
      shallow,
      { readyCount: 100_000, specializations: 20 },
      ...(context.isQuick
        ? []
        : [
            { readyCount: 1_000_000, specializations: 20 },
            { readyCount: 100_000, specializations: 500 },
          ]),
    ];
    const sides: Record<string, Queue> = {};
    for (const [index, depth] of depths.entries()) sides[nameOf(depth)] = await Queue.start(context, depth, `depth_${index}`);
    const figures = await context.alternate(sides, (queue) => queue.play(context.isQuick ? 5 : 15));
    return depths.map((depth): Measurement => {
      const { perSecond = Number.NaN, ...facts } = figures[nameOf(depth)] ?? {};
      const base = figures[nameOf(shallow)]?.perSecond ?? Number.NaN;
      const isBase = depth === shallow;
      return {
        name: `depth: ${nameOf(depth)}`,
        unit: 'claims/s',
        ours: perSecond,
        peers: isBase ? {} : { [nameOf(shallow)]: base },
        limit: null,
        goals: isBase ? [] : [{ against: nameOf(shallow), atLeast: 0.8 }],
        facts,
      };
    });
  },
};

function nameOf({ readyCount, specializations }: Depth): string {
  return `${readyCount.toLocaleString('en')} ready tasks of ${specializations} specializations`;
}

/** A server whose queue has one depth, and the agents that claim from it. */
class Queue {
  private constructor(
    private readonly context: BenchContext,
    private readonly database: pg.Pool,
    private readonly client: Awaited<ReturnType<typeof spawnClient>>,
    private readonly postgresPid: number,
  ) {}

  static async start(context: BenchContext, depth: Depth, databaseName: string): Promise<Queue> {
    const { createDatabase, openPool, pid } = await context.postgres();
    const databaseUrl = await createDatabase(databaseName, { migrated: true });
    const database = openPool(databaseUrl);
    await fill(database, depth);
    const { url: origin } = await context.startServer({ databaseUrl });
    const agents = await registerAgents(origin, {
      name: 'agent',
      count: agentCount,
      specializations: (index) => [1, 6, 11].map((first) => `specialization-${first + index}`),
    });
    const client = await spawnClient(context, { origins: [origin], apiKeys: agents.map(({ apiKey }) => apiKey) });
    return new Queue(context, database, client, pid);
  }

  async play(stretches: number) {
    await this.database.query('vacuum task, task_attempt, event');
    // Postgres plans anew after it, once on each connection.
    await this.#claim();
    let claims = 0;
    let seconds = 0;
    let postgresSeconds = 0;
    for (let stretch = 0; stretch < stretches; stretch++) {
      const before = this.context.cpuSeconds(this.postgresPid, { children: true });
      const result = await this.#claim(() => {
        postgresSeconds += this.context.cpuSeconds(this.postgresPid, { children: true }) - before;
      });
      claims += result.count;
      seconds += result.seconds;
    }
    return { perSecond: claims / seconds, 'CPU µs of Postgres for each': (postgresSeconds * 1e6) / claims };
  }

  /** Has tasks claimed, and puts them back. */
  async #claim(onClaimed = () => {}): Promise<AgentsResult> {
    const result = await this.client.request({
      agents: agentCount,
      batchSize: 1,
      isOneDocument: true,
      claimsOnly: claimsPerStretch,
      warmUpMs: 0,
      durationMs: Number.MAX_SAFE_INTEGER,
    });
    onClaimed();
    const { rowCount } = await this.database.query(
      `update task set status = 'READY', holder_id = null, assignee_id = null, claimed_at = null, lease_ttl_seconds = null,
         lease_expires_at = null, lease_check_at = null
       where holder_id is not null`,
    );
    check(rowCount === claimsPerStretch, `${claimsPerStretch} claims took ${rowCount} tasks`);
    return result;
  }
}

function spawnClient(context: BenchContext, args: AgentsArgs) {
  return context.spawn<object, AgentsCommand, AgentsResult>('claim/agents-client.ts', args);
}

async function fill(database: pg.Pool, { readyCount, specializations }: Depth): Promise<void> {
  await database.query(
    `insert into task (id, organization_id, title, priority, required_specialization)
     select uuidv7(), $1, 'task ' || n, n % 101, case when n % ($3::int + 1) > 0 then 'specialization-' || n % ($3::int + 1) end
     from generate_series(1, $2::int) as n`,
    [defaultOrganizationId, readyCount, specializations],
  );
  await database.query('vacuum analyze');
}
