import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { VPCoordinationClient } from '../../src/sdk/vp-coordination-client.js';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { call } from '../support/graphql-call.js';
import { mutate } from '../support/organization.js';
import { createTestDatabase } from '../support/postgres.js';
import { requireRedis } from '../support/redis.js';
import { startRedisServer } from '../support/redis-server.js';
import { type RestAnswer, type RestRequest, rest } from '../support/rest-call.js';
import { uniqueName } from '../support/seed.js';
import { useServerProcess } from '../support/server-process.js';

const token = 'an-admin-token-of-the-test-alone';
const instant = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const cuid = expect.stringMatching(/^c[0-9a-z]{24}$/);
/** Well-formed, and of nothing. */
const unknown = 'ckx3v1f9g0000qzrmn831i7rn';
const generous = { ORCHESTRATOR_USER_LIMIT_PER_MINUTE: '1000000', ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR: '1000000' };

let app: TestApp;
/** Owns the tasks that the tests create. */
let from: string;
let to: string;
let third: string;
/** Of another organization, and a task of it. */
let foreign: string;
let foreignTask: string;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: token, ...generous }, { runsClockwork: false });
  await mutate(app, { token }, 'organizationCreate', { slug: 'elsewhere', name: 'Elsewhere' }, '__typename');
  from = await created({ role: 'Backend Engineer' });
  to = await created({ role: 'Frontend Engineer' });
  third = await created({ role: 'Designer' });
  const headers = { 'x-organization': 'elsewhere' };
  foreign = (await post('', { name: 'Marten', role: 'Marten' }, { headers })).json.data.id;
  foreignTask = (await post(`/${foreign}/tasks`, { title: 'theirs' }, { headers })).json.data.id;
});

afterAll(() => app.stop());

const get = (path: string, request: RestRequest = {}) => rest(app, 'GET', `/api/orchestrators${path}`, { token, ...request });
const post = (path: string, body: unknown, request: RestRequest = {}) =>
  rest(app, 'POST', `/api/orchestrators${path}`, { token, body, ...request });

async function created(body: object = {}): Promise<string> {
  const answer = await post('', { name: uniqueName('Otter'), role: 'Engineer', ...body });
  expect(answer.status).toBe(201);
  return answer.json.data.id;
}

async function ownedTask(owner = from, body: object = {}): Promise<string> {
  const answer = await post(`/${owner}/tasks`, { title: uniqueName('task'), ...body });
  expect(answer.status).toBe(201);
  return answer.json.data.id;
}

const task = async (id: string) => (await get(`/tasks/${id}`)).json.data;

describe('POST /api/orchestrators', () => {
  it('creates an orchestrator, whose key it shows this once', async () => {
    const externalId = uniqueName('vp');
    const body = { externalId, name: 'Otter', role: 'Backend Engineer', discipline: 'Engineering' };

    const first = await post('', body);
    const second = await post('', { ...body, role: 'Architect' });

    const data = { id: cuid, externalId, name: 'Otter', discipline: 'Engineering', status: 'OFFLINE', createdAt: instant };
    expect(first.status).toBe(201);
    expect(first.json).toEqual({
      data: { ...data, role: 'Backend Engineer', apiKey: expect.stringMatching(/^baton_/) },
      message: 'Orchestrator created successfully',
    });
    expect(second.status).toBe(200);
    expect(second.json).toEqual({
      data: { ...data, id: first.json.data.id, role: 'Architect' },
      message: 'Orchestrator updated successfully',
    });
  });

  it('gives an orchestrator without an external id its own id for one', async () => {
    const { id, externalId } = (await post('', { name: 'Otter', role: 'Engineer' })).json.data;

    expect(externalId).toBe(id);
    const { data } = await call(app.url, { token }, '{ orchestrators(first: 100) { nodes { publicId externalId } } }');
    expect(data).toMatchObject({ orchestrators: { nodes: expect.arrayContaining([{ publicId: id, externalId: id }]) } });
  });

  it('creates once, and keeps no key, for requests with the same Idempotency-Key', async () => {
    const request = { headers: { 'idempotency-key': uniqueName('key') } };
    const body = { externalId: uniqueName('vp'), name: 'Otter', role: 'Engineer' };

    const first = await post('', body, request);
    const second = await post('', body, request);

    expect(second.status).toBe(201);
    const { apiKey, ...data } = first.json.data;
    expect(second.json.data).toEqual(data);
    expect(apiKey).toEqual(expect.any(String));
  });

  it.each([
    [{ role: 'Engineer' }, { name: ['is required'] }],
    [{ name: 'Otter' }, { role: ['is required'] }],
    [{ name: ' ', role: 'Engineer' }, { name: ['must not be empty'] }],
    [
      { name: 'x'.repeat(201), role: 7 },
      { name: [expect.any(String)], role: ['must be a string'] },
    ],
    [{ externalId: 'with space', name: 'Otter', role: 'Engineer' }, { externalId: [expect.any(String)] }],
  ])('refuses %j', async (body, errors) => {
    expect(await post('', body)).toMatchObject(invalid(errors));
  });
});

