import { describe, expect, it } from 'vitest';
import {
  AgentHeartbeatDocument,
  TaskCancelDocument,
  TaskClaimDocument,
  TaskCompleteDocument,
  TaskResetDocument,
} from '../src/sdk/generated.js';
import { useTestApp } from './support/app.js';
import { call } from './support/graphql-call.js';
import { seedAgent, seedTask } from './support/seed.js';

interface Page {
  nodes: { id: string }[];
  pageInfo: { endCursor: string; startCursor: string; hasNextPage: boolean };
}

describe('what a board reads', () => {
  it('lists the tasks that ended, latest first, page after page, without those that were reset', async () => {
    const app = await useTestApp();
    const client = app.client();
    const tasks = [];
    for (let index = 0; index < 5; index++) tasks.push(await seedTask(client));
    await seedTask(client);
    for (const { id } of tasks.toReversed()) await client.request(TaskCancelDocument, { input: { taskId: id } });
    await client.request(TaskResetDocument, { input: { taskId: tasks[4]?.id ?? '' } });
    const document = `query ($after: String, $before: String, $first: Int, $last: Int) {
      tasks(orderBy: LATEST_ENDED, first: $first, last: $last, after: $after, before: $before) {
        nodes { id }
        pageInfo { endCursor startCursor hasNextPage }
      }
    }`;
    const ask = async (variables: object) => {
      const { data } = await call(app.url, {}, document, variables);
      const { nodes, pageInfo } = (data as { tasks: Page }).tasks;
      return { ids: nodes.map(({ id }) => id), ...pageInfo };
    };
    const expected = tasks.slice(0, 4).map(({ id }) => id);

    const first = await ask({ first: 3 });
    const second = await ask({ first: 3, after: first.endCursor });
    const back = await ask({ last: 2, before: second.startCursor });

    expect(first.ids).toEqual(expected.slice(0, 3));
    expect(first.hasNextPage).toBe(true);
    expect(second.ids).toEqual(expected.slice(3));
    expect(second.hasNextPage).toBe(false);
    expect(back.ids).toEqual(expected.slice(1, 3));
  });

  it('says where a person can move a task from each status', async () => {
    const app = await useTestApp();
    const client = app.client();
    const agent = await seedAgent(client);
    const task = await seedTask(client);
    const nextStatuses = async () => {
      const { data } = await call(app.url, {}, `{ task(id: "${task.id}") { nextStatuses } }`);
      return (data as { task: { nextStatuses: string[] } }).task.nextStatuses;
    };

    expect(await nextStatuses()).toEqual(['BLOCKED', 'CANCELED']);
    await client.request(TaskClaimDocument, { input: { taskId: task.id, agentId: agent.id } });
    expect(await nextStatuses()).toEqual(['READY', 'IN_PROGRESS', 'DONE', 'BLOCKED', 'FAILED', 'CANCELED']);
    await client.request(TaskCompleteDocument, { input: { taskId: task.id } });
    expect(await nextStatuses()).toEqual(['READY']);
  });

  it('counts for each specialization what waits for it and who there is to do it', async () => {
    const app = await useTestApp();
    const client = app.client();
    const online = await seedAgent(client, { specializations: ['backend', 'database'] });
    await client.request(AgentHeartbeatDocument, { input: { agentId: online.id } });
    await seedAgent(client, { specializations: ['backend'] });
    await seedTask(client, { requiredSpecialization: 'backend' });
    await seedTask(client, { requiredSpecialization: 'cobol' });
    await seedTask(client, { requiredSpecialization: 'cobol' });
    await seedTask(client, { requiredSpecialization: 'fortran', status: 'BACKLOG' });

    const { data } = await call(app.url, {}, '{ specializations { name readyCount agentCount onlineAgentCount } }');

    expect(data?.specializations).toEqual([
      { name: 'backend', readyCount: 1, agentCount: 2, onlineAgentCount: 1 },
      { name: 'cobol', readyCount: 2, agentCount: 0, onlineAgentCount: 0 },
      { name: 'database', readyCount: 0, agentCount: 1, onlineAgentCount: 1 },
    ]);
  });

  it('tells the time by which leases lapse', async () => {
    const app = await useTestApp();

    const { data } = await call(app.url, {}, '{ serverTime }');

    const [row] = await app.sql<{ now: Date }>('select clock_timestamp() as now');
    expect(Math.abs(Date.parse(String(data?.serverTime)) - (row?.now.getTime() ?? 0))).toBeLessThan(2000);
  });
});
