import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { type RestAnswer, rest } from '../support/rest-call.js';
import { uniqueName } from '../support/seed.js';

const instant = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({}, { runsClockwork: false });
});

afterAll(() => app.stop());

const get = (path: string, token?: string) => rest(app, 'GET', `/api/coord${path}`, { token });
const post = (path: string, body: unknown, token?: string) => rest(app, 'POST', `/api/coord${path}`, { body, token });

async function registered(body: object = {}): Promise<string> {
  const employee_id = uniqueName('code');
  expect((await post('/agents/register', { employee_id, ...body })).status).toBe(200);
  return employee_id;
}

async function created(body: object = {}): Promise<string> {
  const answer = await post('/tasks', { title: uniqueName('task'), ...body });
  expect(answer.status).toBe(201);
  return answer.json.id;
}

/** A task that an agent has claimed. */
async function claimed(claim: object = {}): Promise<{ id: string; employee_id: string }> {
  const [id, employee_id] = [await created(), await registered()];
  expect((await post(`/tasks/${id}/claim`, { employee_id, ...claim })).status).toBe(200);
  return { id, employee_id };
}

const task = async (id: string) => (await get(`/tasks/${id}`)).json;

describe('POST /agents/register', () => {
  it('creates an agent, and shows its key this once', async () => {
    const employee_id = uniqueName('code');
    const body = {
      employee_id,
      name: 'CLAUDE',
      endpoint_url: 'https://agent-host/api',
      specialization_codes: ['planning', 'backend', 'research'],
      capabilities: { tools: ['web', 'db'], models: ['claude-3'] },
      owner_employee_id: 'owner-of-nobody',
      status: 'active',
    };

    const first = await post('/agents/register', body);
    const second = await post('/agents/register', body);

    expect(first.status).toBe(200);
    expect(first.json).toEqual({
      status: 'ok',
      agent_id: uuid,
      api_key: expect.stringMatching(/^baton_/),
      warning: expect.any(String),
      agent: {
        id: first.json.agent_id,
        employee_id,
        name: 'CLAUDE',
        endpoint_url: 'https://agent-host/api',
        specialization_codes: ['planning', 'backend', 'research'],
        capabilities: { tools: ['web', 'db'], models: ['claude-3'] },
        metadata: {},
        owner_employee_id: 'owner-of-nobody',
        status: 'active',
        health: 'offline',
        last_heartbeat_at: null,
        created_at: instant,
        updated_at: instant,
      },
    });
    expect(second.json).toEqual({ status: 'ok', agent_id: first.json.agent_id, agent: expect.anything() });
  });

  it('updates only what is given, and neither status nor key', async () => {
    const employee_id = await registered({ name: 'Otter', specialization_codes: ['backend'], owner_employee_id: 'people-1' });
    await post('/agents/heartbeat', { employee_id, status: 'busy' });

    const { json } = await post('/agents/register', { employee_id, endpoint_url: 'http://otter.example' });

    expect(json.agent).toMatchObject({
      name: 'Otter',
      specialization_codes: ['backend'],
      owner_employee_id: 'people-1',
      status: 'busy',
      endpoint_url: 'http://otter.example',
    });
    expect(json).not.toHaveProperty('api_key');
  });

  it('gives an agent that has no name its employee_id for one', async () => {
    const employee_id = await registered();

    const agents: { employee_id: string; name: string }[] = (await get('/agents')).json;

    expect(agents.find((agent) => agent.employee_id === employee_id)?.name).toBe(employee_id);
  });

  it.each([
    ['no employee_id', {}, 'employee_id_required'],
    ['an empty employee_id', { employee_id: ' ' }, 'employee_id_required'],
    ['null for it', { employee_id: null }, 'employee_id_required'],
    ['a number for it', { employee_id: 7 }, 'invalid_employee_id'],
    ['specializations that are no list', { employee_id: 'x', specialization_codes: 'planning' }, 'invalid_specialization_codes'],
    ['capabilities that are no object', { employee_id: 'x', capabilities: [] }, 'invalid_capabilities'],
    ['what is not JSON', '{"employee_id"', 'invalid_json'],
    ['what is no object', '[]', 'invalid_json'],
  ])('refuses %s', async (_what, body, error) => {
    const answer = await post('/agents/register', body);

    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ error, message: expect.any(String) });
  });

  it('takes a body whatever its content type says', async () => {
    const body = JSON.stringify({ employee_id: uniqueName('code') });

    const answer = await rest(app, 'POST', '/api/coord/agents/register', { body, headers: { 'content-type': 'text/plain' } });

    expect(answer.status).toBe(200);
  });
});

