import { describe, expect, it } from 'vitest';
import { newId } from '../src/kernel/ids.js';
import {
  AgentHeartbeatDocument,
  AgentsDocument,
  ProjectCreateDocument,
  TaskCancelDocument,
  TaskClaimDocument,
  TaskCompleteDocument,
  TaskEventsDocument,
  TaskFailDocument,
  TaskResetDocument,
  TaskUpdateDocument,
} from '../src/sdk/generated.js';
import { useTestApp } from './support/app.js';
import { call } from './support/graphql-call.js';
import { seedAgent, seedClaim, seedTask } from './support/seed.js';

interface Page {
  nodes: { id: string }[];
  pageInfo: { endCursor: string; startCursor: string; hasNextPage: boolean };
}

const hours = (count: number) => count * 3600;

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

  it('lists what happened last, and what was before that, up to the beginning', async () => {
    const app = await useTestApp();
    const client = app.client();
    for (let index = 0; index < 5; index++) await seedTask(client, { title: `Task ${index}` });
    const document = `query ($first: Int, $last: Int, $before: String, $filter: EventFilter) {
      events(first: $first, last: $last, before: $before, filter: $filter) {
        nodes { id: cursor }
        pageInfo { startCursor hasPreviousPage }
      }
    }`;
    const ask = async (variables: object) => {
      const { data } = await call(app.url, {}, document, variables);
      const { nodes, pageInfo } = (data as { events: { nodes: { id: string }[]; pageInfo: Record<string, unknown> } }).events;
      const { startCursor, hasPreviousPage } = pageInfo;
      return { ids: nodes.map(({ id }) => id), startCursor, hasPreviousPage };
    };
    // What any transaction of the cluster still holds back comes later.
    await expect.poll(async () => (await ask({ first: 100 })).ids).toHaveLength(5);
    const { ids: all } = await ask({ first: 100 });

    const newest = await ask({ last: 2 });
    const middle = await ask({ last: 2, before: newest.startCursor });
    const oldest = await ask({ last: 100, before: middle.startCursor });
    const none = await ask({ last: 2, before: oldest.startCursor });

    expect(newest).toMatchObject({ ids: all.slice(-2), hasPreviousPage: true });
    expect(middle).toMatchObject({ ids: all.slice(-4, -2), hasPreviousPage: true });
    expect(oldest).toMatchObject({ ids: all.slice(0, -4), hasPreviousPage: false });
    expect(none).toMatchObject({ ids: [], hasPreviousPage: false });
    const filtered = await call(app.url, {}, document, { last: 2, filter: { kinds: ['TASK_CREATED'] } });
    expect(filtered.errors?.[0]?.extensions?.code).toBe('VALIDATION_FAILED');
  });

  it('finds agents by what they hold and by what they are called', async () => {
    const app = await useTestApp();
    const client = app.client();
    const holder = await seedAgent(client, { name: 'Pine Marten', specializations: ['docs'] });
    const lapsed = await seedAgent(client, { name: 'Stone marten' });
    const idle = await seedAgent(client, { name: 'Otter', specializations: ['marten'] });
    await seedClaim(client, { taskId: (await seedTask(client)).id, agentId: holder.id, leaseSeconds: 3600 });
    await seedClaim(client, { taskId: (await seedTask(client)).id, agentId: lapsed.id, leaseSeconds: 60 });
    await app.elapse(120);
    const ask = async (filter: object) => {
      const { agents } = await client.request(AgentsDocument, { filter });
      return agents.nodes.map(({ id }) => id);
    };

    expect(await ask({ holdsTask: true })).toEqual([holder.id]);
    expect(await ask({ holdsTask: false })).toEqual([lapsed.id, idle.id]);
    expect(await ask({ text: 'MARTEN' })).toEqual([holder.id, lapsed.id]);
    expect(await ask({ text: 'marten' })).toEqual([holder.id, lapsed.id, idle.id]);
    expect(await ask({ text: 'docs', holdsTask: true })).toEqual([holder.id]);
  });

  it('tells who stands for no agent why none could claim a task', async () => {
    const app = await useTestApp();
    const client = app.client();
    const agent = await seedAgent(client, { specializations: ['docs'] });
    const [ready, odd, held] = [
      await seedTask(client, { requiredSpecialization: 'docs' }),
      await seedTask(client, { requiredSpecialization: 'cobol' }),
      await seedTask(client),
    ];
    await seedClaim(client, { taskId: held.id, agentId: agent.id });
    const ask = async (taskId: string, agentId?: string) => {
      const document =
        'query ($id: ID!, $agentId: ID) { task(id: $id) { id whyNotClaimable(agentId: $agentId) { code message } } }';
      const { data, errors } = await call(app.url, {}, document, { id: taskId, agentId });
      return { task: (data as { task: object }).task, codes: errors?.map(({ extensions }) => extensions?.code) };
    };
    const codes = (...all: string[]) => all.map((code) => expect.objectContaining({ code }));

    expect(await ask(ready.id)).toMatchObject({ task: { whyNotClaimable: [] } });
    expect(await ask(odd.id)).toMatchObject({ task: { whyNotClaimable: codes('SPECIALIZATION_MISMATCH') } });
    expect(await ask(held.id)).toMatchObject({ task: { whyNotClaimable: codes('TASK_ALREADY_CLAIMED') } });
    expect(await ask(ready.id, newId())).toEqual({ task: { id: ready.id, whyNotClaimable: null }, codes: ['AGENT_NOT_FOUND'] });
    await app.sql(`update actor set status = 'INACTIVE' where id = $1`, [agent.id]);
    expect(await ask(ready.id)).toMatchObject({ task: { whyNotClaimable: codes('SPECIALIZATION_MISMATCH') } });
  });

  it('writes over nothing that was changed since it was read', async () => {
    const app = await useTestApp();
    const client = app.client();
    const { id: taskId } = await seedTask(client, { title: 'Before' });
    const readAt = async () => {
      const { data } = await call(app.url, {}, `query ($id: ID!) { task(id: $id) { updatedAt } }`, { id: taskId });
      return (data as { task: { updatedAt: string } }).task.updatedAt;
    };
    const write = (title: string, expectedUpdatedAt: string) =>
      client.request(TaskUpdateDocument, { input: { taskId, title, expectedUpdatedAt } });
    const first = await readAt();

    const answers = await Promise.all(['One', 'Two', 'Three'].map((title) => write(title, first)));

    const errors = answers.flatMap(({ taskUpdate }) => taskUpdate.errors);
    expect(errors.map(({ code }) => code)).toEqual(['TASK_CHANGED', 'TASK_CHANGED']);
    expect(errors[0]).toMatchObject({ path: ['expectedUpdatedAt'], message: expect.stringContaining(await readAt()) });
    const { taskUpdate } = await write('Four', await readAt());
    expect(taskUpdate.task?.title).toBe('Four');
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

  it('tells over time what was done, how long that took, which leases lapsed and how many waited', async () => {
    const app = await useTestApp();
    const client = app.client();
    const agent = await seedAgent(client);
    const project = await client.mutate(ProjectCreateDocument, { name: 'Elsewhere' });
    const [done, lapsed, failed] = [await seedTask(client), await seedTask(client), await seedTask(client)];
    await seedTask(client, { status: 'BACKLOG' });
    // Six hours later: one is done, one is claimed.
    await app.elapse(hours(6));
    await app.sql(`update task set created_at = created_at - interval '12 h'`);
    await seedClaim(client, { taskId: done.id, agentId: agent.id });
    await client.mutate(TaskCompleteDocument, { taskId: done.id });
    await seedClaim(client, { taskId: lapsed.id, agentId: agent.id, leaseSeconds: 60 });
    // And six more: the lease has lapsed, and another task has failed.
    const filter = { kinds: ['TASK_LEASE_EXPIRED' as const] };
    const events = client.subscribe(TaskEventsDocument, { after: await client.eventCursor(), filter });
    await app.elapse(hours(6));
    await events.next();
    await events.return();
    await seedClaim(client, { taskId: failed.id, agentId: agent.id });
    await client.mutate(TaskFailDocument, { taskId: failed.id });
    await seedTask(client, { projectId: project.project?.id });

    const activity = async (variables: string) => {
      const fields =
        'startsAt endsAt createdCount completedCount failedCount expiredCount medianLeadSeconds readyCount unfinishedCount';
      const { data } = await call(app.url, {}, `{ taskActivity(${variables}) { ${fields} } }`);
      return (data as { taskActivity: Record<string, unknown>[] }).taskActivity;
    };
    const spans = await activity(`windowSeconds: ${hours(36)}, spanCount: 6`);

    const columns = (name: string) => spans.map((span) => span[name]);
    expect(spans.map(({ startsAt }) => startsAt).slice(1)).toEqual(spans.map(({ endsAt }) => endsAt).slice(0, -1));
    expect(columns('createdCount')).toEqual([0, 0, 0, 4, 0, 1]);
    expect(columns('completedCount')).toEqual([0, 0, 0, 0, 1, 0]);
    expect(columns('failedCount')).toEqual([0, 0, 0, 0, 0, 1]);
    expect(columns('expiredCount')).toEqual([0, 0, 0, 0, 0, 1]);
    expect(columns('readyCount')).toEqual([0, 0, 0, 3, 1, 2]);
    expect(columns('unfinishedCount')).toEqual([0, 0, 0, 4, 3, 3]);
    const lead = spans[4]?.medianLeadSeconds as number;
    expect(Math.round(lead / hours(1))).toBe(6);
    // Of what is over, the answer stays; what has happened since is added to the span that runs.
    await client.mutate(TaskCancelDocument, { taskId: lapsed.id });
    const again = await activity(`windowSeconds: ${hours(36)}, spanCount: 6`);
    expect(again.slice(0, 5)).toEqual(spans.slice(0, 5));
    expect(again[5]).toMatchObject({ failedCount: 1, readyCount: 1, unfinishedCount: 2 });
    const elsewhere = await activity(`windowSeconds: ${hours(1)}, spanCount: 1, projectId: "${project.project?.id}"`);
    expect(elsewhere).toMatchObject([{ createdCount: 1, readyCount: 1, unfinishedCount: 1, failedCount: 0 }]);
  });

  it('tells the time by which leases lapse', async () => {
    const app = await useTestApp();

    const { data } = await call(app.url, {}, '{ serverTime }');

    const [row] = await app.sql<{ now: Date }>('select clock_timestamp() as now');
    expect(Math.abs(Date.parse(String(data?.serverTime)) - (row?.now.getTime() ?? 0))).toBeLessThan(2000);
  });
});
