import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Viewer } from '../src/auth/viewer.js';
import { type OwnedDatabase, withinTransaction } from '../src/database/database.js';
import type { Task } from '../src/database/generated/prisma/client.js';
import { openDatabase } from '../src/database/pg-database.js';
import { AgentService } from '../src/features/agents/agent.service.js';
import { ExecutionLogService } from '../src/features/execution-logs/execution-log.service.js';
import { hasExpired } from '../src/features/lease-expiry.js';
import { sweepStatement } from '../src/features/tasks/sql/expire.sql.js';
import { TaskService } from '../src/features/tasks/task.service.js';
import { DomainError } from '../src/kernel/domain-error.js';
import { newId } from '../src/kernel/ids.js';
import { createLogger } from '../src/kernel/logger.js';
import { useOwnCluster } from './support/own-cluster.js';
import { createTestDatabase, type TestDatabase } from './support/postgres.js';
import { useTransaction } from './support/transaction.js';

// Writes that share a statement, at the service, where a test can say what comes at once and who holds which row.

const organizationId = '00000000-0000-7000-8000-000000000001';

let place: TestDatabase;
let database: OwnedDatabase;
let tasks: TaskService;

useOwnCluster();
beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, poolSize: 10, logger: createLogger('silent') });
  tasks = new TaskService(database, () => {});
});
afterAll(async () => {
  await database.close();
  await place.drop();
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

/** How many of the statements of a kind since then took how many writes. */
function batchSizes(name: string): () => number[] {
  const sizes = () => new Map(database.sharedStatements().get(name)?.sizes);
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
    const other = await useTransaction({ databaseUrl: place.url });
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

describe('heartbeats of agents', () => {
  it('that come at once share a statement, tell of those who were silent, and fail alone', async () => {
    const agents = await Promise.all(Array.from({ length: 30 }, () => seedAgent()));
    const [silent, busy] = agents;
    const ids = agents.map(({ actor }) => actor.id);
    await database.pool.query(`update actor set health = 'ONLINE' where id = any($1) and id <> $2`, [ids, silent?.actor.id]);
    const service = new AgentService(database);
    const sizes = batchSizes('agent-heartbeats');

    const beats = agents.map((agent) => service.heartbeat(agent, agent === busy ? { status: 'BUSY' } : {}));
    const nobody = { ...(silent as Viewer), actor: { id: newId(), kind: 'AGENT' as const, name: 'Heron' } };
    const refused = service.heartbeat(nobody, {}).catch((error) => error.code);

    expect((await Promise.all(beats)).map(({ agent }) => [agent.id, agent.health, agent.status])).toEqual(
      agents.map((agent) => [agent.actor.id, 'ONLINE', agent === busy ? 'BUSY' : 'ACTIVE']),
    );
    expect(await refused).toBe('AGENT_NOT_FOUND');
    expect(Math.max(...sizes())).toBeGreaterThanOrEqual(29);
    const { rows: events } = await database.pool.query(
      'select type, actor_id as "actorId", data from event where subject_id = any($1) order by type',
      [ids],
    );
    expect(events).toEqual([
      { type: 'AgentHealthChanged', actorId: silent?.actor.id, data: { before: 'OFFLINE', after: 'ONLINE' } },
      { type: 'AgentStatusChanged', actorId: busy?.actor.id, data: { before: 'ACTIVE', after: 'BUSY' } },
    ]);
  });

  it('do not wait for an agent that somebody else holds, save its own', async () => {
    const [held, free] = [await seedAgent(), await seedAgent()];
    const service = new AgentService(database);
    const other = await useTransaction({ databaseUrl: place.url });
    await other.query('select from actor where id = $1 for update', [held.actor.id]);

    let isDone = false;
    const waiting = service.heartbeat(held, {}).finally(() => {
      isDone = true;
    });
    await service.heartbeat(free, {});

    expect(isDone).toBe(false);
    await other.query('commit');
    expect((await waiting).agent.health).toBe('ONLINE');
  });
});

describe('creations of tasks', () => {
  const wish = (title: string) => ({
    title,
    priority: 50,
    kind: 'general',
    modelTier: 'standard',
    status: 'READY' as const,
    metadata: {},
  });

  it('that come at once share a statement, each answered by its own, all logged in their order', async () => {
    const creator = await seedAgent();
    const sizes = batchSizes('task-creations');
    const lists = Array.from({ length: 12 }, (_, list) => [0, 1, 2].map((number) => `task ${number} of list ${list}`));

    const created = await Promise.all(lists.map((titles) => tasks.createMany(creator, { tasks: titles.map(wish) })));

    expect(created.map((answer) => answer.tasks.map(({ title }) => title))).toEqual(lists);
    expect(Math.max(...sizes())).toBe(12);
    const { rows: events } = await database.pool.query(
      `select data->>'title' as title, actor_id as "actorId" from event where type = 'TaskCreated' and actor_id = $1 order by seq`,
      [creator.actor.id],
    );
    expect(events).toEqual(lists.flat().map((title) => ({ title, actorId: creator.actor.id })));
  });

  it('fail alone when one of them names what is not there', async () => {
    const creator = await seedAgent();
    const projectId = newId();

    const outcomes = await Promise.allSettled([
      tasks.create(creator, wish('one')),
      tasks.createMany(creator, { tasks: [wish('two'), { ...wish('three'), projectId }] }),
      tasks.create(creator, wish('four')),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const { rows } = await database.pool.query('select title from task where created_by_id = $1 order by id', [creator.actor.id]);
    expect(rows.map(({ title }) => title)).toEqual(['one', 'four']);
  });
});

describe('moves of tasks', () => {
  it('that come at once share a statement, and those that are refused are told why', async () => {
    const holder = await seedAgent();
    const ids = await seedClaimed(holder, 20);
    const [parked = ''] = await seedTasks(1, { status: 'BACKLOG' });
    const stranger = await seedAgent();
    const sizes = batchSizes('task-transitions');

    const answers = Promise.all(ids.map((taskId) => tasks.complete(holder, { taskId, fence: 1, result: { of: taskId } })));
    const refused = Promise.allSettled([
      tasks.complete(holder, { taskId: ids[0] ?? '' }),
      tasks.fail(stranger, { taskId: ids[1] ?? '' }),
      tasks.complete(holder, { taskId: parked }),
      tasks.cancel(holder, { taskId: newId() }),
    ]);

    expect((await answers).map(({ task }) => [task.id, task.status, task.result])).toEqual(
      ids.map((id) => [id, 'DONE', { of: id }]),
    );
    expect((await refused).map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
      'ILLEGAL_TRANSITION',
      'ILLEGAL_TRANSITION',
      'ILLEGAL_TRANSITION',
      'TASK_NOT_FOUND',
    ]);
    expect(Math.max(...sizes())).toBeGreaterThanOrEqual(19);
  });

  it('fail alone when one of them is what Postgres cannot keep', async () => {
    const holder = await seedAgent();
    const ids = await seedClaimed(holder, 5);
    const results = ['a', 'b', '\u0000', 'd', 'e'];

    const answers = await Promise.allSettled(
      ids.map((taskId, index) => tasks.complete(holder, { taskId, result: results[index] })),
    );

    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.task.result : answer.reason.code))).toEqual([
      'a',
      'b',
      '22P05',
      'd',
      'e',
    ]);
    const { rows } = await database.pool.query(
      `select task_id, count(*)::int as count from event where task_id = any($1) and type = 'TaskCompleted' group by task_id`,
      [ids],
    );
    expect(rows.map(({ count }) => count)).toEqual([1, 1, 1, 1]);
  });

  it('do not wait for a task that somebody else holds', async () => {
    const holder = await seedAgent();
    const ids = await seedClaimed(holder, 6);
    const other = await useTransaction({ databaseUrl: place.url });
    await other.query('select from task where id = $1 for update', [ids[2]]);

    const moves = ids.map((taskId) => tasks.complete(holder, { taskId }));
    const [held] = moves.splice(2, 1);

    expect(await Promise.all(moves)).toHaveLength(5);
    await other.query('commit');
    expect(await held).toMatchObject({ task: { status: 'DONE' } });
  });

  it('are part of a transaction that they are made in, and of nothing else', async () => {
    const holder = await seedAgent();
    const ids = await seedClaimed(holder, 2);

    const outcome = database.transaction(async (tx) => {
      const within = new TaskService(withinTransaction(tx), () => {});
      await Promise.all(ids.map((taskId) => within.complete(holder, { taskId })));
      throw new Error('changed my mind');
    });

    await expect(outcome).rejects.toThrow('changed my mind');
    const stored = await database.prisma.task.findMany({ where: { id: { in: ids } } });
    expect(stored.map(({ status }) => status)).toEqual(['CLAIMED', 'CLAIMED']);
  });
});

describe('claims of named tasks', () => {
  it('of many agents that want the same one give it to the first who may have it, in one statement', async () => {
    const [id = ''] = await seedTasks(1, { requiredSpecialization: 'named' });
    const strangers = await Promise.all(Array.from({ length: 5 }, () => seedAgent()));
    const able = await Promise.all(Array.from({ length: 15 }, () => seedAgent(['named'])));
    const sizes = batchSizes('task-claims');

    const answers = await Promise.allSettled(
      [...strangers, ...able].map((viewer) => tasks.claim(viewer, { taskId: id, leaseSeconds: 60, override: false })),
    );

    const outcomes = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.task.holderId : answer.reason.code));
    expect(outcomes[5]).toBe(able[0]?.actor.id);
    expect(outcomes.filter((outcome) => outcome === 'TASK_ALREADY_CLAIMED')).toHaveLength(19);
    expect(sizes()).toEqual([20]);
    const attempts = await database.prisma.taskAttempt.findMany({ where: { taskId: id } });
    expect(attempts).toMatchObject([{ fence: 1, holderId: able[0]?.actor.id }]);
  });

  it('wait for nobody but whoever holds the same task', async () => {
    const ids = await seedTasks(5);
    const agent = await seedAgent();
    const other = await useTransaction({ databaseUrl: place.url });
    await other.query('select from task where id = $1 for update', [ids[1]]);

    const answers = ids.map((taskId) => tasks.claim(agent, { taskId, leaseSeconds: 60, override: false }));
    const [held] = answers.splice(1, 1);

    expect(await Promise.all(answers)).toHaveLength(4);
    await other.query('commit');
    expect(await held).toMatchObject({ task: { id: ids[1], status: 'CLAIMED' } });
  });
});

