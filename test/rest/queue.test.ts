import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TaskCreateDocument, TaskSetStatusDocument } from '../../src/sdk/generated.js';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { mutate } from '../support/organization.js';
import { type RestAnswer, rest } from '../support/rest-call.js';
import { seedAgent, uniqueName } from '../support/seed.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** Shared by the tests that look at tasks and agents of their own only. */
let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

interface Options {
  /** Sent as `X-Agent-ID`. */
  as?: string | undefined;
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
  server?: TestApp;
}

function send(method: string, path: string, { as, headers, server = app, ...rest_ }: Options = {}): Promise<RestAnswer> {
  return rest(server, method, path, { ...rest_, headers: { ...(as !== undefined && { 'x-agent-id': as }), ...headers } });
}

/** Adds a task; answers its number. */
async function addTask(fields: object = {}, options: Options = {}): Promise<number> {
  const { status, json } = await send('POST', '/tasks', { ...options, body: { title: uniqueName('task'), ...fields } });
  expect(status).toBe(201);
  return json.id;
}

/** Adds a task and takes it to the status, by the agent. */
async function taskIn(status: string, agent: string, options: Options = {}): Promise<number> {
  const id = await addTask({}, options);
  const steps: Record<string, string[]> = { queued: [], running: ['claimed', 'running'] };
  for (const step of steps[status] ?? ['claimed', ...(status === 'claimed' ? [] : [status])]) {
    const answer = await send('PATCH', `/tasks/${id}/status`, { ...options, as: agent, body: { status: step } });
    expect(answer.status).toBe(200);
  }
  return id;
}

async function readTask(id: number, options: Options = {}) {
  return (await send('GET', `/tasks/${id}`, options)).json;
}

describe('POST /tasks', () => {
  it('answers 201 with the whole task', async () => {
    const metadata = { a: 1, nested: { b: [true, null] } };
    const body = { title: 'Test email', kind: 'email', priority: 20, model_tier: 'heavy', description: 'some desc', metadata };

    const { status, json } = await send('POST', '/tasks', { as: 'jared', body });

    expect(status).toBe(201);
    expect(json).toEqual({
      ...body,
      id: expect.any(Number),
      status: 'queued',
      claimed_by: null,
      claimed_at: null,
      completed_at: null,
      result: null,
      created_at: expect.stringMatching(instant),
      updated_at: expect.stringMatching(instant),
    });
  });

  it('fills in what is left out, or null', async () => {
    const { json } = await send('POST', '/tasks', { body: { title: 'Bare', description: null, metadata: null } });

    expect(json).toMatchObject({
      description: null,
      kind: 'general',
      priority: 50,
      model_tier: 'standard',
      status: 'queued',
      metadata: {},
    });
  });

  it('numbers the tasks of an organization from 1, without gaps, however many come at once', async () => {
    const server = await useTestApp();

    const ids = await Promise.all(Array.from({ length: 20 }, () => addTask({}, { server })));

    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it.each([
    ['no body', undefined],
    ['no title', {}],
    ['an empty title', { title: '' }],
    ['a blank title', { title: '  ' }],
    ['a title that is no text', { title: 7 }],
    ['a title of 501 characters', { title: 'x'.repeat(501) }],
    ['an unknown kind', { title: 'x', kind: 'sport' }],
    ['a priority below 0', { title: 'x', priority: -1 }],
    ['a priority above 100', { title: 'x', priority: 101 }],
    ['a priority with a fraction', { title: 'x', priority: 1.5 }],
    ['a priority as text', { title: 'x', priority: '20' }],
    ['an unknown tier', { title: 'x', model_tier: 'huge' }],
    ['a description that is no text', { title: 'x', description: {} }],
    ['metadata that is no object', { title: 'x', metadata: [1] }],
    ['a body that is no object', '[1]'],
    ['a body that is no JSON', '{"title": '],
  ])('answers 400 in its envelope for %s', async (_name, body) => {
    const { status, json } = await send('POST', '/tasks', { body });

    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.any(String) });
  });
});

