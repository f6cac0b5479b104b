import { describe, expect, it, onTestFinished } from 'vitest';
import { BatonClient } from '../../src/sdk/baton-client.js';
import {
  AgentsDocument,
  ApiKeyRevokeDocument,
  ApiKeysDocument,
  TaskCountsDocument,
  TaskCreateManyDocument,
} from '../../src/sdk/generated.js';
import type { Lease } from '../../src/sdk/lease.js';
import { type WorkOptions, type WorkReport, work } from '../../src/sdk/work.js';
import { type TestApp, useTestApp } from '../support/app.js';
import { useNetwork } from '../support/network.js';
import { seedAgent, seedTask } from '../support/seed.js';

/** An agent at work in the background, until it is told to drain or to stop; the end of the test stops it. */
class Workplace {
  readonly reports: WorkReport[] = [];
  readonly drain = new AbortController();
  readonly stop = new AbortController();
  readonly ended: Promise<void>;
  #wake = () => {};

  constructor(client: BatonClient, handler: (lease: Lease) => unknown, options: WorkOptions = {}) {
    this.ended = work(client, handler, {
      drain: this.drain.signal,
      signal: this.stop.signal,
      onReport: (report) => {
        this.reports.push(report);
        this.#wake();
      },
      ...options,
    });
    // Tests that expect it to fail look at it themselves.
    this.ended.catch(() => {});
    onTestFinished(async () => {
      this.stop.abort(new Error('the test is over'));
      await this.ended.catch(() => {});
    });
  }

  async reported(count: number): Promise<WorkReport[]> {
    while (this.reports.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.reports;
  }
}

async function useAgent(app: TestApp, url = app.url) {
  const agent = await seedAgent(app.client());
  const client = new BatonClient({ url, token: agent.apiKey });
  onTestFinished(() => client.close());
  return { ...agent, client };
}

async function countsOf(app: TestApp): Promise<Record<string, number>> {
  const { taskCounts } = await app.client().request(TaskCountsDocument, {});
  return Object.fromEntries(taskCounts.filter(({ count }) => count > 0).map(({ status, count }) => [status, count]));
}

describe('a worker', () => {
  it('works off the most urgent task first, and hears of new ones without asking again and again', async () => {
    const app = await useTestApp();
    const agent = await useAgent(app);
    await seedTask(app.client(), { title: 'can wait', priority: 80 });
    await seedTask(app.client(), { title: 'urgent', priority: 5 });
    const workplace = new Workplace(agent.client, ({ task }) => `did ${task.title}`);
    await workplace.reported(2);

    const createdAt = performance.now();
    await seedTask(app.client(), { title: 'just came' });
    const reports = await workplace.reported(3);

    // Asking by itself would take it at least fifteen.
    expect(performance.now() - createdAt).toBeLessThan(10_000);
    expect(reports).toMatchObject([{ result: 'did urgent' }, { result: 'did can wait' }, { result: 'did just came' }]);
    const { agents } = await app.client().request(AgentsDocument, {});
    expect(agents.nodes).toMatchObject([{ health: 'ONLINE' }]);
  });

  it('works on as many tasks at a time as it is told to', async () => {
    const app = await useTestApp();
    const agent = await useAgent(app);
    const tasks = Array.from({ length: 7 }, (_, index) => ({ title: `task ${index}` }));
    await app.client().mutate(TaskCreateManyDocument, { tasks });
    let [running, most] = [0, 0];
    let openDoor = () => {};
    const door = new Promise<void>((resolve) => {
      openDoor = resolve;
    });

    const workplace = new Workplace(
      agent.client,
      async () => {
        running += 1;
        most = Math.max(most, running);
        if (running === 3) openDoor();
        await door;
        running -= 1;
      },
      { concurrency: 3 },
    );
    await workplace.reported(7);

    expect(most).toBe(3);
    expect(await countsOf(app)).toEqual({ DONE: 7 });
  });

  it('has each task done once by several workers over a network that breaks', { timeout: 60_000 }, async () => {
    const app = await useTestApp();
    const network = await useNetwork(app.url);
    const tasks = Array.from({ length: 60 }, (_, index) => ({ title: `task ${index}` }));
    await app.client().mutate(TaskCreateManyDocument, { tasks });
    const done: string[] = [];
    const workplaces: Workplace[] = [];
    for (let index = 0; index < 3; index++) {
      const { client } = await useAgent(app, network.url);
      workplaces.push(new Workplace(client, (lease) => done.push(lease.task.title), { concurrency: 2 }));
    }

    while (done.length < tasks.length) {
      const wanted = Math.min(done.length + 5, tasks.length);
      network.loseNextAnswer();
      while (done.length < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
      network.cut();
    }
    for (const { drain } of workplaces) drain.abort();
    await Promise.all(workplaces.map(({ ended }) => ended));

    expect(done.sort()).toEqual(tasks.map(({ title }) => title).sort());
    expect(await countsOf(app)).toEqual({ DONE: 60 });
    expect(await app.sql(`select distinct outcome from task_attempt`)).toEqual([{ outcome: 'COMPLETED' }]);
  });

  it('finishes what it has begun when it is to claim no more', async () => {
    const app = await useTestApp();
    const agent = await useAgent(app);
    await seedTask(app.client());
    await seedTask(app.client());
    const workplace: Workplace = new Workplace(agent.client, () => workplace.drain.abort());

    await workplace.ended;

    expect(workplace.reports).toHaveLength(1);
    expect(await countsOf(app)).toEqual({ DONE: 1, READY: 1 });
  });

  it('gives back what it has begun when it is stopped', async () => {
    const app = await useTestApp();
    const agent = await useAgent(app);
    await seedTask(app.client());
    const workplace: Workplace = new Workplace(agent.client, async (lease) => {
      workplace.stop.abort(new Error('the process ends'));
      lease.signal.throwIfAborted();
    });

    await workplace.ended;

    expect(workplace.reports).toMatchObject([{ error: new Error('the process ends') }]);
    expect(await countsOf(app)).toEqual({ READY: 1 });
  });

  it('goes on with the next task when its handler throws', async () => {
    const app = await useTestApp();
    const agent = await useAgent(app);
    await seedTask(app.client(), { title: 'bad', priority: 1 });
    await seedTask(app.client(), { title: 'good', priority: 2 });

    const workplace = new Workplace(agent.client, ({ task }) => {
      if (task.title === 'bad') throw new Error('cannot do that');
    });

    expect(await workplace.reported(2)).toMatchObject([{ error: new Error('cannot do that') }, { task: { title: 'good' } }]);
    expect(await countsOf(app)).toEqual({ DONE: 1, FAILED: 1 });
  });

  it('ends with the error when its credential is revoked', async () => {
    const app = await useTestApp();
    const agent = await useAgent(app);
    const { apiKeys } = await app.client().request(ApiKeysDocument, { agentId: agent.id });
    const workplace = new Workplace(agent.client, () => {});
    await seedTask(app.client());
    await workplace.reported(1);

    await app.client().mutate(ApiKeyRevokeDocument, { apiKeyId: apiKeys.nodes[0]?.id ?? '' });

    await expect(workplace.ended).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