describe('POST /agents/heartbeat', () => {
  it('records the sign of life, status and metadata', async () => {
    const employee_id = await registered();

    const answer = await post('/agents/heartbeat', { employee_id, status: 'away', metadata: { load: 0.2 } });

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: 'ok', next_heartbeat_sec: 60 });
    const agents: { employee_id: string }[] = (await get('/agents?status=away')).json;
    expect(agents.find((agent) => agent.employee_id === employee_id)).toMatchObject({
      status: 'away',
      health: 'online',
      metadata: { load: 0.2 },
      last_heartbeat_at: instant,
    });
  });

  it('hears an agent whose word for its status is none of ours', async () => {
    const employee_id = await registered();

    const answer = await post('/agents/heartbeat', { employee_id, status: 'pondering' });

    expect(answer.status).toBe(200);
  });

  it.each([
    ['an agent that nobody registered', { employee_id: 'nobody' }, 404, 'agent_not_found'],
    ['no agent', {}, 400, 'employee_id_required'],
  ])('refuses %s', async (_what, body, status, error) => {
    const answer = await post('/agents/heartbeat', body);

    expect(answer.status).toBe(status);
    expect(answer.json.error).toBe(error);
  });
});

describe('GET /agents', () => {
  it('lists a bare array, oldest first, by status, specialization and owner', async () => {
    const owner_employee_id = uniqueName('owner');
    const planner = await registered({ owner_employee_id, specialization_codes: ['planning'] });
    const coder = await registered({ owner_employee_id, specialization_codes: ['coding'] });
    await post('/agents/heartbeat', { employee_id: coder, status: 'busy' });
    const list = async (query: string) =>
      (await get(`/agents?owner_employee_id=${owner_employee_id}${query}`)).json.map(
        (agent: { employee_id: string }) => agent.employee_id,
      );

    expect(await list('')).toEqual([planner, coder]);
    expect(await list('&specialization=planning')).toEqual([planner]);
    expect(await list('&status=busy')).toEqual([coder]);
    expect(await list('&status=unheard-of')).toEqual([]);
    expect(await list('&limit=1')).toEqual([planner]);
  });

  it('finds the agents of an owner who is registered, by whichever id', async () => {
    const owner = await registered();
    const employee_id = await registered({ owner_employee_id: owner });

    const { json } = await get(`/agents?owner_employee_id=${owner}`);

    expect(json).toMatchObject([{ employee_id, owner_employee_id: owner }]);
  });
});

describe('POST /tasks', () => {
  it('creates a ready task as the caller describes it, and its project', async () => {
    const project_id = randomUUID();
    const body = {
      project_id,
      title: 'Design Coordinator API',
      description: 'Create endpoint list and payloads',
      required_specialization_code: 'planning',
      created_by: randomUUID(),
      priority: 'P1',
    };

    const answer = await post('/tasks', body);

    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      ...body,
      id: uuid,
      status: 'ready',
      assignee_id: null,
      blocker: null,
      release_reason: null,
      lease_expires_at: null,
      lease_ttl_sec: null,
      fence: 0,
      result: null,
      metadata: {},
      created_at: instant,
      updated_at: instant,
      completed_at: null,
    });
    expect(await task(answer.json.id)).toEqual(answer.json);
  });

  it('names a registered creator by its employee_id', async () => {
    const created_by = await registered();

    const { json } = await post('/tasks', { title: 'x', created_by });

    expect(json.created_by).toBe(created_by);
    expect(await app.sql('select 1 from task where id = $1 and created_by_id is not null', [json.id])).toHaveLength(1);
  });

  it.each([
    ['P0', 10],
    ['P1', 20],
    ['P2', 50],
    ['P3', 80],
    ['p1', 20],
    ['HIGH', 20],
  ])('keeps the priority %s as it was written', async (priority, stored) => {
    const { json } = await post('/tasks', { title: 'x', priority });

    expect(json.priority).toBe(priority);
    expect(await app.sql('select priority from task where id = $1', [json.id])).toEqual([{ priority: stored }]);
  });

  it('puts a task into the project that is there, and leaves what is not given null', async () => {
    const project_id = randomUUID();
    await post('/tasks', { title: 'first', project_id });

    const { json } = await post('/tasks', { title: 'second', project_id });

    expect(json).toMatchObject({ project_id, description: null, required_specialization_code: null, created_by: null });
    expect(await app.sql('select 1 from project where id = $1', [project_id])).toHaveLength(1);
  });

  it('creates one project for many tasks that name it at once', async () => {
    const project_id = randomUUID();

    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/tasks', { title: 'x', project_id })));

    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
    expect(await app.sql('select 1 from project where id = $1', [project_id])).toHaveLength(1);
  });

  it.each([
    ['no title', {}, 'title_required'],
    ['an empty title', { title: '' }, 'title_required'],
    ['a title that is no text', { title: 1 }, 'invalid_title'],
    ['a title that is too long', { title: 'x'.repeat(501) }, 'invalid_title'],
    ['a project that is no uuid', { title: 'x', project_id: 'mine' }, 'invalid_project_id'],
    ['a priority that is none', { title: 'x', priority: 'soon' }, 'invalid_priority'],
    ['a first status that is none', { title: 'x', status: 'done' }, 'invalid_status'],
    ['a description that is no text', { title: 'x', description: {} }, 'invalid_description'],
  ])('refuses %s, and makes nothing', async (_what, body, error) => {
    const count = async () => app.sql('select (select count(*) from task) as tasks, (select count(*) from project) as projects');
    const before = await count();

    const answer = await post('/tasks', body);

    expect(answer.status).toBe(400);
    expect(answer.json.error).toBe(error);
    expect(await count()).toEqual(before);
  });
});

