import type { IncomingMessage } from 'node:http';
import { decodeUtf8, parseJson, readBody } from '../http/request-body.js';
import { RequestRefusal } from '../http/request-refusal.js';
import type { MaybePromise } from '../kernel/maybe-promise.js';

/** Throws RequestRefusal for every method that GraphQL over HTTP does not have. */
export function requireMethod(request: IncomingMessage): void {
  if (request.method === 'GET' || request.method === 'POST') return;
  throw new RequestRefusal(405, 'BAD_REQUEST', 'GraphQL takes GET and POST requests only.', { allow: 'GET, POST' });
}

/**
 * Reads the GraphQL parameters of a GET or of a POST with JSON; beyond that there is a document, their shape is not
 * checked yet.
 * Throws RequestRefusal: 400 for what is not JSON or has no document, 413 past `maxBodyBytes`, 415.
 */
export function readParams(request: IncomingMessage, maxBodyBytes: number): MaybePromise<unknown> {
  if (request.method === 'GET') return withDocument(paramsOfQueryString(request.url ?? ''));
  // Forms and plain text are what a foreign page may send without asking first, so JSON it is.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new RequestRefusal(415, 'BAD_REQUEST', 'Send the operation as JSON, with `Content-Type: application/json`.');
  }
  return readBody(request, maxBodyBytes).then((body) => withDocument(parseJson(decodeUtf8(body), 'The request body')));
}

function withDocument(params: unknown): unknown {
  if (isObject(params) && (params.query === undefined || params.query === null)) {
    throw new RequestRefusal(400, 'BAD_REQUEST', 'The request has no `query`: the document to run, as text.');
  }
  return params;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function paramsOfQueryString(url: string): object {
  const start = url.indexOf('?');
  const search = new URLSearchParams(start === -1 ? '' : url.slice(start + 1));
  const json = (name: string) => {
    const text = search.get(name);
    return text ? parseJson(text, `The query parameter "${name}"`) : undefined;
  };
  return {
    query: search.get('query') ?? undefined,
    operationName: search.get('operationName') || undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  };
}
