import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import type { PresentedCredentials } from '../auth/authenticator.js';
import type { Viewer } from '../auth/viewer.js';
import { withDeadline } from '../http/deadline.js';
import { InFlightRequests } from '../http/in-flight.js';
import { RequestAccess } from '../http/request-access.js';
import { requestIdOf } from '../http/request-id.js';
import { RequestRefusal } from '../http/request-refusal.js';
import { DomainError } from '../kernel/domain-error.js';
import type { Logger } from '../kernel/logger.js';
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js';
import type { Metrics } from '../metrics/metrics.js';
import type { CostBudget } from '../rate-limits/cost-budget.js';
import { GraphiqlPage, isGraphiqlRequest } from './graphiql.js';
import { type JsonAnswer, jsonMediaTypeFor, type RawHeaders, toJsonAnswer } from './json-answer.js';
import { findJsonOperation, type JsonOperation, type OperationSource } from './operation.js';
import { createPipeline, type HttpOperationSource, type Pipeline } from './pipeline.js';
import { sendFailure } from './request-failure.js';
import { readParams, requireMethod } from './request-params.js';
import { type LiveCredentials, type SocketLimits, WebsocketFace } from './websocket.js';

/** Where GraphQL is served, over HTTP and websockets. */
export const graphqlPath = '/graphql';

export interface GraphqlServerOptions {
  schema: GraphQLSchema;
  /** Makes what resolvers get as their context: all that the operation's source tells, and more. */
  createContext: (source: OperationSource) => MaybePromise<OperationSource>;
  /** Finds who is calling. A DomainError turns the caller away; without credentials it may answer an anonymous viewer. */
  authenticate: (credentials: PresentedCredentials) => MaybePromise<Viewer>;
  liveCredentials: LiveCredentials;
  logger: Logger;
  metrics: Metrics;
  /** What each credential may spend; null or unset limits nobody. */
  costBudget?: CostBudget | null;
  /** Bytes of the largest request body, and of the largest websocket message. */
  maxBodyBytes: number;
  /** Origins besides the server's own whose pages may call with credentials. */
  corsOrigins: readonly string[];
  /** Nobody needs a credential: only requests that name a loopback host are served. */
  openMode: boolean;
  /** What one websocket client may take up; nothing is limited unless given. */
  socketLimits?: SocketLimits;
  /** Milliseconds in which a websocket client must say who it is; 10,000 unless given. */
  connectionInitTimeoutMs?: number;
  /** Milliseconds between two pings over a websocket; 12,000 unless given. */
  keepAliveMs?: number;
  /** Bytes that may wait for a websocket client before it is cut; 4 MiB unless given. */
  maxBufferedBytes?: number;
}

/** The GraphQL face: one pipeline, served over HTTP (JSON and SSE) and websockets, with GraphiQL for people. Nothing listens until the owner of an HTTP server routes to it. */
export class GraphqlServer {
  private readonly pipeline: Pipeline;
  private readonly access: RequestAccess;
  private readonly websocket: WebsocketFace;
  private readonly graphiql: GraphiqlPage;
  private readonly inFlight = new InFlightRequests();
  private readonly streams = new Set<AbortController>();
  private isStopping = false;

  constructor(private readonly options: GraphqlServerOptions) {
    this.pipeline = createPipeline(options);
    this.access = new RequestAccess(options);
    this.graphiql = new GraphiqlPage(options.openMode);
    this.websocket = new WebsocketFace({
      ...options,
      path: graphqlPath,
      pipeline: this.pipeline,
      access: this.access,
      limits: options.socketLimits ?? { socketsPerCredential: 0, operationsPerSocket: 0, messagesPerSecond: 0 },
      maxMessageBytes: options.maxBodyBytes,
      connectionInitTimeoutMs: options.connectionInitTimeoutMs ?? 10_000,
      keepAliveMs: options.keepAliveMs ?? 12_000,
      maxBufferedBytes: options.maxBufferedBytes ?? 4 * 1024 * 1024,
    });
  }

