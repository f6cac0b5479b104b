import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { requireScope, type Viewer } from '../auth/viewer.js';
import { type Database, withinTransaction } from '../database/database.js';
import { once } from '../features/idempotency.js';
import type { Services } from '../features/services.js';
import { ValidationError } from '../features/validation-error.js';
import { withDeadline } from '../http/deadline.js';
import { InFlightRequests } from '../http/in-flight.js';
import type { RequestAccess } from '../http/request-access.js';
import { requestIdOf } from '../http/request-id.js';
import { RequestRefusal } from '../http/request-refusal.js';
import { describeError } from '../kernel/describe-error.js';
import type { Logger } from '../kernel/logger.js';
import { traced } from '../kernel/tracing.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Admit, Authenticate, Dialect } from './dialect.js';
import { dialects } from './dialects.js';
import { addDocs } from './docs.js';
import type { Answer, Call, Command, Endpoint, RestContext } from './endpoint.js';
import { endpoints } from './endpoints.js';
import { FailedCommand, failureOf, fault } from './failure.js';
import { addToDocument } from './openapi.js';
import { parse, readJsonObject, withoutAliases } from './parse.js';

export interface RestServerOptions extends RestContext {
  /** The services on another database: within the transaction of a command. */
  servicesOn: (database: Database) => Services;
  /** Each dialect has its own way to find out who calls. */
  authenticate: Record<Dialect['name'], Authenticate>;
  /** How many requests callers have, for the dialects that limit them. */
  admit: Partial<Record<Dialect['name'], Admit>>;
  access: RequestAccess;
  /** Whether somebody without a credential is turned away, by dialect. */
  needsCredential: Record<Dialect['name'], boolean>;
  logger: Logger;
  metrics: Metrics;
  /** Bytes of the largest request body, by dialect. */
  maxBodyBytes: Record<Dialect['name'], number>;
}

type Env = { Bindings: HttpBindings };
type App = OpenAPIHono<Env>;

/** The four REST dialects over the services that GraphQL calls, `/health`, and the document that describes them all. */
export class RestServer {
  readonly #inFlight = new InFlightRequests();
  readonly #listener: ReturnType<typeof getRequestListener>;

  constructor(private readonly options: RestServerOptions) {
    const app: App = new OpenAPIHono<Env>({ strict: false });
    for (const endpoint of endpoints) {
      addToDocument(app.openAPIRegistry, endpoint);
      app.on(endpoint.method.toUpperCase(), honoPath(endpoint.path), (context) =>
        traced(`rest ${nameOf(endpoint)}`, () => this.#serve(endpoint, context)),
      );
    }
    for (const path of pathsLiteralFirst()) this.#refuseOtherMethods(app, path);
    addDocs(app);
    app.notFound((context) => this.#answerNotFound(context));
    this.#listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  }

  /** Answers any request that is not GraphQL's. */
  readonly handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    this.#inFlight.track(response);
    response.setHeader('x-request-id', requestIdOf(request));
    await this.#listener(request, response);
  };

  /** Serves as before, but lets go of each connection with its next answer. */
  leave(): void {
    this.#inFlight.leave();
  }

  /** Resolves when every request in flight is answered, at the latest after `deadlineMs`; what is left then is cut. */
  stop(deadlineMs: number): Promise<void> {
    return withDeadline(deadlineMs, (deadline) => this.#inFlight.finish(deadline));
  }

  async #serve(endpoint: Endpoint, context: Context<Env>): Promise<Response> {
    const requestId = requestIdIn(context);
    const started = performance.now();
    try {
      this.options.access.requireHost(context.env.incoming);
      this.#admitPage(endpoint, context);
      const answer = await endpoint.handle(await this.#callOf(endpoint, context));
      return send(context, answer);
    } catch (error) {
      return this.#fail(context, endpoint.dialect, error, { requestId, operation: nameOf(endpoint) });
    } finally {
      this.options.metrics.answered(nameOf(endpoint), (performance.now() - started) / 1000);
    }
  }

  /** Who asks comes first, and how often; then the path, the body as JSON, and the fields. */
  async #callOf(endpoint: Endpoint, context: Context<Env>): Promise<Call> {
    const { incoming, outgoing } = context.env;
    const { dialect, access = 'caller' } = endpoint;
    const viewer = await this.options.authenticate[dialect.name](this.options.access.credentialsOf(incoming), access);
    await this.options.admit[dialect.name]?.(viewer, (name, value) => outgoing.setHeader(name, value));
    if (access === 'agent') requireScope(viewer, 'WORKER');
    else if (access === 'caller' && endpoint.method === 'get') requireScope(viewer, 'READ');
    const params = parse(endpoint.params, context.req.param());
    const query = parse(endpoint.query, context.req.query());
    const rawBody = endpoint.body ? await readJsonObject(incoming, this.options.maxBodyBytes[dialect.name]) : {};
    const body = parse(endpoint.body, withoutAliases(rawBody, endpoint.aliases));
    const { database, services, clock, healthLimits, memory, queueLeaseSeconds } = this.options;
    const header = (name: string) => context.req.header(name)?.trim() || undefined;
    const input = { params, query, body };
    // Who a header names is part of what is asked: two agents may choose the same key.
    const headers = Object.keys(endpoint.headers ?? {}).map((name) => header(name) ?? null);
    return {
      ...(input as Pick<Call, 'params' | 'query' | 'body'>),
      viewer,
      database,
      services,
      clock,
      healthLimits,
      memory,
      queueLeaseSeconds,
      header,
      run: (command, { atomic = false } = {}) =>
        this.#run(
          { viewer, operation: nameOf(endpoint), input: { ...input, headers }, key: header('idempotency-key'), atomic },
          command,
        ),
    };
  }

  async #run<Result>(
    request: { viewer: Viewer; operation: string; input: unknown; key: string | undefined; atomic: boolean },
    command: Command<Result>,
  ): Promise<Result> {
    const { services, servicesOn, database } = this.options;
    const { key, atomic, ...rest } = request;
    const onDatabase = (other: Database) => command(servicesOn(other), other);
    if (key === undefined) {
      if (!atomic) return command(services, database);
      return database.transaction((tx) => onDatabase(withinTransaction(tx)));
    }
    if (key.length > 255) throw new ValidationError(['Idempotency-Key'], 'Idempotency-Key must have at most 255 characters.');
    const outcome = await once(database, { ...rest, key }, onDatabase);
    const [error] = outcome.errors;
    if (error) throw new FailedCommand(error);
    return outcome.result as Result;
  }

