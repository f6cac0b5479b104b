import { buildSchema, type GraphQLSchema, parse } from 'graphql';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PresentedCredentials } from '../../src/auth/authenticator.js';
import type { Scope, Viewer } from '../../src/auth/viewer.js';
import type { OperationSource } from '../../src/graphql/operation.js';
import { type EventAnswer, SubscriptionGroups } from '../../src/graphql/subscription-groups.js';
import type { PullStream } from '../../src/kernel/pull-stream.js';
import { gate, startTestServer, type TestServer, TestSocket } from './graphql-test-server.js';

interface Tick {
  cursor: string;
}

/** Gives every event to every subscriber, as the hub does. */
class Ticker {
  /** How many times the server has executed an event. */
  executions = 0;
  private subscribers: ((tick: Tick) => void)[] = [];
  private awaited: { count: number; resolve: () => void } | undefined;

  subscribe(): AsyncIterableIterator<Tick> {
    const ticks: Tick[] = [];
    let wake = () => {};
    let isEnded = false;
    this.subscribers.push((tick) => {
      ticks.push(tick);
      wake();
    });
    if (this.awaited?.count === this.subscribers.length) this.awaited.resolve();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        while (ticks.length === 0 && !isEnded) await new Promise<void>((resolve) => (wake = resolve));
        const [value] = ticks.splice(0, 1);
        return isEnded || !value ? { done: true, value: undefined } : { done: false, value };
      },
      async return() {
        isEnded = true;
        wake();
        return { done: true, value: undefined };
      },
    };
  }

  /** Resolves once this many subscriptions were opened. */
  opened(count: number): Promise<void> {
    if (this.subscribers.length >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.awaited = { count, resolve };
    });
  }

  /** To each its own object, as events have that were read from the log. */
  tick(cursor: string): void {
    for (const tell of this.subscribers) tell({ cursor });
  }
}

/** Of a server with one subscription, `ticks`, whose event says how often one was executed, and for whom. */
function tickSchema(ticker: Ticker, waits?: ReturnType<typeof gate>): GraphQLSchema {
  const schema = buildSchema(/* GraphQL */ `
    type Query {
      hello: String!
    }
    type Subscription {
      ticks(room: String, after: String): Tick!
    }
    type Tick {
      cursor: String!
      execution: Int!
      organization: String!
      scopes: [String!]!
      whoAmI: String
      credential: String
      waits: String
      bug: String
    }
  `);
  const ticks = schema.getSubscriptionType()?.getFields().ticks;
  const query = schema.getQueryType()?.getFields().hello;
  const fields = (schema.getType('Tick') as ReturnType<GraphQLSchema['getSubscriptionType']>)?.getFields();
  if (!ticks || !query || !fields) throw new Error('schema changed');
  query.resolve = () => 'hello';
  ticks.subscribe = () => ticker.subscribe();
  ticks.resolve = (tick) => {
    ticker.executions += 1;
    return { ...tick, execution: ticker.executions };
  };
  const resolvers: Record<string, (tick: unknown, args: unknown, context: OperationSource) => unknown> = {
    organization: (_tick, _args, { viewer }) => viewer.organizationId,
    scopes: (_tick, _args, { viewer }) => [...viewer.scopes],
    whoAmI: async (_tick, _args, { viewer }) => viewer.actor?.name,
    credential: (_tick, _args, { viewer }) => ({ ...viewer }).credential.kind,
    waits: (tick) => ((tick as Tick).cursor === 'first' ? waits?.pass : null),
    bug: () => {
      throw new TypeError('the secret plan failed');
    },
  };
  for (const [name, resolve] of Object.entries(resolvers)) if (fields[name]) fields[name].resolve = resolve;
  return schema;
}

/** Who presents `Bearer acme:READ+WORK:otter`. */
async function viewerOf({ authorization }: PresentedCredentials): Promise<Viewer> {
  const [organizationId = '', scopes = '', name = ''] = authorization?.replace('Bearer ', '').split(':') ?? [];
  return {
    organizationId,
    scopes: new Set(scopes.split('+') as Scope[]),
    actor: { id: name, kind: 'AGENT', name },
    credential: { kind: 'apiKey', id: name },
  };
}

interface Subscriber {
  as?: string;
  query?: string;
  operationName?: string;
  variables?: object;
}

const standard = { as: 'acme:READ:otter', query: '{ cursor execution organization scopes }' };

/** Opens subscriptions over a websocket each; the answer waits for the next event of all. */
async function subscribeAll(server: TestServer, ticker: Ticker, subscribers: Subscriber[]) {
  const sockets: TestSocket[] = [];
  for (const [
    index,
    { as = standard.as, query = `subscription ${'{'} ticks ${standard.query} }`, ...rest },
  ] of subscribers.entries()) {
    const socket = await TestSocket.connected(server, { authorization: `Bearer ${as}` });
    socket.send({ id: `subscription ${index}`, type: 'subscribe', payload: { query, ...rest } });
    await ticker.opened(index + 1);
    sockets.push(socket);
  }
  return { sockets, next: () => Promise.all(sockets.map((socket) => socket.message())) };
}

