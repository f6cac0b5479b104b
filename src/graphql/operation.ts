import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import type { Viewer } from '../auth/viewer.js';
import type { ErrorCode } from '../features/error-code.js';
import type { Pipeline } from './pipeline.js';

/** Where an operation comes from: what its context is made of, whichever way it reached the server. */
export interface OperationSource {
  requestId: string;
  viewer: Viewer;
  transport: 'http' | 'websocket';
  /** Sets a header of the answer; does nothing over a websocket, and once a stream has begun. */
  setHeader: (name: string, value: string) => void;
}

/** What a client sends, over any transport. */
export interface OperationParams {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
}

export type OperationOutcome = ExecutionResult | AsyncIterable<ExecutionResult>;

/** An operation that was parsed, validated and given its context: it only has to run. */
export interface PreparedOperation extends ExecutionArgs {
  isSubscription: boolean;
  run(): OperationOutcome | Promise<OperationOutcome>;
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
): Promise<PreparedOperation | readonly GraphQLError[]> {
  const enveloped = pipeline.getEnveloped({ ...source });
  const operationName = params.operationName ?? null;
  try {
    const document = enveloped.parse(params.query);
    const invalid: readonly GraphQLError[] = enveloped.validate(enveloped.schema, document);
    if (invalid.length > 0) return invalid;
    const operation = getOperationAST(document, operationName);
    if (!operation) return [unknownOperation(operationName)];
    const isSubscription = operation.operation === 'subscription';
    const args: ExecutionArgs = {
      schema: enveloped.schema,
      document,
      operationName,
      variableValues: params.variables,
      contextValue: await enveloped.contextFactory(),
    };
    return { ...args, isSubscription, run: () => (isSubscription ? enveloped.subscribe(args) : enveloped.execute(args)) };
  } catch (error) {
    return [pipeline.maskError(error, { requestId: source.requestId, operationName })];
  }
}

function unknownOperation(operationName: string | null): GraphQLError {
  const message = operationName
    ? `The document has no operation named ${operationName}.`
    : 'The document must have exactly one operation, or the request must name the one to run in operationName.';
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST' satisfies ErrorCode } });
}