describe('reading', () => {
  it('finds an orchestrator by its id, its UUID and its external id', async () => {
    const externalId = uniqueName('vp_');
    const { id } = (await post('', { externalId, name: 'Heron', role: 'Engineer' })).json.data;
    const { data } = await call(app.url, { token }, 'query ($externalId: String!) { agent(externalId: $externalId) { id } }', {
      externalId,
    });
    const { agent } = data as { agent: { id: string } };

    for (const name of [id, agent.id, agent.id.toUpperCase(), externalId]) {
      const answer = await get(`/${name}`);
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({ data: expect.objectContaining({ id, externalId }), message: 'Orchestrator found' });
    }
    expect((await get('')).json.data).toContainEqual(expect.objectContaining({ id }));
    expect((await get('?limit=1')).json.data).toHaveLength(1);
  });

  it('shows a task as it was given, and among those of its owner', async () => {
    const dueDate = '2026-11-20T10:00:00.000Z';
    const body = { title: 'Build', description: 'All of it', priority: 'HIGH', dueDate, metadata: { sprint: 7 } };

    const answer = await post(`/${third}/tasks`, body);

    const data = {
      ...{ id: cuid, title: 'Build', description: 'All of it', status: 'TODO', priority: 'HIGH', dueDate, vpId: third },
      ...{ metadata: { sprint: 7 }, createdAt: instant, updatedAt: instant, completedAt: null },
    };
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ data, message: 'Task created successfully' });
    expect((await get(`/tasks/${answer.json.data.id}`)).json).toEqual({ data: answer.json.data, message: 'Task found' });
    expect((await get(`/${third}/tasks`)).json.data).toEqual([answer.json.data]);
  });

  it('knows the tasks of this dialect alone', async () => {
    const { task: other } = await mutate<{ task: { id: string } }>(
      app,
      { token },
      'taskCreate',
      { title: 'other' },
      'task { id }',
    );

    expect(await get(`/tasks/${other.id}`)).toMatchObject(failed(404, 'TASK_NOT_FOUND'));
    const conflict = { vpIds: [from, to], conflictType: 'other', resolution: {}, taskId: other.id };
    expect(await post('/conflicts', conflict)).toMatchObject(failed(404, 'TASK_NOT_FOUND'));
  });

  it.each([
    ['/not%20one', 400, 'VALIDATION_ERROR'],
    ['/vp_999', 404, 'VP_COORDINATION_NOT_FOUND'],
    ['/vp_999/tasks', 404, 'VP_COORDINATION_NOT_FOUND'],
    ['/tasks/task_999', 404, 'TASK_NOT_FOUND'],
    ['/tasks/not%20one', 400, 'VALIDATION_ERROR'],
    ['/a/b/c', 404, 'NOT_FOUND'],
  ])('GET %s answers %i %s', async (path, status, code) => {
    expect(await get(path)).toMatchObject(failed(status, code));
  });

  it('is refused to other methods in the envelope of the dialect', async () => {
    const answer = await rest(app, 'DELETE', `/api/orchestrators/${from}`, { token });

    expect(answer).toMatchObject(failed(405, 'METHOD_NOT_ALLOWED'));
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});

describe('POST /:id/delegate', () => {
  it('changes the owner, the priority and the due date, and answers as the document says', async () => {
    const taskId = await ownedTask();

    const answer = await post(`/${from}/delegate`, {
      ...{ toVpId: to, taskId, note: 'Better suited for your expertise' },
      ...{ priority: 'CRITICAL', dueDate: '2026-11-20T10:00:00+02:00' },
    });

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      data: {
        ...{ success: true, taskId, fromVpId: from, toVpId: to, delegatedAt: instant },
        message: 'Task successfully delegated from Backend Engineer to Frontend Engineer',
      },
      message: 'Task delegated successfully',
    });
    expect(await task(taskId)).toMatchObject({
      ...{ vpId: to, status: 'TODO', priority: 'CRITICAL', dueDate: '2026-11-20T08:00:00.000Z' },
      metadata: {
        delegations: [
          {
            ...{ fromVpId: from, toVpId: to, delegatedAt: answer.json.data.delegatedAt },
            note: 'Better suited for your expertise',
          },
        ],
      },
    });
  });

  it.each([
    ['LOW', 80],
    ['MEDIUM', 50],
    ['HIGH', 20],
    ['CRITICAL', 10],
  ])('sets the priority %s, which is %i elsewhere', async (priority, number) => {
    const taskId = await ownedTask(from, { priority: 'MEDIUM' });

    await post(`/${from}/delegate`, { toVpId: to, taskId, priority });

    expect(await task(taskId)).toMatchObject({ priority });
    const { data } = await call(app.url, { token }, '{ tasks(first: 1, orderBy: NEWEST) { nodes { publicId priority } } }');
    expect(data).toMatchObject({ tasks: { nodes: [{ publicId: taskId, priority: number }] } });
  });

  it.each([
    ['2026-11-20T10:00', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00:30', '2026-11-20T10:00:30.000Z'],
    ['2026-11-20T10:00:00Z', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00:00.123-05:30', '2026-11-20T15:30:00.123Z'],
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2020-01-01T00:00:00Z', '2020-01-01T00:00:00.000Z'],
  ])('takes the due date %s', async (dueDate, expected) => {
    const taskId = await ownedTask();

    expect((await post(`/${from}/delegate`, { toVpId: to, taskId, dueDate })).status).toBe(200);

    expect(await task(taskId)).toMatchObject({ dueDate: expected });
  });

  it('leaves what is not given: status, priority, due date, and a holder with its lease', async () => {
    const dueDate = '2026-11-20T10:00:00.000Z';
    const taskId = await ownedTask(from, { priority: 'LOW', dueDate });
    const worker = await mutate<{ agent: { id: string }; apiKey: string }>(
      app,
      { token },
      'agentRegister',
      { externalId: uniqueName('worker') },
      'agent { id } apiKey',
    );
    const [row] = await app.sql<{ id: string }>('select id from task where public_id = $1', [taskId]);
    await mutate(app, { token: worker.apiKey }, 'taskClaim', { taskId: row?.id }, '__typename');

    await post(`/${from}/delegate`, { toVpId: to, taskId });

    expect(await task(taskId)).toMatchObject({ status: 'IN_PROGRESS', priority: 'LOW', dueDate, vpId: to });
    const [held] = await app.sql('select holder_id as "holderId" from task where public_id = $1', [taskId]);
    expect(held).toEqual({ holderId: worker.agent.id });
  });

  it('refuses the former owner from then on, and obeys the new one', async () => {
    const taskId = await ownedTask();
    await post(`/${from}/delegate`, { toVpId: to, taskId });

    expect(await post(`/${from}/delegate`, { toVpId: third, taskId })).toMatchObject(failed(403, 'INVALID_OWNERSHIP'));
    expect((await post(`/${to}/delegate`, { toVpId: third, taskId })).status).toBe(200);
  });

  it('lets exactly one of many delegations at once through', async () => {
    const taskId = await ownedTask();

    const answers = await Promise.all([to, third, to, third].map((toVpId) => post(`/${from}/delegate`, { toVpId, taskId })));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403, 403]);
    expect((await task(taskId)).metadata.delegations).toHaveLength(1);
  });

  it('takes toOrchestratorId for toVpId, as the newer dialog sends it', async () => {
    const taskId = await ownedTask();
    const body = { taskId, toOrchestratorId: to, priority: 'MEDIUM', dueDate: '2026-11-20T10:00' };

    const answer = await post(`/${from}/delegate`, body);

    expect(answer.json).toMatchObject({ data: { toVpId: to }, message: 'Task delegated successfully' });
    expect(answer.json.data).not.toHaveProperty('toOrchestratorId');
  });

  it('repeats its answer for the same Idempotency-Key, though the owner has changed', async () => {
    const taskId = await ownedTask();
    const request = { headers: { 'idempotency-key': uniqueName('key') } };

    const first = await post(`/${from}/delegate`, { toVpId: to, taskId }, request);
    const second = await post(`/${from}/delegate`, { toVpId: to, taskId }, request);
    const other = await post(`/${from}/delegate`, { toVpId: third, taskId }, request);

    expect(second.json).toEqual(first.json);
    expect((await task(taskId)).metadata.delegations).toHaveLength(1);
    expect(other).toMatchObject(failed(409, 'IDEMPOTENCY_KEY_REUSED'));
  });
});

