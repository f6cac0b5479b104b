import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  ProjectCreateDocument,
  type ProjectCreateInput,
  TaskClaimDocument,
  TaskClaimNextDocument,
  TaskCompleteDocument,
  TaskHeartbeatDocument,
  TaskSetStatusDocument,
  TicketCancelRequestDocument,
  TicketCreateDocument,
  type TicketCreateInput,
  TicketDeleteDocument,
  TicketsDocument,
  TicketUpdateDocument,
  type TicketUpdateInput,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { codes, seedAgent, seedTask, uniqueName } from './support/seed.js';

let app: TestApp;
let admin: BatonClient;

beforeAll(async () => {
  app = await startTestApp();
  admin = app.client();
});

afterAll(() => app.stop());

describe('a ticket', () => {
  it('is a task of the worker dialect that reads back as it was written', async () => {
    const projectId = await seedProject();
    const input = { projectId, title: 'Card', priority: 'Urgent', status: 'waiting for Otter', nodeIds: ['*'], edgeIds: ['*'] };

    const task = await seedTicket(input);

    expect(task).toMatchObject({
      status: 'BACKLOG',
      priority: 10,
      ticket: { columnId: 'backlog', status: 'waiting for Otter', priority: 'Urgent', nodeIds: ['*'], edgeIds: ['*'] },
    });
    const { tasks } = await admin.request(TicketsDocument, { projectId });
    expect(tasks.nodes).toMatchObject([{ id: task.id }]);
  });

  it.each([
    ['critical', 10],
    ['high', 20],
    ['medium', 50],
    ['low', 80],
    ['whenever', 50],
  ])('of the priority %s is of urgency %d', async (priority, expected) => {
    const task = await seedTicket({ projectId: await seedProject(), priority });

    expect(task).toMatchObject({ priority: expected, ticket: { priority } });
  });

  it.each([
    ['backlog', 'BACKLOG', 'todo', false],
    ['in_progress', 'IN_PROGRESS', 'todo', false],
    ['in_review', 'REVIEW', 'completed', false],
    ['done', 'DONE', 'completed', true],
    ['ideas', 'BACKLOG', 'todo', false],
  ])('that begins in %s is %s', async (columnId, status, word, isOver) => {
    const task = await seedTicket({ projectId: await seedProject(), columnId });

    expect(task).toMatchObject({ status, ticket: { columnId, status: word } });
    expect(task.completedAt !== null).toBe(isOver);
  });

  it('in the backlog is claimed by no agent', async () => {
    const projectId = await seedProject();
    await seedTicket({ projectId });
    const agent = await seedAgent(admin);

    const { taskClaimNext } = await admin.request(TaskClaimNextDocument, { input: { agentId: agent.id, projectId } });

    expect(taskClaimNext).toMatchObject({ task: null, errors: [] });
  });

  it('moves freely, also out of done, and each move is in its history', async () => {
    const task = await seedTicket({ projectId: await seedProject() });

    await update({ taskId: task.id, columnId: 'done' });
    await update({ taskId: task.id, columnId: 'backlog', title: 'Again' });
    await update({ taskId: task.id, columnId: 'ideas' });
    const last = await update({ taskId: task.id, columnId: 'in_review', status: 'looks good' });

    expect(last.task).toMatchObject({
      status: 'REVIEW',
      completedAt: null,
      ticket: { columnId: 'in_review', status: 'looks good' },
    });
    expect(await historyOf(task.id)).toMatchObject([
      { type: 'TaskCreated' },
      { type: 'TaskUpdated', data: { before: { columnId: 'backlog' }, after: { columnId: 'done' } } },
      { type: 'TaskCompleted', data: { before: 'BACKLOG', after: 'DONE' } },
      { type: 'TaskUpdated', data: { after: { columnId: 'backlog', title: 'Again' } } },
      { type: 'TaskStatusChanged', data: { before: 'DONE', after: 'BACKLOG' } },
      { type: 'TaskUpdated', data: { before: { columnId: 'backlog' }, after: { columnId: 'ideas' } } },
      { type: 'TaskUpdated', data: { after: { columnId: 'in_review', ticketStatus: 'looks good' } } },
      { type: 'TaskStatusChanged', data: { before: 'BACKLOG', after: 'REVIEW' } },
    ]);
  });

  it('that is changed in nothing has no event of it', async () => {
    const task = await seedTicket({ projectId: await seedProject(), title: 'Card' });

    await update({ taskId: task.id, title: 'Card', columnId: 'backlog', status: 'todo', priority: 'medium', nodeIds: [] });

    expect(await historyOf(task.id)).toHaveLength(1);
  });

  it('appears where its status says when another face has changed it', async () => {
    const projectId = await seedProject();
    const task = await seedTicket({ projectId });
    const agent = await seedAgent(admin);
    await admin.request(TaskSetStatusDocument, { input: { taskId: task.id, status: 'READY' } });
    const ready = await place(projectId, task.id);

    await admin.request(TaskClaimDocument, { input: { taskId: task.id, agentId: agent.id } });
    const claimed = await place(projectId, task.id);
    await admin.request(TaskCompleteDocument, { input: { taskId: task.id } });
    const done = await place(projectId, task.id);

    expect([ready, claimed, done]).toEqual(['backlog', 'in_progress', 'done']);
  });

  it('that an agent holds is moved by its holder and by people, and by no other agent', async () => {
    const task = await seedTicket({ projectId: await seedProject() });
    const [holder, other] = [await seedAgent(admin), await seedAgent(admin)];
    await admin.request(TaskSetStatusDocument, { input: { taskId: task.id, status: 'READY' } });
    await admin.request(TaskClaimDocument, { input: { taskId: task.id, agentId: holder.id } });
    const input = { taskId: task.id, columnId: 'backlog' };

    const refused = await app.client({ token: other.apiKey }).request(TicketUpdateDocument, { input });
    const moved = await app.client({ token: holder.apiKey }).request(TicketUpdateDocument, { input });

    expect(codes(refused.ticketUpdate)).toEqual(['TASK_ALREADY_CLAIMED']);
    expect(moved.ticketUpdate).toMatchObject({ errors: [], task: { status: 'BACKLOG' } });
    const [attempt] = await app.sql('select outcome from task_attempt where task_id = $1', [task.id]);
    expect(attempt).toEqual({ outcome: 'RELEASED' });
    const heartbeat = await admin.request(TaskHeartbeatDocument, { input: { taskId: task.id, agentId: holder.id } });
    expect(codes(heartbeat.taskHeartbeat)).toEqual(['LEASE_LOST']);
  });

  it('is no task of another face', async () => {
    const task = await seedTask(admin);

    expect(codes(await update({ taskId: task.id, title: 'mine' }))).toEqual(['TASK_NOT_FOUND']);
  });

  it('that is deleted is canceled, off the board, and run by nobody', async () => {
    const projectId = await seedProject();
    const task = await seedTicket({ projectId, columnId: 'in_progress' });
    const input = { taskId: task.id };

    const { ticketDelete } = await admin.request(TicketDeleteDocument, { input });

    expect(ticketDelete).toMatchObject({ errors: [], task: { status: 'CANCELED' } });
    expect(codes((await admin.request(TicketDeleteDocument, { input })).ticketDelete)).toEqual(['TASK_NOT_FOUND']);
    expect(codes(await update({ taskId: task.id, columnId: 'backlog' }))).toEqual(['TASK_NOT_FOUND']);
    expect(await jobsOf(task.id)).toEqual(['FAILED']);
    expect((await historyOf(task.id)).at(-1)).toMatchObject({ type: 'TaskCanceled', data: { before: 'IN_PROGRESS' } });
  });
});

