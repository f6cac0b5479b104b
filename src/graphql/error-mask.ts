import { type ExecutionResult, GraphQLError, Kind } from 'graphql';
import { RateLimitedError } from '../auth/auth.errors.js';
import { type ErrorCode, errorCodes } from '../features/error-code.js';
import { describeError } from '../kernel/describe-error.js';
import { DomainError } from '../kernel/domain-error.js';
import type { Logger } from '../kernel/logger.js';

/** The operation an error belongs to, as the log and the answer name it. */
export interface FailedOperation {
  requestId: string;
  operationName: string | null;
}

export type ErrorMask = (error: unknown, operation: FailedOperation) => GraphQLError;

/**
 * Makes of any error the one a client may see; the only place that decides this.
 *
 * Expected failures keep their message and code. So do GraphQL's own complaints about the request. Everything else is a
 * bug or an outage: the log gets it with its stack, the client gets `INTERNAL_ERROR` and the request id to find it by.
 * Masking a masked error changes nothing, so it may be applied at every boundary.
 */
export function createErrorMask(logger: Logger): ErrorMask {
  return (error, operation) => {
    const cause = innermost(error);
    if (cause instanceof DomainError) return located(error, cause.message, { code: cause.code, ...waitOf(cause) });
    if (error instanceof GraphQLError && cause instanceof GraphQLError) {
      const code = requestErrorCode(error);
      if (code) {
        error.extensions.code = code;
        return error;
      }
    }
    logger.error({ ...operation, error: describeError(cause) }, 'an operation failed unexpectedly');
    return located(error, 'Internal error. The server log has the details under this request id.', {
      code: 'INTERNAL_ERROR',
      requestId: operation.requestId,
      // Makes Yoga answer 500 when the failure left no data; removed before the answer is written.
      unexpected: true,
    });
  };
}

/** Masks every error of a result; the result itself when it has none. */
export function maskResult(result: ExecutionResult, mask: ErrorMask, operation: FailedOperation): ExecutionResult {
  if (!result.errors) return result;
  return { ...result, errors: result.errors.map((error) => mask(error, operation)) };
}

/** An error as it goes over the wire: without what only the transport needs to know. */
export function toWireError(error: GraphQLError): ReturnType<GraphQLError['toJSON']> {
  const { http: _, unexpected: __, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}

/** When to try again, for whoever asked too much, and how to say so over HTTP. */
function waitOf(error: DomainError): GraphQLError['extensions'] {
  if (!(error instanceof RateLimitedError)) return {};
  const { retryAfterSeconds } = error.facts;
  return { retryAfterSeconds, http: { status: 429, headers: { 'retry-after': String(retryAfterSeconds) } } };
}

/** The error at the bottom of what GraphQL wrapped around it. */
function innermost(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return current;
}

/** The code of an error that GraphQL itself, or a plugin, raised about the request; null when it is a bug in disguise. */
function requestErrorCode(error: GraphQLError): ErrorCode | null {
  const { code } = error.extensions;
  if (typeof code === 'string' && code in errorCodes) return code as ErrorCode;
  const blamed = error.nodes?.[0]?.kind;
  if (!error.path) return blamed === Kind.VARIABLE_DEFINITION ? 'BAD_USER_INPUT' : 'BAD_REQUEST';
  // Raised while executing. An argument that does not fit (a null variable in a non-null place) points at the argument;
  // a resolver's value that the schema does not allow points at the field, and is our fault.
  return blamed === undefined || blamed === Kind.FIELD ? null : 'BAD_USER_INPUT';
}

function located(error: unknown, message: string, extensions: GraphQLError['extensions']): GraphQLError {
  const place = error instanceof GraphQLError ? error : undefined;
  return new GraphQLError(message, {
    nodes: place?.nodes,
    source: place?.source,
    positions: place?.positions,
    path: place?.path,
    extensions,
  });
}