describe('POST /:id/collaborate', () => {
  it('asks each once, and leaves the owner', async () => {
    const taskId = await ownedTask();
    const body = {
      taskId,
      requiredVpIds: [to, third, to],
      roles: { [to]: 'code_reviewer' },
      note: 'Need both frontend and backend expertise',
    };

    const answer = await post(`/${from}/collaborate`, body);

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      data: {
        ...{ success: true, taskId, primaryVpId: from, collaboratorVpIds: [to, third], createdAt: instant },
        message: 'Collaboration request sent to 2 VP(s)',
      },
      message: 'Collaboration request sent successfully',
    });
    const addedAt = answer.json.data.createdAt;
    expect(await task(taskId)).toMatchObject({
      vpId: from,
      metadata: {
        collaborators: [
          { vpId: to, role: 'code_reviewer', addedAt, note: body.note },
          { vpId: third, role: 'collaborator', addedAt, note: body.note },
        ],
      },
    });
  });

  it('takes 10, roles of 100 characters, and requiredOrchestratorIds for requiredVpIds', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, () => created()));
    const taskId = await ownedTask();
    const roles = Object.fromEntries(many.map((vpId) => [vpId, 'r'.repeat(100)]));

    const answer = await post(`/${from}/collaborate`, { taskId, requiredOrchestratorIds: many, roles });

    expect(answer.json.data).toMatchObject({ collaboratorVpIds: many, message: 'Collaboration request sent to 10 VP(s)' });
    expect((await task(taskId)).metadata.collaborators).toHaveLength(10);
  });

  it('of oneself says so, by whatever name', async () => {
    const externalId = uniqueName('vp_');
    const self = await created({ externalId });
    const taskId = await ownedTask(self);

    for (const requiredVpIds of [[self], [to, externalId]]) {
      const answer = await post(`/${self}/collaborate`, { taskId, requiredVpIds });
      expect(answer).toMatchObject(failed(400, 'VALIDATION_ERROR'));
      expect(answer.json.error).toBe('Primary VP cannot be a collaborator');
    }
  });
});

describe('POST /:id/handoff', () => {
  it('changes the owner, and keeps the context with the notes in it', async () => {
    const taskId = await ownedTask();
    const context = { progress: '50%', blockers: ['Waiting for API keys'], nextSteps: { list: [1, null] } };

    const answer = await post(`/${from}/handoff`, { toVpId: to, taskId, context, notes: 'Frontend complete' });

    const kept = { ...context, handoffNotes: 'Frontend complete' };
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      data: {
        ...{ success: true, taskId, fromVpId: from, toVpId: to, context: kept, handoffAt: instant },
        message: 'Task handed off from Backend Engineer to Frontend Engineer',
      },
      message: 'Task handed off successfully',
    });
    const { handoffAt } = answer.json.data;
    expect(await task(taskId)).toMatchObject({
      ...{ vpId: to, status: 'TODO' },
      metadata: { handoffs: [{ fromVpId: from, toVpId: to, context: kept, handoffAt }] },
    });
  });

  it('needs neither context nor notes', async () => {
    const answer = await post(`/${from}/handoff`, { toVpId: to, taskId: await ownedTask() });

    expect(answer.json.data.context).toEqual({});
  });
});

