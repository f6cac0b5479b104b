import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { useEmbeddingServer } from '../support/embedding-server.js';
import { type Caller, call } from '../support/graphql-call.js';
import { mutate } from '../support/organization.js';
import { type RestAnswer, rest } from '../support/rest-call.js';
import { uniqueName } from '../support/seed.js';

const token = 'an-admin-token-of-the-test-alone';
const workerKey = 'the-key-that-workers-share';
const admin: Caller = { token };

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: token, TERARCHITECT_WORKER_API_KEY: workerKey });
});

afterAll(() => app.stop());

describe('a runner', () => {
  it('finds what it has indexed, one result for each query, docs beside their scores', async () => {
    const projectId = await createProject({ name: 'Harbour', description: 'Berths for ships.' });
    const docs = ['Berth 7 is too shallow for tankers.', 'The crane is serviced on Mondays.'];

    const indexed = await memory(projectId, 'index', { docs });
    const { status, json } = await memory(projectId, 'retrieve', {
      queries: ['tankers berth', 'zzzz', 'crane'],
      num_to_retrieve: 3,
    });

    expect(indexed).toMatchObject({ status: 200, json: { message: 'Indexed', count: 2 } });
    expect(status).toBe(200);
    expect(json).toEqual({
      results: [
        {
          question: 'tankers berth',
          docs: [docs[0], 'Project: Harbour. Berths for ships.'],
          doc_scores: [expect.any(Number), expect.any(Number)],
        },
        { question: 'zzzz', docs: [], doc_scores: [] },
        { question: 'crane', docs: [docs[1]], doc_scores: [expect.any(Number)] },
      ],
    });
    const [best, second] = json.results[0].doc_scores;
    expect(best <= 1 && best > second && second > 0).toBe(true);
  });

  it('gets what the project is about from an empty memory, and five documents unless it says otherwise', async () => {
    const projectId = await createProject({ name: 'Quay', description: 'Where things begin.' });
    await app.sql('delete from memory_document where project_id = $1', [projectId]);

    const empty = await memory(projectId, 'retrieve', { queries: ['where do things begin'] });
    await memory(projectId, 'index', { docs: Array.from({ length: 60 }, (_, index) => `where things begin, part ${index}`) });

    expect(empty.json.results[0].docs).toEqual(['Project: Quay. Where things begin.']);
    const count = async (asked?: number | null) => {
      const { json } = await memory(projectId, 'retrieve', { queries: ['things'], num_to_retrieve: asked });
      return json.results[0].docs.length;
    };
    expect([await count(), await count(null), await count(1), await count(7), await count(1000)]).toEqual([5, 5, 1, 7, 50]);
  });

  it('may index the same again, and as much at once as a body holds', async () => {
    const projectId = await createProject();
    const docs = Array.from({ length: 250 }, (_, index) => `${'a long lesson '.repeat(500)} number ${index}`);

    const first = await memory(projectId, 'index', { docs });
    const second = await memory(projectId, 'index', { docs });

    expect([first.json, second.json]).toEqual(Array(2).fill({ message: 'Indexed', count: 250 }));
    expect(await documentsOf(projectId)).toHaveLength(251);
  });

  it('loses no document for a character that the database cannot hold, and can delete it as it was sent', async () => {
    const projectId = await createProject();
    const docs = ['output of a tool: \u0000 and \ud800', '   '];

    const indexed = await memory(projectId, 'index', { docs });
    const found = await memory(projectId, 'retrieve', { queries: ['output \u0000 of a \ud800 tool'] });
    const deleted = await memory(projectId, 'delete', { docs });

    expect(indexed.json).toEqual({ message: 'Indexed', count: 1 });
    expect(found.json.results[0].docs).toEqual(['output of a tool: \uFFFD and \uFFFD']);
    expect(deleted.json).toEqual({ message: 'Deleted', count: 1 });
  });

  it('deletes by the exact text, and hears how many there were', async () => {
    const projectId = await createProject();
    await memory(projectId, 'index', { docs: ['one', 'two'] });

    const first = await memory(projectId, 'delete', { docs: ['one', 'One', 'three'] });
    const second = await memory(projectId, 'delete', { docs: ['one'] });

    expect([first.json, second.json]).toEqual([
      { message: 'Deleted', count: 1 },
      { message: 'Deleted', count: 0 },
    ]);
    expect(await documentsOf(projectId)).toEqual([expect.stringMatching(/^Project: /), 'two']);
  });

  it('changes memory once under an idempotency key', async () => {
    const projectId = await createProject();
    const headers = { 'idempotency-key': uniqueName('key') };
    const index = () => memory(projectId, 'index', { docs: ['once'] }, { headers });

    const first = await index();
    await memory(projectId, 'delete', { docs: ['once'] });
    const second = await index();

    expect(second.json).toEqual(first.json);
    expect(await documentsOf(projectId)).toEqual([expect.stringMatching(/^Project: /)]);
  });

  it('is answered by words when the embedding service is away', async () => {
    const service = await useEmbeddingServer(() => [1]);
    service.fails = 500;
    const other = await useTestApp({ EMBEDDING_SERVICE_URL: service.url, EMBEDDING_TIMEOUT_MS: '200' });
    const { project } = await mutate<{ project: { id: string } }>(other, {}, 'projectCreate', { name: 'Pier' }, 'project { id }');
    const path = `/api/projects/${project.id}/memory`;

    const indexed = await rest(other, 'POST', `${path}/index`, { body: { docs: ['gulls on the pier'] } });
    const found = await rest(other, 'POST', `${path}/retrieve`, { body: { queries: ['gulls'] } });

    expect([indexed.status, found.status]).toEqual([200, 200]);
    expect(found.json.results[0].docs).toEqual(['gulls on the pier']);
  });
});

