import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { type RestAnswer, type RestRequest, rest } from '../support/rest-call.js';
import { seedTask, uniqueName } from '../support/seed.js';
import { countRows } from '../support/table-rows.js';

const unknownId = '01990000-0000-7000-8000-000000000000';
const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

function send(method: string, path: string, body?: RestRequest['body']): Promise<RestAnswer> {
  return rest(app, method, path, body === undefined ? {} : { body });
}

/** Creates something; answers it. */
async function create(path: string, body: object = {}) {
  const { status, json, text } = await send('POST', path, body);
  if (status !== 201) throw new Error(`not created: ${text}`);
  return json;
}

/** A project whose agents can run, without the ticket that has it set up. */
function createProject(body: object = {}) {
  const runnable = { github_url: 'https://example.org/repository.git', is_existing_repo: true };
  return create('/api/projects', { name: uniqueName('project'), ...runnable, ...body });
}

describe('projects', () => {
  it('begin with a board, an empty graph and a ticket that has them set up', async () => {
    const project = await create('/api/projects', {});

    expect(project).toEqual({
      id: expect.any(String),
      name: 'Untitled Project',
      description: null,
      project_path: null,
      github_url: null,
      execution_mode: 'docker',
      is_existing_repo: false,
      created_at: instant,
      updated_at: instant,
    });
    expect((await send('GET', `/api/projects/${project.id}/kanban`)).json).toMatchObject({
      columns: [
        { id: 'backlog', title: 'Backlog', order: 0 },
        { id: 'in_progress', title: 'In Progress', order: 1 },
        { id: 'in_review', title: 'In Review', order: 2 },
        { id: 'done', title: 'Done', order: 3 },
      ],
    });
    expect((await send('GET', `/api/projects/${project.id}/graph`)).json).toEqual({
      id: project.id,
      project_id: project.id,
      nodes: [],
      edges: [],
      version: 1,
    });
    expect((await send('GET', `/api/projects/${project.id}/tickets`)).json).toMatchObject([
      { title: 'Project setup', column_id: 'backlog', associated_node_ids: ['*'], associated_edge_ids: ['*'], status: 'todo' },
    ]);
  });

  it.each([
    [{ is_existing_repo: true }, 0],
    [{ is_existing_repo: false }, 1],
    [{ is_existing_repo: 'true' }, 1],
    [{ is_existing_repo: null }, 1],
  ])('have a ticket that has them set up unless the repository exists: %o', async (body, tickets) => {
    const { id } = await create('/api/projects', body);

    expect((await send('GET', `/api/projects/${id}/tickets`)).json).toHaveLength(tickets);
  });

  it.each([
    [
      { execution_mode: 'local', project_path: '/srv/work' },
      { execution_mode: 'local', project_path: '/srv/work' },
    ],
    [{ execution_mode: 'kubernetes' }, { execution_mode: 'docker' }],
    [
      { name: ' ', github_url: '', project_path: '  ', description: null },
      { name: 'Untitled Project', github_url: null },
    ],
  ])('are created as boards say it: %o', async (body, expected) => {
    expect(await create('/api/projects', body)).toMatchObject(expected);
  });

  it('are listed, shown, changed and deleted', async () => {
    const { id, name } = await createProject({ description: 'old' });
    const path = `/api/projects/${id}`;

    const put = await send('PUT', path, { description: null, github_url: '', execution_mode: 'local', project_path: '/srv' });
    const shown = await send('GET', path.toUpperCase().replace('/API/PROJECTS', '/api/projects'));

    expect(put).toMatchObject({ status: 200, json: { name, description: null, github_url: null, execution_mode: 'local' } });
    expect(shown.json).toEqual(put.json);
    expect((await send('GET', '/api/projects')).json).toContainEqual(put.json);
    for (const body of ['', {}, { confirm_name: '' }, { confirm_name: `${name}!` }, { confirm_name: null }]) {
      const refused = await send('DELETE', path, body);
      expect(refused).toMatchObject({ status: 400, json: { error: expect.stringContaining('name') } });
    }
    expect(await send('DELETE', path, { confirm_name: name })).toMatchObject({
      status: 200,
      json: { message: 'Project deleted' },
    });
    expect((await send('GET', '/api/projects')).text).not.toContain(id);
  });

  it('that are gone are gone with all that was on them', async () => {
    const { id, name } = await createProject();
    const ticket = await create(`/api/projects/${id}/tickets`, { title: 'running', column_id: 'in_progress' });
    const note = await create(`/api/projects/${id}/notes`, { title: 'note' });
    await send('DELETE', `/api/projects/${id}`, { confirm_name: name });

    for (const path of ['', '/graph', '/kanban', '/tickets', `/tickets/${ticket.id}`, '/notes', `/notes/${note.id}`]) {
      const answer = await send('GET', `/api/projects/${id}${path}`);
      expect(answer, path).toMatchObject({ status: 404, json: { error: 'Project not found' } });
    }
    const jobs = await app.sql('select status from job where project_id = $1', [id]);
    expect(jobs).toEqual([{ status: 'FAILED' }]);
  });
});

