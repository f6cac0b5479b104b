import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { jsonMediaTypeFor } from '../../src/graphql/json-answer.js';
import { Source, startTestServer, type TestServer, type TestServerOptions } from './graphql-test-server.js';

/** Yoga takes no notice of a range in another character set; the server leaves a POST that names a stream to Yoga. */
const leadsToYoga = 'text/event-stream;charset=utf-16';

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

async function startServer(options: TestServerOptions = {}) {
  const server = await startTestServer(options);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  return { server, agent };
}

function post(server: TestServer, agent: Agent, body: string, headers: OutgoingHttpHeaders): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(server.url, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json', 'x-request-id': 'the-same', ...headers },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        // How the body is framed is no part of the answer, and the clock goes on.
        const { date, 'content-length': _, 'transfer-encoding': __, ...rest } = response.headers;
        resolve({ status: response.statusCode ?? 0, headers: rest, body: String(Buffer.concat(chunks)) });
      });
    });
    outgoing.end(body);
  });
}

const ranges = [
  'application/json',
  'application/graphql-response+json',
  'APPLICATION/JSON',
  '*/*',
  'application/*',
  '*/json',
  'text/html',
  'image/png',
  'text/*',
  'application/graphql+json',
  'application',
  '',
];
const parameters = ['', ';q=0.5', ';q=0', '; charset=utf-8', ';charset=utf-16', ';charset=UTF-8', ' ; q = 1 ; charset=utf-8'];

const accept = fc
  .array(
    fc.tuple(fc.constantFrom(...ranges), fc.constantFrom(...parameters)).map((parts) => parts.join('')),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(', '));

const queries: unknown[] = [
  { query: '{ hello }' },
  { query: '{ hello }', operationName: null, variables: null, extensions: null },
  { query: '{ hello }', variables: { unused: 1 }, extensions: { any: 'thing' } },
  { query: 'query ($n: Int!) { hello(times: $n) }', variables: { n: 2 } },
  { query: 'query ($n: Int!) { hello(times: $n) }', variables: { n: 'many' } },
  { query: 'query ($n: Int!) { hello(times: $n) }' },
  { query: 'query ($n: Int = 1) { hello(times: $n) }', variables: { n: null } },
  { query: 'query A { hello } query B { whoAmI requestId }', operationName: 'B' },
  { query: 'query A { hello } query B { whoAmI }', operationName: 'C' },
  { query: 'query A { hello } query B { whoAmI }' },
  { query: '{ hello }', operationName: '' },
  { query: '{ hello }', operationName: 7 },
  { query: 'mutation { change }' },
  { query: 'mutation { change waits }' },
  { query: 'subscription { cannotSubscribe }' },
  { query: '{ hello missing bug refused notANumber }' },
  { query: '{ nothing }' },
  { query: '{ hello locked }' },
  { query: '{ again { nothing } nested { bug } }' },
  { query: '{ cookie }' },
  { query: '{ __schema { queryType { name } } }' },
  { query: '{ hello' },
  { query: '{ unknown }' },
  { query: '{ hello(times: "many") }' },
  { query: '' },
  { query: ' ' },
  { query: '# nothing' },
  { query: 'fragment F on Query { hello }' },
  { query: `{ ${'nested { '.repeat(20)} hello ${'}'.repeat(20)} }` },
  { query: `{ ${'hello '.repeat(6000)} }` },
  { query: `{ ${Array.from({ length: 40 }, (_, index) => `a${index}: hello`).join(' ')} }` },
  { query: null },
  { query: 7 },
  { query: ['{ hello }'] },
  { query: '{ hello }', variables: [] },
  { query: '{ hello }', variables: 'n' },
  { query: '{ hello }', variables: '{}' },
  { query: '{ hello }', extensions: [] },
  { query: '{ hello }', more: 1 },
  { query: '{ hello }', more: null },
  { query: '{ hello }', id: null, __proto__: null },
  {},
  [],
  [{ query: '{ hello }' }],
  null,
  'text',
  7,
];

describe('a POST of plain JSON is answered as Yoga answers it, byte for byte', () => {
  it('whatever it asks, and whatever it accepts', async () => {
    const { server, agent } = await startServer({ gate: { pass: Promise.resolve(), reach: () => {} } });

    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...queries), fc.option(accept), async (params, accepted) => {
        const body = JSON.stringify(params);
        const plain = await post(server, agent, body, accepted === null ? {} : { accept: accepted });
        // To accept nothing in particular is to accept everything.
        const byYoga = await post(server, agent, body, { accept: `${accepted?.trim() || '*/*'}, ${leadsToYoga}` });

        expect(plain).toEqual(byYoga);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['a caller who is turned away', { authorization: 'Bearer bad' }],
    ['a lookup that fails', { authorization: 'Bearer outage' }],
    ['a page of a listed origin', { origin: 'https://board.example' }],
    ['a page of another origin', { origin: 'https://evil.example', cookie: 'session=good' }],
    ['a body that is no JSON', { 'content-type': 'text/plain' }],
  ])('for %s', async (_name, headers) => {
    const { server, agent } = await startServer({ corsOrigins: ['https://board.example'] });
    const body = JSON.stringify({ query: '{ whoAmI }' });

    const plain = await post(server, agent, body, { accept: 'application/json', ...headers });
    const byYoga = await post(server, agent, body, { accept: `application/json, ${leadsToYoga}`, ...headers });

    expect(plain).toEqual(byYoga);
  });

  it('when the context cannot be built, at once or later', async () => {
    for (const createContext of [() => failing(), () => Promise.resolve().then(failing)]) {
      const { server, agent } = await startServer({ createContext });
      for (const accepted of ['application/json', 'application/graphql-response+json']) {
        const body = JSON.stringify({ query: '{ hello }' });

        const plain = await post(server, agent, body, { accept: accepted });
        const byYoga = await post(server, agent, body, { accept: `${accepted}, ${leadsToYoga}` });

        expect(plain).toEqual(byYoga);
        expect(plain.status).toBe(500);
      }
    }
  });
});

it('is told from what is left to Yoga by what it accepts', () => {
  expect(jsonMediaTypeFor('application/json')).toBe('application/json');
  expect(jsonMediaTypeFor(`application/json, ${leadsToYoga}`)).toBeNull();
});

it('leaves subscriptions to Yoga, also for those who accept JSON beside the stream', async () => {
  const source = new Source<{ events: string }>();
  const { server } = await startServer({ source });
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ query: 'subscription { events }' }),
  });

  expect(response.headers.get('content-type')).toContain('text/event-stream');
  await response.body?.cancel();
});

function failing(): never {
  throw new Error('the secret plan failed');
}