describe('GET /tasks', () => {
  it('lists a bare array, most urgent first, by status, project, specialization and assignee', async () => {
    const project_id = randomUUID();
    const later = await created({ project_id, priority: 'P3', required_specialization_code: 'planning' });
    const sooner = await created({ project_id, priority: 'P0' });
    const employee_id = await registered();
    await post(`/tasks/${sooner}/claim`, { employee_id });
    const list = async (query: string) =>
      (await get(`/tasks?project_id=${project_id}${query}`)).json.map(({ id }: { id: string }) => id);

    expect(await list('')).toEqual([sooner, later]);
    expect(await list('&status=ready')).toEqual([later]);
    expect(await list('&status=claimed')).toEqual([sooner]);
    expect(await list('&specialization=planning')).toEqual([later]);
    expect(await list(`&assignee_id=${employee_id}`)).toEqual([sooner]);
    expect(await list('&assignee_id=nobody')).toEqual([]);
    expect(await list('&limit=1&offset=1')).toEqual([later]);
    expect((await get(`/tasks?project_id=${randomUUID()}`)).json).toEqual([]);
  });

  it.each([
    ['status=soon', 'invalid_status'],
    ['limit=0', 'invalid_limit'],
    ['limit=many', 'invalid_limit'],
    ['offset=-1', 'invalid_offset'],
  ])('refuses ?%s', async (query, error) => {
    const answer = await get(`/tasks?${query}`);

    expect(answer.status).toBe(400);
    expect(answer.json.error).toBe(error);
  });

  it('shows no tasks that came in by another face', async () => {
    const { json } = await rest(app, 'POST', '/graphql', {
      body: { query: 'mutation { taskCreate(input: {title: "elsewhere"}) { task { id } } }' },
    });
    const { id } = json.data.taskCreate.task;
    const employee_id = await registered();

    const listed: { id: string }[] = (await get('/tasks')).json;

    expect(listed.some((each) => each.id === id)).toBe(false);
    expect((await get(`/tasks/${id}`)).json.error).toBe('task_not_found');
    for (const command of ['claim', 'heartbeat', 'release', 'status']) {
      const answer = await post(`/tasks/${id}/${command}`, { employee_id, status: 'done' });
      expect([answer.status, answer.json.error]).toEqual([404, 'task_not_found']);
    }
  });
});

