import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hashSecret } from '../../src/auth/api-key.js';
import { settingKeys } from '../../src/features/settings/setting.model.js';
import { endpoints } from '../../src/rest/endpoints.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { sendWire, type WireAnswer } from '../support/http-request.js';
import {
  type Document,
  expectDocumented,
  type JsonSchema,
  operationsOf,
  type RestOperation,
  resolved,
  SchemaCheck,
} from '../support/openapi.js';
import {
  type Attempt,
  canBeBroken,
  type Known,
  RequestArbitraries,
  shown,
  textOf,
  wirePath,
} from '../support/openapi-requests.js';
import { mutate, type SeededOrganization, seedOrganization } from '../support/organization.js';
import { rest } from '../support/rest-call.js';
import { seedRestThings } from '../support/rest-things.js';
import { uniqueName } from '../support/seed.js';
import { contentOf } from '../support/table-rows.js';

/**
 * What the document says of each endpoint, tried with requests that are made from it. The seed is fixed, so that a failure
 * comes again; REST_PROPERTY_SEED takes another, and REST_PROPERTY_RUNS=20 makes twenty times as many requests.
 */
const seed = Number(process.env.REST_PROPERTY_SEED ?? 20_260_208);
const times = Number(process.env.REST_PROPERTY_RUNS ?? 1);
vi.setConfig({ testTimeout: 30_000 * times });

const adminToken = 'an-admin-token-of-the-test-alone';
const workerKey = 'a-worker-key-of-the-test-alone';
const environment = {
  ADMIN_TOKEN: adminToken,
  TERARCHITECT_WORKER_API_KEY: workerKey,
  TERARCHITECT_SECRET_KEY: '5e'.repeat(32),
  ORCHESTRATOR_USER_LIMIT_PER_MINUTE: '1000000',
  ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR: '1000000',
};

// Names of tests are needed before there is a server to ask.
const document = await readDocument();
const operations = operationsOf(document);

let app: TestApp;
let own: SeededOrganization;
let stranger: SeededOrganization;
let headers: Record<string, string>;

beforeAll(async () => {
  app = await startTestApp(environment, { runsClockwork: false });
  own = await seedOrganization(app, adminToken);
  stranger = await seedOrganization(app, adminToken);
  headers = { authorization: `Bearer ${adminToken}`, 'x-organization': own.slug };
});

afterAll(() => app.stop());

describe('the document', () => {
  it('describes every endpoint that there is, and no other', () => {
    const declared = endpoints.map(({ method, path }) => `${method.toUpperCase()} ${path}`);

    expect(operations.map(({ name }) => name).sort()).toEqual([...declared].sort());
  });

  it('says what each operation is for, under a name of its own', () => {
    const ids = operations.map(({ operationId }) => operationId);

    expect(new Set(ids).size).toBe(operations.length);
    for (const { name, summary, tags, operationId } of operations) {
      expect(summary, name).toMatch(/^[A-Z].*\.$/s);
      expect(operationId, name).toMatch(/^[a-z][A-Za-z]+$/);
      expect(
        document.tags.map((tag) => tag.name),
        name,
      ).toContain(tags?.[0]);
    }
  });

  it('shows every failure in the words of its dialect', () => {
    for (const { name, dialect, responses } of operations) {
      const failures = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      expect(
        failures.map(([status]) => status),
        name,
      ).toEqual(expect.arrayContaining(['400', '401', '403', '500']));
      for (const [status, { description, content }] of failures) {
        const error = { $ref: `#/components/schemas/${dialect.charAt(0).toUpperCase()}${dialect.slice(1)}Error` };
        expect(description, `${name} ${status}`).toMatch(/\S/);
        expect(content?.['application/json']?.schema, `${name} ${status}`).toEqual(error);
      }
    }
  });

  it('says what each parameter and each field of a request means', () => {
    const silent = operations.flatMap(({ name, parameters, body }) => [
      ...parameters.filter((each) => !(each.description ?? each.schema.description)).map((each) => `${name} ${each.name}`),
      ...(body ? undescribed(body, name) : []),
    ]);

    expect(silent).toEqual([]);
  });

  it('has examples that fit their schemas', () => {
    const check = new SchemaCheck(document, { isClosed: false });
    const wrong = everySchema(document).flatMap(({ place, schema }) =>
      [schema.example, schema.default]
        .filter((example) => example !== undefined)
        .flatMap((example) =>
          check.problems(schema, example).map((problem) => `${place}: ${JSON.stringify(example)} ${problem}`),
        ),
    );

    expect(wrong).toEqual([]);
  });

  it('has no words of another face', () => {
    expect(everySchema(document).filter(({ schema }) => 'graphql' in schema)).toEqual([]);
  });

  it('lists for every path the methods that the server takes there', async () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const described = Object.keys(methods).map((method) => method.toUpperCase());
      const answer = await sendWire(app.url, { method: 'OPTIONS', path: path.replaceAll(/\{\w+\}/g, '1') });

      const allowed = answer.headers.get('allow')?.split(', ') ?? [];
      expect(allowed.sort(), path).toEqual([...described, ...(described.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort());
    }
  });
});

