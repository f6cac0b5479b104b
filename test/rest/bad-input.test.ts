import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { sendWire, type WireRequest } from '../support/http-request.js';
import { type Document, operationsOf, SchemaCheck } from '../support/openapi.js';
import { type Known, RequestArbitraries, wirePath } from '../support/openapi-requests.js';
import { mutate } from '../support/organization.js';
import type { RestAnswer } from '../support/rest-call.js';
import { seedRestThings } from '../support/rest-things.js';
import { uniqueName } from '../support/seed.js';
import { contentOf, countRows } from '../support/table-rows.js';

/** How a request can be wrong before anybody looks at its fields, in each of the four dialects. */

const adminToken = 'an-admin-token-of-the-test-alone';
const listedOrigin = 'https://board.example.org';
const foreignOrigin = 'https://elsewhere.example.com';
const maxBodyBytes = 4096;

const environment = {
  CORS_ORIGINS: listedOrigin,
  MAX_BODY_BYTES: String(maxBodyBytes),
  MAX_WORKER_BODY_BYTES: String(maxBodyBytes),
  TERARCHITECT_WORKER_API_KEY: 'a-worker-key-of-the-test-alone',
};

/** Of each dialect: where nothing is, what it reads and what it writes, and its words for what goes wrong. */
const dialects = [
  {
    dialect: 'coordinator',
    nowhere: '/api/coord/nothing',
    read: '/api/coord/tasks',
    write: 'POST /api/coord/tasks',
    words: {
      notFound: { error: 'not_found', message: expect.any(String) },
      badJson: { error: 'invalid_json', message: expect.any(String) },
      method: { error: 'method_not_allowed', message: expect.any(String) },
      tooLarge: { error: 'body_too_large', message: expect.stringContaining(String(maxBodyBytes)) },
      nobody: { error: 'authentication_required', message: expect.any(String) },
      keyReused: { error: 'idempotency_key_reused', message: expect.any(String) },
    },
  },
  {
    dialect: 'orchestrator',
    nowhere: '/api/orchestrators/one/nothing',
    read: '/api/orchestrators',
    write: 'POST /api/orchestrators/{id}/tasks',
    words: {
      notFound: { error: expect.any(String), code: 'NOT_FOUND' },
      badJson: { error: 'Invalid JSON body', code: 'VALIDATION_ERROR' },
      method: { error: expect.any(String), code: 'METHOD_NOT_ALLOWED' },
      tooLarge: { error: expect.stringContaining(String(maxBodyBytes)), code: 'BODY_TOO_LARGE' },
      nobody: { error: 'Authentication required', code: 'UNAUTHORIZED' },
      keyReused: { error: expect.any(String), code: 'IDEMPOTENCY_KEY_REUSED' },
    },
  },
  {
    dialect: 'queue',
    nowhere: '/tasks/1/nothing',
    read: '/tasks',
    write: 'POST /tasks',
    words: {
      notFound: { error: expect.stringContaining('GET /tasks/1/nothing') },
      badJson: { error: expect.stringContaining('JSON') },
      method: { error: expect.stringContaining('POST') },
      tooLarge: { error: expect.stringContaining(String(maxBodyBytes)) },
      nobody: { error: expect.any(String) },
      keyReused: { error: expect.stringContaining('Idempotency') },
    },
  },
  {
    dialect: 'worker',
    nowhere: '/api/worker/nothing',
    read: '/api/settings',
    write: 'PUT /api/settings',
    words: {
      notFound: { error: expect.stringContaining('GET /api/worker/nothing') },
      badJson: { error: expect.stringContaining('JSON') },
      method: { error: expect.stringContaining('GET') },
      tooLarge: { error: expect.stringContaining(String(maxBodyBytes)) },
      nobody: { error: 'Missing or invalid Authorization header (expected Bearer <token>)' },
      keyReused: { error: expect.stringContaining('Idempotency') },
    },
  },
] as const;