describe('POST /tasks/:id/claim', () => {
  it('leases the task for lease_ttl_sec from now', async () => {
    const [id, employee_id] = [await created(), await registered()];

    const answer = await post(`/tasks/${id}/claim`, { employee_id, lease_ttl_sec: 60 });

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: 'ok', lease_expires_at: instant, fence: 1 });
    const secondsLeft = (Date.parse(answer.json.lease_expires_at) - Date.now()) / 1000;
    expect(secondsLeft).toBeGreaterThan(50);
    expect(secondsLeft).toBeLessThan(61);
    expect(await task(id)).toMatchObject({ status: 'claimed', assignee_id: employee_id, lease_ttl_sec: 60 });
  });

  it.each([
    [{}, 1800],
    [{ lease_ttl_sec: null }, 1800],
    [{ lease_ttl_sec: 1_000_000 }, 86_400],
  ])('gives %j a lease of %i seconds', async (body, seconds) => {
    const { id } = await claimed(body);

    expect((await task(id)).lease_ttl_sec).toBe(seconds);
  });

  it.each([[0], [-1], ['1800'], [1.5], [true], [{}]])('refuses a lease of %j', async (lease_ttl_sec) => {
    const [id, employee_id] = [await created(), await registered()];

    const answer = await post(`/tasks/${id}/claim`, { employee_id, lease_ttl_sec });

    expect([answer.status, answer.json.error]).toEqual([400, 'invalid_lease_ttl_sec']);
    expect((await task(id)).status).toBe('ready');
  });

  it('gives a task that many claim at once to exactly one', async () => {
    const id = await created();
    const agents = await Promise.all(Array.from({ length: 10 }, () => registered()));

    const answers = await Promise.all(agents.map((employee_id) => post(`/tasks/${id}/claim`, { employee_id })));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 200);
    expect(others.map(({ status, json }) => [status, json.error])).toEqual(Array(9).fill([409, 'task_already_claimed']));
  });

  it('refuses the holder itself: several workers may share one identity', async () => {
    const { id, employee_id } = await claimed();

    const answer = await post(`/tasks/${id}/claim`, { employee_id });

    expect([answer.status, answer.json.error]).toEqual([409, 'task_already_claimed']);
  });

  it('lets only an agent with the specialization claim, unless it says override', async () => {
    const required_specialization_code = 'planning';
    const [planner, coder] = [await registered({ specialization_codes: ['planning'] }), await registered()];
    const ids = await Promise.all(Array.from({ length: 4 }, () => created({ required_specialization_code })));
    const claim = (index: number, employee_id: string, query = '', body = {}) =>
      post(`/tasks/${ids[index]}/claim${query}`, { employee_id, ...body });

    const answers: RestAnswer[] = [
      await claim(0, planner),
      await claim(1, coder),
      await claim(1, coder, '', { override: true }),
      await claim(2, coder, '?override=true'),
      // Override bypasses no lease.
      await claim(2, planner, '?override=true'),
      await claim(3, coder, '', { override: 'yes' }),
    ];

    expect(answers.map(({ status, json }) => [status, json.error])).toEqual([
      [200, undefined],
      [403, 'specialization_mismatch'],
      [200, undefined],
      [200, undefined],
      [409, 'task_already_claimed'],
      [400, 'invalid_override'],
    ]);
  });

  it('lets anybody claim a task that needs no specialization, but nobody who is not registered', async () => {
    const id = await created();

    const stranger = await post(`/tasks/${id}/claim`, { employee_id: 'stranger' });
    const nobody = await post(`/tasks/${id}/claim`, {});
    const agent = await post(`/tasks/${id}/claim`, { employee_id: await registered() });

    expect([stranger.status, stranger.json.error]).toEqual([404, 'agent_not_found']);
    expect([nobody.status, nobody.json.error]).toEqual([400, 'employee_id_required']);
    expect(agent.status).toBe(200);
  });

  it('takes the id that registering answered in the place of the employee_id', async () => {
    const employee_id = uniqueName('code');
    const { json } = await post('/agents/register', { employee_id });
    const id = await created();

    const answer = await post(`/tasks/${id}/claim`, { employee_id: json.agent_id });

    expect(answer.status).toBe(200);
    expect((await task(id)).assignee_id).toBe(employee_id);
  });

  it('refuses a parked task until it is made ready', async () => {
    const [id, employee_id] = [await created({ status: 'backlog' }), await registered()];

    const parked = await post(`/tasks/${id}/claim`, { employee_id });
    const made = await post(`/tasks/${id}/status`, { employee_id, status: 'ready' });
    const ready = await post(`/tasks/${id}/claim`, { employee_id });

    expect([parked.status, parked.json.error]).toEqual([409, 'task_not_ready']);
    expect(made.json.task.status).toBe('ready');
    expect(ready.status).toBe(200);
  });

  it.each(['nothing', randomUUID()])('finds no task %s', async (id) => {
    const answer = await post(`/tasks/${id}/claim`, { employee_id: await registered() });

    expect([answer.status, answer.json.error]).toEqual([404, 'task_not_found']);
  });
});