describe.each(operations)('$name', (operation) => {
  let known: Known;
  let requests: RequestArbitraries;

  beforeAll(async () => {
    known = await seedRestThings(app, own, operation.dialect);
    requests = new RequestArbitraries(document, known);
  });

  it('succeeds when it is asked as the document says, once under one idempotency key', async () => {
    const attempt = requests.simplest(operation);
    const caller = { ...headers, 'idempotency-key': uniqueName('key') };

    const answer = await send(attempt, caller);
    const content = await contentOf(app);
    const again = await send(attempt, caller);

    expectDocumented(closedCheck, operation, answer);
    expect(answer.status, `${answer.text}: say in test/support/rest-things.ts which things it needs`).toBeLessThan(300);
    expect(again.status).toBe(answer.status);
    if (operation.method !== 'GET') expect(again.json).toEqual(withoutSecrets(answer.json));
    expect(await contentOf(app)).toEqual(content);
  });

  it('answers as the document says, whoever asks', async () => {
    const callers = fc.constantFrom(...callersOf(own));

    await fc.assert(
      fc.asyncProperty(requests.fitting(operation), callers, async (attempt, caller) => {
        expectAnswered(operation, attempt, await send(attempt, caller));
      }),
      { seed, numRuns: 4 * times },
    );
  });

  it.runIf(canBeBroken(operation))('refuses what the document does not allow, and changes nothing', async () => {
    const broken = requests.broken(operation, (attempt) => isBroken(attempt));

    // Looking at every row takes longer than a request: so many at once, of which fast-check finds the one that is to blame.
    await fc.assert(
      fc.asyncProperty(fc.array(broken, { minLength: 1, maxLength: 24, size: 'max' }), async (attempts) => {
        const content = await contentOf(app);
        for (const attempt of attempts) {
          const answer = await send(attempt);
          expectDocumented(closedCheck, operation, answer);
          expect(answer.status, `it took ${shown(attempt)}`).toBeGreaterThanOrEqual(400);
        }
        expect(await contentOf(app)).toEqual(content);
      }),
      { seed, numRuns: times },
    );
  });

  it('takes the names of what every object has for words like others', async () => {
    for (const attempt of requests.withWords(operation, ['constructor', '__proto__', 'valueOf'])) {
      expectAnswered(operation, attempt, await send(attempt));
    }
  });

  it('is no worse for anything that is sent to it', async () => {
    const isRead = operation.method === 'GET';

    await fc.assert(
      fc.asyncProperty(fc.array(requests.hostile(operation), { minLength: 1, maxLength: 16, size: 'max' }), async (attempts) => {
        let content = await contentOf(app);
        for (const attempt of attempts) {
          const answer = await send(attempt);
          expectAnswered(operation, attempt, answer);
          if (isRead) continue;
          const contentNow = await contentOf(app);
          if (answer.status >= 400) expect(contentNow, `${shown(attempt)} was refused: ${answer.text}`).toEqual(content);
          content = contentNow;
        }
        if (isRead) expect(await contentOf(app)).toEqual(content);
      }),
      // What a request did it does not do again: nothing smaller would fail in the same way.
      { seed, numRuns: times, endOnFailure: true },
    );
  });
});