const list = { queries: ['a'], docs: ['a'] };
const unknownId = '0192f0c1-2345-7abc-8def-0123456789ab';
const missingHeader = 'Missing or invalid Authorization header (expected Bearer <token>)';

const refusals: [string, string, number, string, Partial<{ id: string; token: string | null; body: unknown }>][] = [
  ['no queries', 'retrieve', 400, 'queries (list of strings) is required', { body: {} }],
  ['no body', 'retrieve', 400, 'queries (list of strings) is required', { body: '' }],
  ['an empty list of queries', 'retrieve', 400, 'queries (list of strings) is required', { body: { queries: [] } }],
  ['a query that stands alone', 'retrieve', 400, 'queries (list of strings) is required', { body: { queries: 'a' } }],
  ['a query that is no text', 'retrieve', 400, 'queries (list of strings) is required', { body: { queries: ['a', 7] } }],
  ['null for queries', 'retrieve', 400, 'queries (list of strings) is required', { body: { queries: null } }],
  ['too many queries', 'retrieve', 400, 'queries must have at most 50 items', { body: { queries: Array(51).fill('a') } }],
  [
    'no documents to find',
    'retrieve',
    400,
    'num_to_retrieve must be a whole number from 1',
    { body: { ...list, num_to_retrieve: 0 } },
  ],
  [
    'half a document to find',
    'retrieve',
    400,
    'num_to_retrieve must be a whole number from 1',
    { body: { ...list, num_to_retrieve: 1.5 } },
  ],
  ['an unknown project', 'retrieve', 404, 'Project not found', { id: unknownId }],
  ['what is no id', 'retrieve', 404, 'Project not found', { id: 'not-an-id' }],
  ['no token', 'retrieve', 401, missingHeader, { token: null }],
  ['another token', 'retrieve', 401, 'Invalid worker API token', { token: 'another' }],
  ...(['index', 'delete'] as const).flatMap((action): typeof refusals => [
    ['no docs', action, 400, 'docs (list of strings) is required', { body: {} }],
    ['no body', action, 400, 'docs (list of strings) is required', { body: '' }],
    ['an empty list of docs', action, 400, 'docs (list of strings) is required', { body: { docs: [] } }],
    ['blank docs only', action, 400, 'docs (list of strings) is required', { body: { docs: ['', ' \n'] } }],
    ['a doc that stands alone', action, 400, 'docs (list of strings) is required', { body: { docs: 'a' } }],
    ['a doc that is no text', action, 400, 'docs (list of strings) is required', { body: { docs: [{ text: 'a' }] } }],
    [
      'a doc that is too long',
      action,
      400,
      'docs must have at most 100000 characters each',
      { body: { docs: ['a', 'x'.repeat(100_001)] } },
    ],
    ['an unknown project', action, 404, 'Project not found', { id: unknownId }],
    ['what is no id', action, 404, 'Project not found', { id: "1' or '1'='1" }],
    ['no token', action, 401, missingHeader, { token: null }],
    ['another token', action, 401, 'Invalid worker API token', { token: 'another' }],
  ]),
];