describe('POST /conflicts', () => {
  it('keeps how a conflict was settled, with the task and without', async () => {
    const taskId = await ownedTask();
    const resolution = { decision: 'Split into parallel tasks', vp_123_tasks: ['backend_api'] };
    const body = { vpIds: [from, to], conflictType: 'priority_conflict', resolution, note: 'Both can work' };

    const answers = [await post('/conflicts', { ...body, taskId }), await post('/conflicts', { ...body, workspaceId: 'ws_1' })];

    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({
        data: {
          ...{ success: true, conflictType: 'priority_conflict', involvedVpIds: [from, to], resolution, resolvedAt: instant },
          message: "Conflict of type 'priority_conflict' resolved for 2 VP(s)",
        },
        message: 'Conflict resolved successfully',
      });
    }
    const { resolvedAt } = answers[0]?.json.data ?? {};
    expect((await task(taskId)).metadata).toEqual({
      conflicts: [{ type: 'priority_conflict', vpIds: [from, to], resolution, resolvedAt, note: 'Both can work' }],
    });
    const history = '{ coordinationHistory(last: 1, kinds: [CONFLICT]) { nodes { task { id } projectLabel note details } } }';
    expect((await call(app.url, { token }, history)).data).toEqual({
      coordinationHistory: { nodes: [{ task: null, projectLabel: 'ws_1', note: 'Both can work', details: resolution }] },
    });
  });

  it('belongs to the workspace that is a project here', async () => {
    const { project } = await mutate<{ project: { id: string } }>(
      app,
      { token },
      'projectCreate',
      { name: 'P' },
      'project { id }',
    );
    const body = { orchestratorIds: [from, to], conflictType: 'other', resolution: {}, workspaceId: project.id };

    expect((await post('/conflicts', body)).status).toBe(200);

    const history = '{ coordinationHistory(last: 1, kinds: [CONFLICT]) { nodes { project { id } projectLabel } } }';
    expect((await call(app.url, { token }, history)).data).toEqual({
      coordinationHistory: { nodes: [{ project, projectLabel: null }] },
    });
  });

  it.each(['resource_conflict', 'priority_conflict', 'dependency_conflict', 'ownership_conflict', 'deadline_conflict', 'other'])(
    'takes the type %s',
    async (conflictType) => {
      const answer = await post('/conflicts', { vpIds: [from, to], conflictType, resolution: { decision: 'x' } });

      expect(answer.json.data).toMatchObject({
        conflictType,
        message: `Conflict of type '${conflictType}' resolved for 2 VP(s)`,
      });
    },
  );

  it('is between 2 to 10 different orchestrators, each named once in the answer', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, () => created()));
    const settle = (vpIds: string[]) => post('/conflicts', { vpIds, conflictType: 'other', resolution: {} });

    expect((await settle(many)).json.data.involvedVpIds).toEqual(many);
    expect((await settle([from, to, from])).json.data).toMatchObject({
      involvedVpIds: [from, to],
      message: "Conflict of type 'other' resolved for 2 VP(s)",
    });
    expect(await settle([from, from])).toMatchObject(failed(400, 'VALIDATION_ERROR'));
  });
});

describe('the metadata of a task', () => {
  it('has every history in order beside what its creator keeps there, whoever writes at the same time', async () => {
    const metadata = { sprint: 7, tags: ['a'], nested: { deep: [null] } };
    const taskId = await ownedTask(from, { metadata });
    const collaborate = () => post(`/${from}/collaborate`, { taskId, requiredVpIds: [to] });
    const settle = (index: number) =>
      post('/conflicts', { vpIds: [from, to], conflictType: 'other', resolution: { index }, taskId });

    await Promise.all(Array.from({ length: 25 }, (_, index) => [collaborate(), settle(index)]).flat());
    await post(`/${from}/delegate`, { toVpId: to, taskId });
    await post(`/${to}/handoff`, { toVpId: from, taskId });

    const { collaborators, conflicts, delegations, handoffs, ...kept } = (await task(taskId)).metadata;
    expect(kept).toEqual(metadata);
    expect(collaborators).toHaveLength(25);
    expect(conflicts.map(({ resolution }: { resolution: { index: number } }) => resolution.index).sort()).toEqual(
      Array.from({ length: 25 }, (_, index) => index).sort(),
    );
    expect(delegations).toEqual([{ fromVpId: from, toVpId: to, delegatedAt: instant }]);
    expect(handoffs).toEqual([{ fromVpId: to, toVpId: from, context: {}, handoffAt: instant }]);
    const times = conflicts.map(({ resolvedAt }: { resolvedAt: string }) => resolvedAt);
    expect(times).toEqual([...times].sort());
  });

  it('shows the status of the pipeline in the words of the dialect', async () => {
    const taskId = await ownedTask();
    const words: Record<string, string> = {};
    for (const status of ['BACKLOG', 'READY', 'BLOCKED', 'DONE', 'FAILED', 'CANCELED']) {
      await app.sql(`update task set status = $2::"TaskStatus" where public_id = $1`, [taskId, status]);
      words[status] = (await task(taskId)).status;
    }

    expect(words).toEqual({
      ...{ BACKLOG: 'TODO', READY: 'TODO', BLOCKED: 'BLOCKED', DONE: 'DONE', FAILED: 'BLOCKED', CANCELED: 'CANCELLED' },
    });
  });
});

