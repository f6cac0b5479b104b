import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql';
import { createYoga, isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { ErrorCode } from '../features/error-code.js';
import type { Logger } from '../kernel/logger.js';
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js';
import type { PullStream } from '../kernel/pull-stream.js';
import { traced } from '../kernel/tracing.js';
import type { Metrics } from '../metrics/metrics.js';
import type { CostBudget } from '../rate-limits/cost-budget.js';
import { Admission } from './admission.js';
import { DocumentCache } from './document-cache.js';
import { useDocumentLimits } from './document-limits.js';
import { createErrorMask, type ErrorMask, maskResult } from './error-mask.js';
import { execute } from './execution.js';
import type { OperationSource } from './operation.js';
import { rootFieldOf } from './root-field.js';
import { type EventAnswer, SubscriptionGroups } from './subscription-groups.js';
import { untilAborted } from './until-aborted.js';

/** An operation that came over HTTP: its parameters are read already, and its answer may be a stream. */
export interface HttpOperationSource extends OperationSource {
  /** The decoded body or query string, not yet checked. */
  params: unknown;
  /** Called once when the answer is a stream; the stream ends when the signal aborts. */
  openStream(): AbortSignal;
}

export interface PipelineOptions {
  schema: GraphQLSchema;
  /** Makes what resolvers get as their context: all that the operation's source tells, and more. */
  createContext: (source: OperationSource) => MaybePromise<OperationSource>;
  logger: Logger;
  metrics: Metrics;
  /** What each credential may spend; null or unset limits nobody. */
  costBudget?: CostBudget | null;
}

/** A document that was parsed and validated. */
export interface ReadDocument {
  document: DocumentNode;
  /** What is wrong with it; empty when it may run. */
  invalid: readonly GraphQLError[];
}

/**
 * The one way every operation takes: limits, parsing, validation, context, execution, masking.
 *
 * `fetch` runs an HTTP request through all of it, with Yoga's rules for media types, status codes and SSE. The steps are
 * there for what does not go through Yoga's HTTP handling: websockets, and POSTs of plain JSON.
 */
export interface Pipeline {
  fetch(url: string, init: RequestInit, source: HttpOperationSource): MaybePromise<Response>;
  schema: GraphQLSchema;
  /** Parses and validates, the first time. Throws the syntax error. */
  read(query: string): ReadDocument;
  createContext: PipelineOptions['createContext'];
  /** Charges the operation to its caller; what it answers, masked, keeps it from running. To be asked once, before it runs. */
  admit(args: ExecutionArgs): GraphQLError | null;
  /** Runs a query or a mutation if it is admitted. */
  run(args: ExecutionArgs): MaybePromise<ExecutionResult>;
  /** Runs a query or a mutation that was admitted; what it answers is masked. */
  execute(args: ExecutionArgs): MaybePromise<ExecutionResult>;
  /** Opens a subscription that was admitted; what it answers is masked. */
  subscribe(args: ExecutionArgs): Promise<ExecutionResult | PullStream<EventAnswer>>;
  maskError: ErrorMask;
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const maskError = createErrorMask(options.logger);
  const documents = new DocumentCache<Partial<ReadDocument> & Pick<ReadDocument, 'document'>>();
  const execute = executeMasked(maskError, options.metrics);
  const { costBudget: budget = null, metrics } = options;
  const admission = new Admission({ budget, maskError });
  const admit = (args: ExecutionArgs) => {
    const refusal = admission.admit(args);
    if (refusal) metrics.refused(String(refusal.extensions.code));
    return refusal;
  };
  const run = <Outcome>(args: ExecutionArgs, next: (args: ExecutionArgs) => Outcome): Outcome | ExecutionResult => {
    const refusal = admit(args);
    return refusal ? withCost({ errors: [refusal] }, args) : next(args);
  };
  const groups = new SubscriptionGroups({ createContext: options.createContext, maskError });
  const yoga = createYoga<HttpOperationSource, object>({
    schema: options.schema,
    context: ({ requestId, viewer, transport, setHeader }) => options.createContext({ requestId, viewer, transport, setHeader }),
    plugins: [
      useHttpSource(maskError),
      useExecution(
        (args) => run(args, execute),
        async (args) => run(args, groups.subscribe),
      ),
      useErrorMask(maskError),
      useParseErrorCode(),
      useDocumentLimits(),
    ],
    parserAndValidationCache: {
      documentCache: {
        get: (query) => documents.get(query)?.document,
        set: (query, document) => documents.set(query, { document }),
      },
      // Documents with syntax errors are not sent again and again; keeping their errors would only cost memory.
      errorCache: { get: () => undefined, set: () => undefined },
    },
    // Ours, in useErrorMask: Yoga's knows neither the request id nor the operation.
    maskedErrors: false,
    // The HTTP face does these before a request gets here, for whatever runs it.
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: false,
    logging: false,
  });
  // With the schema alone: its steps are given the context of each operation, if they need one.
  const enveloped = yoga.getEnveloped({} as never);
  return {
    fetch: (url, init, source) => yoga.fetch(url, init, source),
    schema: options.schema,
    read(query) {
      const known = documents.get(query);
      if (known?.invalid) return known as ReadDocument;
      const document = enveloped.parse(query);
      const read = { document, invalid: enveloped.validate(enveloped.schema, document) };
      documents.set(query, read);
      return read;
    },
    createContext: options.createContext,
    admit,
    run: (args) => run(args, execute),
    execute,
    subscribe: groups.subscribe,
    maskError,
  };
}

/** Executes by plans that are kept, masks what comes of it, and says how long it took. */
function executeMasked(mask: ErrorMask, metrics: Metrics) {
  const masked = (result: ExecutionResult, args: ExecutionArgs, started: number) => {
    metrics.executed(rootFieldOf(args), (performance.now() - started) / 1000);
    if (!result.errors) return withCost(result, args);
    // Nothing ran: the variables do not fit, or no operation has the name.
    if (!('data' in result)) for (const error of result.errors) error.extensions.http = { status: 400 };
    const shown = maskResult(result, mask, failedOperation(args as Executed));
    for (const { extensions } of shown.errors ?? []) metrics.refused(String(extensions.code));
    return withCost(shown, args);
  };
  return (args: ExecutionArgs): MaybePromise<ExecutionResult> => {
    const started = performance.now();
    const result = traced(`graphql ${rootFieldOf(args)}`, () => execute(args));
    return isPromise(result) ? result.then((settled) => masked(settled, args, started)) : masked(result, args, started);
  };
}

/** The result, which is nobody else's, with what the operation was charged, if it was. */
function withCost(result: Mutable<ExecutionResult>, { contextValue }: ExecutionArgs): ExecutionResult {
  const { cost } = contextValue as OperationSource;
  if (cost) result.extensions = { cost };
  return result;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Joins Yoga's HTTP handling to ours: takes the parameters that were read, and lets us end the streams it starts. */
function useHttpSource(maskError: ErrorMask): Plugin<object, HttpOperationSource> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      // Not checked yet: Yoga answers 400 when they are not an object with a query.
      setRequestParser(() => serverContext.params as object);
    },
    onResultProcess({ result, resultProcessor, serverContext, setResult }) {
      if (isAsyncIterable(result)) {
        const stream = untilAborted(result, serverContext.openStream());
        setResult(stream);
        // The client asked for a stream but accepts no format for one: nobody will read it.
        if (!resultProcessor) void stream.return?.();
      } else if (!Array.isArray(result)) {
        // Execution is masked already; this is for what fails around it.
        setResult(maskResult(result, maskError, { requestId: serverContext.requestId, operationName: null }));
      }
    },
  };
}

