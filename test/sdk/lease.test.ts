import { describe, expect, it, onTestFinished } from 'vitest';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { TaskCancelDocument, TaskClaimDocument, TaskDocument, TaskReleaseDocument } from '../../src/sdk/generated.js';
import { CancelRequestedError, type Lease, LeaseLostError, withLease } from '../../src/sdk/lease.js';
import { claimNext } from '../../src/sdk/work.js';
import { type TestApp, useTestApp } from '../support/app.js';
import { type Network, useNetwork } from '../support/network.js';
import { type SeededAgent, seedAgent, seedTask } from '../support/seed.js';

interface Scene {
  app: TestApp;
  network: Network;
  /** Acts as the agent, over the network. */
  client: BatonClient;
  /** Acts as a person, and does not use the network. */
  operator: BatonClient;
  agent: SeededAgent;
}

async function useScene(): Promise<Scene> {
  const app = await useTestApp();
  const operator = app.client();
  const agent = await seedAgent(operator);
  const network = await useNetwork(app.url);
  const client = new BatonClient({ url: network.url, token: agent.apiKey });
  onTestFinished(() => client.close());
  return { app, network, client, operator, agent };
}

async function claim({ client, operator }: Scene, leaseSeconds = 1800) {
  await seedTask(operator);
  const { claims } = await claimNext(client, { leaseSeconds });
  if (!claims[0]) throw new Error('nothing was claimed');
  return claims[0];
}

async function statusOf({ operator }: Scene, taskId: string) {
  const { task } = await operator.request(TaskDocument, { id: taskId });
  return { status: task?.status, attempts: task?.attempts.nodes.map(({ outcome }) => outcome) };
}

/** Resolves with the reason when the signal aborts. */
function aborted({ signal }: Lease): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason));
  });
}