describe('a field that does not fit', () => {
  const valid: Record<string, () => Record<string, unknown>> = {
    delegate: () => ({ toVpId: to, taskId: unknown }),
    collaborate: () => ({ taskId: unknown, requiredVpIds: [to] }),
    handoff: () => ({ toVpId: to, taskId: unknown }),
    conflicts: () => ({ vpIds: [from, to], conflictType: 'other', resolution: {}, taskId: unknown }),
  };
  const pathOf = (name: string) => (name === 'conflicts' ? '/conflicts' : `/${from}/${name}`);
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `vp_${index}`);

  it.each([
    ...['', ' ', 'with space', 7, true, null, undefined, {}, [], '\u0000', 'a/b', 'x'.repeat(256)].flatMap((value) => [
      ['delegate', 'toVpId', value],
      ['delegate', 'taskId', value],
      ['collaborate', 'taskId', value],
      ['handoff', 'toVpId', value],
      ['handoff', 'taskId', value],
    ]),
    ['delegate', 'note', 'x'.repeat(1001)],
    ['delegate', 'note', 7],
    ['delegate', 'note', 'a\u0000b'],
    ['delegate', 'priority', 'high'],
    ['delegate', 'priority', 'URGENT'],
    ['delegate', 'priority', 3],
    ['delegate', 'dueDate', 'tomorrow'],
    ['delegate', 'dueDate', '2026-02-30T10:00'],
    ['delegate', 'dueDate', '2026-13-01T10:00:00Z'],
    ['delegate', 'dueDate', 1790000000],
    ['collaborate', 'requiredVpIds', []],
    ['collaborate', 'requiredVpIds', ids(11)],
    ['collaborate', 'requiredVpIds', 'vp_1'],
    ['collaborate', 'requiredVpIds', undefined],
    ['collaborate', 'requiredVpIds', ['with space']],
    ['collaborate', 'requiredVpIds', [7]],
    ['collaborate', 'roles', { vp_1: 'x'.repeat(101) }],
    ['collaborate', 'roles', { vp_1: 7 }],
    ['collaborate', 'roles', ['reviewer']],
    ['collaborate', 'note', 'x'.repeat(1001)],
    ['handoff', 'context', 'text'],
    ['handoff', 'context', []],
    ['handoff', 'context', { text: '\u0000' }],
    ['handoff', 'notes', 'x'.repeat(2001)],
    ['conflicts', 'vpIds', ids(1)],
    ['conflicts', 'vpIds', ids(11)],
    ['conflicts', 'vpIds', undefined],
    ['conflicts', 'conflictType', 'RESOURCE_CONFLICT'],
    ['conflicts', 'conflictType', undefined],
    ['conflicts', 'resolution', undefined],
    ['conflicts', 'resolution', 'text'],
    ['conflicts', 'resolution', null],
    ['conflicts', 'taskId', 'with space'],
    ['conflicts', 'workspaceId', 'with space'],
    ['conflicts', 'note', 'x'.repeat(2001)],
  ] as [string, string, unknown][])('of %s is named with what is wrong: %s %j', async (name, field, value) => {
    const answer = await post(pathOf(name), { ...valid[name]?.(), [field]: value });

    expect(answer).toMatchObject(invalid({ [field]: [expect.any(String)] }));
  });

  // With the task unknown, a request that fits gets as far as that.
  it.each([
    ['delegate', 'note', 'x'.repeat(1000)],
    ['delegate', 'note', ''],
    ['delegate', 'note', null],
    ['delegate', 'priority', null],
    ['collaborate', 'note', 'x'.repeat(1000)],
    ['collaborate', 'roles', {}],
    ['handoff', 'notes', 'x'.repeat(2000)],
    ['handoff', 'context', null],
    ['conflicts', 'note', 'x'.repeat(2000)],
    ['conflicts', 'workspaceId', 'a-workspace_1'],
    ['conflicts', 'unheardOf', 'ignored'],
  ] as [string, string, unknown][])('is not one at its limit: %s %s', async (name, field, value) => {
    const answer = await post(pathOf(name), { ...valid[name]?.(), [field]: value });

    expect(answer).toMatchObject(failed(404, 'TASK_NOT_FOUND'));
  });

  it('is told with all others at once', async () => {
    const answer = await post(`/${from}/delegate`, { priority: 'high', note: 7 });

    expect(answer.json).toEqual({
      error: 'Validation failed',
      code: 'VALIDATION_ERROR',
      details: {
        errors: {
          toVpId: ['is required'],
          taskId: ['is required'],
          note: ['must be a string'],
          priority: ['must be LOW, MEDIUM, HIGH or CRITICAL'],
        },
      },
    });
  });

  it.each(['{"toVpId"', '{', 'nonsense'])('is not looked for in what is no JSON: %s', async (body) => {
    const answer = await post(`/${from}/delegate`, body);

    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ error: 'Invalid JSON body', code: 'VALIDATION_ERROR' });
  });

  it.each(['[]', 'null', '7', '"text"'])('is the whole body when that is no object: %s', async (body) => {
    expect(await post(`/${from}/delegate`, body)).toMatchObject(invalid({ body: ['must be a JSON object'] }));
  });

  it('is every required one when there is no body at all, and no matter without a content type', async () => {
    const nothing = await rest(app, 'POST', `/api/orchestrators/${from}/delegate`, { token });
    const untyped = await post(`/${from}/delegate`, JSON.stringify({ toVpId: to, taskId: await ownedTask() }));

    expect(nothing).toMatchObject(invalid({ toVpId: ['is required'], taskId: ['is required'] }));
    expect(untyped.status).toBe(200);
  });

  it('of a self-delegation or self-handoff is the target, by whatever name', async () => {
    const externalId = uniqueName('vp_');
    const self = await created({ externalId });
    const taskId = await ownedTask(self);

    for (const action of ['delegate', 'handoff']) {
      for (const toVpId of [self, externalId]) {
        const answer = await post(`/${self}/${action}`, { toVpId, taskId });
        expect(answer).toMatchObject(invalid({ toVpId: [expect.any(String)] }));
      }
    }
  });
});