describe.each(operations.filter(({ isOpen }) => !isOpen))('without a credential that is good for it, $name', (operation) => {
  let attempt: Attempt;

  beforeAll(async () => {
    const known = await thingsOf(operation.dialect);
    attempt = new RequestArbitraries(document, known).simplest(operation);
  });

  it('lets nobody in, and changes nothing', async () => {
    const credentials = await uselessCredentials();
    const content = await contentOf(app);

    for (const [who, authorization] of Object.entries(credentials)) {
      const credential: Record<string, string> = authorization ? { authorization } : {};
      for (const caller of [credential, { ...credential, 'x-organization': own.slug }]) {
        const answer = await send(attempt, caller);

        expectDocumented(closedCheck, operation, answer);
        expect(answer.status, `${who}: ${answer.text}`).toBe(401);
        expect(answer.headers.get('www-authenticate'), who).toBe('Bearer');
        expect(answer.text, who).not.toContain(own.mark);
      }
    }
    expect(await contentOf(app)).toEqual(content);
  });

  it('shows another organization nothing, and changes nothing of what is not its own', async () => {
    const content = await contentOf(app, [own.organizationId]);

    for (const token of [stranger.agent.token, stranger.user.token, adminToken]) {
      const authorization = `Bearer ${token}`;
      // Who runs the server may act anywhere, others only where they belong.
      for (const organization of [stranger.slug, token === adminToken ? 'default' : own.slug]) {
        const answer = await send(attempt, { authorization, 'x-organization': organization });

        expectDocumented(closedCheck, operation, answer);
        expect(withoutEcho(answer.text, attempt)).not.toContain(own.mark);
        // Who runs the server may learn that what it names is elsewhere.
        const refusals = token === adminToken ? [400, 403, 404] : [401, 403, 404];
        if (operation.path.includes('{')) expect(refusals, answer.text).toContain(answer.status);
      }
    }
    expect(await contentOf(app, [own.organizationId])).toEqual(content);
  });
});

it('no request of these tests was a fault of the server', () => {
  expect(app.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  expect({}).not.toHaveProperty('polluted');
});

/** Fields that take more than the document says, and why; a JSON schema says it badly, or the lenience is for old clients alone. */
const lenient: Record<string, Record<string, string>> = {
  'POST /api/projects': {
    name: 'boards send an empty text for a field that is left empty',
    github_url: 'the same',
    project_path: 'the same',
    is_existing_repo: 'what is not true is false',
  },
  'PUT /api/projects/{projectId}': { github_url: 'an empty text clears it', project_path: 'the same' },
  'POST /api/projects/{projectId}/notes': { node_ids: 'also one text with commas', edge_ids: 'the same' },
  'PATCH /api/projects/{projectId}/notes/{noteId}': { node_ids: 'also one text with commas', edge_ids: 'the same' },
  'PUT /api/projects/{projectId}/notes/{noteId}': { node_ids: 'also one text with commas', edge_ids: 'the same' },
  'POST /api/projects/{projectId}/tickets/{ticketId}/complete': { pr_number: 'what is no number counts as left out' },
  'PUT /api/settings': Object.fromEntries(settingKeys.map((key) => [key, 'numbers and booleans are taken as text'])),
};

const closedCheck = new SchemaCheck(document, { isClosed: true });
const openCheck = new SchemaCheck(document, { isClosed: false });

async function readDocument(): Promise<Document> {
  const server = await startTestApp();
  try {
    return (await rest(server, 'GET', '/openapi.json')).json;
  } finally {
    await server.stop();
  }
}

/** Sends it as the operator of the organization, or as whom other headers name. */
function send(attempt: Attempt, caller = headers): Promise<WireAnswer> {
  const { operation, body } = attempt;
  const isJson = body !== null && 'value' in body;
  return sendWire(app.url, {
    method: operation.method,
    path: wirePath(attempt),
    headers: { ...(isJson && { 'content-type': 'application/json' }), ...attempt.headers, ...caller },
    body: body === null ? null : 'value' in body ? (JSON.stringify(body.value) ?? null) : body.raw,
  });
}

/** Headers of everybody who may be somebody in the organization. */
function callersOf({ agent, user, slug }: SeededOrganization): Record<string, string>[] {
  return [adminToken, agent.token, user.token, workerKey].map((token) => ({
    authorization: `Bearer ${token}`,
    'x-organization': slug,
  }));
}

const things = new Map<string, Promise<Known>>();

/** Things of a dialect that no test changes. */
function thingsOf(dialect: string): Promise<Known> {
  const seeded = things.get(dialect) ?? seedRestThings(app, own, dialect);
  things.set(dialect, seeded);
  return seeded;
}

let useless: Record<string, string> | undefined;

/** `Authorization` as nobody should get in with, by what is wrong with it. */
async function uselessCredentials(): Promise<Record<string, string>> {
  if (useless) return useless;
  const key = await mutate<{ apiKey: { id: string }; secret: string }>(
    app,
    own.operator,
    'apiKeyCreate',
    { name: 'revoked', scopes: ['READ', 'WORKER'] },
    'apiKey { id } secret',
  );
  await mutate(app, own.operator, 'apiKeyRevoke', { apiKeyId: key.apiKey.id }, '__typename');
  const { email, password } = own;
  const { token } = await mutate<{ token: string }>(app, {}, 'sessionCreate', { email, password }, 'token');
  await app.sql("update session set expires_at = now() - interval '1 hour' where token_hash = $1", [hashSecret(token)]);
  useless = {
    none: '',
    garbled: 'Bearer garbage',
    'half of the admin token': `Bearer ${adminToken.slice(0, -1)}`,
    'of another scheme': `Basic ${Buffer.from(`admin:${adminToken}`).toString('base64')}`,
    empty: 'Bearer ',
    'a key that was revoked': `Bearer ${key.secret}`,
    'a session that is over': `Bearer ${token}`,
  };
  return useless;
}

/** What is shown once is not kept to be shown again. */
function withoutSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  const kept = Object.entries(value).filter(([key]) => !['api_key', 'apiKey', 'warning'].includes(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutSecrets(item)]));
}

