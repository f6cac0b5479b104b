import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import type { Viewer } from '../auth/viewer.js';
import type { ErrorCode } from '../features/error-code.js';
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js';
import type { CostReport } from './admission.js';
import type { Pipeline } from './pipeline.js';

/** Where an operation comes from: what its context is made of, whichever way it reached the server. */
export interface OperationSource {
  requestId: string;
  viewer: Viewer;
  transport: 'http' | 'websocket';
  /** Sets a header of the answer; does nothing over a websocket, and once a stream has begun. */
  setHeader: (name: string, value: string) => void;
  /** What the operation was charged, once it was admitted; unset where nothing is limited. */
  cost?: CostReport;
}

/** What a client sends, over any transport. */
export interface OperationParams {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
}

/**
 * Takes an operation through the shared pipeline up to its execution, for every transport that does not go through
 * Yoga's own HTTP handling: the same plugins, limits, caches and masking, so that the transports cannot drift.
 * Answers the errors, already masked, when the operation cannot run.
 */
export async function prepareOperation(
  pipeline: Pipeline,
  source: OperationSource,
  params: OperationParams,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  const operationName = params.operationName ?? null;
  try {
    const { document, invalid } = pipeline.read(params.query);
    if (invalid.length > 0) return invalid;
    if (!getOperationAST(document, operationName)) return [unknownOperation(operationName)];
    const args: ExecutionArgs = {
      schema: pipeline.schema,
      document,
      operationName,
      variableValues: params.variables,
      contextValue: await pipeline.createContext(source),
    };
    const refusal = pipeline.admit(args);
    return refusal ? [refusal] : args;
  } catch (error) {
    return [pipeline.maskError(error, { requestId: source.requestId, operationName })];
  }
}

/** A query or a mutation that may run, once it has a source. */
export interface JsonOperation {
  operationName: string | null;
  run(source: OperationSource): MaybePromise<ExecutionResult>;
}

/**
 * The query or mutation that the parameters ask for; null when there is anything wrong with them, or a stream is asked
 * for: Yoga then says what.
 */
export function findJsonOperation(pipeline: Pipeline, params: unknown): JsonOperation | null {
  if (!isOperationParams(params)) return null;
  const read = readQuietly(pipeline, params.query);
  if (!read || read.invalid.length > 0) return null;
  const operationName = params.operationName ?? null;
  const operation = getOperationAST(read.document, operationName);
  if (!operation || operation.operation === 'subscription') return null;
  const execute = (contextValue: object) =>
    pipeline.run({
      schema: pipeline.schema,
      document: read.document,
      operationName,
      variableValues: params.variables,
      contextValue,
    });
  return {
    operationName,
    run(source) {
      const context = pipeline.createContext(source);
      return isPromise(context) ? context.then(execute) : execute(context);
    },
  };
}

/** A document with a syntax error is Yoga's to refuse. */
function readQuietly(pipeline: Pipeline, query: string) {
  try {
    return pipeline.read(query);
  } catch {
    return null;
  }
}

const paramNames: readonly string[] = ['query', 'operationName', 'variables', 'extensions'];

function isOperationParams(params: unknown): params is OperationParams {
  if (!isPlainObject(params)) return false;
  const { query, operationName, variables, extensions } = params;
  return (
    typeof query === 'string' &&
    (operationName == null || typeof operationName === 'string') &&
    (variables == null || isPlainObject(variables)) &&
    (extensions == null || isPlainObject(extensions)) &&
    Object.keys(params).every((name) => paramNames.includes(name))
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownOperation(operationName: string | null): GraphQLError {
  const message = operationName
    ? `The document has no operation named ${operationName}.`
    : 'The document must have exactly one operation, or the request must name the one to run in operationName.';
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST' satisfies ErrorCode } });
}