describe('the graph', () => {
  it('is replaced in what is given, and says its new version', async () => {
    const path = `/api/projects/${(await createProject()).id}/graph`;
    const [nodes, edges] = [[{ id: 'api', data: { label: 'API' } }], [{ id: 'e', source: 'api', target: 'db' }]];

    const first = await send('PUT', path, { nodes, edges });
    const second = await send('PUT', path, { nodes: null });
    const third = await send('PUT', path, '');

    expect([first, second, third].map(({ status, json }) => [status, json])).toEqual([
      [200, { version: 2 }],
      [200, { version: 3 }],
      [200, { version: 4 }],
    ]);
    expect((await send('GET', path)).json).toMatchObject({ nodes: [], edges, version: 4 });
  });
});

describe('the board', () => {
  it('has the columns that it is given, and keeps them when none are', async () => {
    const path = `/api/projects/${(await createProject()).id}/kanban`;
    const columns = [
      { id: 'ideas', title: 'Ideas', order: 0 },
      { id: 'in_progress', title: 'Doing', order: 1 },
    ];

    expect(await send('PUT', path, { columns })).toMatchObject({ status: 200, json: { columns } });
    expect(await send('PUT', path, {})).toMatchObject({ status: 200, json: { columns } });
    expect((await send('GET', path)).json).toMatchObject({ columns });
    expect(await send('PUT', path, { columns: null })).toMatchObject({ status: 200, json: { columns: [] } });
  });
});

describe('notes', () => {
  it.each(['PATCH', 'PUT'])('are written, listed, shown, changed by %s and deleted', async (method) => {
    const { id: project_id } = await createProject();
    const path = `/api/projects/${project_id}/notes`;

    const note = await create(path, { title: 'Keys', content: 'In the vault.', node_ids: 'api, db', edge_ids: ['e'] });
    const changed = await send(method, `${path}/${note.id}`, { content: 'Moved.', node_ids: null });

    const expected = { id: note.id, project_id, title: 'Keys', edge_ids: ['e'], created_at: instant, updated_at: instant };
    expect(note).toEqual({ ...expected, content: 'In the vault.', node_ids: ['api', 'db'] });
    expect(changed).toMatchObject({ status: 200, json: { ...expected, content: 'Moved.', node_ids: [] } });
    expect((await send('GET', path)).json).toEqual([changed.json]);
    expect((await send('GET', `${path}/${note.id}`)).json).toEqual(changed.json);
    expect(await send('DELETE', `${path}/${note.id}`)).toMatchObject({ status: 200, json: { message: 'Note deleted' } });
    expect(await send('DELETE', `${path}/${note.id}`)).toMatchObject({ status: 404, json: { error: 'Note not found' } });
  });

  it('may say nothing yet', async () => {
    expect(await create(`/api/projects/${(await createProject()).id}/notes`, {})).toMatchObject({ title: '', content: '' });
  });
});