describe('claims of the next tasks', () => {
  it('that come at once are answered as if they came one after another', async () => {
    const kinds = ['next-in-turn'];
    const agents = await Promise.all(Array.from({ length: 6 }, () => seedAgent(['turn'])));
    const ids: string[] = [];
    for (let priority = 0; priority < 30; priority++) {
      ids.push(...(await seedTasks(1, { kind: 'next-in-turn', priority, requiredSpecialization: priority % 2 ? 'turn' : null })));
    }
    // Who is specialized in what is known once it has claimed.
    for (const agent of agents) await tasks.claimNext(agent, { kinds, leaseSeconds: 60, count: 1 });
    const sizes = batchSizes('task-next-claims');

    const answers = await Promise.all(
      agents.map((agent, index) => tasks.claimNext(agent, { kinds, leaseSeconds: 60 + index, count: index + 1 })),
    );

    expect(sizes()).toEqual([6]);
    let next = agents.length;
    for (const [index, { tasks: taken }] of answers.entries()) {
      expect(taken.map(({ id }) => id)).toEqual(ids.slice(next, next + index + 1));
      for (const task of taken) expect(task).toMatchObject({ holderId: agents[index]?.actor.id, leaseTtlSeconds: 60 + index });
      next += index + 1;
    }
    const attempts = await database.prisma.taskAttempt.findMany({ where: { taskId: { in: ids } } });
    expect(new Set(attempts.map(({ taskId }) => taskId)).size).toBe(next);
  });

  it('give each agent what it may have, also when its specializations have changed since its last claim', async () => {
    const kinds = ['next-by-specialization'];
    const agents = await Promise.all(Array.from({ length: 8 }, (_, index) => seedAgent([index % 2 ? 'odd' : 'even'])));
    const seed = (count: number, requiredSpecialization: string) =>
      seedTasks(count, { kind: 'next-by-specialization', requiredSpecialization });
    const claimAll = () => Promise.all(agents.map((agent) => tasks.claimNext(agent, { kinds, leaseSeconds: 60, count: 1 })));
    const taken = (answers: Awaited<ReturnType<typeof claimAll>>) =>
      answers.map(({ tasks: [task] }) => task?.requiredSpecialization ?? null);
    await seed(4, 'even');
    await seed(4, 'odd');
    expect(taken(await claimAll())).toEqual(['even', 'odd', 'even', 'odd', 'even', 'odd', 'even', 'odd']);

    const ids = agents.map(({ actor }) => actor.id);
    await database.prisma.actor.updateMany({ where: { id: { in: ids.slice(0, 3) } }, data: { specializations: ['third'] } });
    await seed(4, 'even');
    await seed(4, 'odd');
    await seed(4, 'third');

    expect(taken(await claimAll())).toEqual(['third', 'third', 'third', 'odd', 'even', 'odd', 'even', 'odd']);
  });

  it('find all there is, and tell those who get nothing', async () => {
    const kinds = ['next-of-few'];
    const agents = await Promise.all(Array.from({ length: 12 }, () => seedAgent(['few'])));
    for (const agent of agents) await tasks.claimNext(agent, { kinds, leaseSeconds: 60, count: 1 });
    const ids = await seedTasks(5, { kind: 'next-of-few' });

    const answers = await Promise.all(agents.map((agent) => tasks.claimNext(agent, { kinds, leaseSeconds: 60, count: 1 })));

    const taken = answers.flatMap(({ tasks: claimed }) => claimed.map(({ id }) => id));
    expect(taken.toSorted()).toEqual(ids.toSorted());
    for (const { tasks: claimed, obstacles } of answers) {
      if (claimed.length === 0) expect(obstacles).toMatchObject([{ code: 'TASK_ALREADY_CLAIMED', count: 5 }]);
    }
  });

  it('skip what somebody else holds', async () => {
    const kinds = ['next-and-held'];
    const agents = await Promise.all(Array.from({ length: 4 }, () => seedAgent()));
    const ids = await seedTasks(8, { kind: 'next-and-held' });
    const other = await useTransaction({ databaseUrl: place.url });
    await other.query('select from task where id = any($1) for update', [ids.slice(0, 3)]);

    const answers = await Promise.all(agents.map((agent) => tasks.claimNext(agent, { kinds, leaseSeconds: 60, count: 1 })));

    const taken = answers.flatMap(({ tasks: claimed }) => claimed.map(({ id }) => id));
    expect(taken.toSorted()).toEqual(ids.slice(3, 7).toSorted());
  });

  it('and all other writes take rows that were frozen', async () => {
    const agent = await seedAgent();
    await seedTasks(2, { kind: 'frozen' });
    await database.pool.query('vacuum freeze task');

    const { tasks: claimed } = await tasks.claimNext(agent, { kinds: ['frozen'], leaseSeconds: 60, count: 2 });
    await database.pool.query('vacuum freeze task');
    await Promise.all(claimed.map(({ id }) => tasks.heartbeat(agent, { taskId: id })));
    await database.pool.query('vacuum freeze task');
    const done = await Promise.all(claimed.map(({ id }) => tasks.complete(agent, { taskId: id })));

    expect(done.map(({ task }) => task.status)).toEqual(['DONE', 'DONE']);
  });
});