describe('GET /tasks', () => {
  let server: TestApp;
  const list = async (query: string) => {
    const { status, json } = await send('GET', `/tasks${query}`, { server });
    expect(status).toBe(200);
    return json as { id: number; status: string; claimed_by: string | null }[];
  };
  const numbers = async (query: string) => (await list(query)).map(({ id }) => id);

  beforeAll(async () => {
    server = await startTestApp();
    const priorities = [50, 20, 50, 0, 100, 20];
    for (const priority of priorities) await addTask({ priority }, { server });
  });
  afterAll(() => server.stop());

  it('is a bare array, most urgent first and oldest first within a priority', async () => {
    expect(await numbers('')).toEqual([4, 2, 6, 1, 3, 5]);
  });

  it('takes the page that limit and offset name', async () => {
    expect(await numbers('?limit=2')).toEqual([4, 2]);
    expect(await numbers('?limit=2&offset=3')).toEqual([1, 3]);
    expect(await numbers('?offset=6')).toEqual([]);
  });

  it('lists 20 unless told otherwise', async () => {
    const own = await useTestApp();
    await Promise.all(Array.from({ length: 21 }, () => addTask({}, { server: own })));

    expect((await send('GET', '/tasks', { server: own })).json).toHaveLength(20);
    expect((await send('GET', '/tasks?limit=1000', { server: own })).json).toHaveLength(21);
  });

  it('filters by status, agent, kind and tier, all that are given', async () => {
    const own = await useTestApp();
    const ask = async (query: string) =>
      (await send('GET', `/tasks?${query}`, { server: own })).json.map(({ id }: { id: number }) => id);
    const queued = await addTask({ kind: 'email', model_tier: 'light' }, { server: own });
    const claimed = await taskIn('claimed', 'otter', { server: own });
    const running = await taskIn('running', 'heron', { server: own });
    const done = await taskIn('done', 'otter', { server: own });
    const failed = await taskIn('failed', 'heron', { server: own });

    expect(await ask('status=queued')).toEqual([queued]);
    expect(await ask('status=claimed')).toEqual([claimed]);
    expect(await ask('status=running')).toEqual([running]);
    expect(await ask('status=done')).toEqual([done]);
    expect(await ask('status=failed')).toEqual([failed]);
    expect(await ask('agent=otter')).toEqual([claimed, done]);
    expect(await ask('agent=otter&status=done')).toEqual([done]);
    expect(await ask('agent=nobody')).toEqual([]);
    expect(await ask('kind=email')).toEqual([queued]);
    expect(await ask('kind=email&status=claimed')).toEqual([]);
    expect(await ask('model_tier=light')).toEqual([queued]);
  });

  it('leaves out what is cancelled or blocked, and the tasks of other faces', async () => {
    const own = await useTestApp();
    const client = own.client();
    const [kept, gone, blocked] = [
      await addTask({}, { server: own }),
      await addTask({}, { server: own }),
      await addTask({}, { server: own }),
    ];
    await send('DELETE', `/tasks/${gone}`, { server: own });
    await client.request(TaskSetStatusDocument, {
      input: { taskId: await uuidOf(blocked, own), status: 'BLOCKED', blocker: 'waits for a key' },
    });
    await client.request(TaskCreateDocument, { input: { title: 'by GraphQL' } });
    await send('POST', '/api/coord/tasks', { server: own, body: { title: 'by the coordinator' } });

    for (const query of ['', '?status=queued']) {
      const { json } = await send('GET', `/tasks${query}`, { server: own });
      expect(json.map(({ id }: { id: number }) => id)).toEqual([kept]);
    }
    expect(await readTask(blocked, { server: own })).toMatchObject({
      status: 'queued',
      claimed_by: null,
      metadata: { blocked: 'waits for a key' },
    });
    const claim = await send('POST', `/tasks/${blocked}/claim`, { server: own, as: 'otter' });
    expect(claim).toMatchObject({ status: 409, json: { error: 'Task is blocked: only a queued task can be claimed' } });
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=x',
    'limit=1.5',
    'limit=1001',
    'offset=-1',
    'offset=x',
    'status=paused',
    'status=READY',
  ])('answers 400 for %s', async (query) => {
    const { status, json } = await send('GET', `/tasks?${query}`, { server });

    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.stringContaining(query.split('=', 1)[0] as string) });
  });
});

describe('a number that is none of a task', () => {
  const requests: [string, string, unknown][] = [
    ['GET', '', undefined],
    ['POST', '/claim', undefined],
    ['PATCH', '/status', { status: 'running' }],
    ['POST', '/complete', {}],
    ['DELETE', '', undefined],
  ];
  const ids = ['999999', '0', '-1', '1.0', '01', 'abc', '99999999999999999999', '0190f5a0-0000-7000-8000-000000000000', '1%00'];

  it.each(requests)('is 404 for %s /tasks/:id%s', async (method, path, body) => {
    for (const id of ids) {
      const { status, json } = await send(method, `/tasks/${id}${path}`, { as: 'otter', body });
      expect({ id, status, json }).toEqual({ id, status: 404, json: { error: 'Task not found' } });
    }
  });
});

