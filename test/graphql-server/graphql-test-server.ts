import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, GraphQLError, type GraphQLSchema } from 'graphql';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { UnauthenticatedError } from '../../src/auth/auth.errors.js';
import type { PresentedCredentials } from '../../src/auth/authenticator.js';
import type { Viewer } from '../../src/auth/viewer.js';
import type { OperationSource } from '../../src/graphql/operation.js';
import { GraphqlServer, type GraphqlServerOptions } from '../../src/graphql/server.js';
import { DomainError } from '../../src/kernel/domain-error.js';
import { createLogger } from '../../src/kernel/logger.js';
import { Metrics } from '../../src/metrics/metrics.js';

export class TicketNotFoundError extends DomainError {
  readonly code = 'TASK_NOT_FOUND';
}

/** A source of events that the test drives, and that says when the server has let go of it. */
export class Source<Event> implements AsyncIterableIterator<Event> {
  pulls = 0;
  readonly started: Promise<void>;
  readonly returned: Promise<void>;
  private markStarted = () => {};
  private markReturned = () => {};
  private settleNext: { resolve: (result: IteratorResult<Event>) => void; reject: (error: unknown) => void } | undefined;

  constructor(private readonly make?: (index: number) => Event | undefined) {
    this.started = new Promise((resolve) => {
      this.markStarted = resolve;
    });
    this.returned = new Promise((resolve) => {
      this.markReturned = resolve;
    });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next(): Promise<IteratorResult<Event>> {
    this.markStarted();
    const made = this.make?.(this.pulls++);
    if (made !== undefined) return Promise.resolve({ done: false, value: made });
    return new Promise((resolve, reject) => {
      this.settleNext = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Event>> {
    this.markReturned();
    this.settleNext?.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Hands the event to the server, which must be waiting for one (`started`). */
  push(event: Event): void {
    this.settleNext?.resolve({ done: false, value: event });
  }

  fail(error: unknown): void {
    this.settleNext?.reject(error);
  }
}

export interface TestServer {
  server: GraphqlServer;
  http: Server;
  url: string;
  websocketUrl: string;
  host: string;
  /** What was logged so far, parsed. */
  log: () => Record<string, unknown>[];
  rawLog: () => string;
  /** The credentials that the last caller came with. */
  lastCredentials: () => PresentedCredentials | undefined;
  /** Ends every stream that is open under a credential, as a revocation does. */
  revoke: () => void;
  /** Resolves once this many requests have reached the server. */
  arrived: (count: number) => Promise<void>;
  /** How many streams are registered under a credential. */
  liveStreams: () => number;
}

const typeDefs = /* GraphQL */ `
  type Query {
    hello(times: Int! = 1): String!
    nested: Query!
    again: [Query!]!
    whoAmI: String!
    requestId: String!
    missing: String
    bug: String
    refused: String
    locked: String
    notANumber: Int
    nothing: String!
    waits: String
    large(bytes: Int!): String!
    cookie: String
    byId(id: ID!): String
  }
  type Mutation {
    change: String!
    waits: String
  }
  type Subscription {
    events: String!
    cannotSubscribe: String!
    bugs: String!
  }
`;

export interface TestServerOptions extends Partial<GraphqlServerOptions> {
  source?: Source<{ events: string }>;
  gate?: { pass: Promise<void>; reach: () => void };
}

export const testViewer: Viewer = {
  organizationId: '00000000-0000-7000-8000-000000000001',
  actor: { id: '00000000-0000-7000-8000-000000000002', kind: 'AGENT', name: 'tester' },
  scopes: new Set(['READ']),
  credential: { kind: 'apiKey', id: '00000000-0000-7000-8000-000000000003' },
};

/** A server over a small schema on a free port, stopped when the test ends. `Bearer bad` and `Cookie: session=bad` are refused. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const lines: string[] = [];
  const streams = new Set<(reason: string) => void>();
  let lastCredentials: PresentedCredentials | undefined;
  const server = new GraphqlServer({
    schema: testSchema(options),
    createContext: (source: OperationSource) => source,
    authenticate: async (credentials) => {
      lastCredentials = credentials;
      if (credentials.authorization === 'Bearer bad' || credentials.cookie === 'session=bad') throw new UnauthenticatedError();
      if (credentials.authorization === 'Bearer outage') throw new Error('connect ECONNREFUSED the database');
      return testViewer;
    },
    liveCredentials: {
      register: (_viewer, close) => {
        streams.add(close);
        return () => streams.delete(close);
      },
    },
    logger: createLogger('debug', { write: (line) => lines.push(line) }),
    metrics: new Metrics(),
    maxBodyBytes: 100_000,
    corsOrigins: [],
    openMode: false,
    ...options,
  });
  const http = createServer(server.handler);
  let requests = 0;
  http.on('request', () => {
    requests += 1;
  });
  server.attach(http);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    await server.stop(0);
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return {
    server,
    http,
    host,
    url: `http://${host}/graphql`,
    websocketUrl: `ws://${host}/graphql`,
    log: () => lines.map((line) => JSON.parse(line)),
    rawLog: () => lines.join(''),
    lastCredentials: () => lastCredentials,
    revoke: () => {
      for (const close of [...streams]) close('Credential revoked');
    },
    arrived: async (count) => {
      while (requests < count) await new Promise((resolve) => http.once('request', resolve));
    },
    liveStreams: () => streams.size,
  };
}

/** A resolver that waits until the test lets it go on. */
export function gate() {
  let pass = () => {};
  let reach = () => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { pass: passed, reach, open: pass, reached };
}

/** Posts JSON as a plain client does. */
export function post(server: TestServer, body: object | string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A websocket that speaks the protocol by hand: messages are kept in order, closing is awaited. */
export class TestSocket {
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly opened: Promise<void>;
  readonly refused: Promise<number>;
  readonly socket: WebSocket;
  private readonly messages: { id?: string; type: string; payload?: unknown }[] = [];
  private wake = () => {};

  constructor(url: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
    this.socket = new WebSocket(url, options.protocols ?? ['graphql-transport-ws'], { headers: options.headers ?? {} });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    this.opened = new Promise((resolve) => {
      this.socket.once('open', () => resolve());
    });
    this.refused = new Promise((resolve) => {
      this.socket.once('unexpected-response', (_request, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.wake();
    });
    onTestFinished(() => this.socket.terminate());
  }

  static async connected(server: TestServer, payload: object = {}, headers: Record<string, string> = {}): Promise<TestSocket> {
    const client = new TestSocket(server.websocketUrl, { headers });
    await client.opened;
    client.send({ type: 'connection_init', payload });
    await client.message();
    return client;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(query: string, id = '1', variables: object = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** The next message, in the order of arrival. */
  async message() {
    while (this.messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.messages.shift() as { id?: string; type: string; payload: never };
  }
}

function testSchema(options: TestServerOptions): GraphQLSchema {
  const schema = buildSchema(typeDefs);
  const waits = async () => {
    options.gate?.reach();
    await options.gate?.pass;
    return 'done';
  };
  resolve(schema, 'Query', {
    hello: (_root: unknown, args: { times: number }) => 'hello '.repeat(args.times).trim(),
    nested: () => ({}),
    again: () => [{}],
    whoAmI: (_root: unknown, _args: unknown, context: OperationSource) => context.viewer.actor?.name,
    requestId: (_root: unknown, _args: unknown, context: OperationSource) => context.requestId,
    missing: () => {
      throw new TicketNotFoundError('Ticket 7 does not exist.');
    },
    bug: () => {
      throw new TypeError('the secret plan failed', { cause: new Error('password=hunter2') });
    },
    refused: () => {
      throw new GraphQLError('Ask for less.', { extensions: { code: 'DOCUMENT_TOO_COSTLY' } });
    },
    locked: () => {
      throw new GraphQLError('Sign in.', {
        extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
      });
    },
    notANumber: () => 'secret text',
    nothing: () => null,
    waits,
    large: (_root: unknown, args: { bytes: number }) => 'x'.repeat(args.bytes),
    cookie: (_root: unknown, _args: unknown, context: OperationSource) => {
      context.setHeader('set-cookie', 'session=fresh; HttpOnly');
      return 'set';
    },
    byId: (_root: unknown, args: { id: string }) => args.id,
  });
  resolve(schema, 'Mutation', { change: () => 'changed', waits });
  const subscriptions = schema.getSubscriptionType()?.getFields();
  if (!subscriptions?.events || !subscriptions.cannotSubscribe || !subscriptions.bugs) throw new Error('schema changed');
  subscriptions.events.subscribe = () => options.source ?? new Source();
  subscriptions.cannotSubscribe.subscribe = () => {
    throw new TicketNotFoundError('Ticket 7 does not exist.');
  };
  subscriptions.bugs.subscribe = () => {
    throw new Error('the secret plan failed');
  };
  return schema;
}

function resolve(schema: GraphQLSchema, typeName: 'Query' | 'Mutation', resolvers: Record<string, unknown>): void {
  const type = typeName === 'Query' ? schema.getQueryType() : schema.getMutationType();
  for (const [name, resolver] of Object.entries(resolvers)) {
    const field = type?.getFields()[name];
    if (field) field.resolve = resolver as NonNullable<typeof field.resolve>;
  }
}