describe('entries of logs', () => {
  it('that come at once share a statement, in their order, and wait for nobody who changes a task', async () => {
    const viewer: Viewer = { ...(await seedAgent()), scopes: new Set(['READ', 'WORK', 'WORKER'] as const) };
    const logs = new ExecutionLogService(database);
    const [id = '', heldId = ''] = await seedTasks(2);
    const other = await useTransaction({ databaseUrl: place.url });
    await other.query(`update task set title = 'held' where id = $1`, [heldId]);
    const sizes = batchSizes('execution-log-appends');
    const append = (taskId: string, step: string) => logs.append(viewer, { taskId, sessionId: 'run', step, summary: 'done' });
    const steps = Array.from({ length: 30 }, (_, index) => `step ${index}`);

    const answers = await Promise.allSettled([
      ...steps.map((step) => append(id, step)),
      append(newId(), 'of no task'),
      append(heldId, 'of a task that is being changed'),
    ]);

    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.log.step : answer.reason.code))).toEqual([
      ...steps,
      'TASK_NOT_FOUND',
      'of a task that is being changed',
    ]);
    expect(sizes()).toEqual([32]);
    const { rows } = await database.pool.query(
      `select data->>'step' as step from event where task_id = $1 and type = 'ExecutionLogAppended' order by xid, seq`,
      [id],
    );
    expect(rows.map(({ step }) => step)).toEqual(steps);
    const stored = await database.prisma.executionLog.findMany({ where: { taskId: id }, orderBy: { id: 'asc' } });
    expect(stored.map(({ step }) => step)).toEqual(steps);
  });
});

