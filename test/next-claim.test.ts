import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sweepStatement as sweepJobs } from '../src/features/jobs/sql/expire.sql.js';
import { sweepStatement as sweepTasks } from '../src/features/tasks/sql/expire.sql.js';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  AgentSetStatusDocument,
  JobStartDocument,
  TaskClaimDocument,
  TaskClaimNextDocument,
  type TaskClaimNextInput,
  type TaskCreateInput,
  TaskCreateManyDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { useOwnCluster } from './support/own-cluster.js';
import { codes, seedAgent, seedClaim, seedTask } from './support/seed.js';
import { seedJob } from './support/tickets.js';
import { untilSomebodyWaits, useTransaction } from './support/transaction.js';

// Whoever asks for the next piece of work is told that there is none only when there is none, whatever others do meanwhile.

let app: TestApp;
let operator: BatonClient;

// Writing transactions are kept open here. Nobody sweeps but the tests, so that they can say when.
useOwnCluster();
beforeAll(async () => {
  app = await startTestApp({}, { runsClockwork: false });
  operator = app.client();
});
afterAll(() => app.stop());

async function agentClient(specializations: string[] = [], on = app): Promise<BatonClient> {
  const { apiKey } = await seedAgent(operator, { specializations });
  return on.client({ token: apiKey });
}

async function seedTasks(count: number, fields: Partial<TaskCreateInput>): Promise<string[]> {
  const tasks = Array.from({ length: count }, () => ({ title: 'work', ...fields }));
  const { taskCreateMany } = await operator.request(TaskCreateManyDocument, { input: { tasks } });
  return taskCreateMany.tasks.map(({ id }) => id);
}

async function claimNext(client: BatonClient, input: TaskClaimNextInput = {}) {
  return (await client.request(TaskClaimNextDocument, { input })).taskClaimNext;
}

describe('taskClaimNext', () => {
  it.each([1, 30])('finds what lies behind any number of tasks that others are taking, %i at once', async (count) => {
    const kind = `behind-${count}`;
    const specializations = ['behind-a', 'behind-b'];
    const agent = await agentClient(specializations);
    const taken: string[] = [];
    for (const requiredSpecialization of [...specializations, undefined]) {
      taken.push(...(await seedTasks(250, { kind, priority: 10, requiredSpecialization })));
    }
    const [behind] = await seedTasks(1, { kind, priority: 90, requiredSpecialization: 'behind-b' });
    const other = await useTransaction(app);
    await other.query('select from task where id = any($1) for update', [taken]);

    const { tasks } = await claimNext(agent, { kinds: [kind], count });

    expect(tasks.map(({ id }) => id)).toEqual([behind]);
  });

  it('waits for nobody when others are taking all there is', async () => {
    const kind = 'all-taken';
    const agent = await agentClient();
    const ids = await seedTasks(300, { kind });
    const other = await useTransaction(app);
    await other.query('select from task where id = any($1) for update', [ids]);

    expect((await claimNext(agent, { kinds: [kind] })).tasks).toEqual([]);

    await other.query('rollback');
    expect((await claimNext(agent, { kinds: [kind] })).tasks).toHaveLength(1);
  });

  it('finds a lapsed task behind more of them than one sweep ends', async () => {
    const [holder, agent] = [await agentClient(['many-lapsed']), await agentClient()];
    for (let batch = 0; batch < 6; batch++) {
      await seedTasks(100, { requiredSpecialization: 'many-lapsed' });
      await claimNext(holder, { count: 100, leaseSeconds: 30 });
    }
    const kind = 'lapsed-last';
    const task = await seedTask(operator, { kind });
    await seedClaim(holder, { taskId: task.id, leaseSeconds: 60 });
    await app.elapse(61);

    const { tasks } = await claimNext(agent, { kinds: [kind] });

    expect(tasks).toMatchObject([{ id: task.id, lease: { fence: 2 } }]);
  });

  it('waits for the sweep that is returning the only task there is', async () => {
    const kind = 'being-swept';
    const [holder, agent] = [await agentClient(), await agentClient()];
    const task = await seedTask(operator, { kind });
    await seedClaim(holder, { taskId: task.id, leaseSeconds: 60 });
    await app.elapse(61);
    const sweeper = await useTransaction(app);
    await sweeper.query(sweepTasks.text);

    const answer = claimNext(agent, { kinds: [kind] });
    await untilSomebodyWaits(app);
    await sweeper.query('commit');

    expect((await answer).tasks).toMatchObject([{ id: task.id, lease: { fence: 2 } }]);
  });

  it('answers nothing to nobody while there is more than all who ask have asked for', { timeout: 60_000 }, async () => {
    const replica = await startTestApp({}, { runsClockwork: false, databaseUrl: app.databaseUrl });
    onTestFinished(() => replica.stop());
    const kind = 'plenty';
    // Each is specialized in something of its own, so that no two share a statement and all look at the same tasks.
    const agents = await Promise.all(
      Array.from({ length: 32 }, (_, index) => agentClient([`plenty-${index}`], index % 2 ? app : replica)),
    );
    await seedTasks(400, { kind });
    await seedTasks(400, { kind });

    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(agents.map((agent) => claimNext(agent, { kinds: [kind] })));

      expect(answers.filter(({ tasks }) => tasks.length === 0)).toEqual([]);
    }
  });
});

describe('taskClaim', () => {
  it('goes by what the claimant is when it gets the task, not when it began to wait for it', async () => {
    const agent = await seedAgent(operator);
    const task = await seedTask(operator);
    const other = await useTransaction(app);
    await other.query('select from task where id = $1 for update', [task.id]);

    const answer = app.client({ token: agent.apiKey }).request(TaskClaimDocument, { input: { taskId: task.id } });
    await untilSomebodyWaits(app);
    const input = { agentId: agent.id, status: 'INACTIVE' as const };
    expect((await operator.request(AgentSetStatusDocument, { input })).agentSetStatus.errors).toEqual([]);
    await other.query('commit');

    expect(codes((await answer).taskClaim)).toEqual(['AGENT_INACTIVE']);
  });
});

describe('jobStart', () => {
  it('waits for the sweep that is returning the only job there is', async () => {
    const { jobId } = await seedJob(operator);
    await operator.request(JobStartDocument, { input: { leaseSeconds: 60 } });
    await app.elapse(61);
    const sweeper = await useTransaction(app);
    await sweeper.query(sweepJobs.text);

    const answer = operator.request(JobStartDocument, { input: {} });
    await untilSomebodyWaits(app);
    await sweeper.query('commit');

    expect((await answer).jobStart.job).toMatchObject({ id: jobId });
  });
});