function useExecution(execute: Pipeline['run'], subscribe: Pipeline['subscribe']): Plugin<OperationSource> {
  return {
    onExecute: ({ setExecuteFn }) => setExecuteFn(execute),
    onSubscribe: ({ setSubscribeFn }) => setSubscribeFn(subscribe),
  };
}

/** Masks whatever building a context throws. */
function useErrorMask(mask: ErrorMask): Plugin<OperationSource> {
  return {
    onPluginInit({ registerContextErrorHandler }) {
      registerContextErrorHandler(({ context, error, setError }) => {
        const { requestId } = context as unknown as OperationSource;
        setError(mask(error, { requestId, operationName: null }));
      });
    },
  };
}

interface Executed {
  document: DocumentNode;
  operationName?: string | null;
  contextValue: OperationSource;
}

function failedOperation({ document, operationName, contextValue }: Executed) {
  const name = operationName ?? getOperationAST(document, operationName)?.name?.value ?? null;
  return { requestId: contextValue.requestId, operationName: name };
}

/** Gives syntax errors their code and status; Yoga does so for HTTP only. */
function useParseErrorCode(): Plugin {
  return {
    onParse: () => (payload) => {
      if (!(payload.result instanceof GraphQLError)) return;
      payload.result.extensions.code ??= 'GRAPHQL_PARSE_FAILED' satisfies ErrorCode;
      payload.result.extensions.http ??= { spec: true, status: 400 };
    },
  };
}