describe('a ticket that enters the column in_progress', () => {
  it('is run once, however many put it there at once', async () => {
    const task = await seedTicket({ projectId: await seedProject() });

    const answers = await Promise.all(Array.from({ length: 10 }, () => update({ taskId: task.id, columnId: 'in_progress' })));

    expect(answers.flatMap(codes)).toEqual([]);
    expect(await jobsOf(task.id)).toEqual(['PENDING']);
    const statuses = (await historyOf(task.id)).filter(({ type }) => type === 'TaskStatusChanged');
    expect(statuses).toHaveLength(1);
  });

  it('is run by the transition alone: what stays there is not run again', async () => {
    const task = await seedTicket({ projectId: await seedProject(), columnId: 'in_progress' });
    await app.sql(`update job set status = 'COMPLETED', finished_at = now() where task_id = $1`, [task.id]);

    await update({ taskId: task.id, columnId: 'in_progress', title: 'still there' });
    const stayed = await jobsOf(task.id);
    await update({ taskId: task.id, columnId: 'backlog' });
    await update({ taskId: task.id, columnId: 'in_progress' });

    expect(stayed).toEqual(['COMPLETED']);
    expect(await jobsOf(task.id)).toEqual(['COMPLETED', 'PENDING']);
  });

  it.each([
    ['a repository', {}, 'repoUrl'],
    ['a directory', { executionMode: 'LOCAL', repoUrl: 'https://example.org/a.git' } as const, 'projectPath'],
  ])('needs %s of its project, or nothing at all is written', async (_what, project, missing) => {
    const projectId = await seedProject({ repoUrl: undefined, ...project });
    const task = await seedTicket({ projectId });

    const moved = await update({ taskId: task.id, columnId: 'in_progress', title: 'changed' });
    const created = await admin.request(TicketCreateDocument, { input: { projectId, title: 'new', columnId: 'in_progress' } });

    expect(moved.errors).toMatchObject([{ code: 'PROJECT_NOT_RUNNABLE', path: [missing] }]);
    expect(codes(created.ticketCreate)).toEqual(['PROJECT_NOT_RUNNABLE']);
    const { tasks } = await admin.request(TicketsDocument, { projectId });
    expect(tasks.nodes).toMatchObject([{ title: task.title, ticket: { columnId: 'backlog' } }]);
    expect(await historyOf(task.id)).toHaveLength(1);
  });
});