type Case = (typeof dialects)[number];

/** One server where nobody needs a credential, and one where everybody does. */
let open: TestApp;
let guarded: TestApp;
let document: Document;
let check: SchemaCheck;

beforeAll(async () => {
  [open, guarded] = await Promise.all([
    startTestApp(environment, { runsClockwork: false }),
    startTestApp({ ...environment, ADMIN_TOKEN: adminToken }, { runsClockwork: false }),
  ]);
  document = (await sendWire(open.url, { method: 'GET', path: '/openapi.json' })).json;
  check = new SchemaCheck(document, { isClosed: true });
});

afterAll(() => Promise.all([open.stop(), guarded.stop()]));

const admin = { authorization: `Bearer ${adminToken}` };

describe.each(dialects)('the $dialect dialect', (each) => {
  const { nowhere, read, words } = each;
  const [writeMethod, writePattern] = each.write.split(' ') as [string, string];
  let known: Known;
  let write: (body?: object) => WireRequest;

  beforeAll(async () => {
    known = await seedRestThings(guarded, { operator: { token: adminToken }, mark: uniqueName('mark') }, each.dialect);
    write = writing(each, known);
  });

  it('answers a path that leads nowhere', async () => {
    const answer = await sendWire(guarded.url, { method: 'GET', path: nowhere, headers: admin });

    expectFailure(each, answer, 404, words.notFound);
  });

  it.each([
    ['what is cut off', '{"title": "x"'],
    ['no JSON', 'title=x'],
    ['half a character', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['nested past any stack', `${'['.repeat(2000)}`],
  ])('refuses a body that is %s', async (_what, body) => {
    const answer = await withoutChange(guarded, () => sendWire(guarded.url, { ...write(), headers: admin, body }));

    expect(answer.status).toBe(400);
    if (typeof body === 'string') expectFailure(each, answer, 400, words.badJson);
  });

  it.each(['[]', 'null', '7', '"text"'])('refuses a body that is no object: %s', async (body) => {
    const answer = await withoutChange(guarded, () => sendWire(guarded.url, { ...write(), headers: admin, body }));

    expect(answer.status).toBe(400);
    expect(check.problems(failureSchema(each), answer.json)).toEqual([]);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])('says which methods there are instead of %s', async (method) => {
    for (const [path, described] of Object.entries(document.paths).filter(([, methods]) => isOf(each, methods))) {
      if (method.toLowerCase() in described) continue;
      const answer = await withoutChange(guarded, () =>
        sendWire(guarded.url, { method, path: path.replaceAll(/\{\w+\}/g, '1'), headers: admin, body: '{}' }),
      );

      expect(answer.status, path).toBe(405);
      expect(answer.headers.get('allow')?.split(', ').sort(), path).toEqual(allowedBy(described));
      expect(check.problems(failureSchema(each), answer.json), path).toEqual([]);
      if (path === read) expect(answer.json).toEqual(words.method);
    }
  });

  describe('a body over the limit', () => {
    const body = JSON.stringify({ title: 'x'.repeat(1_000_000) });

    it.each([
      ['that says how long it is', { isChunked: false }],
      ['that comes in chunks', { isChunked: true }],
    ])('%s is refused, and the client goes on', async (_how, framing) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const answer = await withoutChange(guarded, () =>
        sendWire(guarded.url, { ...write(), ...framing, headers: admin, body, agent }),
      );
      const next = await sendWire(guarded.url, { method: 'GET', path: read, headers: admin, agent });
      agent.destroy();

      expectFailure(each, answer, 413, words.tooLarge);
      expect(next.status).toBe(200);
      // Either the rest of the body was read away, or the connection was closed and the client was told so.
      expect(next.reusedSocket || answer.headers.get('connection') === 'close').toBe(true);
    });

    it('by one byte is refused, at the limit it is read', async () => {
      const padded = (bytes: number) => `{}${' '.repeat(bytes - 2)}`;
      const atLimit = await sendWire(guarded.url, { ...write(), headers: admin, body: padded(maxBodyBytes) });
      const over = await sendWire(guarded.url, { ...write(), headers: admin, body: padded(maxBodyBytes + 1) });

      expect(atLimit.status).not.toBe(413);
      expect(over.status).toBe(413);
    });
  });

  describe('a credential', () => {
    it('that is missing or wrong lets nobody in', async () => {
      for (const authorization of [undefined, 'Bearer nonsense', `Bearer ${adminToken}x`, 'Basic YTpi', 'Bearer', adminToken]) {
        const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
        for (const request of [write(), { method: 'GET', path: read }]) {
          const answer = await withoutChange(guarded, () => sendWire(guarded.url, { ...request, headers }));

          expect(answer.status, authorization).toBe(401);
          expect(answer.headers.get('www-authenticate')).toBe('Bearer');
          expect(check.problems(failureSchema(each), answer.json)).toEqual([]);
          if (authorization === undefined) expect(answer.json).toEqual(words.nobody);
        }
      }
    });

    it('that is wrong says nothing of the path, the body or the fields', async () => {
      const wrong = { authorization: 'Bearer nonsense' };
      const [first, ...others] = await Promise.all(
        ['{', '[]', JSON.stringify({ nonsense: 1 })].map((body) => sendWire(guarded.url, { ...write(), headers: wrong, body })),
      );

      for (const answer of others) expect(answer.text).toBe(first?.text);
    });

    it('is not asked for in open mode, on this machine', async () => {
      const answer = await sendWire(open.url, { method: 'GET', path: read });

      expect(answer.status).toBe(200);
    });
  });

  describe('a page in a browser', () => {
    it('of a listed origin may call, with its credentials', async () => {
      for (const app of [open, guarded]) {
        const headers = { ...(app === guarded && admin), origin: listedOrigin };
        const answer = await sendWire(app.url, { method: 'GET', path: read, headers });

        expect(answer.status).toBe(200);
        expect(answer.headers.get('access-control-allow-origin')).toBe(listedOrigin);
        expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
        expect(answer.headers.get('vary')).toMatch(/Origin/i);
      }
    });

    it('is told what it may do before it does it', async () => {
      const asked = { origin: listedOrigin, 'access-control-request-method': writeMethod, 'access-control-request-headers': 'x' };
      const answer = await sendWire(guarded.url, { method: 'OPTIONS', path: write().path, headers: asked });

      expect(answer.status).toBe(204);
      expect(answer.text).toBe('');
      expect(answer.headers.get('access-control-allow-origin')).toBe(listedOrigin);
      expect(answer.headers.get('access-control-allow-methods')?.split(', ')).toContain(writeMethod);
      for (const name of ['authorization', 'content-type', 'idempotency-key', 'x-agent-id']) {
        expect(answer.headers.get('access-control-allow-headers')).toContain(name);
      }
    });

    it.each([foreignOrigin, 'null', 'https://localhost.example.com', 'http://127.0.0.1.example.com'])(
      'of another origin may not call in open mode, where it would need no credential: %s',
      async (origin) => {
        const preflight = await sendWire(open.url, { method: 'OPTIONS', path: read, headers: { origin } });
        expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
        for (const request of [
          { method: 'GET', path: read },
          { ...write(), headers: { 'content-type': 'text/plain' } },
        ]) {
          const headers = { ...('headers' in request && request.headers), origin };
          const answer = await withoutChange(open, () => sendWire(open.url, { ...request, headers }));

          expect(answer.status).toBe(403);
          expect(answer.headers.get('access-control-allow-origin')).toBeNull();
          expect(check.problems(failureSchema(each), answer.json)).toEqual([]);
        }
      },
    );

    it.each(['http://localhost:5173', 'http://127.0.0.1:8080', 'http://[::1]:3000'])(
      'that this machine serves may call in open mode: %s',
      async (origin) => {
        const answer = await sendWire(open.url, { method: 'GET', path: read, headers: { origin } });

        expect(answer.status).toBe(200);
        expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
        expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      },
    );

    it('of another origin may call where a credential is needed, but its cookies do not count', async () => {
      const cookie = `baton_session=${await sessionToken()}`;
      const ask = (headers: Record<string, string>) => sendWire(guarded.url, { method: 'GET', path: read, headers });
      const [withToken, withCookie, fromListed, fromNowhere] = await Promise.all([
        ask({ ...admin, origin: foreignOrigin }),
        ask({ cookie, origin: foreignOrigin }),
        ask({ cookie, origin: listedOrigin }),
        ask({ cookie }),
      ]);

      expect(withToken.status).toBe(200);
      expect(['*', foreignOrigin]).toContain(withToken.headers.get('access-control-allow-origin'));
      expect(withToken.headers.get('access-control-allow-credentials')).toBeNull();
      expectFailure(each, withCookie, 401, words.nobody);
      expect([fromListed.status, fromNowhere.status]).toEqual([200, 200]);
    });
  });

  it.each(['rebound.example.com', 'localhost.example.com', '127.0.0.1.example.com', '10.0.0.1'])(
    'answers in open mode for no host but its own: %s',
    async (host) => {
      const answer = await withoutChange(open, () => sendWire(open.url, { ...write(), headers: { host } }));

      expect(answer.status).toBe(421);
      expect(check.problems(failureSchema(each), answer.json)).toEqual([]);
    },
  );

  it('answers HEAD as GET, without the body', async () => {
    const get = await sendWire(guarded.url, { method: 'GET', path: read, headers: admin });
    const head = await sendWire(guarded.url, { method: 'HEAD', path: read, headers: admin });
    const refused = await sendWire(guarded.url, { method: 'HEAD', path: read });

    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    expect([refused.status, refused.text]).toEqual([401, '']);
  });

  it('takes a slash at the end of a path', async () => {
    const plain = await sendWire(guarded.url, { method: 'GET', path: read, headers: admin });
    const slashed = await sendWire(guarded.url, { method: 'GET', path: `${read}/`, headers: admin });

    expect([slashed.status, slashed.text]).toEqual([200, plain.text]);
  });

  it('lets nobody keep what it answers', async () => {
    for (const headers of [admin, {}]) {
      const answer = await sendWire(guarded.url, { method: 'GET', path: read, headers });

      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  describe('an idempotency key', () => {
    const send = (key: string, body?: object) =>
      sendWire(guarded.url, { ...write(body), headers: { ...admin, 'idempotency-key': key } });

    it('makes a request take effect once', async () => {
      const key = uniqueName('key');
      const first = await send(key);
      const before = await contentOf(guarded);

      const again = await send(key);

      expect(first.status).toBeLessThan(300);
      expect([again.status, again.json]).toEqual([first.status, first.json]);
      expect(await contentOf(guarded)).toEqual(before);
    });

    it('lets requests that are sent at once take effect once', async () => {
      await send(uniqueName('key'), changed('before', each));
      const alone = await addedRows(() => send(uniqueName('key'), changed('alone', each)));

      const key = uniqueName('key');
      const body = changed('together', each);
      const together = await addedRows(() => Promise.all(Array.from({ length: 12 }, () => send(key, body))));

      expect(together.added).toBe(alone.added);
      for (const { status, json } of together.result) {
        expect({ status, json }).toEqual({ status: alone.result.status, json: together.result[0]?.json });
      }
    });

    it('that was used for another request is refused', async () => {
      const key = uniqueName('key');
      await send(key, changed('first', each));

      const answer = await withoutChange(guarded, () => send(key, changed('other', each)));

      expectFailure(each, answer, 409, words.keyReused);
      const operation = operationsOf(document).find(({ name }) => name === each.write);
      expect(operation?.responses[409], 'undocumented').toBeDefined();
    });

    it('repeats a refusal of the command too', async () => {
      // Of an orchestrator that is not there, and so on; settings have nothing that a command could refuse.
      if (!writePattern.includes('{')) return;
      const path = writePattern.replaceAll(/\{\w+\}/g, 'nothing');
      const headers = { ...admin, 'idempotency-key': uniqueName('key') };
      const refuse = () => sendWire(guarded.url, { ...write(), path, headers });

      const [first, again] = [await refuse(), await refuse()];

      expect(first.status).toBe(404);
      expect([again.status, again.json]).toEqual([first.status, first.json]);
    });

    it('that is too long is refused', async () => {
      const answer = await withoutChange(guarded, () => send('k'.repeat(256)));

      expect(answer.status).toBe(400);
      expect(answer.text).toContain('255');
      expect(check.problems(failureSchema(each), answer.json)).toEqual([]);
      expect((await send(`${uniqueName('k')}-`.padEnd(255, 'k'))).status).toBeLessThan(300);
    });
  });
});

it('no request of these tests was a fault of the server', () => {
  for (const app of [open, guarded]) expect(app.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

function expectFailure(each: Case, answer: RestAnswer, status: number, body: object): void {
  expect({ status: answer.status, body: answer.json }).toEqual({ status, body });
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(check.problems(failureSchema(each), answer.json)).toEqual([]);
}

function failureSchema({ dialect }: Case) {
  return { $ref: `#/components/schemas/${dialect.charAt(0).toUpperCase()}${dialect.slice(1)}Error` };
}

function isOf({ dialect }: Case, methods: Document['paths'][string]): boolean {
  return Object.values(methods)[0]?.tags?.[0] === dialect;
}

function allowedBy(described: object): string[] {
  const methods = Object.keys(described).map((method) => method.toUpperCase());
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();
}

/** The dialect's request that changes something, with things that there are in its path. */
function writing(each: Case, known: Known): (body?: object) => WireRequest {
  const operation = operationsOf(document).find(({ name }) => name === each.write);
  if (!operation) throw new Error(`the document has no ${each.write}`);
  const simplest = new RequestArbitraries(document, known).simplest(operation);
  const path = wirePath(simplest);
  const usual = changed('usual', each);
  return (body = usual) => ({ method: operation.method, path, body: JSON.stringify(body) });
}

/** A body that fits the dialect's writing request, and differs from that of another word. */
function changed(word: string, { dialect }: Case): object {
  return dialect === 'worker' ? { AGENT_MODEL: uniqueName(word) } : { title: uniqueName(word) };
}

/** Runs what must not change anything, but for the key that it comes under. */
async function withoutChange<Result>(app: TestApp, act: () => Promise<Result>): Promise<Result> {
  const before = await contentOf(app);
  const result = await act();
  expect(await contentOf(app)).toEqual(before);
  return result;
}

async function addedRows<Result>(act: () => Promise<Result>): Promise<{ result: Result; added: number }> {
  const count = async () => Object.values(await countRows(guarded)).reduce((sum, rows) => sum + rows, 0);
  const before = await count();
  const result = await act();
  return { result, added: (await count()) - before };
}

let token: Promise<string> | undefined;

/** A session of somebody in the default organization. */
function sessionToken(): Promise<string> {
  token ??= signIn();
  return token;
}

async function signIn(): Promise<string> {
  const credentials = { email: 'heron@example.org', password: 'the password of Heron' };
  await mutate(guarded, { token: adminToken }, 'userCreate', { ...credentials, name: 'Heron', role: 'ADMIN' }, '__typename');
  const session = await mutate<{ token: string }>(guarded, {}, 'sessionCreate', credentials, 'token');
  return session.token;
}