describe('a lease', () => {
  it('is extended by its own length from now, not to its first end', async () => {
    const { id, employee_id } = await claimed({ lease_ttl_sec: 100 });
    await app.elapse(60);

    const answer = await post(`/tasks/${id}/heartbeat`, { employee_id });

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: 'ok', lease_expires_at: instant, fence: 1 });
    expect((Date.parse(answer.json.lease_expires_at) - Date.now()) / 1000).toBeGreaterThan(90);
  });

  it('that has lapsed is over, also when nobody has claimed since and no sweep has run', async () => {
    const { id, employee_id } = await claimed({ lease_ttl_sec: 100 });
    await app.elapse(101);

    const shown = await task(id);
    const late: RestAnswer[] = [
      await post(`/tasks/${id}/heartbeat`, { employee_id }),
      await post(`/tasks/${id}/release`, { employee_id }),
      await post(`/tasks/${id}/status`, { employee_id, status: 'in_progress' }),
      await post(`/tasks/${id}/status`, { employee_id, status: 'done' }),
    ];
    const next = await post(`/tasks/${id}/claim`, { employee_id: await registered() });

    expect(shown).toMatchObject({ status: 'ready', assignee_id: null, lease_expires_at: null });
    expect(late.map(({ status, json }) => [status, json.error])).toEqual(Array(4).fill([409, 'lease_expired']));
    expect(next.json).toMatchObject({ status: 'ok', fence: 2 });
  });

  it('is nobody else’s to extend, give back or end, whatever the fence they send', async () => {
    const { id } = await claimed();
    const employee_id = await registered();

    const answers: RestAnswer[] = [
      await post(`/tasks/${id}/heartbeat`, { employee_id }),
      await post(`/tasks/${id}/release`, { employee_id, reason: 'mine now' }),
      await post(`/tasks/${id}/status`, { employee_id, status: 'done' }),
      await post(`/tasks/${id}/heartbeat`, { employee_id, fence: 1 }),
    ];

    expect(answers.map(({ status, json }) => [status, json.error])).toEqual(Array(4).fill([403, 'not_lease_owner']));
    expect((await task(id)).status).toBe('claimed');
  });

  it('refuses an old fence of the holder itself', async () => {
    const { id, employee_id } = await claimed();
    await post(`/tasks/${id}/release`, { employee_id });
    await post(`/tasks/${id}/claim`, { employee_id });

    const answer = await post(`/tasks/${id}/heartbeat`, { employee_id, fence: 1 });

    expect(answer.status).toBe(403);
    expect((await post(`/tasks/${id}/heartbeat`, { employee_id, fence: 2 })).status).toBe(200);
  });

  it('ends when its holder gives the task back, and the reason can be read', async () => {
    const { id, employee_id } = await claimed();

    const answer = await post(`/tasks/${id}/release`, { employee_id, reason: 'blocked by missing schema' });

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: 'ok', task: await task(id) });
    expect(answer.json.task).toMatchObject({
      status: 'ready',
      assignee_id: null,
      lease_expires_at: null,
      release_reason: 'blocked by missing schema',
    });
    const again = await post(`/tasks/${id}/release`, { employee_id });
    expect([again.status, again.json.error]).toEqual([409, 'illegal_transition']);
  });

  it.each(['blocked', 'done', 'failed', 'canceled', 'cancelled'])(
    'ends with the status %s, and expiry does not undo it',
    async (status) => {
      const { id, employee_id } = await claimed({ lease_ttl_sec: 100 });

      const answer = await post(`/tasks/${id}/status`, { employee_id, status, blocker: 'Need API schema' });
      await app.elapse(200);

      const word = status === 'cancelled' ? 'canceled' : status;
      expect(answer.json.task).toMatchObject({ status: word, blocker: status === 'blocked' ? 'Need API schema' : null });
      expect(await task(id)).toMatchObject({ status: word, lease_expires_at: null });
    },
  );
});

