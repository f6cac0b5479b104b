/**
 * `npm run bench:depth`: claims per second with 1,000, 100,000 and 1,000,000 tasks waiting.
 *
 * One database per depth in one throwaway Postgres. Rounds take turns over the depths, so that a slow moment of the
 * machine hits all alike; the medians are compared. Each claim is the service's `claimNext`, events and attempts
 * included, by 8 agents at once, of which each has three of twenty specializations. What was claimed is put back between
 * rounds, so that every round finds the same depth. Fails when a depth's median is under 80% of the shallowest one's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.js';
import { applyMigrations } from '../src/database/migration-runner.js';
import { openDatabase } from '../src/database/pg-database.js';
import { TaskService } from '../src/features/tasks/task.service.js';
import { newId } from '../src/kernel/ids.js';
import { createLogger } from '../src/kernel/logger.js';

const depths = [1_000, 100_000, 1_000_000];
const rounds = 15;
const claimsPerRound = 200;
const agentCount = 8;
const organizationId = '00000000-0000-7000-8000-000000000001';
const logger = createLogger('error');

const dataDir = mkdtempSync(path.join(tmpdir(), 'baton-bench-'));
const postgres = await startEmbeddedPostgres({ dataDir, logger, settings: { shared_buffers: '512MB', max_wal_size: '4GB' } });
try {
  const places = [];
  for (const depth of depths) places.push(await fill(depth));
  const rates = new Map<number, number[]>(depths.map((depth) => [depth, []]));
  for (let round = 0; round < rounds; round++) {
    for (const place of places) rates.get(place.depth)?.push(await measure(place));
  }
  const medians = depths.map((depth) => median(rates.get(depth) ?? []));
  const base = medians[0] ?? 1;
  console.log('ready tasks   claims/s (median)   of the first');
  depths.forEach((depth, index) => {
    const rate = medians[index] ?? 0;
    console.log(`${String(depth).padStart(11)}   ${rate.toFixed(0).padStart(17)}   ${(rate / base).toFixed(2)}`);
  });
  if (medians.some((rate) => rate < base * 0.8)) process.exitCode = 1;
  for (const place of places) await place.database.close();
} finally {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** A database with `depth` ready tasks of twenty specializations (and none) at a hundred priorities. */
async function fill(depth: number) {
  const name = `depth_${depth}`;
  const owner = new pg.Client({ connectionString: postgres.url });
  await owner.connect();
  await owner.query(`create database ${name}`);
  await owner.end();
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  await applyMigrations({ databaseUrl: url.href, logger });
  const database = openDatabase({ url: url.href, poolSize: agentCount, logger });
  await database.pool.query(
    `insert into task (id, organization_id, title, priority, required_specialization)
     select uuidv7(), $1, 'task ' || n, n % 101, case when n % 21 = 0 then null else 'specialization-' || n % 21 end
     from generate_series(1, $2::int) as n`,
    [organizationId, depth],
  );
  const agentIds = Array.from({ length: agentCount }, newId);
  await database.pool.query(
    `insert into actor (id, organization_id, kind, name, specializations)
     select id, $1, 'AGENT', 'agent', array['specialization-' || n, 'specialization-' || n + 5, 'specialization-' || n + 10]
     from unnest($2::uuid[]) with ordinality as agent(id, n)`,
    [organizationId, agentIds],
  );
  await database.pool.query('vacuum analyze');
  return { depth, database, agentIds };
}

async function measure({ database, agentIds }: Awaited<ReturnType<typeof fill>>): Promise<number> {
  const service = new TaskService(database, () => {});
  let left = claimsPerRound;
  const started = performance.now();
  const claimed = await Promise.all(
    agentIds.map(async (id) => {
      const actor = { id, kind: 'AGENT' as const, name: 'agent' };
      const viewer = {
        organizationId,
        actor,
        scopes: new Set(['READ', 'WORK'] as const),
        credential: { kind: 'apiKey' as const, id },
      };
      const ids: string[] = [];
      while (left-- > 0) {
        const { tasks } = await service.claimNext(viewer, { leaseSeconds: 600, count: 1 });
        ids.push(...tasks.map((task) => task.id));
      }
      return ids;
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const ids = claimed.flat();
  if (new Set(ids).size !== claimsPerRound)
    throw new Error(`${ids.length} claims took ${new Set(ids).size} tasks; expected ${claimsPerRound}`);
  await database.pool.query(
    `update task set status = 'READY', holder_id = null, assignee_id = null, claimed_at = null, lease_ttl_seconds = null, lease_expires_at = null
     where holder_id is not null`,
  );
  await database.pool.query('vacuum task, task_attempt, event');
  return claimsPerRound / seconds;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