describe('memory over REST refuses', () => {
  it.each(refusals)('%s: %s answers %i %s', async (_what, action, status, error, { id, body = list, ...request }) => {
    const projectId = id ?? (await createProject());

    const answer = await memory(encodeURIComponent(projectId), action, body, request);

    expect(answer).toMatchObject({ status, json: { error } });
    expect(answer.json).toEqual({ error });
    if (id === undefined) expect(await documentsOf(projectId)).toHaveLength(1);
  });

  it('what is not JSON', async () => {
    const answer = await memory(await createProject(), 'index', '{"docs": [');

    expect(answer).toMatchObject({ status: 400, json: { error: 'The request body is not valid JSON.' } });
  });

  it('a project of another organization, and one that was deleted', async () => {
    const slug = uniqueName('elsewhere');
    await mutate(app, admin, 'organizationCreate', { slug, name: slug }, '__typename');
    const elsewhere = { token, organization: slug };
    const theirs = await mutate<{ project: { id: string } }>(
      app,
      elsewhere,
      'projectCreate',
      { name: 'Theirs' },
      'project { id }',
    );
    const deleted = await createProject();
    await app.sql('update project set deleted_at = now() where id = $1', [deleted]);

    for (const id of [theirs.project.id, deleted]) {
      for (const action of ['retrieve', 'index', 'delete']) {
        expect(await memory(id, action, list)).toMatchObject({ status: 404, json: { error: 'Project not found' } });
      }
    }
  });
});

it('a runner that asks before anything was remembered learns what the project is about, whatever it asks', async () => {
  const projectId = await createProject({ name: 'Quay', description: 'Where ships wait.' });

  const { json } = await memory(projectId, 'retrieve', { queries: ['how are tests run?', 'ships'] });

  const docs = ['Project: Quay. Where ships wait.'];
  expect(json.results).toEqual([
    { question: 'how are tests run?', docs, doc_scores: [0] },
    { question: 'ships', docs, doc_scores: [expect.any(Number)] },
  ]);
});

it('what a runner indexes is what GraphQL finds', async () => {
  const projectId = await createProject();
  await memory(projectId, 'index', { docs: ['Lanterns burn whale oil.'] });

  const query = 'query ($id: ID!) { memorySearch(projectId: $id, queries: ["whale"]) { hits { document { body } } } }';
  const { data } = await call(app.url, admin, query, { id: projectId });

  expect(data).toEqual({ memorySearch: [{ hits: [{ document: { body: 'Lanterns burn whale oil.' } }] }] });
});

async function createProject(input: object = {}): Promise<string> {
  const about = { name: uniqueName('xylophone'), ...input };
  const { project } = await mutate<{ project: { id: string } }>(app, admin, 'projectCreate', about, 'project { id }');
  return project.id;
}

function memory(
  projectId: string,
  action: string,
  body: unknown,
  { token: given = workerKey, headers }: { token?: string | null; headers?: Record<string, string> } = {},
): Promise<RestAnswer> {
  return rest(app, 'POST', `/api/projects/${projectId}/memory/${action}`, {
    token: given ?? undefined,
    body,
    ...(headers && { headers }),
  });
}

async function documentsOf(projectId: string): Promise<string[]> {
  const rows = await app.sql<{ body: string }>('select body from memory_document where project_id = $1 order by id', [projectId]);
  return rows.map(({ body }) => body);
}
