import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CostBudget } from '../src/rate-limits/cost-budget.js';
import { BatonRequestError } from '../src/sdk/errors.js';
import { BatonClient } from '../src/sdk/index.js';
import { TestSocket } from './graphql-server/graphql-test-server.js';
import { startTestApp, type TestApp, useTestApp } from './support/app.js';
import { requireRedis } from './support/redis.js';
import { seedAgent } from './support/seed.js';

const adminToken = 'an-admin-token-of-the-test-alone';
/** Of one operation and of a minute the most. */
const limit = 20_000;
const cheap = '{ tasks(first: 1) { nodes { id } } }';
/** 100 rows of 20 fields each. */
const dear = `{ tasks(first: 100) { nodes { ${Array.from({ length: 20 }, (_, index) => `field${index}: title`).join(' ')} } } }`;
const dearCost = 1 + 100 * (1 + 20);

let shared: TestApp;
let socketApp: TestApp;
let impatient: TestApp;

beforeAll(async () => {
  const limits = { WEBSOCKETS_PER_CREDENTIAL: '2', WEBSOCKET_OPERATIONS: '3', WEBSOCKET_MESSAGES_PER_SECOND: '10' };
  [shared, socketApp, impatient] = await Promise.all([
    startTestApp({ ADMIN_TOKEN: adminToken, GRAPHQL_COST_LIMIT_PER_MINUTE: String(limit) }),
    startTestApp({ ADMIN_TOKEN: adminToken, ...limits }),
    startTestApp({ REQUEST_TIMEOUT_MS: '200' }),
  ]);
});

afterAll(() => Promise.all([shared, socketApp, impatient].map((app) => app.stop())));

async function useLimitedApp(variables: Record<string, string> = {}, databaseUrl?: string): Promise<TestApp> {
  const environment = { ADMIN_TOKEN: adminToken, GRAPHQL_COST_LIMIT_PER_MINUTE: String(limit), ...variables };
  return useTestApp(environment, databaseUrl ? { databaseUrl } : {});
}

async function newKey(app: TestApp): Promise<string> {
  return (await seedAgent(app.client({ token: adminToken }))).apiKey;
}

/** One operation over HTTP; without a token as nobody. */
async function ask(app: TestApp, token: string | null, body: object, accept = 'application/json') {
  const headers = { 'content-type': 'application/json', accept, ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text.startsWith('{') ? JSON.parse(text) : text };
}

function socketUrl(app: TestApp): string {
  return `${app.url.replace('http', 'ws')}/graphql`;
}

async function openSocket(app: TestApp, token: string): Promise<TestSocket> {
  const socket = new TestSocket(socketUrl(app));
  await socket.opened;
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
  await socket.message();
  return socket;
}

/** Spends until nothing that is dear is allowed any more. */
async function useUp(app: TestApp, token: string): Promise<void> {
  for (;;) {
    const { status } = await ask(app, token, { query: dear });
    if (status === 429) return;
  }
}