/** What the answer says beyond what the request has told the server itself. */
function withoutEcho(text: string, { path, query, headers, body }: Attempt): string {
  const told = [path, query, headers, body && 'value' in body ? body.value : null];
  const texts = new Set(textsIn(told));
  return [...texts].sort((one, other) => other.length - one.length).reduce((rest, each) => rest.replaceAll(each, ''), text);
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Whether the document says that the request is wrong. */
function isBroken({ operation, query, body }: Attempt): boolean {
  const isQueryBroken = operation.parameters.some(
    ({ in: place, name, schema }) => place === 'query' && query[name] !== undefined && !fitsText(schema, textOf(query[name])),
  );
  if (operation.body === null || body === null || !('value' in body)) return isQueryBroken;
  const tolerated = Object.keys(lenient[operation.name] ?? {});
  const problems = openCheck.problems(operation.body, body.value);
  return isQueryBroken || problems.some((problem) => !tolerated.some((field) => problem.startsWith(field)));
}

/** Whether the text of a query is what its schema says. */
function fitsText(schema: JsonSchema, text: string): boolean {
  const value = schema.type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
  return openCheck.problems(schema, value).length === 0;
}

/** As documented; a path that is none of the operation's leads elsewhere, or nowhere, which the dialect says too. */
function expectAnswered(operation: RestOperation, attempt: Attempt, answer: WireAnswer): void {
  const places = attempt.rawId === undefined ? Object.values(attempt.path).map(textOf) : [attempt.rawId];
  if (places.some((place) => ['', '.', '..', '%2e%2e'].includes(place))) {
    expect(answer.status, shown(attempt)).toBeLessThan(500);
    return;
  }
  if (attempt.rawId !== undefined && (answer.status === 404 || answer.status === 405)) return;
  expectDocumented(closedCheck, operation, answer);
}

function undescribed(given: JsonSchema, place: string): string[] {
  const { properties = {}, items } = resolved(document, given);
  return [
    ...Object.entries(properties).flatMap(([name, property]) => [
      ...(resolved(document, property).description ? [] : [`${place} ${name}`]),
      ...undescribed(property, `${place} ${name}`),
    ]),
    ...(items ? undescribed(items, place) : []),
  ];
}

/** Every schema of the document, with its place. */
function everySchema(value: unknown, place = ''): { place: string; schema: JsonSchema }[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.entries(value).flatMap(([key, item]) => (key === 'example' ? [] : everySchema(item, `${place}/${key}`)));
  const isSchema = ['type', 'anyOf', 'oneOf', 'allOf', 'enum', '$ref'].some((key) => key in value) && !('in' in value);
  return isSchema ? [{ place, schema: value as JsonSchema }, ...inside] : inside;
}