  #refuseOtherMethods(app: App, path: Endpoint['path']): void {
    const dialect = endpoints.find((endpoint) => endpoint.path === path)?.dialect;
    if (!dialect) throw new Error(`no endpoint has the path ${path}`);
    const methods = methodsOf(path);
    const allow = `${methods}${methods.includes('GET') ? ', HEAD' : ''}, OPTIONS`;
    app.all(honoPath(path), (context) => {
      const request = { requestId: requestIdIn(context), operation: path };
      try {
        this.options.access.requireHost(context.env.incoming);
        this.#admitPage({ dialect, path }, context);
        if (context.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
        throw new RequestRefusal(405, 'METHOD_NOT_ALLOWED', `${path} takes ${allow} only.`, { allow });
      } catch (error) {
        return this.#fail(context, dialect, error, request);
      }
    });
  }

  #answerNotFound(context: Context<Env>): Response {
    const { method, path } = context.req;
    const dialect = dialects.find(({ prefixes }) => prefixes.some((prefix) => isWithin(prefix, path)));
    const message = `There is no ${method} ${path.slice(0, 200)}. /openapi.json lists what there is.`;
    if (!dialect) return send(context, { status: 404, body: { error: 'not found', message } });
    const refusal = new RequestRefusal(404, 'ROUTE_NOT_FOUND', message);
    return this.#fail(context, dialect, refusal, { requestId: requestIdIn(context), operation: 'none' });
  }

  /** Tells the browser whether the page that calls may read the answer, and throws RequestRefusal when it may not even ask. */
  #admitPage({ dialect, path }: Pick<Endpoint, 'dialect' | 'path'>, { env: { incoming, outgoing } }: Context<Env>): void {
    const { access, needsCredential } = this.options;
    const isAllowed = access.isPageAllowed(incoming, { needsCredential: needsCredential[dialect.name] });
    access.setCorsHeaders(incoming, outgoing, { methods: methodsOf(path), isOpenToPages: isAllowed });
    if (isAllowed || incoming.method === 'OPTIONS') return;
    throw new RequestRefusal(403, 'FORBIDDEN', 'A page of this origin may not call the server: list the origin in CORS_ORIGINS.');
  }

  #fail(context: Context<Env>, dialect: Dialect, error: unknown, request: { requestId: string; operation: string }): Response {
    let failure = failureOf(error);
    if (!failure) {
      this.options.logger.error({ ...request, error: describeError(error) }, 'a REST request failed unexpectedly');
      failure = fault;
    }
    this.options.metrics.refused(failure.code);
    const { status = failure.status, body } = dialect.render(failure);
    return send(context, { status, body, headers: failure.headers });
  }
}

/** Every path once; `/orchestrators/conflicts` before `/orchestrators/{id}`, which would speak for it. */
function pathsLiteralFirst(): Endpoint['path'][] {
  const paths = [...new Set(endpoints.map((endpoint) => endpoint.path))];
  return paths.sort((one, other) => Number(one.includes('{')) - Number(other.includes('{')));
}

function methodsOf(path: string): string {
  return endpoints
    .filter((endpoint) => endpoint.path === path)
    .map(({ method }) => method.toUpperCase())
    .join(', ');
}

/** The id that the handler has given the request. */
function requestIdIn({ env: { outgoing } }: Context<Env>): string {
  return String(outgoing.getHeader('x-request-id'));
}

function nameOf({ method, path }: Endpoint): string {
  return `${method.toUpperCase()} ${path}`;
}

/** `/tasks/{id}` -> `/tasks/:id`. */
function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function isWithin(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/**
 * Answers straight on Node's response, and tells the listener so. A fetch response would be made to be taken apart again,
 * which is dearer than all else that an answer needs.
 */
function send({ env: { outgoing } }: Context<Env>, { status, body, headers }: Answer): Response {
  // Answers are as fresh and as private as the credential they were given for.
  const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  if (body === undefined) {
    outgoing.writeHead(status, { ...common, ...headers }).end();
  } else {
    const text = JSON.stringify(body);
    const content = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    outgoing.writeHead(status, { ...common, ...content, ...headers }).end(text);
  }
  return RESPONSE_ALREADY_SENT;
}
