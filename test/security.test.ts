import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestSocket } from './graphql-server/graphql-test-server.js';
import { startTestApp, type TestApp } from './support/app.js';
import { call, send } from './support/graphql-call.js';
import { sendWire, type WireAnswer } from './support/http-request.js';
import { mutate } from './support/organization.js';
import { rest } from './support/rest-call.js';
import { uniqueName } from './support/seed.js';
import { allRows } from './support/table-rows.js';

/** Everything that the server is configured with and must tell nobody. */
const configured = {
  ADMIN_TOKEN: 'an-admin-token-that-nobody-tells',
  METRICS_TOKEN: 'a-metrics-token-that-nobody-tells',
  TERARCHITECT_SECRET_KEY: 'c0ffee'.repeat(10).padEnd(64, 'd'),
  TERARCHITECT_WORKER_API_KEY: 'a-worker-key-that-nobody-tells',
  EMBEDDING_API_KEY: 'an-embedding-key-that-nobody-tells',
};
const admin = { token: configured.ADMIN_TOKEN };
const listed = 'https://board.example';
const password = 'a password that nobody tells';

let app: TestApp;
let session: string;
let email: string;

beforeAll(async () => {
  app = await startTestApp({
    ...configured,
    CORS_ORIGINS: listed,
    LOG_LEVEL: 'trace',
    EMBEDDING_SERVICE_URL: 'http://127.0.0.1:1',
  });
  email = `${uniqueName('user')}@example.org`;
  const profile = { email, password, name: 'Jo', role: 'ADMIN' };
  await mutate(app, admin, 'userCreate', profile, 'user { id }');
  session = (await mutate<{ token: string }>(app, {}, 'sessionCreate', { email, password }, 'token')).token;
});

afterAll(() => app.stop());

/** What a page of some origin can have a browser send along with the cookie of its visitor. */
const origins = {
  none: undefined,
  own: () => app.url,
  listed: () => listed,
  foreign: () => 'https://evil.example',
  sandboxed: () => 'null',
  lookalike: () => `${app.url}.evil.example`,
} as const;
type Origin = keyof typeof origins;
const originNames = Object.keys(origins) as Origin[];
const isTrusted = (origin: Origin) => ['none', 'own', 'listed'].includes(origin);

const contentTypes = [
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '',
];
const preflightHeaders: Record<string, string>[] = [{}, { 'x-graphql-yoga-csrf': '1' }, { 'apollo-require-preflight': '1' }];

function browserHeaders(origin: Origin, more: Record<string, string> = {}): Record<string, string> {
  const from = origins[origin]?.();
  return { cookie: `baton_session=${session}`, ...(from && { origin: from }), ...more };
}

/** That a page reads an answer, and that it does so with its visitor's cookie, is the server's to allow, for listed origins alone. */
function expectCors(answer: WireAnswer, origin: Origin, { isOpenToPages = false } = {}): void {
  const { headers } = answer;
  const reads = origin === 'listed' || (isOpenToPages && origin !== 'none');
  expect(headers.get('access-control-allow-origin'), origin).toBe(reads ? (origins[origin]?.() ?? null) : null);
  expect(headers.get('access-control-allow-credentials'), origin).toBe(origin === 'listed' ? 'true' : null);
  expect(headers.get('access-control-allow-origin')).not.toBe('*');
  expect(headers.get('vary')).toContain('Origin');
}

