import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Viewer } from '../src/auth/viewer.js';
import { type OwnedDatabase, withinTransaction } from '../src/database/database.js';
import type { Task } from '../src/database/generated/prisma/client.js';
import { openDatabase } from '../src/database/pg-database.js';
import { TaskService } from '../src/features/tasks/task.service.js';
import { newId } from '../src/kernel/ids.js';
import { createLogger } from '../src/kernel/logger.js';
import { createTestDatabase, type TestDatabase, useCluster } from './support/postgres.js';
import { startTestCluster, type TestCluster } from './support/postgres-cluster.js';

// Writes that share a statement, at the service, where a test can say what comes at once and who holds which row.

const organizationId = '00000000-0000-7000-8000-000000000001';

let cluster: TestCluster;
let place: TestDatabase;
let database: OwnedDatabase;
let tasks: TaskService;

beforeAll(async () => {
  cluster = await startTestCluster();
  useCluster(cluster.url);
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, poolSize: 10, logger: createLogger('silent') });
  tasks = new TaskService(database, () => {});
});
afterAll(async () => {
  await database.close();
  await place.drop();
  await cluster.remove();
});

/** An agent that calls by its own key. */
async function seedAgent(specializations: string[] = []): Promise<Viewer & { actor: NonNullable<Viewer['actor']> }> {
  const id = newId();
  await database.prisma.actor.create({ data: { id, organizationId, kind: 'AGENT', name: 'Otter', specializations } });
  const actor = { id, kind: 'AGENT' as const, name: 'Otter' };
  return { organizationId, actor, scopes: new Set(['READ', 'WORK'] as const), credential: { kind: 'apiKey', id } };
}

async function seedTasks(count: number, fields: Partial<Task> = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, newId);
  const data = ids.map((id) => ({ ...fields, id, organizationId, title: 'work', metadata: {}, result: undefined }));
  await database.prisma.task.createMany({ data });
  return ids;
}

async function seedClaimed(viewer: Viewer, count: number): Promise<string[]> {
  const ids = await seedTasks(count);
  const claim = (taskId: string) => tasks.claim(viewer, { taskId, leaseSeconds: 600, override: false });
  await Promise.all(ids.map(claim));
  return ids;
}

/** A connection of somebody else, with a transaction that is open until it says otherwise. */
async function useTransaction(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin');
  return client;
}

/** How many of the statements of a kind since then took how many writes. */
function batchSizes(name: string): () => number[] {
  const sizes = () => new Map(database.sharedWrites().get(name)?.sizes);
  const before = sizes();
  return () => [...sizes()].flatMap(([size, count]) => new Array(count - (before.get(size) ?? 0)).fill(size));
}

describe('heartbeats', () => {
  it('that come at once share a statement, and each holder is told of its own task', async () => {
    const holder = await seedAgent();
    const ids = await seedClaimed(holder, 40);
    const stranger = await seedAgent();
    const sizes = batchSizes('task-heartbeats');

    const beats = ids.map((taskId) => tasks.heartbeat(holder, { taskId, fence: 1 }));
    const refused = Promise.allSettled([
      tasks.heartbeat(holder, { taskId: ids[0] ?? '', fence: 2 }),
      tasks.heartbeat(stranger, { taskId: ids[1] ?? '' }),
      tasks.heartbeat(holder, { taskId: newId() }),
    ]);

    expect((await Promise.all(beats)).map(({ task }) => task.id)).toEqual(ids);
    expect((await refused).map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
      'LEASE_LOST',
      'LEASE_LOST',
      'TASK_NOT_FOUND',
    ]);
    expect(Math.max(...sizes())).toBeGreaterThanOrEqual(39);
  });

  it('change nothing that an index has, so that Postgres writes none', async () => {
    const holder = await seedAgent();
    const [id = ''] = await seedClaimed(holder, 1);
    const row = async () => (await database.pool.query('select * from task where id = $1', [id])).rows[0];
    const before = await row();

    await tasks.heartbeat(holder, { taskId: id });

    const after = await row();
    const changed = Object.keys(before).filter((column) => JSON.stringify(before[column]) !== JSON.stringify(after[column]));
    expect(changed).toEqual(['lease_expires_at']);
    const { rows: indexes } = await database.pool.query(
      `select indexname from pg_indexes where tablename = 'task' and indexdef like '%lease_expires_at%'`,
    );
    expect(indexes).toEqual([]);
  });

  it('do not wait for a task that somebody else holds, save those of that task', async () => {
    const holder = await seedAgent();
    const ids = await seedClaimed(holder, 10);
    const other = await useTransaction();
    await other.query('select from task where id = $1 for update', [ids[3]]);

    const beats = ids.map((taskId) => tasks.heartbeat(holder, { taskId }));
    const held = beats.splice(3, 1)[0];
    let isAnswered = false;
    void held?.then(() => {
      isAnswered = true;
    });

    expect(await Promise.all(beats)).toHaveLength(9);
    expect(isAnswered).toBe(false);
    await other.query('commit');
    expect(await held).toMatchObject({ task: { id: ids[3] } });
  });
});

describe('a task is written in the order of transaction numbers', () => {
  it('by a statement that finds a younger version: it runs again', async () => {
    const holder = await seedAgent();
    const [id = ''] = await seedClaimed(holder, 1);
    const early = await useTransaction();
    await early.query('select pg_current_xact_id()');

    await tasks.setStatus(holder, { taskId: id, status: 'IN_PROGRESS' });

    await expect(early.query('update task set title = title where id = $1', [id])).rejects.toMatchObject({ code: '40001' });
  });

  it('by a transaction that finds one: it runs again as a whole', async () => {
    const holder = await seedAgent();
    const [id = ''] = await seedClaimed(holder, 1);
    let runs = 0;

    await database.transaction(async (tx) => {
      runs++;
      await tx.query({ name: 'test-draw-number', text: 'select pg_current_xact_id()::text as number' }, []);
      if (runs === 1) await tasks.setStatus(holder, { taskId: id, status: 'IN_PROGRESS' });
      await new TaskService(withinTransaction(tx), () => {}).setStatus(holder, { taskId: id, status: 'REVIEW' });
    });

    expect(runs).toBe(2);
    const { rows } = await database.pool.query(
      `select data->>'before' as before, data->>'after' as after from event where task_id = $1 order by xid, seq`,
      [id],
    );
    expect(rows).toEqual([
      { before: 'READY', after: 'CLAIMED' },
      { before: 'CLAIMED', after: 'IN_PROGRESS' },
      { before: 'IN_PROGRESS', after: 'REVIEW' },
    ]);
  });

  it('though a transaction may write it several times, also after savepoints', async () => {
    const [id = ''] = await seedTasks(1);
    const writer = await useTransaction();

    for (const step of ['title = 1', 'title = 2', 'title = 3']) {
      await writer.query('savepoint here');
      await writer.query(`update task set ${step} where id = $1`, [id]);
      await writer.query('release savepoint here');
    }
    await writer.query('update task set title = 4 where id = $1', [id]);
    await writer.query('commit');

    expect(await database.prisma.task.findUnique({ where: { id } })).toMatchObject({ title: '4' });
  });
});