describe('a request to cancel', () => {
  it('is told to a holder, once in the history, and taken back by the next run', async () => {
    const task = await seedTicket({ projectId: await seedProject() });
    const agent = await seedAgent(admin);
    await admin.request(TaskSetStatusDocument, { input: { taskId: task.id, status: 'READY' } });
    await admin.request(TaskClaimDocument, { input: { taskId: task.id, agentId: agent.id } });
    const input = { taskId: task.id };

    await admin.request(TicketCancelRequestDocument, { input });
    const { ticketCancelRequest } = await admin.request(TicketCancelRequestDocument, { input });
    const heartbeat = await admin.request(TaskHeartbeatDocument, { input: { ...input, agentId: agent.id } });

    expect(ticketCancelRequest.task?.ticket?.cancelRequestedAt).toEqual(expect.any(String));
    expect(heartbeat.taskHeartbeat.cancelRequested).toBe(true);
    expect((await historyOf(task.id)).filter(({ type }) => type === 'TaskCancelRequested')).toHaveLength(1);
    await update({ taskId: task.id, columnId: 'backlog' });
    const { task: rerun } = await update({ taskId: task.id, columnId: 'in_progress' });
    expect(rerun?.ticket?.cancelRequestedAt).toBeNull();
  });
});

async function seedProject(input: Partial<ProjectCreateInput> = {}): Promise<string> {
  const { projectCreate } = await admin.request(ProjectCreateDocument, {
    input: { name: uniqueName('project'), repoUrl: 'https://example.org/repository.git', ...input },
  });
  return projectCreate.project?.id ?? '';
}

async function seedTicket(input: Partial<TicketCreateInput> & { projectId: string }) {
  const { ticketCreate } = await admin.request(TicketCreateDocument, { input: { title: uniqueName('ticket'), ...input } });
  if (!ticketCreate.task) throw new Error(`not created: ${JSON.stringify(ticketCreate.errors)}`);
  return ticketCreate.task;
}

async function update(input: TicketUpdateInput) {
  return (await admin.request(TicketUpdateDocument, { input })).ticketUpdate;
}

async function place(projectId: string, taskId: string): Promise<string | undefined> {
  const { tasks } = await admin.request(TicketsDocument, { projectId });
  return tasks.nodes.find(({ id }) => id === taskId)?.ticket?.columnId;
}

async function jobsOf(taskId: string): Promise<string[]> {
  const rows = await app.sql<{ status: string }>('select status from job where task_id = $1 order by id', [taskId]);
  return rows.map(({ status }) => status);
}

function historyOf(taskId: string): Promise<{ type: string; data: unknown }[]> {
  return app.sql('select type, data from event where task_id = $1 and subject_id = $1 order by xid, seq', [taskId]);
}
