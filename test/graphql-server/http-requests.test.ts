import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isId } from '../../src/kernel/ids.js';
import { post, startTestServer, type TestServer } from './graphql-test-server.js';

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** Sends exactly these headers, of which `fetch` would forbid or add some. */
function send(server: TestServer, options: { method?: string; path?: string; headers?: Record<string, string>; body?: string }) {
  return new Promise<Answer>((resolve, reject) => {
    const { method = 'GET', path = '/graphql', headers = {}, body } = options;
    const outgoing = request(server.url, { method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const json = ({ body }: Answer) => JSON.parse(String(body));
const hello = '/graphql?query=%7Bhello%7D';
const helloBody = JSON.stringify({ query: '{ hello }' });

describe('the body', () => {
  it('may be as large as the limit and no larger', async () => {
    const server = await startTestServer({ maxBodyBytes: 2000 });
    const bodyOf = (bytes: number) => helloBody.padEnd(bytes, ' ');

    const atLimit = await post(server, bodyOf(2000));
    const over = await post(server, bodyOf(2001));

    expect(atLimit.status).toBe(200);
    expect(over.status).toBe(413);
    expect(await over.json()).toEqual({
      errors: [{ message: expect.stringContaining('2000 bytes'), extensions: { code: 'BODY_TOO_LARGE' } }],
    });
  });

  it('is limited without a Content-Length too', async () => {
    const server = await startTestServer({ maxBodyBytes: 2000 });
    const chunks = new ReadableStream({
      start(controller) {
        for (let index = 0; index < 200; index++) controller.enqueue(new TextEncoder().encode(' '.repeat(10_000)));
        controller.close();
      },
    });

    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: chunks,
      duplex: 'half',
    } as RequestInit);

    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BODY_TOO_LARGE' } }] });
  });

  it.each([
    ['is not JSON', '{ "query": '],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22]).toString('latin1')],
    ['is empty', ''],
    ['is null', 'null'],
    ['is a number', '7'],
    ['is a batch', `[${helloBody}]`],
    ['has no query', '{}'],
    ['has an unknown parameter', '{"query":"{ hello }","queryy":1}'],
  ])('is refused with 400 when it %s', async (_name, body) => {
    const server = await startTestServer();

    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body, 'latin1'),
    });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.any(String), extensions: { code: 'BAD_REQUEST' } }],
    });
  });

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', 'application/graphql', ''])(
    'is refused with 415 as %s, also with a header against forgery',
    async (contentType) => {
      const server = await startTestServer();

      const answer = await send(server, {
        method: 'POST',
        headers: { 'content-type': contentType, 'x-graphql-yoga-csrf': '1' },
        body: 'query=mutation{change}',
      });

      expect(answer.status).toBe(415);
      expect(json(answer).errors[0].extensions.code).toBe('BAD_REQUEST');
    },
  );

  it('may end early without harm', async () => {
    const server = await startTestServer();
    const outgoing = request(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '100' },
    });
    outgoing.on('error', () => {});
    const arrived = new Promise<void>((resolve) => server.http.once('request', (incoming) => incoming.once('close', resolve)));

    outgoing.write('{');
    await new Promise((resolve) => server.http.once('request', resolve));
    outgoing.destroy();
    await arrived;

    expect((await post(server, helloBody)).status).toBe(200);
    expect(server.log().filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });
});