describe('POST /tasks/:id/status', () => {
  it('walks the pipeline in its order', async () => {
    const { id, employee_id } = await claimed();

    for (const status of ['in_progress', 'review', 'done']) {
      const answer = await post(`/tasks/${id}/status`, { employee_id, status });
      expect([answer.status, answer.json.task.status]).toEqual([200, status]);
    }
    expect(await task(id)).toMatchObject({ completed_at: instant, assignee_id: employee_id });
  });

  it.each([
    ['ready', 'in_progress'],
    ['ready', 'review'],
    ['ready', 'claimed'],
    ['backlog', 'done'],
    ['done', 'blocked'],
    ['done', 'ready'],
    ['canceled', 'ready'],
  ])('refuses %s to %s', async (from, to) => {
    const employee_id = await registered();
    const id = await created({ status: from === 'backlog' ? 'backlog' : 'ready' });
    if (from === 'done') {
      await post(`/tasks/${id}/claim`, { employee_id });
      await post(`/tasks/${id}/status`, { employee_id, status: 'done' });
    }
    if (from === 'canceled') await post(`/tasks/${id}/status`, { employee_id, status: 'canceled' });

    const answer = await post(`/tasks/${id}/status`, { employee_id, status: to });

    expect([answer.status, answer.json.error]).toEqual([409, 'illegal_transition']);
    expect((await task(id)).status).toBe(from);
  });

  it('lets a blocked task be made ready again', async () => {
    const { id, employee_id } = await claimed();
    await post(`/tasks/${id}/status`, { employee_id, status: 'blocked', blocker: 'x' });

    const answer = await post(`/tasks/${id}/status`, { employee_id, status: 'ready' });

    expect(answer.json.task).toMatchObject({ status: 'ready', blocker: null });
  });

  it.each([
    ['no status', {}, 400, 'status_required'],
    ['a status that is none', { status: 'finished' }, 400, 'invalid_status'],
    ['an agent that is not registered', { status: 'blocked', employee_id: 'nobody' }, 404, 'agent_not_found'],
    ['nobody in particular', { status: 'blocked', employee_id: null }, 400, 'employee_id_required'],
  ])('refuses %s', async (_what, body, status, error) => {
    const { id, employee_id } = await claimed();

    const answer = await post(`/tasks/${id}/status`, { employee_id, ...body });

    expect([answer.status, answer.json.error]).toEqual([status, error]);
  });
});

describe('threads and messages', () => {
  it('opens an unknown thread with its first message, about what the message names', async () => {
    const [thread_id, project_id, task_id] = [randomUUID(), randomUUID(), await created()];
    const said = { sender_id: 'CODE', message_type: 'task_update', payload: { status: 'blocked', summary: 'Need schema' } };

    const answer = await post('/messages', { thread_id, project_id, task_id, ...said });

    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ id: uuid, thread_id, ...said, sender_name: 'CODE', reply_to: null, created_at: instant });
    for (const query of [`thread_id=${thread_id}`, `project_id=${project_id}`, `task_id=${task_id}`]) {
      expect((await get(`/messages?${query}`)).json).toEqual([answer.json]);
    }
    expect((await get(`/threads?task_id=${task_id}`)).json).toMatchObject([{ id: thread_id, project_id, task_id }]);
  });

  it('opens one thread for many first messages at once', async () => {
    const thread_id = randomUUID();

    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/messages', { thread_id })));

    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
    expect((await get(`/messages?thread_id=${thread_id}`)).json).toHaveLength(10);
  });

  it('lists messages oldest first, since a time inclusively, by sender and type', async () => {
    const thread_id = randomUUID();
    const sender_id = await registered({ name: 'Heron' });
    const first = (await post('/messages', { thread_id, sender_id, payload: { text: 'one' } })).json;
    const second = (await post('/messages', { thread_id, message_type: 'question', reply_to: first.id })).json;
    const list = async (query: string) =>
      (await get(`/messages?thread_id=${thread_id}${query}`)).json.map(({ id }: { id: string }) => id);

    expect(first).toMatchObject({ sender_id, sender_name: 'Heron', message_type: 'note', payload: { text: 'one' } });
    expect(second).toMatchObject({ sender_id: null, reply_to: first.id, payload: {} });
    expect(await list('')).toEqual([first.id, second.id]);
    expect(await list(`&since=${second.created_at}`)).toContain(second.id);
    expect(await list('&since=2999-01-01')).toEqual([]);
    expect(await list('&since=yesterday')).toEqual([first.id, second.id]);
    expect(await list(`&sender_id=${sender_id}`)).toEqual([first.id]);
    expect(await list('&message_type=question')).toEqual([second.id]);
    expect(await list('&limit=1')).toEqual([second.id]);
    expect((await get(`/messages?thread_id=${randomUUID()}`)).json).toEqual([]);
  });

  it.each([
    ['no thread', {}, 400, 'thread_id_required'],
    ['a thread that is no uuid', { thread_id: 'lobby' }, 400, 'invalid_thread_id'],
    ['a payload that is no object', { thread_id: randomUUID(), payload: 'hello' }, 400, 'invalid_payload'],
    ['a reply to nothing', { thread_id: randomUUID(), reply_to: randomUUID() }, 404, 'message_not_found'],
    ['a thread about no task', { thread_id: randomUUID(), task_id: randomUUID() }, 404, 'task_not_found'],
  ])('refuses %s, and opens no thread', async (_what, body, status, error) => {
    const answer = await post('/messages', body);

    expect([answer.status, answer.json.error]).toEqual([status, error]);
    const threads: { id: string }[] = (await get('/threads')).json;
    expect(threads.some(({ id }) => id === (body as { thread_id?: string }).thread_id)).toBe(false);
  });

  it('opens threads on their own, and lists them', async () => {
    const project_id = randomUUID();
    const body = { title: 'Ideas', thread_type: 'idea', project_id, created_by: 'people-7' };

    const answer = await post('/threads', body);

    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ ...body, id: uuid, task_id: null, created_at: instant });
    expect((await get(`/threads?project_id=${project_id}`)).json).toEqual([answer.json]);
    expect((await get('/threads?thread_type=idea&created_by=people-7')).json).toEqual([answer.json]);
    expect((await post('/threads', {})).json).toMatchObject({ thread_type: 'general', title: null, created_by: null });
  });
});