interface TickMessage {
  id: string;
  payload: { data: { ticks: Record<string, unknown> }; errors?: { extensions: Record<string, unknown> }[] };
}

const ticksOf = (messages: unknown[]) => (messages as TickMessage[]).map(({ payload }) => payload.data.ticks);

describe('subscriptions that are alike', () => {
  it('execute an event once, which each gets under its own id', async () => {
    const ticker = new Ticker();
    const server = await startTestServer({ schema: tickSchema(ticker), authenticate: viewerOf });
    const { next } = await subscribeAll(server, ticker, [{}, { as: 'acme:READ:heron' }, {}]);

    ticker.tick('first');
    const messages = (await next()) as unknown as TickMessage[];
    ticker.tick('second');
    await next();

    expect(messages.map(({ id }) => id)).toEqual(['subscription 0', 'subscription 1', 'subscription 2']);
    for (const { payload } of messages)
      expect(payload).toEqual({
        data: { ticks: { cursor: 'first', execution: 1, organization: 'acme', scopes: ['READ'] } },
      });
    expect(ticker.executions).toBe(2);
  });

  it('are so wherever each of them resumes', async () => {
    const ticker = new Ticker();
    const server = await startTestServer({ schema: tickSchema(ticker), authenticate: viewerOf });
    const query = `subscription ($room: String, $after: String) { ticks(room: $room, after: $after) ${standard.query} }`;
    const places = [{}, { after: null }, { after: 'here' }, { after: 'there' }];
    const { next } = await subscribeAll(
      server,
      ticker,
      places.map((place) => ({ query, variables: { room: 'a', ...place } })),
    );

    ticker.tick('first');
    await next();

    expect(ticker.executions).toBe(1);
  });

  it('share over server-sent events what others get over websockets', async () => {
    const ticker = new Ticker();
    const server = await startTestServer({ schema: tickSchema(ticker), authenticate: viewerOf });
    const query = `subscription { ticks ${standard.query} }`;
    const { next } = await subscribeAll(server, ticker, [{ query }]);
    const response = await fetch(server.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: 'Bearer acme:READ:heron',
      },
      body: JSON.stringify({ query }),
    });
    await ticker.opened(2);

    ticker.tick('first');
    const [message] = (await next()) as unknown as TickMessage[];
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk);
      if (text.includes('event: next')) break;
    }

    expect(text).toContain(`event: next\ndata: ${JSON.stringify(message?.payload)}\n\n`);
    expect(ticker.executions).toBe(1);
  });

  it('get a failure that is masked and logged once', async () => {
    const ticker = new Ticker();
    const server = await startTestServer({ schema: tickSchema(ticker), authenticate: viewerOf });
    const query = 'subscription Ticks { ticks { cursor bug } }';
    const { next } = await subscribeAll(server, ticker, [{ query }, { query }]);

    ticker.tick('first');
    const messages = (await next()) as unknown as TickMessage[];

    const logged = server.log().filter(({ msg }) => msg === 'an operation failed unexpectedly');
    expect(logged).toMatchObject([{ operationName: 'Ticks', requestId: expect.any(String) }]);
    for (const { payload } of messages) {
      expect(payload).toMatchObject({
        data: { ticks: { cursor: 'first', bug: null } },
        errors: [{ path: ['ticks', 'bug'], extensions: { code: 'INTERNAL_ERROR', requestId: logged[0]?.requestId } }],
      });
      expect(JSON.stringify(payload)).not.toContain('secret');
    }
  });

  it('get the answers in the order of the events, whichever is there first', async () => {
    const ticker = new Ticker();
    const waits = gate();
    const server = await startTestServer({ schema: tickSchema(ticker, waits), authenticate: viewerOf });
    const query = 'subscription { ticks { cursor waits } }';
    const { sockets } = await subscribeAll(server, ticker, [{ query }, { query }]);
    const cursors = ['first', ...Array.from({ length: 100 }, (_, index) => `${index}`)];

    for (const cursor of cursors) ticker.tick(cursor);
    while (ticker.executions < 2) await new Promise((resolve) => setImmediate(resolve));
    waits.open();

    for (const socket of sockets) {
      const got = [];
      while (got.length < cursors.length) got.push(await socket.message());
      expect(ticksOf(got).map(({ cursor }) => cursor)).toEqual(cursors);
    }
    expect(ticker.executions).toBe(cursors.length);
  });

  it('do without those that have left', async () => {
    const ticker = new Ticker();
    const waits = gate();
    const server = await startTestServer({ schema: tickSchema(ticker, waits), authenticate: viewerOf });
    const query = 'subscription { ticks { cursor waits } }';
    const { sockets } = await subscribeAll(server, ticker, [{ query }, { query }, { query }]);
    const [first, second, third] = sockets as [TestSocket, TestSocket, TestSocket];

    ticker.tick('first');
    first.send({ id: 'subscription 0', type: 'complete' });
    second.socket.terminate();
    // Answered after the messages before it were handled.
    first.subscribe('{ hello }', 'query');
    expect(await first.message()).toMatchObject({ id: 'query', type: 'next' });
    expect(await first.message()).toMatchObject({ id: 'query', type: 'complete' });
    waits.open();
    expect(ticksOf([await third.message()])).toEqual([{ cursor: 'first', waits: null }]);
    first.subscribe('{ hello }', 'subscription 0');

    expect(await first.message()).toMatchObject({ id: 'subscription 0', payload: { data: { hello: 'hello' } } });
    expect(ticker.executions).toBe(1);
  });
});

