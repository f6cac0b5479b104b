import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Source, startTestServer, TestSocket } from './graphql-test-server.js';

describe('a websocket', () => {
  it('runs queries, mutations and subscriptions', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);

    client.subscribe('query ($n: Int!) { hello(times: $n) }', 'query', { n: 2 });
    expect(await client.message()).toEqual({ id: 'query', type: 'next', payload: { data: { hello: 'hello hello' } } });
    expect(await client.message()).toEqual({ id: 'query', type: 'complete' });

    client.subscribe('mutation { change }', 'mutation');
    expect(await client.message()).toEqual({ id: 'mutation', type: 'next', payload: { data: { change: 'changed' } } });
    expect(await client.message()).toEqual({ id: 'mutation', type: 'complete' });

    client.subscribe('subscription { events }', 'subscription');
    await source.started;
    source.push({ events: 'first' });
    expect(await client.message()).toEqual({ id: 'subscription', type: 'next', payload: { data: { events: 'first' } } });
  });

  it('gives resolvers the viewer of its handshake', async () => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server, { authorization: 'Bearer good', organization: 'acme' });

    client.subscribe('{ whoAmI }');

    expect(await client.message()).toMatchObject({ payload: { data: { whoAmI: 'tester' } } });
    expect(server.lastCredentials()).toEqual({ authorization: 'Bearer good', cookie: null, organization: 'acme' });
  });

  it('returns the source of every subscription when the client leaves', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);
    client.subscribe('subscription { events }');
    await source.started;

    client.socket.terminate();

    await source.returned;
  });

  it('returns the source when the client completes the subscription', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);
    client.subscribe('subscription { events }');
    await source.started;

    client.send({ id: '1', type: 'complete' });

    await source.returned;
  });

  it('is cut when the peer stops answering pings', async () => {
    const server = await startTestServer({ keepAliveMs: 20 });
    const client = await TestSocket.connected(server);

    // A paused client reads no ping, so it answers none; its own end learns of the cut when it reads again.
    const cut = new Promise<void>((resolve) => {
      const watch = setInterval(() => {
        if (server.liveStreams() > 0) return;
        clearInterval(watch);
        resolve();
      }, 5);
    });
    client.socket.pause();
    await cut;
    client.socket.resume();

    expect(await client.closed).toMatchObject({ code: 1006 });
  });

  it('stays open while the peer answers pings', async () => {
    const server = await startTestServer({ keepAliveMs: 100 });
    const client = await TestSocket.connected(server);

    for (let pings = 0; pings < 5; pings++) await new Promise((resolve) => client.socket.once('ping', resolve));
    client.subscribe('{ hello }');

    expect(await client.message()).toMatchObject({ payload: { data: { hello: 'hello' } } });
  });
});

describe('a websocket is closed with', () => {
  it('4403 when its credential is bad', async () => {
    const server = await startTestServer();
    const client = new TestSocket(server.websocketUrl);
    await client.opened;

    client.send({ type: 'connection_init', payload: { authorization: 'Bearer bad' } });

    expect(await client.closed).toEqual({ code: 4403, reason: 'Forbidden' });
    expect(server.liveStreams()).toBe(0);
  });

  it('1013, on which clients try again, when the credential cannot be looked up', async () => {
    const server = await startTestServer();
    const client = new TestSocket(server.websocketUrl);
    await client.opened;

    client.send({ type: 'connection_init', payload: { authorization: 'Bearer outage' } });

    expect(await client.closed).toEqual({ code: 1013, reason: 'Try again later' });
    expect(server.rawLog()).toContain('ECONNREFUSED');
  });

  it('4408 when it does not say who it is', async () => {
    const server = await startTestServer({ connectionInitTimeoutMs: 20 });
    const client = new TestSocket(server.websocketUrl);

    expect(await client.closed).toMatchObject({ code: 4408 });
  });

  it.each(['{ "type": ', '7', '{"type":"unknown"}', '{"type":"subscribe","id":"1"}'])(
    '4400 on a message that is not of the protocol: %s',
    async (message) => {
      const server = await startTestServer();
      const client = await TestSocket.connected(server);

      client.send(message);

      expect(await client.closed).toMatchObject({ code: 4400 });
      expect(await (await fetch(`${server.url}?query={hello}`)).json()).toEqual({ data: { hello: 'hello' } });
    },
  );

  it('4429 when it says twice who it is', async () => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server);

    client.send({ type: 'connection_init' });

    expect(await client.closed).toMatchObject({ code: 4429 });
  });

  it('4401 when it subscribes before it says who it is', async () => {
    const server = await startTestServer();
    const client = new TestSocket(server.websocketUrl);
    await client.opened;

    client.subscribe('{ hello }');

    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it('4409 when it uses the id of a running subscription', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);
    client.subscribe('subscription { events }');
    await source.started;

    client.subscribe('{ hello }');

    expect(await client.closed).toMatchObject({ code: 4409 });
    await source.returned;
  });

  it('1009 on an oversized message', async () => {
    const server = await startTestServer({ maxBodyBytes: 1000 });
    const client = await TestSocket.connected(server);

    client.send(' '.repeat(1001));

    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  it('4406 when it does not speak the sub-protocol', async () => {
    const server = await startTestServer();
    const client = new TestSocket(server.websocketUrl, { protocols: [] });

    expect(await client.closed).toMatchObject({ code: 4406 });
  });
});

describe('an upgrade', () => {
  it.each([
    ['a foreign origin', { origin: 'https://evil.example' }, 403],
    ['the origin of a sandboxed page', { origin: 'null' }, 403],
    ['the own host under another port', { origin: 'http://127.0.0.1:1' }, 403],
  ])('is refused from %s', async (_name, headers, status) => {
    const server = await startTestServer();

    const client = new TestSocket(server.websocketUrl, { headers });

    expect(await client.refused).toBe(status);
  });

  it('is refused in open mode under a host name that a page could have rebound to this machine', async () => {
    const server = await startTestServer({ openMode: true });

    const headers = { host: 'evil.example', origin: 'http://evil.example' };
    const client = new TestSocket(server.websocketUrl, { headers });

    expect(await client.refused).toBe(421);
  });

  it('is refused on another path', async () => {
    const server = await startTestServer();

    const client = new TestSocket(server.websocketUrl.replace('graphql', 'elsewhere'));

    expect(await client.refused).toBe(404);
  });

  it.each([
    ['the own origin', (host: string) => `http://${host}`],
    ['a listed origin', () => 'https://board.example'],
  ])('may bring a cookie from %s', async (_name, originOf) => {
    const server = await startTestServer({ corsOrigins: ['https://board.example'] });

    await TestSocket.connected(server, {}, { origin: originOf(server.host), cookie: 'session=good' });

    expect(server.lastCredentials()?.cookie).toBe('session=good');
  });

  it('brings no cookie without an origin', async () => {
    const server = await startTestServer();

    await TestSocket.connected(server, {}, { cookie: 'session=good' });

    expect(server.lastCredentials()?.cookie).toBeNull();
  });

  it('that is reset half-way harms nobody', async () => {
    const server = await startTestServer();
    const socket = connect(Number(server.host.split(':')[1]), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const upgraded = new Promise((resolve) => server.http.once('upgrade', resolve));

    socket.write(`GET /graphql HTTP/1.1\r\nHost: ${server.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    socket.resetAndDestroy();
    await Promise.race([upgraded, new Promise((resolve) => server.http.once('connection', resolve))]);

    await TestSocket.connected(server);
  });
});
