import {
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { TestSocket } from './graphql-server/graphql-test-server.js';
import { startTestApp, type TestApp, useTestApp } from './support/app.js';
import { uniqueName } from './support/seed.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const admin = { authorization: `Bearer ${adminToken}` };
const password = 'correct horse battery staple';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken });
  await change('organizationCreate', '', { slug: 'elsewhere', name: 'Elsewhere' });
});

afterAll(() => app.stop());

describe('without a credential', () => {
  it('closes every operation of the schema over HTTP, save signing in', async () => {
    const open: string[] = [];
    for (const { field, document } of rootOperations()) {
      const answer = await ask(document);
      if (answer.status !== 401 || codeOf(answer) !== 'UNAUTHENTICATED') open.push(field);
    }

    expect(open).toEqual(['sessionCreate']);
  });

  it('closes the event stream', async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { events { cursor } }' }),
    });

    expect(await response.text()).toContain('UNAUTHENTICATED');
  });

  it('closes the websocket', async () => {
    const socket = await openSocket();

    expect((await socket.closed).code).toBe(4403);
  });

  it('leaves the public schema readable', async () => {
    expect(await ask('{ __schema { queryType { name } } }')).toMatchObject({ status: 200 });
  });
});

describe('a wrong credential', () => {
  it('is answered alike, whatever is wrong with it', async () => {
    const { secret, id } = await seedKey(await seedAgent());
    await revoke(id);
    const expired = await seedKey(await seedAgent(), { expiresAt: inSeconds(60) });
    await app.sql(`update api_key set expires_at = now() - interval '1 second' where id = $1`, [expired.id]);
    const wrong = [
      'Bearer nonsense',
      'Bearer ',
      `Bearer ${adminToken}x`,
      `Basic ${adminToken}`,
      `Bearer baton_${'0'.repeat(32)}_${'a'.repeat(43)}`,
      `Bearer ${secret.slice(0, -1)}${secret.endsWith('A') ? 'E' : 'A'}`,
      `Bearer baton_session_${'a'.repeat(43)}`,
      `Bearer ${expired.secret}`,
      `Bearer ${secret}`,
    ];

    const answers = await Promise.all(wrong.map((authorization) => askViewer({ authorization })));

    expect(answers[0]).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it('is refused in open mode too, where none is needed', async () => {
    const openApp = await useTestApp();

    const [none, wrong] = await Promise.all([askViewer({}, openApp), askViewer({ authorization: 'Bearer nonsense' }, openApp)]);

    expect(none).toMatchObject({ status: 200, data: { viewer: { kind: 'OPEN', isOperator: true } } });
    expect(wrong.status).toBe(401);
  });

  it('as a stale cookie refuses the request, is removed, and does not keep anybody from signing in', async () => {
    const openApp = await useTestApp();
    await seedUser({ email: 'somebody@example.com' }, {}, openApp);
    const stale = { cookie: `other=1; baton_session=baton_session_${'a'.repeat(43)}` };

    const refused = await askViewer(stale, openApp);
    const signedIn = await signIn({ email: 'somebody@example.com' }, stale, openApp);

    expect(refused).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect(refused.cookie).toMatch(/^baton_session=; .*Max-Age=0/);
    expect(signedIn.data.sessionCreate).toMatchObject({ user: { email: 'somebody@example.com' }, errors: [] });
  });
});

describe('organizations', () => {
  it('are chosen by the operator with X-Organization', async () => {
    const [none, other, unknown] = await Promise.all([
      askViewer(admin),
      askViewer({ ...admin, 'x-organization': 'elsewhere' }),
      askViewer({ ...admin, 'x-organization': 'nowhere' }),
    ]);

    expect(none.data.viewer).toMatchObject({ organization: { slug: 'default' }, kind: 'ADMIN_TOKEN', actor: null });
    expect(other.data.viewer).toMatchObject({ organization: { slug: 'elsewhere' } });
    expect(codeOf(unknown)).toBe('ORGANIZATION_NOT_FOUND');
  });

  it('cannot be left with a key: another organization is as good as none', async () => {
    const { secret } = await seedKey(await seedAgent());
    const key = { authorization: `Bearer ${secret}` };

    const own = await askViewer({ ...key, 'x-organization': 'default' });
    const other = await askViewer({ ...key, 'x-organization': 'elsewhere' });
    const unknown = await askViewer({ ...key, 'x-organization': 'elsewhore' });

    expect(own.status).toBe(200);
    expect(codeOf(other)).toBe('ORGANIZATION_NOT_FOUND');
    expect(JSON.stringify(other).replaceAll('elsewhere', 'elsewhore')).toBe(JSON.stringify(unknown));
  });

  it('are created by operators only, and each slug once however many ask', async () => {
    const user = await seedSession('ADMIN');
    const create = (headers: Record<string, string>) =>
      change('organizationCreate', '', { slug: 'contested', name: 'Contested' }, headers);

    const refused = await create(user.headers);
    const answers = await Promise.all([create(admin), create(admin), create(admin)]);

    expect(outcomeOf(refused)).toBe('FORBIDDEN');
    expect(answers.map(outcomeOf).sort()).toEqual(['ALREADY_EXISTS', 'ALREADY_EXISTS', 'created']);
  });

  it('show only themselves, save to operators', async () => {
    const { headers } = await seedSession('ADMIN');
    const list = '{ organizations { nodes { slug } } }';

    const [mine, all] = await Promise.all([ask(list, headers), ask(list, admin)]);

    expect(mine.data).toEqual({ organizations: { nodes: [{ slug: 'default' }] } });
    expect(all.data).toMatchObject({ organizations: { nodes: expect.arrayContaining([{ slug: 'elsewhere' }]) } });
  });
});

describe('API keys', () => {
  it('show their secret once, and keep it as a hash', async () => {
    const agentId = await seedAgent();
    const input = { agentId, name: 'once', idempotencyKey: uniqueName('key') };

    const first = await createKey(input);
    const again = await createKey(input);

    const secret = present(first.secret);
    expect(again).toEqual({ ...first, secret: null });
    expect(await databaseText()).not.toContain(secret.slice(-43));
    expect(await viewerOf(secret)).toMatchObject({ kind: 'API_KEY', actor: { id: agentId }, isOperator: false });
  });

  it('end within five seconds of being revoked, over HTTP and on sockets that are open', async () => {
    const { id, secret } = await seedKey(await seedAgent());
    const socket = await openSocket({ authorization: `Bearer ${secret}` });
    expect((await socket.message()).type).toBe('connection_ack');
    const revokedAt = performance.now();

    await revoke(id);

    expect(await socket.closed).toMatchObject({ code: 4403, reason: expect.stringContaining('revoked') });
    await expect.poll(() => statusOf(secret), { timeout: 5000, interval: 50 }).toBe(401);
    expect(performance.now() - revokedAt).toBeLessThan(5000);
  });

  it('end on open sockets also when no event tells of it: expired, or revoked by hand', async () => {
    const expiring = await seedKey(await seedAgent(), { expiresAt: inSeconds(3600) });
    const lost = await seedKey(await seedAgent());
    const sockets = await Promise.all([expiring, lost].map(({ secret }) => openSocket({ authorization: `Bearer ${secret}` })));
    await Promise.all(sockets.map((socket) => socket.message()));
    const endedAt = performance.now();

    await app.elapse(3600);
    await app.sql('update api_key set revoked_at = now() where id = $1', [lost.id]);

    for (const socket of sockets) expect((await socket.closed).code).toBe(4403);
    expect(performance.now() - endedAt).toBeLessThan(5000);
  });

  it('are revoked once, whoever asks again', async () => {
    const { id } = await seedKey(await seedAgent());

    const [first, second] = [await revoke(id), await revoke(id)];

    expect(first).toMatchObject({ apiKey: { isActive: false, revokedAt: expect.any(String) }, errors: [] });
    expect(second).toEqual(first);
    const events = await app.sql('select type from event where subject_id = $1 order by seq', [id]);
    expect(events).toEqual([{ type: 'ApiKeyCreated' }, { type: 'ApiKeyRevoked' }]);
  });

  it('allow what their scopes say', async () => {
    const agentId = await seedAgent();
    const reader = bearer((await seedKey(agentId, { scopes: ['READ'] })).secret);
    const writer = bearer((await seedKey(agentId, { scopes: ['WORK'] })).secret);
    const list = '{ tasks { nodes { id } } }';
    const task = { title: 'one' };

    const reads = [await ask(list, reader), await ask(list, writer)];
    const writes = [await change('taskCreate', '', task, reader), await change('taskCreate', '', task, writer)];

    expect(reads).toMatchObject([{ status: 200 }, { status: 403, errors: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    expect(writes.map(outcomeOf)).toEqual(['FORBIDDEN', 'created']);
  });

  it('grant nothing that their maker lacks', async () => {
    const agentId = await seedAgent();
    const worker = bearer((await seedKey(agentId)).secret);
    const reader = bearer((await seedKey(agentId, { scopes: ['READ'] })).secret);

    const outcomes = [
      await createKey({ name: 'same' }, worker),
      await createKey({ name: 'more', scopes: ['READ', 'ADMIN'] }, worker),
      await createKey({ name: 'successor', scopes: ['READ'] }, reader),
      await createKey({ name: 'worker process', scopes: ['READ', 'WORKER'] }),
      await createKey({ name: 'nobody who acts', scopes: ['WORK'] }),
      await createKey({ name: 'past', agentId, expiresAt: inSeconds(-1) }),
    ].map(outcomeOf);

    expect(outcomes).toEqual(['created', 'FORBIDDEN', 'FORBIDDEN', 'created', 'VALIDATION_FAILED', 'VALIDATION_FAILED']);
  });

  it('are seen and revoked only by their agent, its owner and administrators', async () => {
    const owner = await seedSession('MEMBER');
    const stranger = await seedSession('MEMBER');
    const agentId = await seedAgent({ ownerId: owner.id });
    const key = await seedKey(agentId, {}, owner.headers);
    const otherKey = await seedKey(await seedAgent());
    const list = `{ apiKeys(agentId: "${agentId}") { nodes { id } } node(id: "${key.id}") { id } }`;
    const callers = [bearer(key.secret), owner.headers, admin, stranger.headers, bearer(otherKey.secret)];

    const answers = await Promise.all(callers.map((headers) => ask<{ apiKeys: object; node: object | null }>(list, headers)));
    const refused = [await revoke(key.id, stranger.headers), await revoke(key.id, { ...admin, 'x-organization': 'elsewhere' })];

    expect(answers.map(({ data }) => JSON.stringify(data.apiKeys).includes(key.id))).toEqual([true, true, true, false, false]);
    expect(answers.map(({ data }) => data.node !== null)).toEqual([true, true, true, false, false]);
    expect(refused.map(outcomeOf)).toEqual(['API_KEY_NOT_FOUND', 'API_KEY_NOT_FOUND']);
  });
});

describe('identity', () => {
  it('comes from the credential: an agent acts only as itself, a member only for agents it owns', async () => {
    const owner = await seedSession('MEMBER');
    const [mine, other] = [await seedAgent({ ownerId: owner.id }), await seedAgent()];
    const agent = bearer((await seedKey(other)).secret);
    const heartbeat = (agentId: string, headers: Record<string, string>) => change('agentHeartbeat', '', { agentId }, headers);

    const outcomes = [
      await heartbeat(other, agent),
      await heartbeat(mine, agent),
      await heartbeat(mine, owner.headers),
      await heartbeat(other, owner.headers),
      await heartbeat(other, admin),
      await heartbeat(other, { ...admin, 'x-organization': 'elsewhere' }),
    ].map(({ errors }) => errors[0]?.code ?? 'done');

    expect(outcomes).toEqual(['done', 'FORBIDDEN', 'done', 'FORBIDDEN', 'done', 'AGENT_NOT_FOUND']);
  });
});

describe('sessions', () => {
  it('work as a cookie and as a bearer token until they end', async () => {
    const { email, id } = await seedUser();
    const signedIn = await signIn({ email: email.toUpperCase() });
    const token = tokenOf(signedIn);
    const cookie = { cookie: `baton_session=${token}` };
    const socket = await openSocket({ authorization: `Bearer ${token}` });
    await socket.message();

    const byCookie = (await askViewer(cookie)).data.viewer;
    const byToken = await viewerOf(token);
    const ended = await ask('mutation { sessionEnd { errors { code } } }', cookie);

    expect(signedIn.cookie).toMatch(
      new RegExp(`^baton_session=${token}; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=259(200|1[0-9]{2})$`),
    );
    expect(byCookie).toMatchObject({ kind: 'SESSION', actor: { id }, scopes: ['READ', 'WORK'], isOperator: false });
    expect(byToken).toEqual(byCookie);
    expect(ended).toMatchObject({ data: { sessionEnd: { errors: [] } }, cookie: expect.stringContaining('Max-Age=0') });
    expect((await socket.closed).code).toBe(4403);
    await expect.poll(() => statusOf(token), { timeout: 5000, interval: 50 }).toBe(401);
  });

  it('give way to a bearer token that comes with them', async () => {
    const { email } = await seedUser();
    const cookie = `baton_session=${tokenOf(await signIn({ email }))}`;

    const { data } = await askViewer({ cookie, ...admin });

    expect(data.viewer.kind).toBe('ADMIN_TOKEN');
  });

  it('end by themselves', async () => {
    const shortApp = await useTestApp({ ADMIN_TOKEN: adminToken, SESSION_HOURS: '1' });
    const { email } = await seedUser({}, admin, shortApp);
    const token = tokenOf(await signIn({ email }, {}, shortApp));

    await shortApp.elapse(3600);

    expect((await askViewer(bearer(token), shortApp)).status).toBe(401);
  });

  it('are refused alike for an unknown email and a wrong password', async () => {
    const { email } = await seedUser();

    const wrong = await signIn({ email, password: 'not the password' });
    const unknown = await signIn({ email: 'nobody@example.com', password: 'not the password' });

    expect(wrong.data.sessionCreate).toMatchObject({ token: null, errors: [{ code: 'UNAUTHENTICATED' }] });
    expect(unknown).toEqual(wrong);
  });

  it('cannot be guessed into: ten wrong passwords lock an email out for a while', async () => {
    const { email } = await seedUser();

    const guesses = await Promise.all(Array.from({ length: 12 }, () => signIn({ email, password: 'a guess' })));
    const right = await signIn({ email });

    const outcomes = guesses.map(({ data }) => outcomeOf(data.sessionCreate));
    expect(outcomes.filter((outcome) => outcome === 'UNAUTHENTICATED')).toHaveLength(10);
    expect(outcomeOf(right.data.sessionCreate)).toBe('RATE_LIMITED');
  });

  it('are not replayed with an idempotency key: the password is checked every time', async () => {
    const { email } = await seedUser();
    const idempotencyKey = uniqueName('key');

    const first = await signIn({ email, idempotencyKey });
    const again = await signIn({ email, idempotencyKey, password: 'not the password' });

    expect(outcomeOf(first.data.sessionCreate)).toBe('created');
    expect(again.data.sessionCreate).toMatchObject({ user: null, errors: [{ code: 'UNAUTHENTICATED' }] });
  });
});

describe('users', () => {
  it('are created by administrators, each email once over all organizations', async () => {
    const { email } = await seedUser();
    const member = await seedSession('MEMBER');
    const administrator = await seedSession('ADMIN');

    const outcomes = [
      await createUser({ email: email.toUpperCase() }),
      await createUser({ email }, { ...admin, 'x-organization': 'elsewhere' }),
      await createUser({}, member.headers),
      await createUser({ email: 'not an email' }),
      await createUser({ password: 'short' }),
      await createUser({}, administrator.headers),
    ].map(outcomeOf);

    expect(outcomes).toEqual([
      'ALREADY_EXISTS',
      'ALREADY_EXISTS',
      'FORBIDDEN',
      'VALIDATION_FAILED',
      'VALIDATION_FAILED',
      'created',
    ]);
  });

  it('are listed within their organization', async () => {
    const here = await seedUser();
    const there = await seedUser({}, { ...admin, 'x-organization': 'elsewhere' });

    const { data } = await ask<{ users: { nodes: object[] } }>('{ users(last: 100) { nodes { id email role } } }', admin);

    expect(data.users.nodes).toContainEqual({ ...here, role: 'MEMBER' });
    expect(JSON.stringify(data)).not.toContain(there.id);
  });
});

it('leaves no secret in the log or in the database', async () => {
  const [right, wrong] = ['a password that nobody else has', 'a guess that nobody else makes'];
  const { email } = await seedUser({ password: right, idempotencyKey: uniqueName('key') });
  const token = tokenOf(await signIn({ email, password: right }));
  const { secret } = await seedKey(await seedAgent());
  await viewerOf(secret);
  await ask('{ nonsense }', bearer(token));
  await signIn({ email, password: wrong });

  const traces = (await databaseText()) + app.logLines.join('\n');

  expect(traces).toContain(email);
  for (const text of [adminToken, right, wrong, token, secret, secret.slice(-43)]) expect(traces).not.toContain(text);
});

const viewerDocument = '{ viewer { kind scopes isOperator actor { id } organization { slug } } }';

interface ViewerData {
  viewer: { kind: string; scopes: string[]; isOperator: boolean; actor: { id: string } | null; organization: { slug: string } };
}

interface Failures {
  errors: { code: string }[];
}

interface Answer<Data> {
  status: number;
  cookie: string | null;
  data: Data;
  errors: { message: string; extensions: { code: string } }[] | undefined;
}

/** Asks as a plain client does. Documents are written by hand, so the caller says what comes of them. */
async function ask<Data = unknown>(
  query: string,
  headers: Record<string, string> = {},
  variables: object = {},
  target = app,
): Promise<Answer<Data>> {
  const response = await fetch(`${target.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as Pick<Answer<Data>, 'data' | 'errors'>;
  return { status: response.status, cookie: response.headers.get('set-cookie'), data, errors };
}

/** Asks who the caller is. */
function askViewer(headers: Record<string, string> = {}, target = app): Promise<Answer<ViewerData>> {
  return ask<ViewerData>(viewerDocument, headers, {}, target);
}

/** Runs one mutation on an input; answers its payload. */
async function change<Payload extends Failures = Failures>(
  name: string,
  selection: string,
  input: object,
  headers: Record<string, string> = admin,
  target = app,
): Promise<Payload> {
  const inputType = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const document = `mutation($input: ${inputType}!) { ${name}(input: $input) { ${selection} errors { code } } }`;
  const { data, errors } = await ask<Record<string, Payload>>(document, headers, { input }, target);
  const payload = data?.[name];
  if (!payload) throw new Error(`${name} was refused: ${JSON.stringify(errors)}`);
  return payload;
}

/** `created`, or why not. */
function outcomeOf({ errors }: Failures): string {
  return errors[0]?.code ?? 'created';
}

function codeOf({ errors }: Answer<unknown>): string | undefined {
  return errors?.[0]?.extensions.code;
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function viewerOf(token: string): Promise<ViewerData['viewer']> {
  return (await askViewer(bearer(token))).data.viewer;
}

async function statusOf(token: string): Promise<number> {
  return (await askViewer(bearer(token))).status;
}

async function openSocket(payload: object = {}): Promise<TestSocket> {
  const socket = new TestSocket(`${app.url.replace(/^http/, 'ws')}/graphql`);
  await socket.opened;
  socket.send({ type: 'connection_init', payload });
  return socket;
}

interface SignInData {
  sessionCreate: { user: { email: string } | null; token: string | null; errors: { code: string; message: string }[] };
}

function signIn(input: object, headers: Record<string, string> = {}, target = app): Promise<Answer<SignInData>> {
  const document = `mutation($input: SessionCreateInput!) {
    sessionCreate(input: $input) { user { email } token errors { code message path } }
  }`;
  return ask<SignInData>(document, headers, { input: { password, ...input } }, target);
}

function createKey(input: object, headers: Record<string, string> = admin) {
  return change<Failures & { apiKey: { id: string } | null; secret: string | null }>(
    'apiKeyCreate',
    'apiKey { id } secret',
    input,
    headers,
  );
}

function revoke(apiKeyId: string, headers: Record<string, string> = admin) {
  return change('apiKeyRevoke', 'apiKey { isActive revokedAt }', { apiKeyId }, headers);
}

function createUser(input: object, headers: Record<string, string> = admin, target = app) {
  const user = { name: 'User', email: `${uniqueName('user')}@example.com`, password, ...input };
  return change<Failures & { user: { id: string; email: string } | null }>(
    'userCreate',
    'user { id email }',
    user,
    headers,
    target,
  );
}

async function seedAgent(input: object = {}): Promise<string> {
  const profile = { externalId: uniqueName('agent'), ...input };
  const { agent } = await change<Failures & { agent: { id: string } }>('agentRegister', 'agent { id }', profile);
  return agent.id;
}

async function seedKey(agentId: string, input: object = {}, headers: Record<string, string> = admin) {
  const { apiKey, secret } = await createKey({ agentId, name: uniqueName('key'), ...input }, headers);
  return { id: present(apiKey).id, secret: present(secret) };
}

async function seedUser(input: object = {}, headers: Record<string, string> = admin, target = app) {
  return present((await createUser(input, headers, target)).user);
}

async function seedSession(role: 'MEMBER' | 'ADMIN') {
  const { id, email } = await seedUser({ role });
  return { id, headers: bearer(tokenOf(await signIn({ email }))) };
}

function tokenOf({ data }: Answer<SignInData>): string {
  return present(data.sessionCreate.token);
}

function present<Value>(value: Value | null): Value {
  if (value === null) throw new Error('not created');
  return value;
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

/** Everything that the database holds, as text. */
async function databaseText(): Promise<string> {
  const tables = await app.sql<{ name: string }>(
    `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
  );
  const texts = await Promise.all(tables.map(({ name }) => app.sql(`select row_to_json(${name}) as row from ${name}`)));
  return JSON.stringify(texts);
}

/** One operation for every root field of the schema, with whatever its arguments require. */
function rootOperations(): { field: string; document: string }[] {
  const schema = buildSchema();
  const roots = { query: schema.getQueryType(), mutation: schema.getMutationType(), subscription: schema.getSubscriptionType() };
  return Object.entries(roots).flatMap(([operation, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => {
      const required = field.args.filter(isRequiredArgument).map((argument) => `${argument.name}: ${sample(argument.type)}`);
      const selection = isLeafType(isNonNullType(field.type) ? field.type.ofType : field.type) ? '' : '{ __typename }';
      const call = required.length > 0 ? `(${required.join(', ')})` : '';
      return { field: field.name, document: `${operation} { ${field.name}${call} ${selection} }` };
    }),
  );
}

/** A value of the type, as it is written in a document. */
function sample(type: GraphQLInputType): string {
  if (isNonNullType(type)) return sample(type.ofType);
  if (isListType(type)) return `[${sample(type.ofType)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{ ${required.map((field) => `${field.name}: ${sample(field.type)}`).join(', ')} }`;
  }
  return (
    { Int: '1', Float: '1', Boolean: 'true', DateTime: '"2030-01-01T00:00:00Z"' }[type.name] ??
    '"00000000-0000-7000-8000-000000000009"'
  );
}