describe('POST /tasks/:id/claim', () => {
  it('gives the task to the agent that the header names, before the body', async () => {
    const id = await addTask();

    const { status, json } = await send('POST', `/tasks/${id}/claim`, { as: 'otter', body: { agent_id: 'heron' } });

    expect(status).toBe(200);
    expect(json).toMatchObject({ id, status: 'claimed', claimed_by: 'otter', claimed_at: expect.stringMatching(instant) });
  });

  it('gives it to the agent that the body names, when no header does', async () => {
    const id = await addTask();

    const { json } = await send('POST', `/tasks/${id}/claim`, { body: '{"agent_id": "heron"}' });

    expect(json).toMatchObject({ status: 'claimed', claimed_by: 'heron' });
  });

  it('answers 400 when neither names one', async () => {
    const id = await addTask();

    const { status, json } = await send('POST', `/tasks/${id}/claim`);

    expect(status).toBe(400);
    expect(json.error).toContain('X-Agent-ID');
    expect(await readTask(id)).toMatchObject({ status: 'queued' });
  });

  // Several workers share one id: a second claim that succeeded would have the work done twice.
  it('answers 409 to anybody while it is held, also to its holder', async () => {
    const id = await taskIn('claimed', 'otter');

    for (const agent of ['otter', 'heron']) {
      const { status, json } = await send('POST', `/tasks/${id}/claim`, { as: agent });
      expect(status).toBe(409);
      expect(json).toEqual({ error: 'Task already claimed', details: expect.stringMatching(/^otter holds it until .*Z\.$/) });
    }
  });

  it.each(['done', 'failed'])('answers 409 for a task that is %s', async (status) => {
    const id = await taskIn(status, 'otter');

    const answer = await send('POST', `/tasks/${id}/claim`, { as: 'heron' });

    expect(answer).toMatchObject({ status: 409, json: { error: `Task is ${status}: only a queued task can be claimed` } });
  });

  it('has one winner among fifty at once, each with an id of its own', async () => {
    const id = await addTask();

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => send('POST', `/tasks/${id}/claim`, { as: `claimant-${index}` })),
    );

    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(49);
    const winner = answers.find(({ status }) => status === 200);
    expect(await readTask(id)).toEqual(winner?.json);
  });

  it('has one winner among fifty at once that share an id, and registers it once', async () => {
    const server = await useTestApp();
    const id = await addTask({}, { server });

    const answers = await Promise.all(
      Array.from({ length: 50 }, () => send('POST', `/tasks/${id}/claim`, { server, as: 'otter' })),
    );

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await send('GET', '/agents', { server })).json).toMatchObject([{ id: 'otter', last_heartbeat: null }]);
    expect(await server.sql(`select count(*)::int from event where type = 'AgentRegistered'`)).toEqual([{ count: 1 }]);
    expect(await server.sql('select count(*)::int from api_key')).toEqual([{ count: 0 }]);
  });

  it('answers 403 to an agent that an administrator has switched off', async () => {
    const server = await useTestApp();
    const id = await addTask({}, { server });
    await send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } });
    await server.sql(`update actor set status = 'INACTIVE'`);

    const { status, json } = await send('POST', `/tasks/${id}/claim`, { server, as: 'otter' });

    expect(status).toBe(403);
    expect(json.error).toBe('Agent may not claim');
  });
});

describe('PATCH /tasks/:id/status', () => {
  type Answers = Record<string, number>;
  const all = (status: number): Answers => ({ queued: status, claimed: status, running: status, done: status, failed: status });
  const table: Record<string, Record<string, Answers>> = {
    'its holder': {
      queued: { queued: 200, claimed: 200, running: 409, done: 409, failed: 409 },
      claimed: all(200),
      running: { ...all(200), claimed: 409 },
      done: { ...all(409), queued: 200 },
      failed: { ...all(409), queued: 200 },
    },
    'another agent': {
      queued: { queued: 200, claimed: 200, running: 409, done: 409, failed: 409 },
      claimed: all(409),
      running: all(409),
      done: { ...all(409), queued: 200 },
      failed: { ...all(409), queued: 200 },
    },
    'a caller that names no agent': {
      queued: { queued: 200, claimed: 400, running: 409, done: 409, failed: 409 },
      claimed: { ...all(200), claimed: 400 },
      running: { ...all(200), claimed: 400 },
      done: { ...all(409), queued: 200, claimed: 400 },
      failed: { ...all(409), queued: 200, claimed: 400 },
    },
  };
  const callers: Record<string, string | undefined> = { 'its holder': 'otter', 'another agent': 'heron' };
  const rows = Object.entries(table).flatMap(([caller, byStatus]) =>
    Object.entries(byStatus).flatMap(([from, answers]) =>
      Object.entries(answers).map(([to, status]) => [caller, from, to, status] as const),
    ),
  );

  it.each(rows)('by %s: from %s to %s answers %i', async (caller, from, to, expected) => {
    const id = await taskIn(from, 'otter');
    const before = await readTask(id);

    const { status, json } = await send('PATCH', `/tasks/${id}/status`, { as: callers[caller], body: { status: to } });

    expect(status).toBe(expected);
    if (expected === 200) {
      const claimedBy = to === 'queued' ? null : from === 'queued' ? callers[caller] : 'otter';
      expect(json).toMatchObject({ id, status: to, claimed_by: claimedBy });
      expect(json.claimed_at === null).toBe(claimedBy === null);
      expect(json.completed_at === null).toBe(!['done', 'failed'].includes(to));
    } else {
      expect(json).toMatchObject({ error: expect.any(String) });
      expect(await readTask(id)).toEqual(before);
    }
  });

  it.each([[{ status: 'paused' }], [{ status: 'READY' }], [{ status: 7 }], [{}], [undefined]])(
    'answers 400 for the body %j',
    async (body) => {
      const id = await addTask();

      expect((await send('PATCH', `/tasks/${id}/status`, { body })).status).toBe(400);
    },
  );

  it('has a finished task done again: claim, times and result are gone, the fence stays, and an event tells', async () => {
    const server = await useTestApp();
    const id = await taskIn('claimed', 'otter', { server });
    await send('POST', `/tasks/${id}/complete`, { server, as: 'otter', body: { result: { description: 'Done!' } } });

    const { json } = await send('PATCH', `/tasks/${id}/status`, { server, as: 'heron', body: { status: 'queued' } });

    const empty = { claimed_by: null, claimed_at: null, completed_at: null, result: null };
    expect(json).toMatchObject({ status: 'queued', ...empty });
    expect(await server.sql('select fence from task')).toEqual([{ fence: 1 }]);
    expect(await server.sql(`select data ->> 'before' as before from event where type = 'TaskReset'`)).toEqual([
      { before: 'DONE' },
    ]);
    expect((await send('POST', `/tasks/${id}/claim`, { server, as: 'heron' })).status).toBe(200);
  });

  it('moves updated_at with every change', async () => {
    const id = await addTask();
    let last = (await readTask(id)).updated_at;
    for (const status of ['claimed', 'running', 'queued', 'claimed', 'failed']) {
      const { json } = await send('PATCH', `/tasks/${id}/status`, { as: 'otter', body: { status } });
      expect(json.updated_at > last).toBe(true);
      last = json.updated_at;
    }
  });
});