describe('subscriptions never share when they differ in', () => {
  const query = `subscription Ticks($room: String) { ticks(room: $room) ${standard.query} }`;
  const twice = `${query} subscription Others($room: String) { ticks(room: $room) ${standard.query} }`;

  it.each<[string, Subscriber, Subscriber]>([
    ['organization', { as: 'acme:READ:otter' }, { as: 'other:READ:otter' }],
    ['scopes', { as: 'acme:READ:otter' }, { as: 'acme:READ+WORK:otter' }],
    ['document', { query }, { query: query.replace('scopes', 'scopes cursor') }],
    ['operation', { query: twice, operationName: 'Ticks' }, { query: twice, operationName: 'Others' }],
    ['variables', { query, variables: { room: 'a' } }, { query, variables: { room: 'b' } }],
    [
      'the place to resume, if it is used for more than that',
      { query: query.replace('ticks(', 'ticks(after: $room, '), variables: { room: 'a' } },
      { query: query.replace('ticks(', 'ticks(after: $room, '), variables: { room: 'b' } },
    ],
  ])('%s', async (_difference, one, other) => {
    const ticker = new Ticker();
    const server = await startTestServer({ schema: tickSchema(ticker), authenticate: viewerOf });
    const { next } = await subscribeAll(server, ticker, [one, other, one, other]);

    ticker.tick('first');
    const answers = ticksOf(await next());

    const expected = [one, other, one, other].map(({ as = standard.as }) => {
      const [organization, scopes] = as.split(':');
      return { cursor: 'first', organization, scopes: scopes?.split('+') };
    });
    expect(answers).toMatchObject(expected);
    expect(answers[0]?.execution).not.toBe(answers[1]?.execution);
    expect(ticker.executions).toBe(2);
  });

  it.each(['whoAmI', 'credential'])('who asks, where the answer depends on it: %s', async (field) => {
    const ticker = new Ticker();
    const server = await startTestServer({ schema: tickSchema(ticker), authenticate: viewerOf });
    const query = `subscription { ticks { cursor ${field} } }`;
    const { next } = await subscribeAll(server, ticker, [
      { query, as: 'acme:READ:otter' },
      { query, as: 'acme:READ:heron' },
    ]);
    const [otters, herons] = field === 'whoAmI' ? ['otter', 'heron'] : ['apiKey', 'apiKey'];

    for (const cursor of ['first', 'second']) {
      ticker.tick(cursor);
      expect(ticksOf(await next())).toEqual([
        { cursor, [field]: otters },
        { cursor, [field]: herons },
      ]);
    }
  });
});

describe('the answer to an event', () => {
  it('shows things as they are now to whoever asks a second after the first', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const ticker = new Ticker();
    const streams = await openStreams(ticker, 3);
    const ask = async (index: number) => JSON.parse((await streams[index]?.next())?.value.text).data.ticks.execution;

    ticker.tick('first');
    const first = await ask(0);
    vi.advanceTimersByTime(999);
    const soon = await ask(1);
    vi.advanceTimersByTime(1);
    const later = await ask(2);

    expect([first, soon, later]).toEqual([1, 1, 2]);
  });

  it('goes to thousands without keeping others waiting until all have it', async () => {
    const ticker = new Ticker();
    const streams = await openStreams(ticker, 2000);
    let answered = 0;
    const all = Promise.all(
      streams.map(async (stream) => {
        await stream.next();
        answered += 1;
      }),
    );

    ticker.tick('first');
    const perTurn: number[] = [];
    for (let before = 0; answered < 2000; before = answered) {
      await new Promise((resolve) => setImmediate(resolve));
      perTurn.push(answered - before);
    }
    await all;

    expect(Math.max(...perTurn)).toBeLessThanOrEqual(512);
    expect(ticker.executions).toBe(1);
  });
});

/** Subscriptions that are alike, without a server around them. */
async function openStreams(ticker: Ticker, count: number): Promise<PullStream<EventAnswer>[]> {
  const groups = new SubscriptionGroups({
    createContext: (source) => source,
    maskError: (error) => {
      throw error;
    },
  });
  const schema = tickSchema(ticker);
  const document = parse('subscription { ticks { cursor execution } }');
  const viewer = await viewerOf({ authorization: `Bearer ${standard.as}`, cookie: null, organization: null });
  const streams = Array.from({ length: count }, () =>
    groups.subscribe({ schema, document, contextValue: { viewer, requestId: 'a request' } }),
  );
  return (await Promise.all(streams)) as PullStream<EventAnswer>[];
}