describe('with the cookie of its visitor a page', () => {
  const create = (path: string) =>
    ({
      '/graphql': JSON.stringify({
        query: 'mutation { threadCreate(input: { title: "forged" }) { thread { id } errors { code } } }',
      }),
      '/api/coord/threads': JSON.stringify({ title: 'forged', created_by: 'anybody' }),
      '/api/orchestrators': JSON.stringify({ name: 'forged', role: 'forged' }),
    })[path] as string;
  const threads = async () => (await app.sql<{ count: number }>('select count(*)::int as count from event'))[0]?.count ?? 0;

  it.each(['/graphql', '/api/coord/threads', '/api/orchestrators'])(
    'changes things by a POST to %s from trusted origins alone, whatever its content type and headers',
    async (path) => {
      const isGraphql = path === '/graphql';
      let tried = 0;
      for (const origin of originNames) {
        for (const contentType of contentTypes) {
          for (const extra of preflightHeaders) {
            const before = await threads();
            const headers = browserHeaders(origin, { ...(contentType && { 'content-type': contentType }), ...extra });
            const answer = await sendWire(app.url, { method: 'POST', path, headers, body: create(path) });

            const what = `${origin} ${contentType} ${JSON.stringify(extra)} ${answer.status} ${answer.text.slice(0, 200)}`;
            const mayAct = isTrusted(origin) && (!isGraphql || contentType === 'application/json');
            if (!mayAct) expect(await threads(), what).toBe(before);
            if (!mayAct) expect([401, 415], what).toContain(answer.status === 200 && isGraphql ? 401 : answer.status);
            if (mayAct) expect([200, 201, 400, 403, 404], what).toContain(answer.status);
            if (mayAct && isGraphql) expect(await threads(), what).toBeGreaterThan(before);
            expectCors(answer, origin, { isOpenToPages: !isGraphql });
            tried += 1;
          }
        }
      }
      expect(tried).toBe(originNames.length * contentTypes.length * preflightHeaders.length);
    },
  );

  it.each(['application/json', 'text/event-stream'])(
    'reads by a GET as %s only what it may read, and changes nothing',
    async (accept) => {
      const read = `/graphql?query=${encodeURIComponent('{ viewer { kind } }')}`;
      const change = `/graphql?query=${encodeURIComponent('mutation { threadCreate(input: { title: "forged" }) { thread { id } } }')}`;
      const before = await threads();
      for (const origin of originNames) {
        for (const site of [undefined, 'same-origin', 'same-site', 'cross-site']) {
          for (const extra of preflightHeaders) {
            const headers = browserHeaders(origin, { accept, ...(site && { 'sec-fetch-site': site }), ...extra });
            const answer = await sendWire(app.url, { method: 'GET', path: read, headers });
            const changed = await sendWire(app.url, { method: 'GET', path: change, headers });

            const isAsked = Object.keys(extra).length > 0;
            const isOurs = site === 'same-origin' || (origin !== 'none' && isTrusted(origin));
            const what = `${origin} ${site} ${JSON.stringify(extra)} ${answer.status}`;
            if (!isAsked && !isOurs) expect(answer.status, what).toBe(403);
            if (!isTrusted(origin)) expect(answer.text, what).not.toContain('SESSION');
            expect(changed.status, what).toBeGreaterThanOrEqual(400);
            expectCors(answer, origin);
          }
        }
      }
      expect(await threads()).toBe(before);
    },
  );

  it('opens a stream or a websocket from trusted origins alone', async () => {
    const query = 'subscription { taskEvents { cursor } }';
    for (const origin of originNames) {
      const stream = new AbortController();
      const from = origins[origin]?.();
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          cookie: `baton_session=${session}`,
          ...(from && { origin: from }),
        },
        body: JSON.stringify({ query }),
        signal: stream.signal,
      });
      const isOpen = response.headers.get('content-type')?.startsWith('text/event-stream') && response.status === 200;
      if (!isTrusted(origin)) expect(isOpen && !(await response.text()).includes('UNAUTHENTICATED'), origin).toBe(false);
      else expect(isOpen, origin).toBe(true);
      stream.abort();

      const socket = new TestSocket(`${app.url.replace('http', 'ws')}/graphql`, { headers: browserHeaders(origin) });
      if (!isTrusted(origin)) {
        expect(await socket.refused, origin).toBe(403);
        continue;
      }
      await socket.opened;
      socket.send({ type: 'connection_init' });
      // A program that says no origin does not act by a cookie.
      if (origin === 'none') expect(await socket.closed).toMatchObject({ code: 4403 });
      else expect(await socket.message(), origin).toMatchObject({ type: 'connection_ack' });
    }
  });

  it.each(['/graphql', '/api/coord/threads', '/tasks', '/api/orchestrators', '/api/projects'])(
    'learns from a preflight of %s what it may do: with the cookie nothing, unless its origin is listed',
    async (path) => {
      for (const origin of originNames) {
        const asked = {
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type, authorization',
        };
        const answer = await sendWire(app.url, { method: 'OPTIONS', path, headers: browserHeaders(origin, asked) });

        expect(answer.status).toBe(204);
        expectCors(answer, origin, { isOpenToPages: path !== '/graphql' });
      }
    },
  );
});

it.each(['/', '/ui/tasks', '/ui/assets/none.js', '/graphql', '/docs', '/openapi.json'])(
  'the page %s is shown in nobody’s frame, as what it says it is, and tells no other site where it is read',
  async (path) => {
    const response = await fetch(app.url + path, { headers: { accept: 'text/html' } });
    const isPage = response.status === 200 && response.headers.get('content-type')?.startsWith('text/html');

    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    if (!isPage) return;
    expect(response.headers.get('content-security-policy')).toMatch(/frame-ancestors 'none'/);
    expect(response.headers.get('content-security-policy')).toMatch(/default-src '(none|self)'/);
    expect(response.headers.get('referrer-policy')).toBe('same-origin');
  },
);