describe('of several things that are wrong', () => {
  const malformed = '{"toVpId"';
  const path = (name: string, id: string) => (name === 'conflicts' ? '/conflicts' : `/${id}/${name}`);
  const refusals: [string, () => Promise<RestAnswer>, number, string][] = [];
  for (const name of ['delegate', 'collaborate', 'handoff', 'conflicts']) {
    const nobody = () => post(path(name, 'not%20one'), malformed, { token: 'wrong' });
    refusals.push([`${name}: who asks comes first`, nobody, 401, 'UNAUTHORIZED']);
    refusals.push([`${name}: nobody asks`, () => post(path(name, 'x'), malformed, { token: undefined }), 401, 'UNAUTHORIZED']);
    refusals.push([`${name}: then JSON`, () => post(path(name, unknown), malformed), 400, 'VALIDATION_ERROR']);
    refusals.push([`${name}: then the fields`, () => post(path(name, unknown), { note: 7 }), 400, 'VALIDATION_ERROR']);
    if (name === 'conflicts') continue;
    refusals.push([`${name}: before JSON the path`, () => post(path(name, 'not%20one'), malformed), 400, 'VALIDATION_ERROR']);
  }
  const others = (name: string, id: string) => (name === 'collaborate' ? { requiredVpIds: [to, id] } : { toVpId: id });
  for (const name of ['delegate', 'collaborate', 'handoff']) {
    const send = (id: string, other: string, taskId: string) => post(path(name, id), { taskId, ...others(name, other) });
    const isCollaboration = name === 'collaborate';
    const ownership = () => created().then((id) => send(id, isCollaboration ? unknown : to, ownerless()));
    const ownerless = () => shared;
    refusals.push([`${name}: then oneself`, () => send(unknown, unknown, unknown), 400, 'VALIDATION_ERROR']);
    refusals.push([`${name}: then the source`, () => send('vp_9', unknown, unknown), 404, 'VP_COORDINATION_NOT_FOUND']);
    refusals.push([
      `${name}: then the ${isCollaboration ? 'task' : 'target'}`,
      () => send(from, unknown, unknown),
      404,
      isCollaboration ? 'TASK_NOT_FOUND' : 'VP_NOT_FOUND',
    ]);
    refusals.push([`${name}: then the task`, () => send(from, foreign, unknown), 404, 'TASK_NOT_FOUND']);
    refusals.push([`${name}: at last the ownership`, ownership, 403, 'INVALID_OWNERSHIP']);
    refusals.push([
      `${name}: ${isCollaboration ? 'after the ownership' : 'before the ownership'} the organization`,
      () => send(isCollaboration ? from : to, foreign, shared),
      400,
      'DIFFERENT_ORGANIZATION',
    ]);
    refusals.push([`${name}: a foreign source`, () => send(foreign, to, foreignTask), 400, 'DIFFERENT_ORGANIZATION']);
  }
  refusals.push(['collaborate: then the collaborators', () => ask([unknown]), 404, 'VP_NOT_FOUND']);
  refusals.push(['conflicts: then the parties', () => settle([from, unknown], unknown), 404, 'VP_NOT_FOUND']);
  refusals.push(['conflicts: then the task', () => settle([from, foreign], unknown), 404, 'TASK_NOT_FOUND']);
  refusals.push(['conflicts: at last the organization', () => settle([from, foreign], shared), 400, 'DIFFERENT_ORGANIZATION']);
  const ask = (requiredVpIds: string[]) => post(`/${from}/collaborate`, { taskId: shared, requiredVpIds });
  const settle = (vpIds: string[], taskId: string) =>
    post('/conflicts', { vpIds, conflictType: 'other', resolution: {}, taskId });
  /** Belongs to `from`. */
  let shared: string;

  beforeAll(async () => {
    shared = await ownedTask();
  });

  it.each(refusals)('%s', async (_what, send, status, code) => {
    const before = await counts();

    const answer = await send();

    expect(answer).toMatchObject(failed(status, code));
    expect(Object.keys(answer.json).filter((key) => !['error', 'code', 'details'].includes(key))).toEqual([]);
    expect(await counts()).toEqual(before);
  });

  it('a request without a good session learns nothing but that', async () => {
    const answer = await post(`/${from}/delegate`, {}, { token: 'wrong' });

    expect(answer.json).toEqual({ error: 'Authentication required', code: 'UNAUTHORIZED' });
  });

  async function counts() {
    const [row] = await app.sql(
      `select (select count(*) from coordination_record) as records, (select count(*) from task) as tasks,
        (select count(*) from event where type not like 'Agent%') as events`,
    );
    return row;
  }
});

describe('who may act', () => {
  it('is the owner of an orchestrator, its own key, administrators and the operator; nobody else', async () => {
    const [owner, stranger, administrator] = [await signUp(), await signUp(), await signUp('ADMIN')];
    const { id, apiKey } = (await post('', { name: 'Otter', role: 'Engineer' }, { token: owner })).json.data;
    const other = (await post('', { name: 'Heron', role: 'Engineer' })).json.data;
    const delegateAs = async (caller: string) =>
      post(`/${id}/delegate`, { toVpId: to, taskId: await ownedTask(id) }, { token: caller });

    for (const caller of [owner, apiKey, administrator, token]) expect((await delegateAs(caller)).status).toBe(200);
    for (const caller of [stranger, other.apiKey]) {
      expect(await delegateAs(caller)).toMatchObject(failed(403, 'FORBIDDEN'));
    }
    const conflict = { vpIds: [from, to], conflictType: 'other', resolution: {} };
    expect(await post('/conflicts', conflict, { token: stranger })).toMatchObject(failed(403, 'FORBIDDEN'));
  });

  it('does not see another organization: it answers as what does not exist', async () => {
    const owner = await signUp();
    const { id } = (await post('', { name: 'Otter', role: 'Engineer' }, { token: owner })).json.data;
    const taskId = await ownedTask(id);
    const requests = (vp: string, theirTask: string): Promise<RestAnswer>[] =>
      [
        post(`/${vp}/delegate`, { toVpId: to, taskId }, { token: owner }),
        post(`/${id}/delegate`, { toVpId: vp, taskId }, { token: owner }),
        post(`/${id}/delegate`, { toVpId: to, taskId: theirTask }, { token: owner }),
        post(`/${id}/collaborate`, { taskId, requiredVpIds: [vp] }, { token: owner }),
        post(`/${id}/handoff`, { toVpId: vp, taskId }, { token: owner }),
        post('/conflicts', { vpIds: [id, vp], conflictType: 'other', resolution: {} }, { token: owner }),
        get(`/${vp}`, { token: owner }),
        get(`/${vp}/tasks`, { token: owner }),
        get(`/tasks/${theirTask}`, { token: owner }),
      ] as const as never;

    const theirs = await Promise.all(requests(foreign, foreignTask));
    const nobodys = await Promise.all(requests(unknown, unknown));

    const neutral = ({ text }: RestAnswer) =>
      [foreign, foreignTask, unknown].reduce((rest, name) => rest.replaceAll(name, '…'), text);
    expect(theirs.map(neutral)).toEqual(nobodys.map(neutral));
    expect(theirs.map(({ status }) => status)).toEqual(Array(9).fill(404));
    expect((await get('', { token: owner })).text).not.toContain(foreign);
  });

  it.each([
    'baton_session',
    'next-auth.session-token',
    '__Secure-next-auth.session-token',
    'authjs.session-token',
    '__Secure-authjs.session-token',
  ])('is told by a session in the cookie %s', async (name) => {
    const session = await signUp();
    const cookie = (value: string) => get('', { token: undefined, headers: { cookie: `theme=dark; ${name}=${value}; a=b` } });

    expect((await cookie(session)).status).toBe(200);
    expect(await cookie('stale')).toMatchObject(failed(401, 'UNAUTHORIZED'));
  });

  it('is anybody in open mode, whatever token or cookie an older client sends', async () => {
    const open = await useTestApp();
    const send = (request: RestRequest) => rest(open, 'GET', '/api/orchestrators', request);

    const requests: RestRequest[] = [
      {},
      { token: 'whatever' },
      { headers: { cookie: 'next-auth.session-token=of-another-site' } },
      { headers: { authorization: 'Basic abc' } },
    ];
    for (const request of requests) {
      expect((await send(request)).status).toBe(200);
    }
  });
});

