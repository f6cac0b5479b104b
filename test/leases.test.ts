import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimStatement, claimValues } from '../src/features/tasks/sql/claim.sql.js';
import { sweepStatement } from '../src/features/tasks/sql/expire.sql.js';
import { newId } from '../src/kernel/ids.js';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  TaskCancelDocument,
  TaskClaimDocument,
  TaskClaimNextDocument,
  TaskCompleteDocument,
  TaskCountsDocument,
  TaskDocument,
  TaskEventsDocument,
  TaskFailDocument,
  TaskHeartbeatDocument,
  TaskReleaseDocument,
  TaskSetStatusDocument,
  type TaskSource,
  TasksDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { useOwnCluster } from './support/own-cluster.js';
import { codes, type SeededAgent, seedAgent, seedClaim, seedTask } from './support/seed.js';
import { StreamReader } from './support/stream.js';
import { untilSomebodyWaits, useTransaction } from './support/transaction.js';

let app: TestApp;
let operator: BatonClient;

// Writing transactions are kept open here.
useOwnCluster();

/** An agent with a client of its own credential. */
async function worker(specializations: string[] = []): Promise<SeededAgent & { client: BatonClient }> {
  const agent = await seedAgent(operator, { specializations });
  return { ...agent, client: app.client({ token: agent.apiKey }) };
}

/** Every write that a holder makes, each answering its errors' codes. */
const holderWrites = {
  heartbeat: async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskHeartbeatDocument, { input: { taskId, fence } })).taskHeartbeat,
  release: async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskReleaseDocument, { input: { taskId, fence } })).taskRelease,
  'status IN_PROGRESS': async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskSetStatusDocument, { input: { taskId, fence, status: 'IN_PROGRESS' } })).taskSetStatus,
  'status BLOCKED': async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskSetStatusDocument, { input: { taskId, fence, status: 'BLOCKED', blocker: 'x' } })).taskSetStatus,
  complete: async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskCompleteDocument, { input: { taskId, fence } })).taskComplete,
  fail: async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskFailDocument, { input: { taskId, fence } })).taskFail,
  cancel: async (client: BatonClient, taskId: string, fence?: number) =>
    (await client.request(TaskCancelDocument, { input: { taskId, fence } })).taskCancel,
};