it('no secret of a whole life of credentials is told after it was given out: not in answers, logs, events or the database', async () => {
  const answers: string[] = [];
  const ask = async (caller: { token?: string; organization?: string }, query: string, variables: object = {}) => {
    const answer = await call(app.url, caller, query, variables);
    answers.push(answer.text);
    return answer;
  };
  const wrongPassword = 'a guess that nobody tells';
  const settingSecret = 'a-setting-that-nobody-tells';
  const storedWorkerKey = 'a-stored-worker-key-that-nobody-tells';

  // Created, each under an idempotency key, and asked for again under it.
  const twice = async (name: string, input: object, selection: string, caller: { token?: string } = admin) => {
    const first = await mutate<Record<string, unknown>>(
      app,
      caller,
      name,
      { ...input, idempotencyKey: `${name}-key` },
      selection,
    );
    answers.push(JSON.stringify(await mutate(app, caller, name, { ...input, idempotencyKey: `${name}-key` }, selection)));
    return first;
  };
  const registered = await twice('agentRegister', { externalId: 'redacted-agent' }, 'agent { id } apiKey');
  const agentKey = String(registered.apiKey);
  const created = await twice('apiKeyCreate', { name: 'redacted', scopes: ['READ', 'WORKER'] }, 'apiKey { id } secret');
  const serviceKey = String(created.secret);
  const { user } = (await twice('userCreate', { email: 'redacted@example.org', password, name: 'Redacted' }, 'user { id }')) as {
    user: { id: string };
  };
  const signedIn = await mutate<{ token: string }>(
    app,
    {},
    'sessionCreate',
    { email: 'redacted@example.org', password },
    'token',
  );
  const settings = [
    { key: 'AGENT_API_KEY', value: settingSecret },
    { key: 'TERARCHITECT_WORKER_API_KEY', value: storedWorkerKey },
  ];
  await twice('settingsUpdate', { settings }, 'settings { key value isSet }');
  const secrets = { ...configured, password, wrongPassword, settingSecret, storedWorkerKey, agentKey, serviceKey };
  const tokens = [agentKey, serviceKey, signedIn.token, session, configured.ADMIN_TOKEN];

  // Used over every face, and by mistake: in a wrong place, cut, and where it meets a fault of the server.
  for (const token of tokens) {
    await ask({ token }, '{ viewer { kind } agents { nodes { id } } apiKeys { nodes { id name } } settings { key value } }');
    await ask({ token: token.slice(0, -1) }, '{ viewer { kind } }');
    await ask({ token, organization: 'elsewhere' }, '{ viewer { kind } }');
    for (const path of [
      '/api/coord/agents',
      '/api/orchestrators',
      '/tasks',
      '/api/worker/jobs/next',
      '/api/settings',
      '/metrics',
    ]) {
      answers.push((await rest(app, 'GET', path, { token })).text);
    }
    answers.push((await rest(app, 'GET', '/metrics', { token: configured.METRICS_TOKEN })).text.slice(0, 100));
    answers.push(
      (await rest(app, 'GET', '/nowhere', { headers: { authorization: `Basic ${token}`, cookie: `a=${token}` } })).text,
    );
    const socket = new TestSocket(`${app.url.replace('http', 'ws')}/graphql`);
    await socket.opened;
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    await socket.message();
    socket.subscribe('{ viewer { kind } nonsense }');
    answers.push(JSON.stringify(await socket.message()));
    socket.socket.terminate();
  }
  await ask({}, 'mutation ($input: SessionCreateInput!) { sessionCreate(input: $input) { token errors { message } } }', {
    input: { email, password: wrongPassword },
  });
  for (const token of [configured.TERARCHITECT_WORKER_API_KEY, storedWorkerKey]) {
    answers.push((await rest(app, 'POST', '/api/worker/jobs/start', { token, body: {} })).text);
  }
  answers.push((await send(app.url, { token: agentKey }, '{"query": "{')).text);
  await app.sql('alter table project rename to gone');
  for (const token of tokens) await ask({ token }, '{ projects { nodes { id } } }');
  answers.push((await rest(app, 'GET', '/api/projects', { token: serviceKey })).text);
  await app.sql('alter table gone rename to project');

  // Ended, and tried once more.
  await ask(admin, 'mutation ($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) { apiKey { id } errors { code } } }', {
    input: { apiKeyId: (created.apiKey as { id: string }).id },
  });
  await ask({ token: signedIn.token }, 'mutation { sessionEnd { errors { code } } }');
  await ask(admin, '{ events(first: 100) { nodes { __typename } } users { nodes { id email } } }');
  await ask({ token: serviceKey }, '{ viewer { kind } }');

  const rows = await allRows(app);
  const places = { answers: answers.join('\n'), log: app.logLines.join('\n'), database: rows.join('\n') };
  expect(places.log).toContain('failed unexpectedly');
  expect(places.database).toContain(user.id);
  expect(places.database).toContain('AGENT_API_KEY');
  for (const [place, text] of Object.entries(places)) {
    for (const [name, secret] of Object.entries({ ...secrets, session, signedIn: signedIn.token })) {
      expect(text.includes(secret), `${name} in ${place}`).toBe(false);
      // The part of a key or a token that is the secret, by itself; and in the coding that logs of bytes have.
      if (secret.startsWith('baton_')) expect(text.includes(secret.slice(-43)), `${name} in ${place}`).toBe(false);
      expect(text.includes(Buffer.from(secret).toString('base64').slice(0, -4)), `${name} in ${place}`).toBe(false);
      expect(text.includes(Buffer.from(secret).toString('hex')), `${name} in ${place}`).toBe(false);
    }
  }
});