/** Looks again and again until it is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('work under a lease', () => {
  it('keeps the lease for longer than its length, and completes the task with what it returns', async () => {
    const scene = await useScene();
    const held = await claim(scene, 5);
    const firstExpiry = Date.parse(held.task.lease?.expiresAt ?? '');

    const result = await withLease(scene.client, held, async (lease) => {
      await lease.setStatus('IN_PROGRESS');
      await until(() => Date.parse(lease.task.lease?.expiresAt ?? '') > firstExpiry + 5000);
      return { lines: 12 };
    });

    expect(result).toEqual({ lines: 12 });
    expect(await statusOf(scene, held.task.id)).toEqual({ status: 'DONE', attempts: ['COMPLETED'] });
    expect(await scene.app.sql(`select result from task where id = '${held.task.id}'`)).toEqual([{ result: { lines: 12 } }]);
  });

  it('fails the task when it throws, or releases it when asked to, and passes the error on', async () => {
    const scene = await useScene();
    const [first, second] = [await claim(scene), await claim(scene)];
    const fall = () => {
      throw new Error('out of tokens');
    };

    await expect(withLease(scene.client, first, fall)).rejects.toThrow('out of tokens');
    await expect(withLease(scene.client, second, fall, { onError: 'release' })).rejects.toThrow('out of tokens');

    expect(await statusOf(scene, first.task.id)).toEqual({ status: 'FAILED', attempts: ['FAILED'] });
    expect(await statusOf(scene, second.task.id)).toEqual({ status: 'READY', attempts: ['RELEASED'] });
    const reasons = await scene.app.sql(
      `select data ->> 'reason' as reason from event where type in ('TaskFailed', 'TaskReleased')`,
    );
    expect(reasons).toEqual([{ reason: 'out of tokens' }, { reason: 'out of tokens' }]);
  });

  it('fails the task when its result cannot be kept', async () => {
    const scene = await useScene();
    const held = await claim(scene);

    await expect(withLease(scene.client, held, () => ({ count: 1n }))).rejects.toThrow(TypeError);

    expect(await statusOf(scene, held.task.id)).toEqual({ status: 'FAILED', attempts: ['FAILED'] });
  });

  it('ends the task as the work says, once', async () => {
    const scene = await useScene();
    const ends: [string, string, (lease: Lease) => Promise<unknown>][] = [
      ['DONE', 'COMPLETED', (lease) => lease.complete({ early: true })],
      ['FAILED', 'FAILED', (lease) => lease.fail('no way')],
      ['READY', 'RELEASED', (lease) => lease.release('somebody else should')],
      ['BLOCKED', 'BLOCKED', (lease) => lease.block('waits for a key')],
    ];
    for (const [status, outcome, end] of ends) {
      const held = await claim(scene);

      await withLease(scene.client, held, async (lease) => {
        await end(lease);
        await expect(lease.complete()).rejects.toThrow('has ended already');
        return 'not written';
      });

      expect(await statusOf(scene, held.task.id)).toEqual({ status, attempts: [outcome] });
      if (status === 'READY') await scene.operator.mutate(TaskCancelDocument, { taskId: held.task.id });
    }
  });

  it('is told at once when the task is canceled, and writes nothing', async () => {
    const scene = await useScene();
    // Half an hour: a heartbeat would not tell before ten minutes.
    const held = await claim(scene, 1800);

    const done = withLease(scene.client, held, async (lease) => {
      await scene.operator.mutate(TaskCancelDocument, { taskId: lease.taskId });
      const reason = await aborted(lease);
      await expect(lease.complete('too late')).rejects.toBe(reason);
      return 'too late';
    });

    await expect(done).rejects.toMatchObject({ name: 'LeaseLostError', reason: 'CANCELED', fence: 1 });
    expect(await statusOf(scene, held.task.id)).toEqual({ status: 'CANCELED', attempts: ['CANCELED'] });
  });

  it('is told when the task is taken away, and leaves it to the next holder', async () => {
    const scene = await useScene();
    const held = await claim(scene);
    const next = await seedAgent(scene.operator);

    const done = withLease(scene.client, held, async (lease) => {
      await scene.operator.mutate(TaskReleaseDocument, { taskId: lease.taskId });
      await scene.operator.mutate(TaskClaimDocument, { taskId: lease.taskId, agentId: next.id });
      await aborted(lease);
      throw new Error('whatever');
    });

    await expect(done).rejects.toMatchObject({ name: 'LeaseLostError', reason: 'TAKEN_AWAY' });
    const { task } = await scene.operator.request(TaskDocument, { id: held.task.id });
    expect(task).toMatchObject({ status: 'CLAIMED', lease: { fence: 2, holder: { id: next.id } } });
  });

  it('stops before the server gives the task to others when no heartbeat gets through', async () => {
    const scene = await useScene();
    const held = await claim(scene, 3);
    const next = await seedAgent(scene.operator);
    let surplusMs = 0;

    const done = withLease(scene.client, held, async (lease) => {
      await lease.setStatus('IN_PROGRESS');
      scene.network.freeze();
      surplusMs = Date.parse(lease.task.lease?.expiresAt ?? '') - (Date.now() + lease.remainingMs);
      await aborted(lease);
      expect(() => lease.assertHeld()).toThrow(LeaseLostError);
      expect(lease.remainingMs).toBe(0);
      await until(async () => (await statusOf(scene, lease.taskId)).status === 'READY');
      await scene.operator.mutate(TaskClaimDocument, { taskId: lease.taskId, agentId: next.id });
      scene.network.cut();
      scene.network.thaw();
      return 'written over the next holder';
    });

    await expect(done).rejects.toMatchObject({ name: 'LeaseLostError', reason: 'EXPIRED' });
    // The two clocks are of one machine, and read to the millisecond.
    expect(surplusMs).toBeGreaterThanOrEqual(-1);
    expect(await statusOf(scene, held.task.id)).toEqual({ status: 'CLAIMED', attempts: ['EXPIRED', null] });
  });

  it('outlasts a network that is down for less than the lease', async () => {
    const scene = await useScene();
    const held = await claim(scene, 9);

    await withLease(scene.client, held, async (lease) => {
      const before = lease.task.lease?.expiresAt;
      scene.network.freeze();
      await until(() => lease.remainingMs < 6000);
      scene.network.cut();
      scene.network.thaw();
      await until(() => lease.task.lease?.expiresAt !== before);
    });

    expect(await statusOf(scene, held.task.id)).toEqual({ status: 'DONE', attempts: ['COMPLETED'] });
  });

  it('is asked to stop while it holds the task: it may finish, or the task is released', async () => {
    const scene = await useScene();
    const [finishing, stopping] = [await claim(scene, 6), await claim(scene, 6)];
    const askToStop = ({ taskId }: Lease) =>
      scene.app.sql(`update task set cancel_requested_at = clock_timestamp() where id = '${taskId}'`);

    await withLease(scene.client, finishing, async (lease) => {
      await askToStop(lease);
      expect(await aborted(lease)).toBeInstanceOf(CancelRequestedError);
    });
    const stopped = withLease(scene.client, stopping, async (lease) => {
      await askToStop(lease);
      await aborted(lease);
      throw new Error('stopped half way');
    });

    await expect(stopped).rejects.toThrow(CancelRequestedError);
    const { claims } = await claimNext(scene.client);
    await withLease(scene.client, { taskId: stopping.task.id, fence: 2 }, async (lease) => {
      // The next one to work on it was not asked.
      expect(lease.signal.aborted).toBe(false);
      await lease.release();
    });
    expect(claims[0]?.task.id).toBe(stopping.task.id);
    expect((await statusOf(scene, finishing.task.id)).status).toBe('DONE');
    expect(await statusOf(scene, stopping.task.id)).toEqual({ status: 'READY', attempts: ['RELEASED', 'RELEASED'] });
  });

  it('gives the task back when its caller interrupts it, before or while it works', async () => {
    const scene = await useScene();
    const [before, during] = [await claim(scene), await claim(scene)];
    const abort = new AbortController();

    const interrupted = withLease(
      scene.client,
      during,
      async (lease) => {
        abort.abort(new Error('the process ends'));
        lease.signal.throwIfAborted();
      },
      { signal: abort.signal },
    );
    await expect(interrupted).rejects.toThrow('the process ends');
    const neverBegun = withLease(scene.client, before, () => expect.unreachable(), { signal: abort.signal });
    await expect(neverBegun).rejects.toThrow('the process ends');

    expect(await statusOf(scene, during.task.id)).toEqual({ status: 'READY', attempts: ['RELEASED'] });
    expect(await statusOf(scene, before.task.id)).toEqual({ status: 'READY', attempts: ['RELEASED'] });
  });

  it('does not begin under a lease that is lost already', async () => {
    const scene = await useScene();
    const { task } = await claim(scene);
    await scene.operator.mutate(TaskReleaseDocument, { taskId: task.id });

    const late = withLease(scene.client, { taskId: task.id, fence: 1 }, () => expect.unreachable());

    await expect(late).rejects.toThrow(LeaseLostError);
    await expect(withLease(scene.client, { ...task, lease: null }, () => expect.unreachable())).rejects.toThrow('claim it first');
  });

  it('claims and completes once although the answers to both are lost', async () => {
    const scene = await useScene();
    const task = await seedTask(scene.operator);
    await seedTask(scene.operator);

    scene.network.loseNextAnswer();
    const { claims } = await claimNext(scene.client);
    await withLease(scene.client, claims[0] ?? expect.unreachable(), () => scene.network.loseNextAnswer());

    expect(claims).toHaveLength(1);
    expect(claims[0]?.task.id).toBe(task.id);
    const attempts = await scene.app.sql(`select task_id as id, outcome from task_attempt`);
    expect(attempts).toEqual([{ id: task.id, outcome: 'COMPLETED' }]);
  });

  it('is done by people for an agent that they name', async () => {
    const scene = await useScene();
    await seedTask(scene.operator);
    const { claims } = await claimNext(scene.operator, { agentId: scene.agent.id });

    await withLease(scene.operator, claims[0] ?? expect.unreachable(), (lease) => lease.setStatus('IN_PROGRESS'), {
      agentId: scene.agent.id,
    });

    expect(await statusOf(scene, claims[0]?.task.id ?? '')).toEqual({ status: 'DONE', attempts: ['COMPLETED'] });
  });
});