describe('the documented requests', () => {
  const run = promisify(execFile);

  it('work with curl as they are written', async () => {
    const open = await useTestApp();
    const base = `${open.url}/api/orchestrators`;
    /** Runs a command of the document, where it says no host. */
    const documented = async (command: string) => {
      const { stdout } = await run('sh', ['-c', command.replace('curl -X POST /api/orchestrators', `curl -sS -X POST ${base}`)]);
      return JSON.parse(stdout);
    };
    for (const [externalId, role] of [
      ['vp_123', 'Backend Engineer'],
      ['vp_456', 'Frontend Engineer'],
      ['vp_789', 'Tech Lead'],
    ]) {
      await rest(open, 'POST', '/api/orchestrators', { body: { externalId, name: externalId, role } });
    }
    const newTask = async () =>
      (await rest(open, 'POST', '/api/orchestrators/vp_123/tasks', { body: { title: 'Build' } })).json.data.id as string;
    const [delegated, shared, handedOff, contested] = [await newTask(), await newTask(), await newTask(), await newTask()];

    const delegation = await documented(`curl -X POST /api/orchestrators/vp_123/delegate \\
  -H "Content-Type: application/json" \\
  -d '{
    "toVpId": "vp_456",
    "taskId": "${delegated}",
    "note": "Better suited for your expertise",
    "priority": "HIGH"
  }'`);
    const collaboration = await documented(`curl -X POST /api/orchestrators/vp_123/collaborate \\
  -H "Content-Type: application/json" \\
  -d '{
    "taskId": "${shared}",
    "requiredVpIds": ["vp_456", "vp_789"],
    "roles": {
      "vp_456": "code_reviewer",
      "vp_789": "tech_advisor"
    },
    "note": "Need both frontend and backend expertise"
  }'`);
    const handoff = await documented(`curl -X POST /api/orchestrators/vp_123/handoff \\
  -H "Content-Type: application/json" \\
  -d '{
    "toVpId": "vp_456",
    "taskId": "${handedOff}",
    "context": {
      "progress": "50%",
      "blockers": ["Waiting for API keys"],
      "completedSteps": ["Research", "Design"],
      "nextSteps": ["Implementation", "Testing"]
    },
    "notes": "Frontend complete, backend needs work"
  }'`);
    const conflict = await documented(`curl -X POST /api/orchestrators/conflicts \\
  -H "Content-Type: application/json" \\
  -d '{
    "vpIds": ["vp_123", "vp_456"],
    "conflictType": "priority_conflict",
    "resolution": {
      "decision": "Split into parallel tasks",
      "vp_123_tasks": ["backend_api"],
      "vp_456_tasks": ["frontend_ui"]
    },
    "taskId": "${contested}",
    "note": "Both Orchestrators can work on different aspects"
  }'`);

    expect(delegation).toEqual({
      data: {
        ...{ success: true, taskId: delegated, fromVpId: 'vp_123', toVpId: 'vp_456', delegatedAt: instant },
        message: 'Task successfully delegated from Backend Engineer to Frontend Engineer',
      },
      message: 'Task delegated successfully',
    });
    expect(collaboration).toEqual({
      data: {
        ...{ success: true, taskId: shared, primaryVpId: 'vp_123', collaboratorVpIds: ['vp_456', 'vp_789'] },
        ...{ createdAt: instant, message: 'Collaboration request sent to 2 VP(s)' },
      },
      message: 'Collaboration request sent successfully',
    });
    expect(handoff).toEqual({
      data: {
        ...{ success: true, taskId: handedOff, fromVpId: 'vp_123', toVpId: 'vp_456', handoffAt: instant },
        context: {
          progress: '50%',
          blockers: ['Waiting for API keys'],
          completedSteps: ['Research', 'Design'],
          nextSteps: ['Implementation', 'Testing'],
          handoffNotes: 'Frontend complete, backend needs work',
        },
        message: 'Task handed off from Backend Engineer to Frontend Engineer',
      },
      message: 'Task handed off successfully',
    });
    expect(conflict).toEqual({
      data: {
        ...{ success: true, conflictType: 'priority_conflict', involvedVpIds: ['vp_123', 'vp_456'], resolvedAt: instant },
        resolution: {
          decision: 'Split into parallel tasks',
          vp_123_tasks: ['backend_api'],
          vp_456_tasks: ['frontend_ui'],
        },
        message: "Conflict of type 'priority_conflict' resolved for 2 VP(s)",
      },
      message: 'Conflict resolved successfully',
    });
  });
});

describe('the coordination client of the SDK', () => {
  it('does as its document shows, and learns why when it cannot', async () => {
    const open = await useTestApp();
    for (const externalId of ['vp_123', 'vp_456', 'vp_789']) {
      await rest(open, 'POST', '/api/orchestrators', { body: { externalId, name: externalId, role: externalId } });
    }
    const newTask = async () =>
      (await rest(open, 'POST', '/api/orchestrators/vp_123/tasks', { body: { title: 'Build' } })).json.data.id as string;
    const client = new VPCoordinationClient({ baseUrl: open.url });
    const [fromVpId, toVpId, taskId] = ['vp_123', 'vp_456', await newTask()];

    const collaboration = await client.collaborate({
      ...{ vpId: fromVpId, taskId, requiredVpIds: ['vp_456', 'vp_789'] },
      roles: { vp_456: 'reviewer' },
    });
    const delegation = await client.delegate({ fromVpId, toVpId, taskId, note: 'Better fit for your skills' });
    const handoff = await client.handoff({ fromVpId, toVpId, taskId: await newTask(), context: { progress: '50%' } });
    const conflict = await client.resolveConflict({
      ...{ vpIds: [fromVpId, toVpId], conflictType: 'priority_conflict' },
      resolution: { decision: 'split_tasks' },
    });
    const refused = client.delegate({ fromVpId, toVpId, taskId });

    expect(collaboration).toMatchObject({ success: true, collaboratorVpIds: ['vp_456', 'vp_789'] });
    expect(delegation).toMatchObject({ success: true, taskId, fromVpId, toVpId });
    expect(handoff).toMatchObject({ success: true, context: { progress: '50%' } });
    expect(conflict).toMatchObject({ success: true, involvedVpIds: [fromVpId, toVpId] });
    await expect(refused).rejects.toMatchObject({ status: 403, code: 'INVALID_OWNERSHIP' });
  });
});