describe('a task is written in the order of transaction numbers', () => {
  it('by a statement that finds a younger version: it runs again', async () => {
    const holder = await seedAgent();
    const [id = ''] = await seedClaimed(holder, 1);
    const early = await useTransaction({ databaseUrl: place.url });
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
    const writer = await useTransaction({ databaseUrl: place.url });

    for (const step of ['title = 1', 'title = 2', 'title = 3']) {
      await writer.query('savepoint here');
      await writer.query(`update task set ${step} where id = $1`, [id]);
      await writer.query('release savepoint here');
    }
    await writer.query('update task set title = 4 where id = $1', [id]);
    await writer.query('commit');

    expect(await database.prisma.task.findUnique({ where: { id } })).toMatchObject({ title: '4' });
  });

  it('so the events of each task are a chain, whatever many agents of two servers do to a few tasks at once', {
    timeout: 120_000,
  }, async () => {
    const other = openDatabase({ url: place.url, poolSize: 10, logger: createLogger('silent') });
    onTestFinished(() => other.close());
    const servers = [tasks, new TaskService(other, () => {})];
    const agents = await Promise.all(Array.from({ length: 16 }, () => seedAgent()));
    const person: Viewer = { ...(agents[0] as Viewer), actor: null, credential: { kind: 'adminToken' } };
    const ids = await seedTasks(6, { kind: 'contested' });
    const anyOf = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T;
    let isOver = false;

    /** Tries one thing after another; what is refused is refused, and anything else fails the test. */
    const act = async (viewer: Viewer) => {
      for (let step = 0; step < 120; step++) {
        const [server, taskId] = [anyOf(servers) as TaskService, anyOf(ids)];
        const action = anyOf([
          () => server.claim(viewer, { taskId, leaseSeconds: 60, override: false }),
          () => server.claimNext(viewer, { leaseSeconds: 60, count: 2, kinds: ['contested'] }),
          () => server.setStatus(viewer, { taskId, status: 'IN_PROGRESS' }),
          () => server.release(viewer, { taskId }),
          () => server.heartbeat(viewer, { taskId }),
          () => server.complete(viewer, { taskId }),
          () => server.cancel(viewer, { taskId }),
          () => server.reset(person, { taskId }),
          () => server.setStatus(person, { taskId, status: 'REVIEW' }),
          () => server.update(viewer, { taskId, title: `step ${step}` }),
          () => database.transaction((tx) => new TaskService(withinTransaction(tx), () => {}).release(viewer, { taskId })),
        ]);
        await action().catch((error) => {
          if (!(error instanceof DomainError)) throw error;
        });
      }
    };
    /** Lapses of leases, which the sweeps of both servers find. */
    const lapse = async () => {
      while (!isOver) {
        await database.pool
          .query(
            `update task set lease_expires_at = now(), lease_check_at = now() where id = $1 and lease_expires_at is not null`,
            [anyOf(ids)],
          )
          .catch((error) => expect(error.code).toBe('40001'));
        await Promise.all([database, other].map((server) => server.write(sweepStatement, [], hasExpired)));
      }
    };
    await Promise.all([
      lapse(),
      Promise.all(agents.map(act)).finally(() => {
        isOver = true;
      }),
    ]);

    for (const id of ids) {
      const { rows } = await database.pool.query<{ type: string; before: string; after: string; fence: number }>(
        `select type, data->>'before' as before, data->>'after' as after, (data->>'fence')::int as fence
         from event where task_id = $1 and type <> 'TaskUpdated' order by xid, seq`,
        [id],
      );
      let [status, fence] = ['READY', 0];
      for (const event of rows) {
        expect({ ...event, before: event.before }).toMatchObject({ before: status });
        expect(event.fence).toBe(event.type === 'TaskClaimed' ? fence + 1 : fence);
        [status, fence] = [event.after, event.fence];
      }
      expect(await database.prisma.task.findUnique({ where: { id } })).toMatchObject({ status, fence });
      const attempts = await database.prisma.taskAttempt.findMany({ where: { taskId: id }, orderBy: { fence: 'asc' } });
      expect(attempts.map((attempt) => attempt.fence)).toEqual(Array.from({ length: fence }, (_, index) => index + 1));
      // Whatever ended a holding has also ended its attempt.
      const isHeld = ['CLAIMED', 'IN_PROGRESS', 'REVIEW'].includes(status);
      expect(attempts.filter(({ endedAt }) => !endedAt).map((attempt) => attempt.fence)).toEqual(isHeld ? [fence] : []);
    }
  });
});