describe('tickets', () => {
  it('are created with what boards leave out, and read back as they were written', async () => {
    const { id: project_id } = await createProject();
    const path = `/api/projects/${project_id}/tickets`;

    const plain = await create(path, { title: 'Plain', column_id: 'backlog' });
    const full = await create(path, {
      title: 'Full',
      column_id: 'ideas',
      description: 'What for',
      associated_node_ids: ['api'],
      associated_edge_ids: null,
      priority: 'Urgent',
      status: 'thinking',
    });

    expect(plain).toEqual({
      id: expect.any(String),
      project_id,
      column_id: 'backlog',
      title: 'Plain',
      description: null,
      associated_node_ids: [],
      associated_edge_ids: [],
      priority: 'medium',
      status: 'todo',
      created_at: instant,
      updated_at: instant,
      pr_url: null,
      pr_number: null,
    });
    expect(full).toMatchObject({ column_id: 'ideas', associated_node_ids: ['api'], priority: 'Urgent', status: 'thinking' });
    expect((await send('GET', path)).json).toEqual([plain, full]);
    expect((await send('GET', `${path}/${full.id}`)).json).toEqual(full);
  });

  it('are changed in what is given; null clears', async () => {
    const { id } = await createProject();
    const ticket = await create(`/api/projects/${id}/tickets`, { title: 'a', column_id: 'backlog', description: 'b' });

    const { status, json } = await send('PATCH', `/api/projects/${id}/tickets/${ticket.id}`, {
      title: 'c',
      description: null,
      status: 'completed',
      priority: 'low',
    });

    expect(status).toBe(200);
    expect(json).toEqual({
      ...ticket,
      title: 'c',
      description: null,
      status: 'completed',
      priority: 'low',
      updated_at: expect.any(String),
    });
    expect(json.updated_at > ticket.updated_at).toBe(true);
  });

  it.each([
    ['in_review', 'completed'],
    ['done', 'completed'],
    ['ideas', 'todo'],
    ['in_progress', 'todo'],
  ])('move to %s, where they are %s, and back', async (column_id, status) => {
    const { id } = await createProject();
    const { id: ticketId } = await create(`/api/projects/${id}/tickets`, { title: 'a', column_id: 'backlog' });
    const path = `/api/projects/${id}/tickets/${ticketId}`;

    expect((await send('PATCH', path, { column_id })).json).toMatchObject({ column_id, status });
    expect((await send('PATCH', path, { column_id: 'backlog' })).json).toMatchObject({ column_id: 'backlog', status: 'todo' });
  });

  it('are run once for each time that they enter in_progress', async () => {
    const { id } = await createProject();
    const { id: ticketId } = await create(`/api/projects/${id}/tickets`, { title: 'a', column_id: 'in_progress' });
    const path = `/api/projects/${id}/tickets/${ticketId}`;
    const jobs = async () => (await app.sql('select id from job where task_id = $1', [ticketId])).length;

    const atFirst = await jobs();
    await send('PATCH', path, { column_id: 'in_progress' });
    await send('PATCH', path, { column_id: 'backlog' });
    await send('PATCH', path, { column_id: 'in_progress' });
    const whilePending = await jobs();
    await app.sql(`update job set status = 'COMPLETED', finished_at = now() where task_id = $1`, [ticketId]);
    await send('PATCH', path, { column_id: 'backlog' });
    await send('PATCH', path, { column_id: 'in_progress' });

    expect([atFirst, whilePending, await jobs()]).toEqual([1, 1, 2]);
  });

  it.each([
    ['docker', { github_url: null }, 'repoUrl'],
    ['local', { execution_mode: 'local', project_path: null }, 'projectPath'],
  ])('are not run by %s agents that have nothing to work on, and nothing is written', async (_mode, project, missing) => {
    const { id } = await createProject(project);
    const path = `/api/projects/${id}/tickets`;
    const ticket = await create(path, { title: 'a', column_id: 'backlog' });
    const rows = await countRows(app);

    const moved = await send('PATCH', `${path}/${ticket.id}`, { column_id: 'in_progress', title: 'b' });
    const created = await send('POST', path, { title: 'c', column_id: 'in_progress' });

    for (const answer of [moved, created]) {
      expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining(missing) } });
    }
    expect(await countRows(app)).toEqual(rows);
    expect((await send('GET', path)).json).toEqual([ticket]);
  });

  it('show the newest pull request of theirs', async () => {
    const { id } = await createProject();
    const ticket = await create(`/api/projects/${id}/tickets`, { title: 'a', column_id: 'in_review' });
    for (const number of [7, 8]) {
      await app.sql(
        `insert into pull_request (id, organization_id, task_id, url, number)
         select $2, organization_id, id, 'https://example.org/pull/' || $3, $3::int from task where id = $1`,
        [ticket.id, `0199000${number}-0000-7000-8000-000000000000`, number],
      );
    }

    const { json } = await send('GET', `/api/projects/${id}/tickets/${ticket.id}`);

    expect(json).toMatchObject({ pr_url: 'https://example.org/pull/8', pr_number: 8 });
    expect((await send('GET', `/api/projects/${id}/tickets`)).json).toEqual([json]);
  });

  it('are asked to stop, as often as somebody likes', async () => {
    const { id } = await createProject();
    const ticket = await create(`/api/projects/${id}/tickets`, { title: 'a', column_id: 'in_progress' });
    const path = `/api/projects/${id}/tickets/${ticket.id}/cancel`;

    for (let times = 0; times < 2; times += 1) {
      expect(await send('POST', path)).toMatchObject({ status: 200, json: { message: 'Cancellation requested' } });
    }
    const [row] = await app.sql('select cancel_requested_at is not null as asked from task where id = $1', [ticket.id]);
    expect(row).toEqual({ asked: true });
  });

  it('that are deleted are gone for everybody, also for coordinators', async () => {
    const { id } = await createProject();
    const ticket = await create(`/api/projects/${id}/tickets`, { title: 'a', column_id: 'in_progress' });
    const path = `/api/projects/${id}/tickets/${ticket.id}`;

    expect(await send('DELETE', path)).toMatchObject({ status: 200, json: { message: 'Ticket deleted' } });

    for (const [method, suffix] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
    ] as const) {
      const answer = await send(method, `${path}${suffix}`);
      expect(answer, method).toMatchObject({ status: 404, json: { error: 'Ticket not found' } });
    }
    expect((await send('GET', `/api/projects/${id}/tickets`)).json).toEqual([]);
    expect(await app.sql('select status from job where task_id = $1', [ticket.id])).toEqual([{ status: 'FAILED' }]);
  });

  it('of other faces and other projects are none here', async () => {
    const [{ id }, { id: otherId }] = [await createProject(), await createProject()];
    const ticket = await create(`/api/projects/${otherId}/tickets`, { title: 'a', column_id: 'backlog' });
    const task = await seedTask(app.client(), { projectId: id });

    for (const taskId of [ticket.id, task.id]) {
      expect(await send('GET', `/api/projects/${id}/tickets/${taskId}`)).toMatchObject({ status: 404 });
      expect(await send('PATCH', `/api/projects/${id}/tickets/${taskId}`, { title: 'b' })).toMatchObject({ status: 404 });
    }
    expect((await send('GET', `/api/projects/${id}/tickets`)).json).toEqual([]);
  });

  it('are changed once by requests that are sent again', async () => {
    const { id } = await createProject();
    const request = { headers: { 'idempotency-key': uniqueName('key') }, body: { title: 'a', column_id: 'in_progress' } };

    const answers = await Promise.all(Array.from({ length: 5 }, () => rest(app, 'POST', `/api/projects/${id}/tickets`, request)));

    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await send('GET', `/api/projects/${id}/tickets`)).json).toHaveLength(1);
  });
});