describe('POST /tasks/:id/complete', () => {
  const result = { description: 'Done!', artifacts: ['x.md'] };

  it.each<[string, unknown, unknown]>([
    ['no body', undefined, null],
    ['an empty object', {}, null],
    ['a result that is an object', { result }, result],
    ['a result that is text', { result: 'Done!' }, 'Done!'],
    ['a result that is a list', { result: [1, null, { a: [] }] }, [1, null, { a: [] }]],
    ['a result that is a number', { result: 0 }, 0],
    ['a result of null', { result: null }, null],
  ])('finishes a claimed task with %s', async (_name, body, kept) => {
    const id = await taskIn('claimed', 'otter');

    const { status, json } = await send('POST', `/tasks/${id}/complete`, { as: 'otter', body });

    expect(status).toBe(200);
    expect(json).toMatchObject({ id, status: 'done', claimed_by: 'otter', result: kept });
    expect(json.claimed_at).toMatch(instant);
    expect(json.completed_at).toMatch(instant);
    expect(await readTask(id)).toEqual(json);
  });

  it.each<[string, string | undefined, number, string]>([
    ['queued', 'otter', 409, 'Task is queued and cannot become done'],
    ['queued', undefined, 409, 'Task is queued and cannot become done'],
    ['running', 'otter', 200, ''],
    ['running', undefined, 200, ''],
    ['running', 'heron', 409, 'Task is claimed by another agent'],
    ['done', 'otter', 409, 'Task is done already'],
    ['failed', 'otter', 409, 'Task is failed and cannot become done'],
  ])('of a task that is %s, by %s, answers %i', async (from, as, expected, error) => {
    const id = await taskIn(from, 'otter');

    const { status, json } = await send('POST', `/tasks/${id}/complete`, { as, body: { result } });

    expect(status).toBe(expected);
    if (error) expect(json.error).toBe(error);
  });
});

describe('DELETE /tasks/:id', () => {
  it('answers 204 without a body, and then the task is gone', async () => {
    const id = await addTask();

    const first = await send('DELETE', `/tasks/${id}`);

    expect({ status: first.status, text: first.text }).toEqual({ status: 204, text: '' });
    expect((await send('DELETE', `/tasks/${id}`)).status).toBe(404);
    expect((await send('GET', `/tasks/${id}`)).status).toBe(404);
    expect((await send('POST', `/tasks/${id}/claim`, { as: 'otter' })).status).toBe(404);
    expect((await send('PATCH', `/tasks/${id}/status`, { body: { status: 'queued' } })).status).toBe(404);
  });

  it('answers 204 once and 404 to all others, when many come at once', async () => {
    const id = await addTask();

    const answers = await Promise.all(Array.from({ length: 10 }, () => send('DELETE', `/tasks/${id}`)));

    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(404)]);
  });

  it.each<[string, string | undefined, number]>([
    ['claimed', 'otter', 204],
    ['claimed', 'heron', 409],
    ['running', undefined, 204],
    ['done', 'otter', 409],
    ['failed', undefined, 409],
  ])('of a task that is %s, by %s, answers %i', async (from, as, expected) => {
    const id = await taskIn(from, 'otter');

    expect((await send('DELETE', `/tasks/${id}`, { as })).status).toBe(expected);
  });

  it('lets an agent cancel what it added itself, whoever has claimed it', async () => {
    const id = await addTask({}, { as: 'finch' });
    await send('POST', `/tasks/${id}/claim`, { as: 'otter' });

    expect((await send('DELETE', `/tasks/${id}`, { as: 'finch' })).status).toBe(204);
    const { status, json } = await send('POST', `/tasks/${id}/complete`, { as: 'otter' });
    expect({ status, json }).toEqual({ status: 404, json: { error: 'Task not found' } });
  });
});

