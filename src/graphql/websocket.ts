import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import { isAsyncIterable } from 'graphql-yoga';
import { type WebSocket, WebSocketServer } from 'ws';
import type { PresentedCredentials } from '../auth/authenticator.js';
import { credentialKey, type Viewer } from '../auth/viewer.js';
import type { ErrorCode } from '../features/error-code.js';
import type { RequestAccess } from '../http/request-access.js';
import { DomainError } from '../kernel/domain-error.js';
import { newId } from '../kernel/ids.js';
import type { Logger } from '../kernel/logger.js';
import type { MaybePromise } from '../kernel/maybe-promise.js';
import type { Metrics } from '../metrics/metrics.js';
import { TokenBucket } from '../rate-limits/token-bucket.js';
import { toWireError } from './error-mask.js';
import { type OperationSource, prepareOperation } from './operation.js';
import type { Pipeline } from './pipeline.js';
import { WebsocketConnection } from './websocket-connection.js';
import { WebsocketStream } from './websocket-stream.js';

/** Closings besides those of the protocol (`CloseCode`); clients reconnect after each. */
const serviceRestart = [1012, 'Service restart'] as const;
const tryAgainLater = [1013, 'Try again later'] as const;
const tooManySockets = [4420, 'Too many websockets of this credential'] as const;

/** Milliseconds between the clients that a server which leaves sends away. */
const sendAwayIntervalMs = 10;

/** The streams that are open under a credential, so that revoking it can end them. */
export interface LiveCredentials {
  /** Notes a stream that was opened for the viewer; the answer takes the note back. */
  register(viewer: Viewer, close: (reason: string) => void): () => void;
}

/** What one client may take up; 0 is no limit. */
export interface SocketLimits {
  /** Websockets of one credential that are open at once. */
  socketsPerCredential: number;
  /** Operations that run at once over one websocket. */
  operationsPerSocket: number;
  /** Messages and pings that may come over one websocket in a second, on average. */
  messagesPerSecond: number;
}

export interface WebsocketFaceOptions {
  path: string;
  pipeline: Pipeline;
  access: RequestAccess;
  authenticate: (credentials: PresentedCredentials) => MaybePromise<Viewer>;
  liveCredentials: LiveCredentials;
  logger: Logger;
  metrics: Metrics;
  limits: SocketLimits;
  /** Bytes of the largest message a client may send. */
  maxMessageBytes: number;
  /** Milliseconds in which a client must say who it is. */
  connectionInitTimeoutMs: number;
  /** Milliseconds between two pings; a peer that lets one go unanswered for as long is cut. */
  keepAliveMs: number;
  /** Bytes that may wait for a client before its socket is cut. */
  maxBufferedBytes: number;
}

interface ConnectionState {
  connection: WebsocketConnection;
  request: IncomingMessage;
  /** Set by the handshake; operations are refused before it. */
  viewer?: Viewer;
}

interface SocketOperation extends ExecutionArgs {
  /** What the client calls it. */
  id: string;
  connection: WebsocketConnection;
}

/** GraphQL over websockets: sub-protocol `graphql-transport-ws`, every operation through the shared pipeline. */
export class WebsocketFace {
  private readonly connections = new Set<WebsocketConnection>();
  /** How many sockets are open, by credential. */
  private readonly openByCredential = new Map<string, number>();
  private readonly sockets: WebSocketServer;
  private readonly keepAlive: NodeJS.Timeout;
  private readonly protocol;
  private isStopping = false;

