import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  gate,
  post,
  Source,
  startTestServer,
  type TestServer,
  TestSocket,
  TicketNotFoundError,
  testViewer,
} from './graphql-test-server.js';

/** Reads a server-sent event stream piece by piece. */
class EventStream {
  private text = '';
  private constructor(
    readonly response: Response,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
  ) {}

  static async open(server: TestServer, query = 'subscription { events }', init: RequestInit = {}): Promise<EventStream> {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query }),
      ...init,
    });
    if (!response.body) throw new Error('no stream');
    return new EventStream(response, response.body.getReader());
  }

  /** All text so far, once it has the pattern or the stream has ended. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      const { done, value } = await this.reader.read();
      if (done) break;
      this.text += new TextDecoder().decode(value);
    }
    return this.text;
  }

  /** Resolves at a clean end; rejects when the connection was cut. */
  async end(): Promise<string> {
    return this.until(/(?!)/);
  }
}

describe('server-sent events', () => {
  it('deliver a subscription, with keep-alive comments in between', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });

    const stream = await EventStream.open(server);
    await source.started;
    source.push({ events: 'first' });

    expect(stream.response.headers.get('content-type')).toContain('text/event-stream');
    expect(stream.response.headers.get('x-request-id')).toBeTruthy();
    expect(await stream.until(/data: .*\n\n[\s\S]*:\n\n/)).toContain('event: next\ndata: {"data":{"events":"first"}}\n\n');
  });

  it('can be asked for with GET, as EventSource does', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });

    const response = await fetch(`${server.url}?query=subscription{events}`, {
      headers: { accept: 'text/event-stream', 'sec-fetch-site': 'same-origin' },
    });
    await source.started;
    await response.body?.cancel();

    expect(response.status).toBe(200);
    await source.returned;
  });

  it('end with the code when the subscription fails', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const stream = await EventStream.open(server);
    await source.started;

    source.fail(new TicketNotFoundError('Ticket 7 does not exist.'));

    const text = await stream.end();
    expect(text).toContain('"extensions":{"code":"TASK_NOT_FOUND"}');
    expect(text).toContain('event: complete');
  });

  it('let go of the source when the client leaves', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = new AbortController();
    await EventStream.open(server, 'subscription { events }', { signal: client.signal });
    await source.started;

    client.abort();

    await source.returned;
    expect(server.liveStreams()).toBe(0);
  });

  it('are the only way to a subscription over HTTP, and the source is let go of otherwise', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });

    const response = await post(server, { query: 'subscription { events }' });

    expect(response.status).toBe(406);
    expect(await response.json()).toMatchObject({ errors: [{ message: expect.stringContaining('text/event-stream') }] });
    await source.returned;
  });
});

describe('a client that does not read', () => {
  // Sixteen times the 4 MiB that may wait for a client: unread, it would all be in our memory without backpressure.
  const eventBytes = 65_536;
  const eventCount = 1024;
  const payload = 'x'.repeat(eventBytes);

  it('slows its own subscription down instead of growing our memory, and misses nothing', async () => {
    const source = new Source((index) => (index < eventCount ? { events: `${index}:${payload}` } : undefined));
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);

    client.socket.pause();
    client.subscribe('subscription { events }');
    await source.started;
    const pulls = await settled(() => source.pulls);

    // What the kernel's buffers hold, and no more.
    expect(pulls).toBeLessThan(eventCount / 2);
    client.socket.resume();
    for (let index = 0; index < eventCount; index++) {
      const message = (await client.message()) as { payload: { data: { events: string } } };
      expect(message.payload.data.events.startsWith(`${index}:`)).toBe(true);
    }
  });

  it('slows its event stream down too', async () => {
    const source = new Source((index) => (index < eventCount ? { events: `${index}:${payload}` } : undefined));
    const server = await startTestServer({ source });

    await EventStream.open(server);
    const pulls = await settled(() => source.pulls);

    expect(pulls).toBeLessThan(eventCount / 2);
  });

  it('is cut when it asks for more and more answers', async () => {
    const server = await startTestServer({ maxBufferedBytes: 1_000_000 });
    const client = await TestSocket.connected(server);

    client.socket.pause();
    for (let index = 0; index < 1000; index++) client.subscribe('{ large(bytes: 60000) }', `${index}`);
    await until(() => server.rawLog().includes('does not read'));
    client.socket.resume();

    expect(await client.closed).toMatchObject({ code: 1006 });
  });
});