describe('agents', () => {
  it('registers an agent by its heartbeat and keeps what it left out the next time', async () => {
    const server = await useTestApp();
    const first = { agent_id: 'otter', host: 'den.example', capabilities: { email: true }, metadata: { zone: 'b' } };

    const registered = await send('POST', '/agents/heartbeat', { server, body: first });
    const again = await send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } });
    const changed = await send('POST', '/agents/heartbeat', {
      server,
      body: { agent_id: 'otter', capabilities: { code: true } },
    });

    const { agent_id: id, ...profile } = first;
    expect(registered.status).toBe(200);
    expect(registered.json).toEqual({ id, ...profile, last_heartbeat: expect.stringMatching(instant) });
    expect(again.json).toMatchObject({ id, ...profile });
    expect(again.json.last_heartbeat > registered.json.last_heartbeat).toBe(true);
    expect(changed.json).toMatchObject({ id, ...profile, capabilities: { code: true } });
    expect((await send('GET', '/agents', { server })).json).toEqual([changed.json]);
    const updates = await server.sql(`select data from event where type = 'AgentUpdated' order by seq`);
    expect(updates).toEqual([
      {
        data: {
          before: { host: null, capabilities: {} },
          after: { host: 'den.example', capabilities: { email: true } },
        },
      },
      { data: { before: { capabilities: { email: true } }, after: { capabilities: { code: true } } } },
    ]);
  });

  // The Python client prints `Host: None` for null; only a key that is not there reads as unknown.
  it('leaves out the host of an agent that has never said it', async () => {
    const { json } = await send('POST', '/agents/heartbeat', { body: { agent_id: uniqueName('hostless') } });

    expect(json).not.toHaveProperty('host');
  });

  it('lists them by id, as a bare array', async () => {
    const server = await useTestApp();
    expect((await send('GET', '/agents', { server })).json).toEqual([]);
    for (const id of ['marten', 'badger', 'heron']) await send('POST', '/agents/heartbeat', { server, body: { agent_id: id } });

    const { status, json } = await send('GET', '/agents', { server });

    expect(status).toBe(200);
    expect(json.map(({ id }: { id: string }) => id)).toEqual(['badger', 'heron', 'marten']);
    expect((await send('GET', '/agents?limit=1&offset=1', { server })).json).toMatchObject([{ id: 'heron' }]);
  });

  it('takes the agent of the body before that of the header, and that of the header when the body names none', async () => {
    const [inBody, inHeader] = [uniqueName('jean'), uniqueName('jared')];

    const both = await send('POST', '/agents/heartbeat', { as: inHeader, body: { agent_id: inBody } });
    const header = await send('POST', '/agents/heartbeat', { as: inHeader });

    expect(both.json.id).toBe(inBody);
    expect(header.json.id).toBe(inHeader);
  });

  it.each([
    ['no agent', undefined],
    ['an empty id', { agent_id: '' }],
    ['an id that is no text', { agent_id: 7 }],
    ['an id of 256 characters', { agent_id: 'x'.repeat(256) }],
    ['capabilities that are no object', { agent_id: 'otter', capabilities: ['email'] }],
    ['a host that is no text', { agent_id: 'otter', host: {} }],
  ])('answers 400 for a heartbeat with %s', async (_name, body) => {
    const { status, json } = await send('POST', '/agents/heartbeat', { body });

    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.any(String) });
  });

  it('is one agent, registered once, when its first heartbeats come at once', async () => {
    const server = await useTestApp();

    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter', host: 'den' } })),
    );

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await send('GET', '/agents', { server })).json).toHaveLength(1);
    const counted = await server.sql('select type, count(*)::int from event group by type order by type');
    expect(counted).toEqual([
      { type: 'AgentHealthChanged', count: 1 },
      { type: 'AgentRegistered', count: 1 },
      { type: 'AgentUpdated', count: 1 },
    ]);
  });
});

