import { createHash } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startTestApp, type TestApp, useTestApp } from './support/app.js';
import { type EmbeddingServer, useEmbeddingServer } from './support/embedding-server.js';
import { type Answer, type Caller, call, codesOf } from './support/graphql-call.js';
import { mutate } from './support/organization.js';
import { createTestDatabase } from './support/postgres.js';
import { uniqueName } from './support/seed.js';

const token = 'an-admin-token-of-the-test-alone';
const admin: Caller = { token };

/** What agents of a small team have remembered; the keys are how the tests speak of them. */
const corpus = {
  lease:
    'A claimed task is held under a lease. Without a heartbeat the lease lapses, and the task goes back to READY for others.',
  deploy: 'Deploying: push a tag, wait until the pipeline has built the image, then run `helm upgrade` in the cluster.',
  password:
    'We hash passwords with scrypt and never log them. Sessions are opaque tokens in an HttpOnly cookie that end after 72 hours.',
  claimNext:
    'TaskService.taskClaimNext walks a partial index with FOR UPDATE SKIP LOCKED, see src/features/tasks/sql/claim.sql.ts.',
  flaky: 'The browser test of the dashboard was flaky because it slept for a second; it waits for the websocket message now.',
  colors: 'The design uses a dark theme: teal for people, amber for agents. Contrast was checked against WCAG AA.',
  billing: 'Invoices are sent on the first of each month. The billing service rounds to cents after adding the tax.',
  german: 'Die Bereitstellung läuft über die Pipeline: Jede Änderung wird zuerst auf der Testumgebung geprüft.',
  russian: 'Аутентификация пользователей сделана через внешний сервис, ключи хранятся в зашифрованном виде.',
  chinese: '分布式系统的缓存策略：先写数据库，再删除缓存，避免数据不一致。',
  timeout: 'ECONNRESET from the registry on CI: npm retries three times, then the job fails. Set fetch-retries to 5.',
};

type Name = keyof typeof corpus;

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: token });
});

afterAll(() => app.stop());