describe('the limits', () => {
  const limits = (user: number, organization: number) => ({
    ORCHESTRATOR_USER_LIMIT_PER_MINUTE: String(user),
    ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR: String(organization),
  });

  it('of a user let the 100th request of a minute pass and not the next, whatever came of them', async () => {
    const limited = await useTestApp({ ADMIN_TOKEN: token });
    const send = (body: unknown) => rest(limited, 'POST', '/api/orchestrators/conflicts', { token, body });

    const answers: RestAnswer[] = [];
    for (let request = 0; request < 102; request += 1) answers.push(await send(request % 2 === 0 ? '{' : {}));

    expect(answers.map(({ status }) => status)).toEqual([...Array(100).fill(400), 429, 429]);
    const remaining = answers.map(({ headers }) => Number(headers.get('x-ratelimit-remaining')));
    expect(remaining).toEqual([...[...Array(100).keys()].reverse(), 0, 0]);
    const refused = answers[100] as RestAnswer;
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(refused.json).toEqual({
      error: expect.stringContaining('Too many requests'),
      code: 'RATE_LIMITED',
      details: { scope: 'user', limit: 100, windowSeconds: 60, retryAfterSeconds: retryAfter },
    });
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(refused.headers.get('x-ratelimit-limit')).toBe('100');
    const reset = Number(refused.headers.get('x-ratelimit-reset'));
    expect(Math.abs(reset - (Date.now() / 1000 + retryAfter))).toBeLessThan(10);
  });

  it('hold for each user by itself, and not for who has no credential or for another dialect', async () => {
    const limited = await useTestApp({ ADMIN_TOKEN: token, ...limits(2, 1000) });
    const send = (caller: string | undefined, path = '/api/orchestrators') => rest(limited, 'GET', path, { token: caller });
    const other = (await rest(limited, 'POST', '/api/orchestrators', { token, body: { name: 'Otter', role: 'Engineer' } })).json
      .data.apiKey;

    const unknownCallers = await Promise.all(Array.from({ length: 5 }, () => send('wrong')));
    const own = [await send(token), await send(token)];
    const others = [await send(other), await send(other), await send(other)];
    const elsewhere = await Promise.all(Array.from({ length: 5 }, () => send(token, '/api/coord/agents')));

    expect(unknownCallers.map(({ status }) => status)).toEqual(Array(5).fill(401));
    expect(own.map(({ status }) => status)).toEqual([200, 429]);
    expect(others.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(elsewhere.map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect(elsewhere[0]?.headers.has('x-ratelimit-limit')).toBe(false);
  });

  it('of an organization hold for all of its users together, without what their own limits refuse', async () => {
    const limited = await useTestApp({ ADMIN_TOKEN: token, ...limits(3, 4) });
    await mutate(limited, { token }, 'organizationCreate', { slug: 'elsewhere', name: 'Elsewhere' }, '__typename');
    const { apiKey } = (await rest(limited, 'POST', '/api/orchestrators', { token, body: { name: 'Otter', role: 'Engineer' } }))
      .json.data;
    const send = (caller: string, organization?: string) =>
      rest(limited, 'GET', '/api/orchestrators', {
        token: caller,
        ...(organization && { headers: { 'x-organization': organization } }),
      });

    const own = [await send(token), await send(token), await send(token), await send(token)];
    const others = [await send(apiKey), await send(apiKey)];

    expect(own.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(others.map(({ status }) => status)).toEqual([200, 429]);
    expect(others[0]?.headers.get('x-ratelimit-limit')).toBe('4');
    expect(others[1]?.json.details).toMatchObject({ scope: 'organization', limit: 4, windowSeconds: 3600 });
    expect((await send(token, 'elsewhere')).status).toBe(200);
  });

  it('are exact over two servers that share a Redis', { timeout: 60_000 }, async (context) => {
    requireRedis(context);
    const [redis, database] = [await startRedisServer(), await createTestDatabase()];
    onTestFinished(async () => {
      await redis.remove();
      await database.drop();
    });
    const variables = { REDIS_URL: redis.url, ADMIN_TOKEN: token };
    const servers = [await useServerProcess(database.url, variables), await useServerProcess(database.url, variables)];

    const answers = await Promise.all(
      Array.from({ length: 130 }, (_, index) =>
        rest(servers[index % 2] as { url: string }, 'GET', '/api/orchestrators', { token }),
      ),
    );

    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
  });
});

function failed(status: number, code: string) {
  return { status, json: { error: expect.any(String), code } };
}

function invalid(errors: object) {
  return { status: 400, json: { error: 'Validation failed', code: 'VALIDATION_ERROR', details: { errors } } };
}

/** Signs a new user up and in; answers the session's token. */
async function signUp(role: 'MEMBER' | 'ADMIN' = 'MEMBER'): Promise<string> {
  const [email, password] = [`${uniqueName('user')}@example.org`, 'a password of the test'];
  await mutate(app, { token }, 'userCreate', { email, password, name: email, role }, '__typename');
  return (await mutate<{ token: string }>(app, {}, 'sessionCreate', { email, password }, 'token')).token;
}