describe('with nobody sweeping', () => {
  beforeAll(async () => {
    app = await startTestApp({}, { runsClockwork: false });
    operator = app.client();
  });
  afterAll(() => app.stop());

  describe.each(Object.entries(holderWrites))('a holder that stopped past its lease is refused: %s', (_name, write) => {
    it.each([true, false])('also when nobody has claimed since (fence sent: %s)', async (sendsFence) => {
      const holder = await worker();
      const task = await seedTask(operator);
      const { lease } = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });
      await app.elapse(61);

      const answer = await write(holder.client, task.id, sendsFence ? lease.fence : undefined);

      expect(codes(answer)).toEqual(['LEASE_LOST']);
      expect((await operator.request(TaskDocument, { id: task.id })).task).toMatchObject({
        status: 'READY',
        lease: null,
        assignee: null,
      });
    });

    it.each([true, false])('and when it lapses while the write waits for the row (fence sent: %s)', async (sendsFence) => {
      const holder = await worker();
      const task = await seedTask(operator);
      const { lease } = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });
      const other = await useTransaction(app);
      await other.query('select from task where id = $1 for update', [task.id]);

      const answer = write(holder.client, task.id, sendsFence ? lease.fence : undefined);
      await untilSomebodyWaits(app);
      await other.query(
        `update task set lease_expires_at = lease_expires_at - interval '61 s', lease_check_at = lease_check_at - interval '61 s'
         where id = $1`,
        [task.id],
      );
      await other.query(sweepStatement.text);
      await other.query('commit');

      expect(codes(await answer)).toEqual(['LEASE_LOST']);
      expect((await operator.request(TaskDocument, { id: task.id })).task).toMatchObject({ status: 'READY', lease: null });
    });

    it('and when it has claimed again itself, for the fence is old', async () => {
      const holder = await worker();
      const task = await seedTask(operator);
      const first = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });
      await app.elapse(61);
      const second = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });

      const answer = await write(holder.client, task.id, first.lease.fence);

      expect(second.lease.fence).toBe(first.lease.fence + 1);
      expect(codes(answer)).toEqual(['LEASE_LOST']);
      expect((await operator.request(TaskDocument, { id: task.id })).task).toMatchObject({
        status: 'CLAIMED',
        lease: second.lease,
      });
    });

    it('and when another has claimed since', async () => {
      const [holder, other] = [await worker(), await worker()];
      const task = await seedTask(operator);
      const { lease } = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });
      await app.elapse(61);
      const claimed = await seedClaim(other.client, { taskId: task.id, leaseSeconds: 60 });

      const answers = [await write(holder.client, task.id, lease.fence), await write(holder.client, task.id)];

      expect(answers.map(codes)).toEqual([['LEASE_LOST'], ['LEASE_LOST']]);
      expect((await operator.request(TaskDocument, { id: task.id })).task).toMatchObject({
        status: 'CLAIMED',
        lease: claimed.lease,
      });
    });
  });

  it('shows a lapsed task as READY wherever it is read', async () => {
    const holder = await worker();
    const task = await seedTask(operator, { requiredSpecialization: 'lapsed-and-read' });
    await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60, override: true });
    await app.elapse(61);

    const filter = { requiredSpecialization: 'lapsed-and-read' };
    const { tasks: ready } = await operator.request(TasksDocument, { filter: { ...filter, statuses: ['READY'] } });
    const { tasks: claimed } = await operator.request(TasksDocument, { filter: { ...filter, statuses: ['CLAIMED'] } });
    const { taskCounts } = await operator.request(TaskCountsDocument, { filter });

    expect(ready.nodes).toMatchObject([{ id: task.id, status: 'READY', lease: null, assignee: null }]);
    expect(claimed.nodes).toEqual([]);
    expect(taskCounts.filter(({ count }) => count > 0)).toEqual([{ status: 'READY', count: 1 }]);
  });

  it('gives a lapsed task to the next claim, the most urgent first, and records what happened', async () => {
    const [holder, other] = [await worker(['lapse']), await worker(['lapse'])];
    const urgent = await seedTask(operator, { requiredSpecialization: 'lapse', priority: 1 });
    await seedTask(operator, { requiredSpecialization: 'lapse', priority: 2 });
    await seedClaim(holder.client, { taskId: urgent.id, leaseSeconds: 60 });
    await app.elapse(61);

    const { taskClaimNext } = await other.client.request(TaskClaimNextDocument, { input: {} });

    expect(taskClaimNext.task).toMatchObject({ id: urgent.id, lease: { fence: 2, holder: { id: other.id } } });
    const { task } = await operator.request(TaskDocument, { id: urgent.id });
    expect(task?.attempts.nodes).toMatchObject([
      { fence: 1, outcome: 'EXPIRED', holder: { id: holder.id } },
      { fence: 2, outcome: null, holder: { id: other.id } },
    ]);
  });

  it('closes the attempt of a claim that was faster than the cancellation that waited for it', async () => {
    const holder = await worker();
    const task = await seedTask(operator);
    const other = await useTransaction(app);
    await other.query('select from task where id = $1 for update', [task.id]);

    const answer = operator.request(TaskCancelDocument, { input: { taskId: task.id } });
    await untilSomebodyWaits(app);
    const organizationId = '00000000-0000-7000-8000-000000000001';
    const claim = { organizationId, taskId: task.id, claimantId: holder.id, leaseSeconds: 60, override: false };
    await other.query(claimStatement.text, claimValues([{ ...claim, attemptId: newId() }]));
    await other.query('commit');

    expect((await answer).taskCancel).toMatchObject({ errors: [], task: { status: 'CANCELED', lease: null } });
    const { task: read } = await operator.request(TaskDocument, { id: task.id });
    expect(read?.attempts.nodes).toMatchObject([{ fence: 1, outcome: 'CANCELED', holder: { id: holder.id } }]);
  });

  it('lets a person cancel a task whose lease has lapsed', async () => {
    const holder = await worker();
    const task = await seedTask(operator);
    await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });
    await app.elapse(61);

    const { taskCancel } = await operator.request(TaskCancelDocument, { input: { taskId: task.id } });

    expect(taskCancel).toMatchObject({ errors: [], task: { status: 'CANCELED', lease: null } });
  });
});