describe('plans and decisions', () => {
  it('writes a plan as a draft', async () => {
    const body = { project_id: randomUUID(), title: 'Coordinator API Plan', body_markdown: '...', author_id: 'people-8' };

    const answer = await post('/plans', body);

    expect(answer.status).toBe(201);
    const times = { created_at: instant, updated_at: instant };
    expect(answer.json).toEqual({ ...body, id: uuid, status: 'draft', revision: 1, ...times });
    expect((await get(`/plans?project_id=${body.project_id}`)).json).toEqual([answer.json]);
  });

  it('records a decision, which may take the place of another', async () => {
    const author_id = await registered();
    const body = { project_id: randomUUID(), title: 'Use Next.js', body_markdown: 'Why we chose it', author_id };

    const first = await post('/decisions', body);
    const second = await post('/decisions', { ...body, title: 'Use Vite', supersedes_id: first.json.id });

    expect(first.status).toBe(201);
    expect(first.json).toEqual({ ...body, id: uuid, status: 'accepted', supersedes_id: null, created_at: instant });
    expect(second.json.supersedes_id).toBe(first.json.id);
    expect((await get(`/decisions?project_id=${body.project_id}`)).json).toMatchObject([
      { id: first.json.id, status: 'superseded' },
      { id: second.json.id, status: 'accepted' },
    ]);
    const third = await post('/decisions', { ...body, supersedes_id: first.json.id });
    expect([third.status, third.json.error]).toEqual([409, 'decision_already_superseded']);
    const fourth = await post('/decisions', { ...body, supersedes_id: randomUUID() });
    expect([fourth.status, fourth.json.error]).toEqual([404, 'decision_not_found']);
  });

  it.each(['/plans', '/decisions'])('refuses a bad POST %s', async (path) => {
    const errors = await Promise.all(
      [{}, { title: 'x' }, { title: 'x', body_markdown: 'y', project_id: 7 }].map(async (body) => {
        const answer = await post(path, body);
        return [answer.status, answer.json.error];
      }),
    );

    expect(errors).toEqual([
      [400, 'title_required'],
      [400, 'body_markdown_required'],
      [400, 'invalid_project_id'],
    ]);
  });
});

describe('GET /health', () => {
  it('answers without a credential', async () => {
    const answer = await rest(app, 'GET', '/health');

    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: 'ok', time: instant });
  });
});