  /** Answers one request on `/graphql`; whoever owns the HTTP server routes to it. */
  readonly handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = requestIdOf(request);
    this.inFlight.track(response);
    try {
      await this.answer(request, response, requestId);
    } catch (failure) {
      if (failure instanceof DomainError || failure instanceof RequestRefusal) this.options.metrics.refused(failure.code);
      this.setCommonHeaders(request, response, requestId);
      sendFailure(request, response, failure, requestId, this.pipeline.maskError);
    }
  };

  /** Websockets that are open. */
  get socketCount(): number {
    return this.websocket.connectionCount;
  }

  /** Takes websocket upgrades on `/graphql` of this server. */
  attach(server: Server): void {
    this.websocket.attach(server);
  }

  /** Serves as before, but lets go of each connection with its next answer. */
  leave(): void {
    this.inFlight.leave();
  }

  /** Sends the clients of websockets to other servers, evenly over the time; ends early on the signal. */
  sendAway(overMs: number, signal: AbortSignal): Promise<void> {
    return this.websocket.sendAway(overMs, signal);
  }

  /**
   * Ends streams and sockets and resolves when every request in flight is answered, at the latest after `deadlineMs`;
   * what is left then is cut. The owner of the HTTP server stops listening before.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.isStopping = true;
    for (const stream of this.streams) stream.abort();
    await withDeadline(deadlineMs, (deadline) => Promise.all([this.websocket.stop(deadline), this.inFlight.finish(deadline)]));
  }

  private async answer(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    this.access.requireHost(request);
    if (request.method === 'OPTIONS') {
      this.setCommonHeaders(request, response, requestId);
      response.writeHead(204, { allow: 'GET, POST, OPTIONS' }).end();
      return;
    }
    if (isGraphiqlRequest(request)) {
      this.setCommonHeaders(request, response, requestId);
      await this.graphiql.send(request, response);
      return;
    }
    requireMethod(request);
    this.access.requireNoForgery(request);
    const authenticated = this.options.authenticate(this.access.credentialsOf(request));
    const viewer = isPromise(authenticated) ? await authenticated : authenticated;
    const headers: RawHeaders = [];
    const source: OperationSource = {
      requestId,
      viewer,
      transport: 'http',
      setHeader: (name, value) => {
        headers.push(name, value);
      },
    };
    const params = await readParams(request, this.options.maxBodyBytes);
    const mediaType = request.method === 'POST' ? jsonMediaTypeFor(request.headers.accept) : null;
    const operation = mediaType && findJsonOperation(this.pipeline, params);
    if (operation) {
      const result = this.run(operation, source);
      this.sendJson(request, response, requestId, toJsonAnswer(isPromise(result) ? await result : result, mediaType, headers));
      return;
    }
    this.setCommonHeaders(request, response, requestId);
    const httpSource = { ...source, params, openStream: () => this.openStream(viewer, response) };
    await this.answerByYoga(request, response, httpSource, headers);
  }

  private sendJson(request: IncomingMessage, response: ServerResponse, requestId: string, answer: JsonAnswer): void {
    const { status, contentType, headers, body } = answer;
    const length = Buffer.byteLength(body);
    if (status === 200 && request.headers.origin === undefined) {
      // Most answers: written in one go, since each header that is set by itself costs as much as a field of the answer.
      headers.push('x-request-id', requestId, 'vary', 'Origin', 'cache-control', privately);
      headers.push('content-type', contentType, 'content-length', String(length));
      response.writeHead(status, headers);
    } else {
      this.setCommonHeaders(request, response, requestId);
      setHeaders(response, headers);
      response.writeHead(status, { 'cache-control': privately, 'content-type': contentType, 'content-length': length });
    }
    response.end(body);
  }

  /** What is on every answer. */
  private setCommonHeaders(request: IncomingMessage, response: ServerResponse, requestId: string): void {
    if (response.headersSent) return;
    response.setHeader('x-request-id', requestId);
    this.access.setCorsHeaders(request, response);
  }

  /** Whatever fails is an answer: the caller is to know that its operation was tried. */
  private run(operation: JsonOperation, source: OperationSource): MaybePromise<ExecutionResult> {
    const fail = (error: unknown) => ({
      errors: [this.pipeline.maskError(error, { requestId: source.requestId, operationName: null })],
    });
    try {
      const result = operation.run(source);
      return isPromise(result) ? result.catch(fail) : result;
    } catch (error) {
      return fail(error);
    }
  }

  /** GET, streams, and everything that is refused. */
  private async answerByYoga(
    request: IncomingMessage,
    response: ServerResponse,
    source: HttpOperationSource,
    given: RawHeaders,
  ): Promise<void> {
    // Everything of the request that Yoga still has to see; the host is not its business, and the body was read.
    const { method, headers } = request;
    const answer = await this.pipeline.fetch(
      `http://localhost${graphqlPath}`,
      { method, headers: headers.accept === undefined ? {} : { accept: headers.accept } },
      source,
    );
    setHeaders(response, given);
    await sendAnswer(answer, response);
  }

  private openStream(viewer: Viewer, response: ServerResponse): AbortSignal {
    const stream = new AbortController();
    const unregister = this.options.liveCredentials.register(viewer, () => stream.abort());
    this.streams.add(stream);
    const close = () => {
      stream.abort();
      unregister();
      this.streams.delete(stream);
    };
    response.once('close', close);
    // The client may have left while its subscription was being set up, and a stream may start while the server stops.
    if (response.destroyed || this.isStopping) close();
    return stream.signal;
  }
}

function setHeaders(response: ServerResponse, headers: RawHeaders): void {
  for (let index = 0; index < headers.length; index += 2) response.setHeader(headers[index] ?? '', headers[index + 1] ?? '');
}

/** Answers are as fresh and as private as the credential they were given for. */
const privately = 'no-store';

async function sendAnswer(answer: Response, response: ServerResponse): Promise<void> {
  if (answer.status === 406) {
    throw new RequestRefusal(
      406,
      'BAD_REQUEST',
      'Accept application/json or application/graphql-response+json; for a subscription text/event-stream.',
    );
  }
  response.setHeader('cache-control', privately);
  answer.headers.forEach((value, name) => {
    // Yoga sets `none` on event streams, which is no content coding, and a connection header that is ours to decide.
    if (name !== 'content-encoding' && name !== 'connection') response.setHeader(name, value);
  });
  response.writeHead(answer.status);
  if (answer.headers.get('content-type')?.startsWith('text/event-stream') && answer.body) {
    // A client that leaves ends the pipe early, which is how most streams end.
    await pipe(Readable.from(answer.body), response).catch(() => response.destroy());
  } else {
    response.end(await answer.text());
  }
}