  constructor(private readonly options: WebsocketFaceOptions) {
    this.sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Compression costs some 300 kB for each connection, and its memory fragments under load.
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      handleProtocols,
    });
    // One timer for all connections.
    this.keepAlive = setInterval(() => {
      for (const connection of this.connections) connection.keepAlive();
    }, options.keepAliveMs).unref();
    this.protocol = makeServer<Record<string, unknown>, ConnectionState>({
      connectionInitWaitTimeout: options.connectionInitTimeoutMs,
      onConnect: ({ extra, connectionParams }) => this.signIn(extra, connectionParams ?? {}),
      onSubscribe: async ({ extra, subscriptions }, id, payload) => {
        const crowded = this.findCrowd(Object.keys(subscriptions).length);
        if (crowded) return [crowded];
        const operation = await extra.connection.track(prepareOperation(options.pipeline, this.sourceOf(extra), payload));
        return Array.isArray(operation) ? operation : { ...operation, id, connection: extra.connection };
      },
      execute: (operation) => {
        const { id: _, connection, ...args } = operation as SocketOperation;
        return connection.track(options.pipeline.execute(args));
      },
      subscribe: async (operation) => {
        const { id, connection, ...args } = operation as SocketOperation;
        const outcome = await options.pipeline.subscribe(args);
        return isAsyncIterable(outcome) ? new WebsocketStream(outcome, connection, id) : outcome;
      },
      onNext: (_context, _id, _payload, _args, { errors, ...result }) => errors && { ...result, errors: errors.map(toWireError) },
      onError: (_context, _id, _payload, errors: readonly GraphQLError[]) => errors.map(toWireError),
    });
  }

  /** Websockets that are open. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /** Takes the upgrades on the path from now on; those on other paths are left to other listeners. */
  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      if (pathOf(request) === this.options.path) this.upgrade(request, socket, head);
      else if (server.listenerCount('upgrade') === 1) refuseUpgrade(socket, '404 Not Found');
    });
  }

  /**
   * Sends clients to other servers, evenly over the time: all at once they would keep one waiting there for seconds. Ends early
   * on the signal. Who connects meanwhile is served, until `stop`.
   */
  async sendAway(overMs: number, signal: AbortSignal): Promise<void> {
    const leaving = [...this.connections];
    const began = performance.now();
    for (let sent = 0; sent < leaving.length && !signal.aborted; ) {
      const share = Math.min(1, (performance.now() - began) / overMs);
      for (; sent < Math.ceil(leaving.length * share); sent++) void leaving[sent]?.leave(...serviceRestart);
      await delay(sendAwayIntervalMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Lets running queries and mutations answer, then closes every socket; what is left at the deadline is cut. */
  async stop(deadline: Promise<unknown>): Promise<void> {
    this.isStopping = true;
    clearInterval(this.keepAlive);
    const closed = [...this.connections].map((connection) => new Promise<void>((resolve) => connection.onClose(() => resolve())));
    for (const connection of this.connections) void connection.leave(...serviceRestart);
    await Promise.race([Promise.all(closed), deadline]);
    for (const connection of this.connections) connection.terminate();
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A peer that resets here, before ws listens, must not end the process.
    socket.on('error', () => socket.destroy());
    const { access } = this.options;
    if (this.isStopping) refuseUpgrade(socket, '503 Service Unavailable');
    else if (!access.isHostAllowed(request)) refuseUpgrade(socket, '421 Misdirected Request');
    // Browsers let any page open a websocket anywhere, with cookies; the Origin header is all there is to tell.
    else if (!access.isOriginTrusted(request)) refuseUpgrade(socket, '403 Forbidden');
    else this.sockets.handleUpgrade(request, socket, head, (client) => this.open(client, request));
  }

  private open(socket: WebSocket, request: IncomingMessage): void {
    const { limits, maxBufferedBytes, logger } = this.options;
    const allowance = limits.messagesPerSecond > 0 ? new TokenBucket(limits.messagesPerSecond) : null;
    const connection = new WebsocketConnection(socket, request.socket, maxBufferedBytes, allowance, logger);
    this.connections.add(connection);
    const closed = this.protocol.opened(connection, { connection, request });
    connection.onClose((code, reason) => {
      this.connections.delete(connection);
      // Returns every subscription of the connection.
      closed(code, reason).catch((error) => this.options.logger.error({ err: error }, 'a subscription could not be returned'));
    });
  }

  /** False closes the socket as 4403. */
  private async signIn(state: ConnectionState, params: Record<string, unknown>): Promise<boolean> {
    const { connection, request } = state;
    try {
      const viewer = await this.options.authenticate(this.credentialsOf(request, params));
      if (viewer.credential.kind === 'anonymous') return false;
      // The client may have left meanwhile; what is registered then would stay for good.
      if (!connection.isOpen) return true;
      if (!this.count(viewer, connection)) {
        connection.close(...tooManySockets);
        return true;
      }
      connection.onClose(
        this.options.liveCredentials.register(viewer, (reason) => connection.close(CloseCode.Forbidden, reason)),
      );
      state.viewer = viewer;
      return true;
    } catch (error) {
      if (error instanceof DomainError) return false;
      this.options.logger.error({ err: error }, 'a websocket could not be authenticated');
      connection.close(...tryAgainLater);
      return true;
    }
  }

  /** Notes the socket under its credential until it is closed; false when there are too many. Open mode has no credential to count by. */
  private count(viewer: Viewer, connection: WebsocketConnection): boolean {
    const { socketsPerCredential } = this.options.limits;
    const name = credentialKey(viewer);
    if (socketsPerCredential === 0 || name === null) return true;
    const open = this.openByCredential.get(name) ?? 0;
    if (open >= socketsPerCredential) return false;
    this.openByCredential.set(name, open + 1);
    connection.onClose(() => {
      const left = (this.openByCredential.get(name) ?? 1) - 1;
      if (left > 0) this.openByCredential.set(name, left);
      else this.openByCredential.delete(name);
    });
    return true;
  }

  /** The refusal of an operation that comes on top of as many as a socket may have; `count` has it in already. */
  private findCrowd(count: number): GraphQLError | null {
    const { operationsPerSocket } = this.options.limits;
    if (operationsPerSocket === 0 || count <= operationsPerSocket) return null;
    const code = 'TOO_MANY_OPERATIONS' satisfies ErrorCode;
    this.options.metrics.refused(code);
    const message = `At most ${operationsPerSocket} operations run at once over one websocket. Complete one of them, or open another websocket.`;
    return new GraphQLError(message, { extensions: { code } });
  }

  private credentialsOf(request: IncomingMessage, params: Record<string, unknown>): PresentedCredentials {
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    return {
      authorization: text(params.authorization),
      // A browser always says its origin when it opens a websocket; a cookie without one was put there by a program.
      cookie: request.headers.origin === undefined ? null : this.options.access.credentialsOf(request).cookie,
      organization: text(params.organization),
    };
  }

  private sourceOf({ viewer }: ConnectionState): OperationSource {
    if (!viewer) throw new Error('graphql-ws let an operation through before the handshake');
    return { requestId: newId(), viewer, transport: 'websocket', setHeader: () => {} };
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
