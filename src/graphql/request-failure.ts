import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestRefusal } from '../http/request-refusal.js';
import { DomainError } from '../kernel/domain-error.js';
import { type ErrorMask, toWireError } from './error-mask.js';

/** Answers with a GraphQL error body, whatever went wrong; what is not ours to tell is masked. */
export function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  failure: unknown,
  requestId: string,
  maskError: ErrorMask,
): void {
  if (response.headersSent) {
    // Too late to say it: cutting the connection is the only way left to not look like a complete answer.
    response.destroy();
    return;
  }
  if (failure instanceof RequestRefusal) {
    const error = { message: failure.message, extensions: { code: failure.code } };
    sendErrors(request, response, failure.status, failure.headers, [error]);
    return;
  }
  const error = toWireError(maskError(failure, { requestId, operationName: null }));
  const status = failure instanceof DomainError ? statusOf(failure.code) : 500;
  sendErrors(request, response, status, status === 401 ? { 'www-authenticate': 'Bearer' } : {}, [error]);
}

/** The status for a caller who is turned away before its operation runs. */
function statusOf(code: string): number {
  if (code === 'UNAUTHENTICATED') return 401;
  return code === 'RATE_LIMITED' ? 429 : 403;
}

function sendErrors(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  errors: object[],
): void {
  const mediaType = request.headers.accept?.includes('application/graphql-response+json')
    ? 'application/graphql-response+json'
    : 'application/json';
  response.writeHead(status, { ...headers, 'content-type': `${mediaType}; charset=utf-8` });
  response.end(JSON.stringify({ errors }));
}