describe('a revoked credential', () => {
  it('closes its websockets as 4403 and lets nothing more through', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);
    client.subscribe('subscription { events }');
    await source.started;

    server.revoke();
    source.push({ events: 'too late' });

    expect(await client.closed).toEqual({ code: 4403, reason: 'Credential revoked' });
    await source.returned;
    expect(server.liveStreams()).toBe(0);
    // Nothing came after the acknowledgement.
    client.socket.emit('message', '"nothing"');
    expect(await client.message()).toBe('nothing');
  });

  it('ends its event streams', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const stream = await EventStream.open(server);
    await source.started;

    server.revoke();

    expect(await stream.end()).toContain('event: complete');
    await source.returned;
    expect(server.liveStreams()).toBe(0);
  });

  it('does not stay registered for a client that left during the handshake', async () => {
    const lookup = gate();
    const server = await startTestServer({
      authenticate: async () => {
        lookup.reach();
        await lookup.pass;
        return testViewer;
      },
    });
    const gone = new Promise<void>((resolve) => {
      server.http.once('upgrade', (_request, socket) => socket.once('close', () => resolve()));
    });
    const client = new TestSocket(server.websocketUrl);
    await client.opened;
    client.send({ type: 'connection_init' });
    await lookup.reached;

    client.socket.terminate();
    await gone;
    lookup.open();
    await nextTurn();

    expect(server.liveStreams()).toBe(0);
  });
});

describe('stop', () => {
  it('lets requests in flight finish, over HTTP and websockets, and ends the rest', async () => {
    const source = new Source<{ events: string }>();
    const waiting = gate();
    const server = await startTestServer({ source, gate: waiting });
    const stream = await EventStream.open(server);
    await source.started;
    const client = await TestSocket.connected(server);
    client.subscribe('mutation { waits }');
    await waiting.reached;
    const inFlight = post(server, { query: '{ waits }' });
    await server.arrived(2);

    const stopped = server.server.stop(5000);
    expect(await stream.end()).toContain('event: complete');
    waiting.open();
    const answer = await inFlight;

    expect(await answer.json()).toEqual({ data: { waits: 'done' } });
    expect(answer.headers.get('connection')).toBe('close');
    expect(await client.message()).toMatchObject({ type: 'next', payload: { data: { waits: 'done' } } });
    expect(await client.closed).toEqual({ code: 1012, reason: 'Service restart' });
    await stopped;
    await source.returned;
  });

  it('takes no new websockets', async () => {
    const server = await startTestServer();

    await server.server.stop(1000);
    const client = new TestSocket(server.websocketUrl);

    expect(await client.refused).toBe(503);
  });

  it('cuts at the deadline what does not end', async () => {
    const waiting = gate();
    const server = await startTestServer({ gate: waiting });
    const client = await TestSocket.connected(server);
    client.socket.pause();
    const inFlight = post(server, { query: '{ waits }' });
    await waiting.reached;

    const startedAt = performance.now();
    await server.server.stop(50);

    expect(performance.now() - startedAt).toBeLessThan(1000);
    await expect(inFlight).rejects.toThrow();
    waiting.open();
  });
});

/** The value once it has not changed for two hundred turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  let value = read();
  for (let unchanged = 0; unchanged < 200; unchanged++) {
    await nextTurn();
    if (read() !== value) {
      value = read();
      unchanged = 0;
    }
  }
  return value;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}