describe('a search of memory', () => {
  let projectId: string;

  beforeAll(async () => {
    projectId = await createProject(app);
    await index(app, projectId, Object.values(corpus));
  });

  it.each([
    ['a question', 'What happens when an agent does not send heartbeats for its task?', 'lease'],
    ['other forms of the words', 'how is a deployment of new images done', 'deploy'],
    [
      'a word among many that say nothing',
      'I would like to know what we have decided about the passwords of our users',
      'password',
    ],
    ['a name of code', 'taskClaimNext', 'claimNext'],
    ['the same name, written otherwise', 'task_claim_next', 'claimNext'],
    ['a part of a name', 'where is ClaimNext implemented', 'claimNext'],
    ['a file', 'claim.sql.ts', 'claimNext'],
    ['an error code', 'npm ECONNRESET', 'timeout'],
    ['misspelt words', 'flakey dashbord tset', 'flaky'],
    ['a misspelt name', 'scrpyt', 'password'],
    ['the beginning of a word', 'contr', 'colors'],
    ['German, inflected', 'Wie werden Änderungen geprüft?', 'german'],
    ['German without its accents', 'laeuft bereitstellungen uber anderung', 'german'],
    ['Russian', 'как работает аутентификация?', 'russian'],
    ['Russian, misspelt', 'аутентфикация', 'russian'],
    ['Chinese', '缓存和数据库', 'chinese'],
  ] satisfies [string, string, Name][])('finds the right document first by %s', async (_what, query, expected) => {
    const [hits] = await search(app, projectId, [query]);

    expect(hits?.[0]?.document.body).toBe(corpus[expected]);
  });

  it('answers each query on its own, in their order, with at most the hits asked for', async () => {
    const queries = ['helm upgrade', 'zzzzqqqq', 'helm upgrade', 'the task of the agents'];

    const { data } = await ask(app, admin, projectId, queries, 2);

    const results = data?.memorySearch as { query: string; hits: Hit[] }[];
    expect(results.map(({ query }) => query)).toEqual(queries);
    expect(results.map(({ hits }) => hits.length)).toEqual([1, 0, 1, 2]);
    expect(results[2]).toEqual(results[0]);
  });

  it('gives scores from 0 to 1, best first and no document twice, whatever is asked', async () => {
    const vocabulary = Object.values(corpus).flatMap((body) => body.split(' '));
    const query = fc.oneof(
      fc.array(fc.constantFrom(...vocabulary), { maxLength: 12 }).map((words) => words.join(' ')),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
    );

    await fc.assert(
      fc.asyncProperty(
        fc.array(query, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        async (queries, limit) => {
          const results = await search(app, projectId, queries, limit);

          expect(results).toHaveLength(queries.length);
          for (const hits of results) {
            const scores = hits.map(({ score }) => score);
            expect(scores.every((score) => score > 0 && score <= 1)).toBe(true);
            expect(scores).toEqual([...scores].sort((one, other) => other - one));
            expect(new Set(hits.map(({ document }) => document.id)).size).toBe(hits.length);
            expect(hits.length).toBeLessThanOrEqual(limit);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([
    ['operators of the search language', `lease & ! ( | <-> :* 'task' \\ "quoted" -not OR AND`],
    ['quotes and comments of SQL', `'; drop table memory_document; -- "lease" $1 $$ /* */`],
    ['wildcards and patterns', '%_lease.*[a-z]+(('],
    ['blanks', ' \t\n'],
    ['nothing', ''],
    ['emoji and combining marks', '👩‍💻 lease e\u0301\u0301\u0301 ﷽ ½ ２'],
    ['a hundred kilobytes of words', 'lease heartbeat '.repeat(6400)],
    ['a hundred kilobytes without a blank', 'x'.repeat(102_400)],
    ['thousands of different words', Array.from({ length: 9000 }, (_, index) => `word${index}`).join(' ')],
  ])('takes %s for text', async (_what, query) => {
    const answer = await ask(app, admin, projectId, [query]);

    expect(answer.status).toBe(200);
    expect(codesOf(answer)).toEqual([]);
    const [hits = []] = hitsOf(answer);
    expect(hits.length > 0).toBe(/lease/.test(query));
    expect(await countDocuments(projectId)).toBe(Object.keys(corpus).length + 1);
  });

  it.each([
    ['no queries', { queries: [], limit: 5 }, 'queries'],
    ['U+0000', { queries: ['lease\u0000'], limit: 5 }, 'queries'],
    ['too many queries', { queries: Array(51).fill('lease'), limit: 5 }, 'queries'],
    ['no hits', { queries: ['lease'], limit: 0 }, 'limit'],
    ['too many hits', { queries: ['lease'], limit: 51 }, 'limit'],
  ])('refuses %s', async (_what, variables, field) => {
    const answer = await ask(app, admin, projectId, variables.queries, variables.limit);

    expect(codesOf(answer)).toEqual(['VALIDATION_FAILED']);
    expect(answer.errors[0]?.message).toContain(field);
  });
});

describe('what a project remembers', () => {
  it('is its own: no other project finds it, nor another organization', async () => {
    const secret = `the codeword is ${uniqueName('swordfish')}`;
    const [mine, other] = [await createProject(app), await createProject(app)];
    await index(app, mine, [secret]);
    const slug = uniqueName('elsewhere');
    await mutate(app, admin, 'organizationCreate', { slug, name: slug }, '__typename');

    expect(await bodies(app, mine, 'codeword')).toEqual([secret]);
    expect(await bodies(app, other, 'codeword')).not.toContain(secret);
    const stranger = await ask(app, { token, organization: slug }, mine, ['codeword']);
    expect(codesOf(stranger)).toEqual(['PROJECT_NOT_FOUND']);
  });

  it('is there once, however often and by however many it is indexed at once', async () => {
    const projectId = await createProject(app);
    const texts = Array.from({ length: 20 }, (_, index) => `lesson number ${index} about leases`);

    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index_) => index(app, projectId, index_ % 2 ? texts : texts.toReversed())),
    );

    expect(await countDocuments(projectId)).toBe(21);
    for (const ids of answers) expect([...ids].sort()).toEqual([...(answers[0] ?? [])].sort());
    const events = await app.sql<{ count: number }>(
      `select (data->>'count')::int as count from event where type = 'MemoryIndexed' and project_id = $1`,
      [projectId],
    );
    expect(events.reduce((sum, { count }) => sum + count, 0)).toBe(21);
  });

  it('is kept exactly as written, and told from what differs in a blank', async () => {
    const projectId = await createProject(app);
    const text = '  two\tblanks, a line\r\nand an é ';

    await index(app, projectId, [text, text.trim(), text]);

    const found = await bodies(app, projectId, 'blanks');
    expect(found.toSorted()).toEqual([text, text.trim()].toSorted());
  });

  it('is forgotten by its exact text, and tells so once', async () => {
    const projectId = await createProject(app);
    const [kept, gone] = ['the moon is made of rock', 'the moon is made of cheese'];
    const [, goneId] = await index(app, projectId, [kept, gone]);

    const first = await forget(projectId, [gone, 'never heard of']);
    const second = await forget(projectId, [gone]);

    expect(first).toEqual([goneId]);
    expect(second).toEqual([]);
    expect(await bodies(app, projectId, 'moon cheese')).toEqual([kept]);
    const events = await app.sql(`select data from event where type = 'MemoryDeleted' and project_id = $1`, [projectId]);
    expect(events).toEqual([{ data: { count: 1, documentIds: [goneId] } }]);
  });

  it('begins with what the project is about', async () => {
    const projectId = await createProject(app, { name: 'Lighthouse', description: 'Guides ships at night.' });

    const { data } = await call(app.url, admin, `query ($id: ID!) { project(id: $id) { memory { nodes { body } } } }`, {
      id: projectId,
    });

    expect(data).toEqual({ project: { memory: { nodes: [{ body: 'Project: Lighthouse. Guides ships at night.' }] } } });
    expect(await bodies(app, projectId, 'ships')).toEqual(['Project: Lighthouse. Guides ships at night.']);
  });

  it('is what the project is about, once, when many ask an empty memory at once', async () => {
    const projectId = await createProject(app, { name: 'Emptied', description: 'Of everything.' });
    await forget(projectId, ['Project: Emptied. Of everything.']);
    expect(await countDocuments(projectId)).toBe(0);

    const answers = await Promise.all(Array.from({ length: 10 }, () => bodies(app, projectId, 'emptied everything')));

    expect(answers).toEqual(Array(10).fill(['Project: Emptied. Of everything.']));
    expect(await countDocuments(projectId)).toBe(1);
  });

  it('is gone with the project', async () => {
    const projectId = await createProject(app);
    const [id] = await index(app, projectId, ['soon forgotten']);
    await app.sql('update project set deleted_at = now() where id = $1', [projectId]);

    expect(codesOf(await ask(app, admin, projectId, ['forgotten']))).toEqual(['PROJECT_NOT_FOUND']);
    const found = await call(app.url, admin, `query ($id: ID!) { node(id: $id) { id } }`, { id });
    expect(found.data).toEqual({ node: null });
    const input = { projectId, documents: ['late'] };
    const late = await call(
      app.url,
      admin,
      `mutation ($input: MemoryIndexInput!) { memoryIndex(input: $input) { errors { code } } }`,
      {
        input,
      },
    );
    expect(codesOf(late)).toEqual(['PROJECT_NOT_FOUND']);
  });

  it('is written with the scope WORK or WORKER, and read with READ', async () => {
    const projectId = await createProject(app);
    const keyWith = async (scopes: string[]) => {
      const { secret } = await mutate<{ secret: string }>(app, admin, 'apiKeyCreate', { name: 'key', scopes }, 'secret');
      return { token: secret };
    };
    const document = `mutation ($input: MemoryIndexInput!) { memoryIndex(input: $input) { errors { code } } }`;
    const variables = { input: { projectId, documents: ['by whom'] } };

    const [reader, worker] = [await keyWith(['READ']), await keyWith(['WORKER'])];

    expect(codesOf(await call(app.url, reader, document, variables))).toEqual(['FORBIDDEN']);
    expect(codesOf(await call(app.url, worker, document, variables))).toEqual([]);
    expect(codesOf(await ask(app, reader, projectId, ['whom']))).toEqual([]);
    expect(codesOf(await ask(app, worker, projectId, ['whom']))).toEqual(['FORBIDDEN']);
  });
});

describe('with an embedding service, a search of memory', () => {
  /** Three things that texts can be about, whatever words they use. */
  const topics = [/ship|release|deploy|rollout|pipeline|tag/i, /money|invoice|price|pay/i, /cat|animal|pet/i];
  const meaning = (text: string) => topics.map((topic) => (topic.test(text) ? 1 : 0.01));
  const rollout = 'Rollout: push the tag, the pipeline does the rest.';
  const ocean = 'The new ship crossed the ocean; nobody has paid for the voyage yet, we hear from the harbour.';
  const lunch = 'We go to lunch at noon, and new colleagues are invited.';

  async function useHybridApp(variables: Record<string, string> = {}, service?: EmbeddingServer) {
    const server = service ?? (await useEmbeddingServer(meaning));
    const hybrid = await useTestApp({ ADMIN_TOKEN: token, EMBEDDING_SERVICE_URL: server.url, ...variables });
    return { server, hybrid, projectId: await createProject(hybrid) };
  }

  it('finds by meaning what it would not by words, and what it would by words all the same', async () => {
    const { hybrid, projectId } = await useHybridApp();
    await index(hybrid, projectId, [rollout, ocean, lunch, 'error code E4711 in the payroll']);

    const [byMeaning, byWords] = await search(hybrid, projectId, ['how do we release a new version to production', 'E4711']);

    expect(byMeaning?.[0]?.document.body).toBe(rollout);
    expect(byWords?.[0]?.document.body).toBe('error code E4711 in the payroll');
    for (const { score } of [...(byMeaning ?? []), ...(byWords ?? [])]) expect(score > 0 && score <= 1).toBe(true);
    const onlyWords = await useTestApp({ ADMIN_TOKEN: token }, { databaseUrl: hybrid.databaseUrl });
    expect(await bodies(onlyWords, projectId, 'how do we release a new version to production')).not.toContain(rollout);
  });

  it('asks the service as OpenAI is asked, and keeps its key to itself', async () => {
    const key = 'sk-of-the-test-alone';
    const { server, hybrid, projectId } = await useHybridApp({ EMBEDDING_API_KEY: key, EMBEDDING_MODEL: 'small-one' });
    await index(hybrid, projectId, [rollout]);
    server.fails = 401;

    await search(hybrid, projectId, ['release']);

    const asked = server.requests.find(({ input }) => input.includes('release'));
    expect(asked).toMatchObject({ path: '/v1/embeddings', authorization: `Bearer ${key}`, model: 'small-one' });
    expect(hybrid.logLines.join()).toContain('status 401');
    expect(hybrid.logLines.join()).not.toContain(key);
  });

  it('takes the settings of the organization before the environment, whose key it does not send elsewhere', async () => {
    const own = await useEmbeddingServer(meaning);
    const { server, hybrid, projectId } = await useHybridApp({ EMBEDDING_API_KEY: 'sk-of-the-operator' });
    const settings = [
      { key: 'EMBEDDING_SERVICE_URL', value: `${own.url}/v1/` },
      { key: 'MEMORY_EMBEDDING_MODEL', value: 'own-model' },
    ];
    await mutate(hybrid, admin, 'settingsUpdate', { settings }, '__typename');
    server.requests.length = 0;

    await search(hybrid, projectId, ['release']);

    const asked = own.requests.find(({ input }) => input.includes('release'));
    expect(asked).toEqual({ path: '/v1/embeddings', authorization: undefined, model: 'own-model', input: ['release'] });
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['cannot be reached', 'closed'],
    ['fails', 500],
    ['wants another key', 401],
    ['answers nonsense', 'nonsense'],
    ['does not answer', 'silence'],
  ] as const)('goes by words while the service %s, and says so in the log', async (_what, failure) => {
    const { server, hybrid, projectId } = await useHybridApp({ EMBEDDING_TIMEOUT_MS: '200' });
    if (failure === 'closed') await server.close();
    else server.fails = failure;

    await index(hybrid, projectId, [rollout, ocean]);
    const found = await bodies(hybrid, projectId, 'push the tag');

    expect(found).toEqual([rollout]);
    expect(hybrid.logLines.filter((line) => line.includes('embedding service is away'))).toHaveLength(1);
  });

  it('gives documents their vectors when the service is back', async () => {
    const { server, hybrid, projectId } = await useHybridApp();
    server.fails = 503;
    await index(hybrid, projectId, [rollout, ocean]);
    const question = 'how do we release a new version to production';
    expect(await bodies(hybrid, projectId, question)).not.toContain(rollout);
    server.fails = null;

    // The run that was failing may still be at it.
    await expect.poll(async () => (await bodies(hybrid, projectId, question))[0]).toBe(rollout);

    expect(hybrid.logLines.join()).toContain('answers again');
  });

  it('embeds anew when the model is another, or its vectors have another length', async () => {
    const { server, hybrid, projectId } = await useHybridApp();
    await index(hybrid, projectId, [rollout, ocean]);
    const question = 'how do we release a new version to production';
    expect((await bodies(hybrid, projectId, question))[0]).toBe(rollout);

    server.meaning = (text) => [...meaning(text), 0.5];
    await expect.poll(async () => (await bodies(hybrid, projectId, question))[0]).toBe(rollout);
    const settings = [{ key: 'MEMORY_EMBEDDING_MODEL', value: 'another' }];
    await mutate(hybrid, admin, 'settingsUpdate', { settings }, '__typename');
    await expect.poll(async () => (await bodies(hybrid, projectId, question))[0]).toBe(rollout);

    const vectors = await hybrid.sql(
      'select distinct model, dimensions, cardinality(elements) as length from memory_vector where project_id = $1',
      [projectId],
    );
    expect(vectors).toEqual([{ model: 'another', dimensions: 4, length: 4 }]);
  });

  it('finds the part of a long document that is meant', async () => {
    const { hybrid, projectId } = await useHybridApp();
    const long = `${'Nothing of interest happened on this day. '.repeat(300)} ${rollout} ${'It was quiet again. '.repeat(400)}`;
    await index(hybrid, projectId, [long, ocean, lunch]);

    expect((await bodies(hybrid, projectId, 'how do we release a new version to production'))[0]).toBe(long);
  });

  it('gives all but the one document that the service refuses their vectors', async () => {
    const { server, hybrid, projectId } = await useHybridApp();
    const odd = 'A text that is too odd for any model.';
    server.refuses = odd;

    const [oddId] = await index(hybrid, projectId, [odd, rollout, ocean]);

    expect((await bodies(hybrid, projectId, 'how do we release a new version to production'))[0]).toBe(rollout);
    expect((await bodies(hybrid, projectId, 'too odd for any model'))[0]).toBe(odd);
    const vectors = await hybrid.sql('select document_id from memory_vector where project_id = $1', [projectId]);
    expect(vectors).toHaveLength(3);
    expect(vectors).not.toContainEqual({ document_id: oddId });
    // Alone once, and not with every search again.
    expect(server.requests.filter(({ input }) => input.length === 1 && input[0] === odd)).toHaveLength(1);
  });

  it('finds the closest of thousands of vectors', async () => {
    const noise = (text: string) => {
      const random = new SeededRandom(text);
      return Array.from({ length: 64 }, () => random.next() - 0.5);
    };
    const close = new Map([
      ['apricot', 'entry7'],
      ['walnut', 'entry1234'],
      ['plum', 'entry2299'],
    ]);
    const server = await useEmbeddingServer((text) => {
      const target = close.get(text);
      return target ? noise(target).map((element) => element + 0.1) : noise(text);
    });
    const { hybrid, projectId } = await useHybridApp({}, server);
    const texts = Array.from({ length: 2300 }, (_, number) => `entry${number}`);
    for (let start = 0; start < texts.length; start += 100) await index(hybrid, projectId, texts.slice(start, start + 100));
    const countVectors = () => hybrid.sql('select from memory_vector where project_id = $1', [projectId]);
    await expect.poll(countVectors, { timeout: 25_000 }).toHaveLength(texts.length + 1);

    const results = await search(hybrid, projectId, [...close.keys()]);

    expect(results.map((hits) => hits[0]?.document.body)).toEqual([...close.values()]);
  });

  // The embedded Postgres has no pgvector. What is made here has its names and does what they do, and tells that it was asked.
  it('leaves cosines to the operator of pgvector where the database has it', async () => {
    const place = await createTestDatabase();
    onTestFinished(() => place.drop());
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    await client.query(`
      create sequence compared;
      create domain vector as real[];
      create function cosine_distance(one real[], other real[]) returns float8 language sql as $$
        select 1 - sum(x * y) + 0 * nextval('compared') from (select unnest(one) as x, unnest(other) as y) pairs
      $$;
      create operator <=> (leftarg = real[], rightarg = real[], function = cosine_distance)`);
    const server = await useEmbeddingServer(meaning);
    const variables = { ADMIN_TOKEN: token, EMBEDDING_SERVICE_URL: server.url };
    const hybrid = await useTestApp(variables, { databaseUrl: place.url });
    const projectId = await createProject(hybrid);
    await index(hybrid, projectId, [rollout, ocean, lunch]);

    const found = await bodies(hybrid, projectId, 'how do we release a new version to production');

    expect(found[0]).toBe(rollout);
    const { rows } = await client.query('select last_value::int as compared from compared');
    expect(rows).toEqual([{ compared: 4 }]);
    await client.end();
  });

  it('embeds each document once, though every replica hears of it', async () => {
    const { server, hybrid, projectId } = await useHybridApp();
    const variables = { ADMIN_TOKEN: token, EMBEDDING_SERVICE_URL: server.url };
    const replica = await useTestApp(variables, { databaseUrl: hybrid.databaseUrl });

    await index(hybrid, projectId, [rollout, ocean]);
    await expect.poll(() => hybrid.sql('select from memory_vector where project_id = $1', [projectId])).toHaveLength(3);
    await search(replica, projectId, ['anything']);

    const embedded = server.requests.flatMap(({ input }) => input).filter((text) => text === rollout);
    expect(embedded).toEqual([rollout]);
  });
});

/** The same numbers from 0 to 1 for the same seed, on every machine. */
class SeededRandom {
  #block: Buffer;
  #position = 0;

  constructor(seed: string) {
    this.#block = createHash('sha256').update(seed).digest();
  }

  next(): number {
    if (this.#position === this.#block.length) {
      this.#block = createHash('sha256').update(this.#block).digest();
      this.#position = 0;
    }
    const byte = this.#block[this.#position] ?? 0;
    this.#position += 1;
    return byte / 255;
  }
}

interface Hit {
  document: { id: string; body: string };
  score: number;
}

async function createProject(on: TestApp, input: object = {}): Promise<string> {
  const { project } = await mutate<{ project: { id: string } }>(
    on,
    admin,
    'projectCreate',
    { name: uniqueName('xylophone'), ...input },
    'project { id }',
  );
  return project.id;
}

async function index(on: TestApp, projectId: string, documents: string[]): Promise<string[]> {
  const payload = await mutate<{ documents: { id: string }[] }>(
    on,
    admin,
    'memoryIndex',
    { projectId, documents },
    'documents { id }',
  );
  return payload.documents.map(({ id }) => id);
}

async function forget(projectId: string, documents: string[]): Promise<string[]> {
  const payload = await mutate<{ deletedIds: string[] }>(app, admin, 'memoryDelete', { projectId, documents }, 'deletedIds');
  return payload.deletedIds;
}

function ask(on: TestApp, caller: Caller, projectId: string, queries: string[], limit?: number): Promise<Answer> {
  const document = `query ($projectId: ID!, $queries: [String!]!, $limit: Int) {
    memorySearch(projectId: $projectId, queries: $queries, limit: $limit) { query hits { score document { id body } } }
  }`;
  return call(on.url, caller, document, { projectId, queries, limit });
}

/** The hits of each query. */
async function search(on: TestApp, projectId: string, queries: string[], limit?: number): Promise<Hit[][]> {
  const answer = await ask(on, admin, projectId, queries, limit);
  if (codesOf(answer).length > 0) throw new Error(answer.text);
  return hitsOf(answer);
}

function hitsOf({ data }: Answer): Hit[][] {
  return (data as { memorySearch: { hits: Hit[] }[] }).memorySearch.map(({ hits }) => hits);
}

/** The texts that answer one query, best first. */
async function bodies(on: TestApp, projectId: string, query: string): Promise<string[]> {
  const [hits = []] = await search(on, projectId, [query]);
  return hits.map(({ document }) => document.body);
}

async function countDocuments(projectId: string): Promise<number> {
  const [row] = await app.sql<{ count: number }>('select count(*)::int as count from memory_document where project_id = $1', [
    projectId,
  ]);
  return row?.count ?? 0;
}