describe('a claim', () => {
  it('that is not renewed comes back, and its agent is told so', async () => {
    const server = await useTestApp({ QUEUE_LEASE_SECONDS: '60' });
    const id = await taskIn('running', 'otter', { server });
    await server.elapse(61);

    const late = await send('POST', `/tasks/${id}/complete`, { server, as: 'otter' });

    expect(late.status).toBe(409);
    expect(late.json).toEqual({ error: 'The claim has lapsed', details: expect.stringContaining('queued again') });
    expect(await readTask(id, { server })).toMatchObject({ status: 'queued', claimed_by: null, claimed_at: null });
    expect((await send('GET', '/tasks?status=queued', { server })).json).toMatchObject([{ id }]);
    expect((await send('GET', '/tasks?agent=otter', { server })).json).toEqual([]);
    expect((await send('POST', `/tasks/${id}/claim`, { server, as: 'heron' })).status).toBe(200);
  });

  it('reads as queued before any sweep has come by', async () => {
    const server = await useTestApp({ QUEUE_LEASE_SECONDS: '60' }, { runsClockwork: false });
    const id = await taskIn('claimed', 'otter', { server });
    await server.elapse(61);

    expect(await readTask(id, { server })).toMatchObject({ status: 'queued', claimed_by: null, claimed_at: null });
    expect((await send('GET', '/tasks?status=queued&limit=1', { server })).json).toMatchObject([{ id }]);
    expect((await send('PATCH', `/tasks/${id}/status`, { server, as: 'otter', body: { status: 'running' } })).status).toBe(409);
    expect((await send('POST', `/tasks/${id}/claim`, { server, as: 'otter' })).status).toBe(200);
  });

  it('lasts a day unless configured otherwise', async () => {
    const server = await useTestApp();
    const id = await taskIn('claimed', 'otter', { server });
    await server.elapse(86_000);

    expect((await send('POST', `/tasks/${id}/complete`, { server, as: 'otter' })).status).toBe(200);
  });

  it('lives on by the heartbeats of its agent, with all others of that agent, and of nobody else', async () => {
    const server = await useTestApp({ QUEUE_LEASE_SECONDS: '100' });
    const mine = [await taskIn('claimed', 'otter', { server }), await taskIn('running', 'otter', { server })];
    const other = await taskIn('claimed', 'heron', { server });
    await server.elapse(90);

    await send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } });
    await server.elapse(90);

    for (const id of mine) expect(await readTask(id, { server })).toMatchObject({ claimed_by: 'otter' });
    expect(await readTask(other, { server })).toMatchObject({ status: 'queued' });
  });

  it('that has lapsed is not brought back by a heartbeat', async () => {
    const server = await useTestApp({ QUEUE_LEASE_SECONDS: '60' }, { runsClockwork: false });
    const id = await taskIn('claimed', 'otter', { server });
    await server.elapse(61);

    await send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } });

    expect(await readTask(id, { server })).toMatchObject({ status: 'queued' });
    expect((await send('POST', `/tasks/${id}/complete`, { server, as: 'otter' })).status).toBe(409);
  });

  it('of a task of another face is none of the heartbeat’s business', async () => {
    const server = await useTestApp();
    await send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } });
    const [agent] = await server.sql<{ id: string }>('select id from actor');
    const caller = {};
    const { task } = await mutate<{ task: { id: string } }>(server, caller, 'taskCreate', { title: 'x' }, 'task { id }');
    await mutate(server, caller, 'taskClaim', { taskId: task.id, agentId: agent?.id, leaseSeconds: 60 }, 'task { id }');
    await server.elapse(50);

    await send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } });

    const [row] = await server.sql<{ left: number }>(
      'select extract(epoch from lease_expires_at - now())::float as left from task',
    );
    expect(row?.left).toBeLessThan(15);
  });

  it('goes on while its agent checks in and claims at the same time', async () => {
    const server = await useTestApp();
    const ids = await Promise.all(Array.from({ length: 20 }, () => addTask({}, { server })));

    const answers = await Promise.all(
      ids.flatMap((id) => [
        send('POST', '/agents/heartbeat', { server, body: { agent_id: 'otter' } }),
        send('POST', `/tasks/${id}/claim`, { server, as: 'otter' }).then(() =>
          send('POST', `/tasks/${id}/complete`, { server, as: 'otter' }),
        ),
      ]),
    );

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe('what goes wrong before any rule', () => {
  it.each([
    ['GET', '/tasks/1/nothing', 404],
    ['GET', '/agents/otter', 404],
    ['PUT', '/tasks/1', 405],
    ['POST', '/agents', 405],
    ['PATCH', '/tasks', 405],
  ])('%s %s answers %i in the envelope of the dialect', async (method, path, expected) => {
    const { status, json } = await send(method, path);

    expect(status).toBe(expected);
    expect(json).toEqual({ error: expect.any(String) });
  });

  it('is told apart from a fault for JSON that is broken, deep or huge', async () => {
    const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
    for (const [body, expected] of [
      ['{"title": "x"', 400],
      ['null', 400],
      ['"x"', 400],
      [`{"title": "x", "metadata": ${deep}}`, 400],
      ['{"title": "\\u0000"}', 400],
      ['{"title": "\\ud800"}', 400],
      ['{"title": "x", "metadata": {"__proto__": {}}}', 400],
      [`{"title": "${'x'.repeat(1_100_000)}"}`, 413],
    ] as const) {
      const { status, json } = await send('POST', '/tasks', { body });
      expect({ body: body.slice(0, 40), status }).toEqual({ body: body.slice(0, 40), status: expected });
      expect(json).toEqual({ error: expect.any(String) });
    }
  });

  it('is an agent id that is too long', async () => {
    const id = await addTask();

    expect((await send('POST', `/tasks/${id}/claim`, { as: 'x'.repeat(256) })).status).toBe(400);
  });
});

describe('a client of the wire', () => {
  interface RawAnswer {
    status: number | undefined;
    contentType: string | undefined;
    text: string;
  }

  /** Sends exactly these headers, over a connection that stays open. */
  function raw(agent: Agent, method: string, path: string, headers: Record<string, string>, body = ''): Promise<RawAnswer> {
    const common = {
      'User-Agent': 'python-requests/2.32.3',
      'Accept-Encoding': 'gzip, deflate',
      Accept: '*/*',
      Connection: 'keep-alive',
      'X-Agent-ID': 'jared',
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(`${app.url}${path}`, { method, agent, headers: { ...common, ...headers } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, contentType: response.headers['content-type'], text }));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  it('gets on with the requests of the Python client, byte for byte, on one connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const json = { 'Content-Type': 'application/json' };
    const empty = { 'Content-Length': '0' };
    const email =
      '{"title": "Test email", "kind": "email", "priority": 20, "model_tier": "standard", "description": "some desc", "metadata": {"a": 1}}';
    const bare = '{"title": "Bare", "kind": "general", "priority": 50, "model_tier": "standard"}';
    const first = JSON.parse((await raw(agent, 'POST', '/tasks', json, email)).text).id;
    const second = JSON.parse((await raw(agent, 'POST', '/tasks', json, bare)).text).id;

    const answers = [
      await raw(agent, 'GET', '/tasks?limit=3&status=queued&agent=jared&kind=email', {}),
      await raw(agent, 'GET', '/tasks?limit=20', {}),
      await raw(agent, 'GET', `/tasks/${first}`, {}),
      await raw(agent, 'POST', `/tasks/${first}/claim`, empty),
      await raw(agent, 'PATCH', `/tasks/${first}/status`, json, '{"status": "running"}'),
      await raw(agent, 'POST', `/tasks/${first}/complete`, json, '{"result": {"description": "Done!", "artifacts": ["x.md"]}}'),
      await raw(agent, 'POST', `/tasks/${second}/claim`, empty),
      await raw(agent, 'POST', `/tasks/${second}/complete`, json, '{}'),
      await raw(agent, 'POST', '/agents/heartbeat', json, '{"agent_id": "jared", "capabilities": {"email": true}}'),
      await raw(agent, 'POST', '/agents/heartbeat', json, '{"agent_id": "jean"}'),
      await raw(agent, 'GET', '/agents', {}),
    ];
    const third = await addTask();
    const deleted = await raw(agent, 'DELETE', `/tasks/${third}`, empty);
    agent.destroy();

    for (const { status, contentType, text } of answers) {
      expect({ status, contentType }).toEqual({ status: 200, contentType: expect.stringContaining('application/json') });
      expect(() => JSON.parse(text)).not.toThrow();
    }
    expect(deleted).toMatchObject({ status: 204, text: '' });
    expect(JSON.parse(answers[5]?.text ?? '')).toMatchObject({
      status: 'done',
      result: { description: 'Done!', artifacts: ['x.md'] },
    });
    expect(JSON.parse(answers[9]?.text ?? '')).toMatchObject({ id: 'jean' });
  });

  it('may send JSON under any content type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']) {
      const { status } = await send('POST', '/tasks', { body: '{"title": "x"}', headers: { 'content-type': type } });
      expect({ type, status }).toEqual({ type, status: 201 });
    }
  });

  it('that repeats a request under an idempotency key changes nothing twice', async () => {
    const server = await useTestApp();
    const headers = { 'idempotency-key': 'k1' };
    const body = { title: 'Once' };

    const [first, second] = [
      await send('POST', '/tasks', { server, as: 'otter', headers, body }),
      await send('POST', '/tasks', { server, as: 'otter', headers, body }),
    ];
    const other = await send('POST', '/tasks', { server, as: 'heron', headers, body });

    expect(second.json).toEqual(first.json);
    // Another agent asks for something else, whatever its body says.
    expect(other.status).toBe(409);
    expect((await send('GET', '/tasks', { server })).json).toHaveLength(1);
  });
});