describe('GET', () => {
  it('runs queries, with variables as JSON', async () => {
    const server = await startTestServer();
    const query = encodeURIComponent('query ($n: Int!) { hello(times: $n) }');

    const answer = await send(server, { path: `/graphql?query=${query}&variables=${encodeURIComponent('{"n":2}')}` });

    expect(json(answer)).toEqual({ data: { hello: 'hello hello' } });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('answers 400 for variables that are not JSON', async () => {
    const server = await startTestServer();

    const answer = await send(server, { path: `${hello}&variables=%7B` });

    expect(answer.status).toBe(400);
    expect(json(answer).errors[0].message).toContain('"variables"');
  });

  it('refuses mutations', async () => {
    const server = await startTestServer();

    const answer = await send(server, { path: '/graphql?query=mutation%7Bchange%7D' });

    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('POST');
    expect(json(answer).errors[0].extensions.code).toBe('BAD_REQUEST');
  });

  it.each(['PUT', 'DELETE', 'PATCH'])('is, with POST, all there is: %s is refused', async (method) => {
    const server = await startTestServer();

    const answer = await send(server, { method });

    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, POST');
  });
});

describe('a GET that a foreign page could have caused', () => {
  it.each([
    ['a cross-site browser', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a same-site browser', { 'sec-fetch-site': 'same-site' }, 403],
    ['a foreign origin', { origin: 'https://evil.example' }, 403],
    ['an old browser with a cookie', { cookie: 'session=good' }, 403],
    ['the page of the server itself', { 'sec-fetch-site': 'same-origin', cookie: 'session=good' }, 200],
    ['a listed origin', { 'sec-fetch-site': 'cross-site', origin: 'https://board.example' }, 200],
    ['a client with the header against forgery', { 'sec-fetch-site': 'cross-site', 'x-graphql-yoga-csrf': '1' }, 200],
    ['a client with the header of Apollo', { cookie: 'session=good', 'apollo-require-preflight': '1' }, 200],
    ['a program', {}, 200],
  ])('from %s', async (_name, headers, status) => {
    const server = await startTestServer({ corsOrigins: ['https://board.example'] });

    const answer = await send(server, { path: hello, headers: headers as Record<string, string> });

    expect(answer.status).toBe(status);
  });
});

describe('CORS', () => {
  const corsHeaders = ({ headers }: Answer) => Object.keys(headers).filter((name) => name.startsWith('access-control-'));

  it.each(['https://evil.example', 'null', 'https://board.example.evil.example', 'http://board.example'])(
    'gives %s nothing, in a preflight and in an answer',
    async (origin) => {
      const server = await startTestServer({ corsOrigins: ['https://board.example'] });

      const preflight = await send(server, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
      const answer = await send(server, {
        method: 'POST',
        headers: { origin, 'content-type': 'application/json' },
        body: helloBody,
      });

      expect(corsHeaders(preflight)).toEqual([]);
      expect(corsHeaders(answer)).toEqual([]);
      expect(answer.headers.vary).toContain('Origin');
    },
  );

  it('lets a listed origin call with credentials', async () => {
    const server = await startTestServer({ corsOrigins: ['https://board.example/'] });
    const origin = 'https://board.example';

    const preflight = await send(server, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
    const answer = await send(server, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json', cookie: 'session=good' },
      body: helloBody,
    });

    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toContain('content-type');
    for (const { headers } of [preflight, answer]) {
      expect(headers['access-control-allow-origin']).toBe(origin);
      expect(headers['access-control-allow-credentials']).toBe('true');
    }
    expect(server.lastCredentials()?.cookie).toBe('session=good');
  });

  it('lists nobody by default, and not every origin', async () => {
    const server = await startTestServer();

    const answer = await send(server, { path: hello, headers: { origin: `http://${server.host}` } });

    expect(answer.status).toBe(200);
    expect(corsHeaders(answer)).toEqual([]);
  });

  it('lets a page read the refusal of its request too', async () => {
    const server = await startTestServer({ corsOrigins: ['https://board.example'], maxBodyBytes: 10 });

    const answer = await send(server, {
      method: 'POST',
      headers: { origin: 'https://board.example', 'content-type': 'application/json' },
      body: helloBody,
    });

    expect(answer.status).toBe(413);
    expect(answer.headers['access-control-allow-origin']).toBe('https://board.example');
  });
});

describe('the host', () => {
  it.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:4000'])(
    'must be a loopback name in open mode, or a page could rebind its own to this machine: %s',
    async (host) => {
      const server = await startTestServer({ openMode: true });

      const answer = await send(server, { path: hello, headers: { host } });
      const page = await send(server, { headers: { host, accept: 'text/html' } });

      expect([answer.status, page.status]).toEqual([421, 421]);
      expect(json(answer).errors[0].extensions.code).toBe('BAD_REQUEST');
    },
  );

  it.each(['localhost:4000', 'LOCALHOST', '127.0.0.1:4000', '127.1.2.3', '[::1]:4000'])(
    'may be %s in open mode',
    async (host) => {
      const server = await startTestServer({ openMode: true });

      expect((await send(server, { path: hello, headers: { host } })).status).toBe(200);
    },
  );

  it('may be any where credentials are needed', async () => {
    const server = await startTestServer();

    expect((await send(server, { path: hello, headers: { host: 'baton.example' } })).status).toBe(200);
  });
});

describe('the caller', () => {
  it('is turned away with 401 and a GraphQL error', async () => {
    const server = await startTestServer();

    const response = await post(server, helloBody, { authorization: 'Bearer bad' });

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  it('is known by its headers', async () => {
    const server = await startTestServer();

    await post(server, helloBody, { authorization: 'Bearer good', cookie: 'session=good', 'x-organization': 'acme' });

    expect(server.lastCredentials()).toEqual({ authorization: 'Bearer good', cookie: 'session=good', organization: 'acme' });
  });

  it('does not come with a cookie that a foreign page made the browser send', async () => {
    const server = await startTestServer();

    await send(server, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'content-type': 'application/json', cookie: 'session=good' },
      body: helloBody,
    });

    expect(server.lastCredentials()?.cookie).toBeNull();
  });

  it('can be given a cookie by a resolver', async () => {
    const server = await startTestServer();

    const response = await post(server, { query: '{ cookie }' });

    expect(response.headers.get('set-cookie')).toBe('session=fresh; HttpOnly');
  });
});

describe('the request id', () => {
  it('is the caller’s own when that is harmless', async () => {
    const server = await startTestServer();

    const response = await post(server, { query: '{ requestId }' }, { 'x-request-id': 'trace-1.a:b_c' });

    expect(response.headers.get('x-request-id')).toBe('trace-1.a:b_c');
    expect(await response.json()).toEqual({ data: { requestId: 'trace-1.a:b_c' } });
  });

  it.each(['with space', 'x'.repeat(129), 'a"b'])('is minted instead of taking over %s', async (given) => {
    const server = await startTestServer();

    const response = await post(server, helloBody, { 'x-request-id': given });

    expect(isId(response.headers.get('x-request-id') ?? '')).toBe(true);
  });

  it('is on every answer', async () => {
    const server = await startTestServer({ openMode: true });

    const answers = await Promise.all([
      send(server, { method: 'PUT' }),
      send(server, { method: 'OPTIONS' }),
      send(server, { headers: { host: 'evil.example' } }),
      send(server, { method: 'POST', body: 'x' }),
      send(server, { headers: { authorization: 'Bearer bad' } }),
      send(server, { headers: { accept: 'text/html' } }),
      send(server, { path: hello, headers: { accept: 'image/png' } }),
    ]);

    for (const { headers } of answers) expect(isId(String(headers['x-request-id']))).toBe(true);
    expect(answers.at(-1)?.status).toBe(406);
  });
});

describe('GraphiQL', () => {
  it('is served whole from the package, without a credential, in nobody’s frame', async () => {
    const server = await startTestServer();

    const page = await send(server, {
      headers: { accept: 'text/html,*/*', 'accept-encoding': 'gzip', authorization: 'Bearer bad' },
    });
    const again = await send(server, { headers: { accept: 'text/html', 'if-none-match': String(page.headers.etag) } });

    const html = String(gunzipSync(page.body));
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(html).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/);
    expect(html).toContain('"defaultTabs":');
    expect(again.status).toBe(304);
  });

  it.each([
    ['websockets in open mode', true, 'WS'],
    ['server-sent events where its headers must carry a credential', false, 'SSE'],
  ])('subscribes over %s', async (_name, openMode, protocol) => {
    const server = await startTestServer({ openMode });

    const page = await send(server, { headers: { accept: 'text/html' } });

    expect(String(page.body)).toContain(`"subscriptionsProtocol":"${protocol}"`);
  });
});