describe('a request that fits nothing', () => {
  const endpoints = [
    ['GET', '', 'Project not found'],
    ['PUT', '', 'Project not found'],
    ['DELETE', '', 'Project not found'],
    ['GET', '/graph', 'Project not found'],
    ['PUT', '/graph', 'Project not found'],
    ['GET', '/kanban', 'Project not found'],
    ['PUT', '/kanban', 'Project not found'],
    ['GET', '/notes', 'Project not found'],
    ['POST', '/notes', 'Project not found'],
    ['GET', '/notes/:id', 'Note not found'],
    ['PATCH', '/notes/:id', 'Note not found'],
    ['DELETE', '/notes/:id', 'Note not found'],
    ['GET', '/tickets', 'Project not found'],
    ['POST', '/tickets', 'Project not found'],
    ['GET', '/tickets/:id', 'Ticket not found'],
    ['PATCH', '/tickets/:id', 'Ticket not found'],
    ['DELETE', '/tickets/:id', 'Ticket not found'],
    ['POST', '/tickets/:id/cancel', 'Ticket not found'],
  ] as const;

  it.each(endpoints)('names nothing by an id that is none, or of nothing: %s %s', async (method, path, error) => {
    const { id } = await createProject();
    const body = method === 'GET' ? undefined : { title: 'a', column_id: 'backlog', columns: [] };

    for (const bad of [unknownId, '7', 'not-an-id', `${unknownId}0`, '%00']) {
      const nowhere = await send(method, `/api/projects/${bad}${path.replace(':id', unknownId)}`, body);
      expect(nowhere, bad).toMatchObject({ status: 404, json: { error: 'Project not found' } });
      if (!path.includes(':id')) continue;
      const here = await send(method, `/api/projects/${id}${path.replace(':id', bad)}`, body);
      expect(here, bad).toMatchObject({ status: 404, json: { error } });
    }
  });

  it.each([
    ['POST', '/tickets', {}, 'title'],
    ['POST', '/tickets', { title: 'a' }, 'column_id'],
    ['POST', '/tickets', { column_id: 'backlog' }, 'title'],
    ['POST', '/tickets', { title: ' ', column_id: 'backlog' }, 'title'],
    ['POST', '/tickets', { title: 'a', column_id: 'backlog', associated_node_ids: 'api' }, 'associated_node_ids'],
    ['POST', '/tickets', { title: 'a', column_id: 'x'.repeat(101) }, 'column_id'],
    ['POST', '/tickets', { title: '\ud800', column_id: 'backlog' }, 'title'],
    ['POST', '/notes', { title: 7 }, 'title'],
    ['POST', '/notes', { node_ids: [1] }, 'node_ids'],
    ['PUT', '', { name: '' }, 'name'],
    ['PUT', '', { name: 'x'.repeat(201) }, 'name'],
    ['PUT', '/graph', { nodes: ['api'] }, 'nodes'],
    ['PUT', '/graph', { edges: 'all' }, 'edges'],
    ['PUT', '/kanban', { columns: [{ id: 'a' }] }, 'columns'],
    [
      'PUT',
      '/kanban',
      {
        columns: [
          { id: 'a', title: 'A', order: 0 },
          { id: 'a', title: 'B', order: 1 },
        ],
      },
      'columns',
    ],
    ['PUT', '/kanban', '{"columns": ', 'JSON'],
    ['POST', '/tickets', '[]', 'JSON'],
  ])('is refused, and writes nothing: %s %s %j', async (method, path, body, says) => {
    const { id } = await createProject();
    const rows = await countRows(app);

    const { status, json } = await send(method, `/api/projects/${id}${path}`, body);

    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.stringContaining(says) });
    expect(await countRows(app)).toEqual(rows);
  });

  it.each([
    ['GET', '/api/projects/nothing/at/all', 404],
    ['PATCH', '/api/projects', 405],
    ['GET', '/api/settings/nothing', 404],
  ])('is answered in the words of the dialect: %s %s', async (method, path, status) => {
    expect(await send(method, path)).toMatchObject({ status, json: { error: expect.any(String) } });
  });
});