describe('who may call', () => {
  let server: TestApp;
  let otter: { id: string; externalId: string; apiKey: string };
  const claim = (id: number, options: Options) => send('POST', `/tasks/${id}/claim`, { server, ...options });

  beforeAll(async () => {
    server = await startTestApp({ ADMIN_TOKEN: adminToken });
    otter = await seedAgent(server.client({ token: adminToken }), { externalId: 'otter' });
  });
  afterAll(() => server.stop());

  it.each([
    ['GET', '/tasks'],
    ['POST', '/tasks'],
    ['GET', '/tasks/1'],
    ['POST', '/tasks/1/claim'],
    ['PATCH', '/tasks/1/status'],
    ['POST', '/tasks/1/complete'],
    ['DELETE', '/tasks/1'],
    ['GET', '/agents'],
    ['POST', '/agents/heartbeat'],
  ])('%s %s needs a credential where there is an admin token', async (method, path) => {
    const answers = [await send(method, path, { server, as: 'otter' }), await send(method, path, { server, token: 'wrong' })];

    for (const { status, json } of answers) {
      expect(status).toBe(401);
      expect(json).toEqual({ error: expect.any(String) });
    }
  });

  it('takes an agent by its key, whatever it calls itself', async () => {
    const { apiKey: token } = otter;
    const id = await addTask({}, { server, token });

    expect(await claim(id, { token, as: 'heron' })).toMatchObject({ status: 403, json: { error: expect.any(String) } });
    expect(await claim(id, { token, body: { agent_id: 'heron' } })).toMatchObject({ status: 403 });
    expect(await claim(id, { token })).toMatchObject({ status: 200, json: { claimed_by: 'otter' } });
    expect((await send('PATCH', `/tasks/${id}/status`, { server, token, as: 'heron', body: { status: 'running' } })).status).toBe(
      403,
    );
    expect((await send('POST', `/tasks/${id}/complete`, { server, token, as: 'otter' })).status).toBe(200);
    const heartbeat = (agent: string) => send('POST', '/agents/heartbeat', { server, token, body: { agent_id: agent } });
    expect((await heartbeat('heron')).status).toBe(403);
    expect((await heartbeat('otter')).status).toBe(200);
    const { json: agents } = await send('GET', '/agents', { server, token });
    expect(agents.map((agent: { id: string }) => agent.id)).toEqual(['otter']);
  });

  it('lets the admin token name any agent', async () => {
    const id = await addTask({}, { server, token: adminToken });

    const { json } = await claim(id, { token: adminToken, as: 'marten' });

    expect(json).toMatchObject({ claimed_by: 'marten' });
  });

  it('lets a user act for the agents that it owns, new ones included, and for no others', async () => {
    const email = `${uniqueName('member')}@example.org`;
    const password = 'a password of the test alone';
    await mutate(server, { token: adminToken }, 'userCreate', { email, password, name: 'Member', role: 'MEMBER' }, 'user { id }');
    const { token } = await mutate<{ token: string }>(server, {}, 'sessionCreate', { email, password }, 'token');
    const [mine, foreign] = [await addTask({}, { server, token }), await addTask({}, { server, token })];

    expect(await claim(mine, { token, as: 'badger' })).toMatchObject({ status: 200, json: { claimed_by: 'badger' } });
    expect(await claim(foreign, { token, as: 'otter' })).toMatchObject({ status: 403 });
    expect(await claim(foreign, { token })).toMatchObject({ status: 400 });
  });

  it('knows nothing of another organization', async () => {
    await server.sql(`insert into organization (id, slug, name) values (gen_random_uuid(), 'elsewhere', 'Elsewhere')`);
    const there = { server, token: adminToken, headers: { 'x-organization': 'elsewhere' } };
    const here = await addTask({}, { server, token: adminToken });

    expect((await send('GET', `/tasks/${here}`, there)).status).toBe(404);
    expect((await send('POST', `/tasks/${here}/claim`, { ...there, as: 'otter' })).status).toBe(404);
    expect((await send('GET', '/tasks', there)).json).toEqual([]);
    expect((await send('GET', '/agents', there)).json).toEqual([]);
    expect(await addTask({}, there)).toBe(1);
  });

  it('takes the word of a trusted network for who calls, and still heeds a key', async () => {
    const trusting = await useTestApp({ ADMIN_TOKEN: adminToken, QUEUE_AUTH: 'off' });
    const { apiKey: token } = await seedAgent(trusting.client({ token: adminToken }), { externalId: 'otter' });
    const id = await addTask({}, { server: trusting });

    const claimed = await send('POST', `/tasks/${id}/claim`, { server: trusting, as: 'heron' });
    const forged = await send('POST', `/tasks/${id}/complete`, { server: trusting, token, as: 'heron' });

    expect(claimed).toMatchObject({ status: 200, json: { claimed_by: 'heron' } });
    expect(forged.status).toBe(403);
    expect((await rest(trusting, 'GET', '/api/coord/tasks')).status).toBe(401);
  });
});

async function uuidOf(number: number, server: TestApp): Promise<string> {
  const [row] = await server.sql<{ id: string }>('select id from task where number = $1', [number]);
  return row?.id ?? '';
}
