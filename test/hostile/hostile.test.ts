import { connect } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestSocket } from '../graphql-server/graphql-test-server.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { sendWire, type WireAnswer } from '../support/http-request.js';
import { seedAgent } from '../support/seed.js';
import { useSpans } from '../support/spans.js';
import { countRows } from '../support/table-rows.js';
import { type HostileRequest, hostileBytes, hostileMessages, hostileRequests } from './corpus.js';

const adminToken = 'an-admin-token-of-the-test-alone';

/** Milliseconds in which each is refused, or for which it keeps the processor where others want that too, at the best of a few tries. */
const limitMs = 50;
const triesMax = 5;

// A request names a trace, and all that is done for it belongs to that.
const spans = useSpans();

/** What the database was asked, by trace. */
const queries: { traceId: string | undefined; text: string }[] = [];

let app: TestApp;
let token: string;
let rowsBefore: Record<string, number>;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken }, { runsClockwork: false });
  token = (await seedAgent(app.client({ token: adminToken }))).apiKey;
  rowsBefore = await countRows(app);
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [first] = args as [string | { text?: string; name?: string } | undefined];
    const text = typeof first === 'string' ? first : (first?.name ?? first?.text ?? '');
    queries.push({ traceId: trace.getSpanContext(context.active())?.traceId, text });
    return query.apply(this, args) as never;
  });
});

afterAll(async () => {
  vi.restoreAllMocks();
  await app.stop();
});

let traces = 0;

async function attempt({ request, as = 'agent' }: HostileRequest) {
  traces += 1;
  const traceId = traces.toString(16).padStart(32, '0');
  const headers = {
    ...(as === 'agent' && { authorization: `Bearer ${token}` }),
    ...request.headers,
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
  };
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  const answer = await sendWire(app.url, { method: 'POST', path: '/graphql', ...request, headers });
  const { user, system } = process.cpuUsage(cpuBefore);
  return { traceId, answer, ms: Math.min(performance.now() - started, (user + system) / 1000) };
}

function codesIn({ text }: WireAnswer): unknown[] {
  const json = text.startsWith('{') ? JSON.parse(text) : null;
  const { errors, data, code, error } = json ?? {};
  const top = Array.isArray(errors) ? errors.map((each) => each.extensions?.code) : [code ?? error?.code ?? error];
  const inPayloads = Object.values(data ?? {}).flatMap((payload) => {
    const list = (payload as { errors?: { code: string }[] } | null)?.errors ?? [];
    return list.map((each) => each.code);
  });
  return [...top, ...inPayloads].filter((each) => each !== undefined);
}

/** Whether what ran for the trace, other than looking up the credential, is the database's or a resolver's business. */
function reached(traceId: string): string[] {
  const operations = spans.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const names = operations.map(({ name }) => name).filter((name) => name.startsWith('graphql '));
  const asked = queries.filter((each) => each.traceId === traceId && !each.text.startsWith('auth-')).map(({ text }) => text);
  return [...names, ...asked];
}

const leaks = /node_modules|\bat \S+ \(|prisma|postgres|\bselect\b.*\bfrom\b|ECONN|\.ts:|\/src\/|\/dist\//i;

describe('is refused at once, with a stable code, before a resolver or the database hears of it:', () => {
  it.each(hostileRequests)('$name', async (hostile) => {
    let bestMs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < triesMax && bestMs > limitMs; tries++) {
      spans.reset();
      queries.length = 0;
      const { traceId, answer, ms } = await attempt(hostile);
      bestMs = Math.min(bestMs, ms);

      expect(answer.status, answer.text.slice(0, 500)).toBe(hostile.status);
      if (hostile.code === 'ANY') expect(codesIn(answer), answer.text.slice(0, 500)).not.toEqual([]);
      else if (hostile.code !== null)
        expect(new Set(codesIn(answer)), answer.text.slice(0, 500)).toEqual(new Set([hostile.code]));
      expect(codesIn(answer)).not.toContain('INTERNAL_ERROR');
      expect(answer.text).not.toMatch(leaks);
      expect(answer.text).not.toContain(token);
      expect(reached(traceId).filter((name) => !(hostile.isChecked && name.startsWith('graphql ')))).toEqual([]);
    }
    expect(bestMs).toBeLessThan(limitMs);
  });

  it.each(hostileBytes)('bytes with %s', async (_name, bytes) => {
    const started = performance.now();
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(new URL(app.url).port), '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('error', () => {});
      socket.once('close', () => resolve(text));
    });

    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it.each(hostileMessages)('a websocket message %s', async (_name, message, expected) => {
    const socket = new TestSocket(`${app.url.replace('http', 'ws')}/graphql`);
    await socket.opened;
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    await socket.message();
    spans.reset();

    socket.socket.send(message);

    if (typeof expected === 'number') expect((await socket.closed).code).toBe(expected);
    else expect(await socket.message()).toMatchObject({ type: 'error', payload: [{ extensions: { code: expected } }] });
    expect(spans.getFinishedSpans().map(({ name }) => name)).not.toContainEqual(expect.stringMatching(/^graphql /));
  });

  it('in more than sixty ways, each with a name of its own', () => {
    const names = [
      ...hostileRequests.map(({ name }) => name),
      ...hostileBytes.map(([name]) => name),
      ...hostileMessages.map(([name]) => name),
    ];

    expect(new Set(names).size).toBe(names.length);
    expect(hostileRequests.filter(({ isChecked }) => !isChecked).length).toBeGreaterThan(60);
  });
});

it('leaves the server well, and everything as it was', async () => {
  const { status, text } = await sendWire(app.url, {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: '{"query":"{ viewer { kind } tasks { nodes { id } } }"}',
  });

  expect([status, text]).toEqual([200, '{"data":{"viewer":{"kind":"API_KEY"},"tasks":{"nodes":[]}}}']);
  expect(await countRows(app)).toEqual(rowsBefore);
  expect(app.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  expect({}).not.toHaveProperty('admin');
});