describe('the cost of GraphQL', () => {
  it('is told with every answer, in extensions and in the headers of the REST limit', async () => {
    const app = shared;
    const token = await newKey(app);

    const first = await ask(app, token, { query: cheap });
    const second = await ask(app, token, { query: dear });
    // Over GET and with an operation that fails, too.
    const got = await fetch(`${app.url}/graphql?query=${encodeURIComponent(cheap)}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const failed = await ask(app, token, { query: '{ task(id: "x") { id } tasks(first: -1) { nodes { id } } }' });

    expect(first.json.extensions.cost).toEqual({ requested: 3, limit, remaining: limit - 3, resetsInSeconds: 60 });
    expect(second.json.extensions.cost).toMatchObject({ requested: dearCost, remaining: limit - 3 - dearCost });
    const { extensions } = (await got.json()) as { extensions: { cost: object } };
    expect(extensions.cost).toMatchObject({ requested: 3, remaining: limit - 6 - dearCost });
    expect(failed.json).toMatchObject({ errors: [{}], extensions: { cost: { limit } } });
    for (const [{ headers }, remaining] of [
      [first, limit - 3],
      [second, limit - 3 - dearCost],
      [got, limit - 6 - dearCost],
    ] as const) {
      expect(headers.get('x-ratelimit-limit')).toBe(String(limit));
      expect(headers.get('x-ratelimit-remaining')).toBe(String(remaining));
      expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
    }
  });

  it('follows the variables that size a list, and nothing else that varies', async () => {
    const app = shared;
    const token = await newKey(app);
    const costOf = async (variables: object) => {
      const { json } = await ask(app, token, {
        query: 'query ($first: Int = 7, $after: String) { tasks(first: $first, after: $after) { nodes { id title } } }',
        variables,
      });
      return json.extensions.cost.requested;
    };

    const costs = [];
    for (const first of [undefined, 1, 2, 5, 2, -3, 2_000_000, null, 3, 4, 6, 8, 9, 10]) costs.push(await costOf({ first }));

    const expected = [7, 1, 2, 5, 2, 1, 100, 20, 3, 4, 6, 8, 9, 10].map((rows) => 1 + 3 * rows);
    expect(costs).toEqual(expected);
    expect(await costOf({ first: 'many' })).toBe(1);
  });

  it('beyond the limit is answered 429 and when to try again; other credentials go on', async () => {
    const app = shared;
    const [token, other] = [await newKey(app), await newKey(app)];
    await useUp(app, token);

    for (const accept of ['application/json', 'application/graphql-response+json', 'text/event-stream']) {
      const refused = await ask(app, token, { query: dear }, accept);
      expect(refused.status).toBe(429);
      const seconds = Number(refused.headers.get('retry-after'));
      expect(seconds).toBeGreaterThan(50);
      expect(refused.headers.get('x-ratelimit-limit')).toBe(String(limit));
      if (accept === 'text/event-stream') continue;
      expect(refused.json).toMatchObject({
        errors: [
          {
            message: expect.stringContaining(String(dearCost)),
            extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds },
          },
        ],
        extensions: { cost: { requested: dearCost, limit } },
      });
      expect(refused.json.data ?? null).toBeNull();
    }

    // What is left is still there for what is cheaper.
    expect((await ask(app, token, { query: cheap })).json.data).toBeTruthy();
    expect((await ask(app, other, { query: dear })).json.data).toBeTruthy();
  });

  it('may be spent anew when a window ends', async () => {
    const budget = new CostBudget({ limit: { requests: 10, windowSeconds: 0.05 } });
    onTestFinished(() => budget.close());

    const charges = [7, 4, 3, 1].map((cost) => budget.charge('key', cost));

    expect(charges.map(({ isAllowed, remaining }) => [isAllowed, remaining])).toEqual([
      [true, 3],
      [false, 3],
      [true, 0],
      [false, 0],
    ]);
    await vi.waitFor(() => expect(budget.charge('key', 8)).toMatchObject({ isAllowed: true, remaining: 2 }));
  });

  it('is charged over a websocket as well, which stays open; a subscription pays when it begins, not for its events', async () => {
    const app = shared;
    const token = await newKey(app);
    const socket = await openSocket(app, token);
    const client = app.client({ token: adminToken });

    socket.subscribe('subscription { taskEvents { cursor kind task { id title } } }', 'events');
    socket.subscribe(cheap, 'before');
    const before = await socket.message();
    await socket.message();
    await client.request(parse('mutation { taskCreate(input: { title: "news" }) { task { id } } }'), {});
    const event = await socket.message();
    await useUp(app, token);
    socket.subscribe(dear, 'refused');
    const refused = await socket.message();
    const after = await ask(app, token, { query: cheap });

    const spentByStart = limit - (before.payload as { extensions: { cost: { remaining: number } } }).extensions.cost.remaining;
    expect(spentByStart).toBeLessThan(20);
    expect(event).toMatchObject({ id: 'events', type: 'next', payload: { data: { taskEvents: { kind: 'TASK_CREATED' } } } });
    expect(event.payload).not.toHaveProperty('extensions');
    expect(refused).toMatchObject({ id: 'refused', type: 'error', payload: [{ extensions: { code: 'RATE_LIMITED' } }] });
    expect(after.status).toBe(200);
    expect(socket.socket.readyState).toBe(socket.socket.OPEN);
  });

  it('is not counted where nobody needs a credential, nor against those who have none yet', async () => {
    const open = await useTestApp({ GRAPHQL_COST_LIMIT_PER_MINUTE: String(limit) });
    const closed = shared;
    const signIn = 'mutation { sessionCreate(input: { email: "a@b.c", password: "wrong" }) { errors { code } } }';

    for (let time = 0; time < 10; time++) expect((await ask(open, null, { query: dear })).status).toBe(200);
    const { json } = await ask(closed, null, { query: signIn });

    expect(json.data.sessionCreate.errors).toHaveLength(1);
    expect(json).not.toHaveProperty('extensions');
  });

  it('is told between servers that share a Redis, so that a credential does not have its limit at each', async (context) => {
    const REDIS_URL = requireRedis(context);
    const here = await useLimitedApp({ REDIS_URL });
    const there = await useLimitedApp({ REDIS_URL }, here.databaseUrl);
    const token = await newKey(here);

    await useUp(here, token);
    // What is spent there is a hundredth of the limit, and so is told; with it the server learns what was spent here.
    await ask(there, token, { query: dear });

    await vi.waitFor(async () => expect((await ask(there, token, { query: dear })).status).toBe(429), 10_000);
  });

  it('over the limit has the SDK wait as long as it was told, and then go on', async () => {
    const waits: number[] = [];
    let lastAt = performance.now();
    const server = createServer((_request, response) => {
      waits.push(performance.now() - lastAt);
      lastAt = performance.now();
      const errors = [{ message: 'too much', extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 1 } }];
      const body = waits.length === 1 ? { errors } : { data: { taskCreate: { task: { id: '1' }, errors: [] } } };
      response.writeHead(waits.length === 1 ? 429 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const client = new BatonClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const document = parse('mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { errors { code message } } }');

    await client.mutate(document as never, {});

    expect(waits).toHaveLength(2);
    expect(waits[1]).toBeGreaterThan(950);
    expect(
      new BatonRequestError([{ message: 'x', extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 3 } }], 429),
    ).toMatchObject({ isRetriable: true, retryAfterMs: 3000 });
  });
});

describe('a websocket client', () => {
  const events = 'subscription { taskEvents { cursor } }';

  it('has as many sockets under its credential as the server allows; others go on, and a closed one makes room', async () => {
    const app = socketApp;
    const [token, other] = [await newKey(app), await newKey(app)];
    const [first] = [await openSocket(app, token), await openSocket(app, token)];
    const open = (key: string) => {
      const socket = new TestSocket(socketUrl(app));
      void socket.opened.then(() => socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
      return socket;
    };

    expect(await open(token).closed).toEqual({ code: 4420, reason: 'Too many websockets of this credential' });
    expect(await open(other).message()).toMatchObject({ type: 'connection_ack' });
    first?.socket.close();
    await first?.closed;

    await vi.waitFor(async () => {
      const socket = open(token);
      expect(await Promise.race([socket.message(), socket.closed])).toMatchObject({ type: 'connection_ack' });
    });
  });

  it('runs as many operations at once as the server allows; one too many is an error of its own, and nothing else ends', async () => {
    const app = socketApp;
    const socket = await openSocket(app, await newKey(app));

    for (const id of ['1', '2', '3', '4']) socket.subscribe(events, id);
    const refused = await socket.message();
    socket.send({ id: '2', type: 'complete' });
    socket.subscribe(cheap, '5');
    const answered = await socket.message();

    expect(refused).toMatchObject({ id: '4', type: 'error', payload: [{ extensions: { code: 'TOO_MANY_OPERATIONS' } }] });
    expect(answered).toMatchObject({ id: '5', type: 'next' });
  });

  it.each(['messages', 'pings'])('that floods its socket with %s is cut off, and nobody else is', async (what) => {
    const app = socketApp;
    const token = await newKey(app);
    const [flooding, bystander] = [await openSocket(app, token), await openSocket(app, token)];

    for (let sent = 0; sent < 200; sent++) {
      if (what === 'pings') flooding.socket.ping();
      else flooding.send({ type: 'ping' });
    }
    const closed = await flooding.closed;
    // A burst is no flood.
    for (let sent = 0; sent < 40; sent++) bystander.send({ type: 'ping' });
    for (let answered = 0; answered < 40; answered++) await bystander.message();

    expect(closed).toEqual({ code: 4421, reason: 'Too many messages' });
    expect(bystander.socket.readyState).toBe(bystander.socket.OPEN);
  });

  it('may have hundreds of subscriptions over one socket unless configured otherwise', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken });
    const socket = await openSocket(app, await newKey(app));

    for (let id = 0; id < 500; id++) socket.subscribe(events, `events-${id}`);
    socket.subscribe(cheap, 'read');

    expect(await socket.message()).toMatchObject({ id: 'read', type: 'next' });
  });
});

describe('a request that takes its time', () => {
  it.each([
    ['its headers', 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
    ['its body', 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{'],
    ['the body of an older API', 'POST /agents/heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{'],
    ['its first byte', ''],
  ])('for %s is cut off, and nobody else is', async (_what, start) => {
    const app = impatient;
    const slow = connect(Number(new URL(app.url).port), '127.0.0.1');
    onTestFinished(() => void slow.destroy());
    let answer = '';
    slow.on('data', (data) => {
      answer += data;
    });
    const dripping = setInterval(() => start && slow.write('x'), 20);
    const ended = new Promise((resolve) => slow.once('close', resolve));
    slow.on('error', () => {});

    slow.write(start);
    await ended;
    clearInterval(dripping);

    expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect((await fetch(`${app.url}/livez`)).status).toBe(200);
  });
});