describe('with the sweep running', () => {
  beforeAll(async () => {
    app = await startTestApp();
    operator = app.client();
  });
  afterAll(() => app.stop());

  it('returns a task to READY within a second of the lapse, with an event', async () => {
    const holder = await worker();
    const tasks = await Promise.all(Array.from({ length: 20 }, () => seedTask(operator)));
    const events = new StreamReader(operator.subscribe(TaskEventsDocument, { filter: { kinds: ['TASK_LEASE_EXPIRED'] } }));
    await Promise.all(tasks.map((task) => seedClaim(holder.client, { taskId: task.id, leaseSeconds: 1 })));

    const expired = await events.take(tasks.length);

    for (const { taskEvents } of expired) {
      const { leaseExpiresAt, holderId } = taskEvents.data as { leaseExpiresAt: string; holderId: string };
      const lateMs = Date.parse(taskEvents.occurredAt) - Date.parse(leaseExpiresAt);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(1000);
      expect(holderId).toBe(holder.id);
      expect(taskEvents.task.status).toBe('READY');
    }
    await events.stop();
  });

  it('keeps a task whose holder sends heartbeats, each lasting the claimed length from now', async () => {
    const holder = await worker();
    const task = await seedTask(operator);
    const { lease } = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });
    await app.elapse(50);

    const { taskHeartbeat } = await holder.client.request(TaskHeartbeatDocument, {
      input: { taskId: task.id, fence: lease.fence },
    });

    const extended = taskHeartbeat.task?.lease;
    expect(extended).toMatchObject({ fence: lease.fence, ttlSeconds: 60 });
    // 50 of the 60 seconds had passed: extending from the old end would give 110 seconds from the claim, from now 60.
    expect(Date.parse(extended?.expiresAt ?? '') - Date.parse(lease.expiresAt)).toBeLessThan(5000);
    expect(Date.parse(extended?.expiresAt ?? '')).toBeGreaterThanOrEqual(Date.parse(lease.expiresAt));
  });

  it('returns a task within a second of the lapse of a lease that heartbeats have extended, and not before', async () => {
    const holder = await worker();
    const task = await seedTask(operator);
    const { lease } = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 2 });
    await app.elapse(1);
    const filter = { taskId: task.id, kinds: ['TASK_LEASE_EXPIRED' as const] };
    const events = new StreamReader(operator.subscribe(TaskEventsDocument, { filter }));
    const { taskHeartbeat } = await holder.client.request(TaskHeartbeatDocument, {
      input: { taskId: task.id, fence: lease.fence },
    });

    // The sweep has found out by now that the lease goes on.
    const checked = () => app.sql('select lease_check_at = lease_expires_at as is_moved from task where id = $1', [task.id]);
    await expect.poll(checked).toEqual([{ is_moved: true }]);
    const [expired] = await events.take(1);

    const { leaseExpiresAt } = (expired?.taskEvents.data ?? {}) as { leaseExpiresAt: string };
    expect(Date.parse(leaseExpiresAt)).toBe(Date.parse(taskHeartbeat.task?.lease?.expiresAt ?? ''));
    const lateMs = Date.parse(expired?.taskEvents.occurredAt ?? '') - Date.parse(leaseExpiresAt);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(1000);
    await events.stop();
  });

  it('tells whoever claims a held task who holds it, and until when, also the holder itself', async () => {
    const [holder, other] = [await worker(), await worker()];
    const task = await seedTask(operator);
    const { lease } = await seedClaim(holder.client, { taskId: task.id });

    for (const { client } of [other, holder]) {
      const { taskClaim } = await client.request(TaskClaimDocument, { input: { taskId: task.id } });

      expect(taskClaim.errors).toMatchObject([
        { code: 'TASK_ALREADY_CLAIMED', holder: { id: holder.id }, leaseExpiresAt: lease.expiresAt },
      ]);
    }
  });

  it('refuses a claim without the specialization, unless it overrides, which is recorded', async () => {
    const stranger = await worker(['frontend']);
    const task = await seedTask(operator, { requiredSpecialization: 'backend' });

    const refused = await stranger.client.request(TaskClaimDocument, { input: { taskId: task.id } });
    const claimed = await stranger.client.request(TaskClaimDocument, { input: { taskId: task.id, override: true } });
    const again = await stranger.client.request(TaskClaimDocument, { input: { taskId: task.id, override: true } });

    expect(codes(refused.taskClaim)).toEqual(['SPECIALIZATION_MISMATCH']);
    expect(claimed.taskClaim.task).toMatchObject({ status: 'CLAIMED' });
    expect(codes(again.taskClaim)).toEqual(['TASK_ALREADY_CLAIMED']);
    const { task: read } = await operator.request(TaskDocument, { id: task.id });
    expect(read?.attempts.nodes).toMatchObject([{ isOverride: true }]);
  });

  it('never lets override claim what is not READY', async () => {
    const { client } = await worker();
    const parked = await seedTask(operator, { status: 'BACKLOG' });

    const { taskClaim } = await client.request(TaskClaimDocument, { input: { taskId: parked.id, override: true } });

    expect(codes(taskClaim)).toEqual(['TASK_NOT_READY']);
  });

  it('claims next in order of priority, then age, and only what the agent may have', async () => {
    const agent = await worker(['order-a', 'order-b']);
    const seed = (priority: number, requiredSpecialization: string) =>
      seedTask(operator, { kind: 'order', priority, requiredSpecialization });
    const late = await seed(50, 'order-a');
    const second = await seed(20, 'order-b');
    const first = await seed(10, 'order-a');
    await seed(0, 'order-c');
    const third = await seed(20, 'order-a');

    const { taskClaimNext } = await agent.client.request(TaskClaimNextDocument, { input: { kinds: ['order'], count: 5 } });

    expect(taskClaimNext.tasks.map((task) => task.id)).toEqual([first.id, second.id, third.id, late.id]);
  });

  it('claims next only what came in by the faces that are asked for', async () => {
    const agent = await worker([]);
    const kind = 'of-a-face';
    await seedTask(operator, { kind, priority: 0 });
    const ticket = await seedTask(operator, { kind });
    await app.sql(`update task set source = 'WORKER' where id = $1`, [ticket.id]);

    const next = async (sources: TaskSource[]) =>
      (await agent.client.request(TaskClaimNextDocument, { input: { kinds: [kind], sources } })).taskClaimNext;

    expect(await next(['QUEUE', 'COORDINATOR'])).toMatchObject({ task: null, obstacles: [] });
    expect(await next(['QUEUE', 'WORKER'])).toMatchObject({ task: { id: ticket.id } });
    expect(await next(['WORKER'])).toMatchObject({ task: null, obstacles: [{ code: 'TASK_ALREADY_CLAIMED', count: 1 }] });
  });

  it('explains an empty claim with the number of tasks behind each reason', async () => {
    const [agent, other] = [await worker(['obstacle-a']), await worker(['obstacle-b'])];
    const kind = 'obstacle';
    for (let index = 0; index < 3; index++) await seedTask(operator, { kind, requiredSpecialization: 'obstacle-b' });
    await seedTask(operator, { kind, status: 'BACKLOG' });
    const held = await seedTask(operator, { kind, requiredSpecialization: 'obstacle-b' });
    await seedClaim(other.client, { taskId: held.id });

    const { taskClaimNext } = await agent.client.request(TaskClaimNextDocument, { input: { kinds: [kind] } });

    expect(taskClaimNext.task).toBeNull();
    expect(new Map(taskClaimNext.obstacles.map(({ code, count }) => [code, count]))).toEqual(
      new Map([
        ['SPECIALIZATION_MISMATCH', 3],
        ['TASK_NOT_READY', 1],
        ['TASK_ALREADY_CLAIMED', 1],
      ]),
    );
  });

  it.each(['BLOCKED', 'DONE', 'FAILED', 'CANCELED'] as const)(
    'ends the lease with the status %s, so that expiry cannot undo it',
    async (status) => {
      const holder = await worker();
      const task = await seedTask(operator);
      const { lease } = await seedClaim(holder.client, { taskId: task.id, leaseSeconds: 60 });

      const input = { taskId: task.id, fence: lease.fence, status };
      const { taskSetStatus } = await holder.client.request(TaskSetStatusDocument, { input });

      expect(taskSetStatus).toMatchObject({ errors: [], task: { status, lease: null } });
      const stored = await app.sql('select holder_id, lease_expires_at from task where id = $1', [task.id]);
      expect(stored).toEqual([{ holder_id: null, lease_expires_at: null }]);
    },
  );

  it('gives every ready task to exactly one of many agents that claim at once', async () => {
    const kind = 'rush';
    const agents = await Promise.all(Array.from({ length: 16 }, () => worker(['rush'])));
    const tasks = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        seedTask(operator, { kind, requiredSpecialization: index % 2 ? 'rush' : undefined }),
      ),
    );

    const taken = await Promise.all(
      agents.map(async ({ client }) => {
        const ids: string[] = [];
        for (;;) {
          const { taskClaimNext } = await client.request(TaskClaimNextDocument, { input: { kinds: [kind], count: 3 } });
          if (taskClaimNext.tasks.length === 0) return ids;
          ids.push(...taskClaimNext.tasks.map((task) => task.id));
        }
      }),
    );

    expect(taken.flat().sort()).toEqual(tasks.map((task) => task.id).sort());
  });
});