describe('with ADMIN_TOKEN', () => {
  const adminToken = 'an admin token of the test';
  let secured: TestApp;
  let key: string;

  const call = (token: string | undefined, method: string, path: string, body?: unknown) =>
    rest(secured, method, `/api/coord${path}`, { token, ...(body !== undefined && { body }) });

  beforeAll(async () => {
    secured = await startTestApp({ ADMIN_TOKEN: adminToken.replaceAll(' ', '-') }, { runsClockwork: false });
    const { json } = await call(admin(), 'POST', '/agents/register', { employee_id: 'otter' });
    key = json.api_key;
    await call(admin(), 'POST', '/agents/register', { employee_id: 'heron' });
  });
  afterAll(() => secured.stop());

  const admin = () => adminToken.replaceAll(' ', '-');

  it('turns away whoever has no credential, or a wrong one', async () => {
    for (const token of [undefined, 'wrong', `${admin()}x`]) {
      const answer = await call(token, 'GET', '/agents');
      expect([answer.status, answer.json.error]).toEqual([401, 'authentication_required']);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect((await rest(secured, 'GET', '/health')).status).toBe(200);
  });

  it('knows an agent by its key, whatever name the request gives', async () => {
    const { json } = await call(key, 'POST', '/tasks', { title: 'x', created_by: 'heron' });
    const message = await call(key, 'POST', '/messages', { thread_id: randomUUID(), sender_id: 'heron' });

    const own = await call(key, 'POST', `/tasks/${json.id}/claim`, {});
    const other = await call(key, 'POST', `/tasks/${json.id}/claim`, { employee_id: 'heron' });
    const heartbeat = await call(key, 'POST', '/agents/heartbeat', {});
    const forAnother = await call(key, 'POST', '/agents/heartbeat', { employee_id: 'heron' });

    expect(json.created_by).toBe('otter');
    expect(message.json.sender_id).toBe('otter');
    expect(own.status).toBe(200);
    expect([other.status, other.json.error]).toEqual([403, 'forbidden']);
    expect(heartbeat.status).toBe(200);
    expect([forAnother.status, forAnother.json.error]).toEqual([403, 'forbidden']);
  });

  it('lets an agent register only itself, and the operator everybody', async () => {
    const self = await call(key, 'POST', '/agents/register', { employee_id: 'otter', name: 'Otter' });
    const other = await call(key, 'POST', '/agents/register', { employee_id: 'finch' });

    expect(self.json.agent.name).toBe('Otter');
    expect([other.status, other.json.error]).toEqual([403, 'forbidden']);
  });

  it('keeps an agent that was switched off from switching itself on, and from claiming', async () => {
    const { json } = await call(admin(), 'POST', '/agents/register', { employee_id: 'badger' });
    await call(admin(), 'POST', '/agents/heartbeat', { employee_id: 'badger', status: 'inactive' });
    const task = (await call(admin(), 'POST', '/tasks', { title: 'x' })).json;

    const heartbeat = await call(json.api_key, 'POST', '/agents/heartbeat', { status: 'active' });
    const claim = await call(json.api_key, 'POST', `/tasks/${task.id}/claim`, {});

    expect([heartbeat.status, heartbeat.json.error]).toEqual([403, 'forbidden']);
    expect([claim.status, claim.json.error]).toEqual([403, 'agent_inactive']);
  });

  it('lets the operator overrule a holder', async () => {
    const { json } = await call(admin(), 'POST', '/tasks', { title: 'x' });
    await call(key, 'POST', `/tasks/${json.id}/claim`, {});

    const answer = await call(admin(), 'POST', `/tasks/${json.id}/status`, { status: 'canceled' });

    expect(answer.json.task.status).toBe('canceled');
  });

  it('answers for another organization’s things as for things that do not exist', async () => {
    const organization = async (slug: string) => {
      const query = 'mutation ($input: OrganizationCreateInput!) { organizationCreate(input: $input) { errors { code } } }';
      const body = { query, variables: { input: { slug, name: slug } } };
      await rest(secured, 'POST', '/graphql', { token: admin(), body });
      return (method: string, path: string, body?: unknown) =>
        rest(secured, method, `/api/coord${path}`, {
          token: admin(),
          headers: { 'x-organization': slug },
          ...(body !== undefined && { body }),
        });
    };
    const [mine, theirs] = [await organization('mine'), await organization('theirs')];
    const [project_id, thread_id] = [randomUUID(), randomUUID()];
    const foreign = (await theirs('POST', '/tasks', { title: 'secret', project_id })).json;
    await theirs('POST', '/messages', { thread_id, payload: { text: 'secret' } });

    const task = await mine('POST', '/tasks', { title: 'x', project_id });
    const message = await mine('POST', '/messages', { thread_id });

    expect([task.status, task.json.project_id]).toEqual([201, project_id]);
    expect([message.status, message.json.thread_id]).toEqual([201, thread_id]);
    expect((await mine('GET', `/tasks?project_id=${project_id}`)).json).toMatchObject([{ id: task.json.id }]);
    expect((await mine('GET', `/messages?thread_id=${thread_id}`)).json).toMatchObject([{ id: message.json.id }]);
    expect((await mine('GET', `/tasks/${foreign.id}`)).json.error).toBe('task_not_found');
    expect((await theirs('GET', `/messages?thread_id=${thread_id}`)).text).not.toContain(message.json.id);
  });
});
