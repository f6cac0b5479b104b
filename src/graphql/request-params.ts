import type { IncomingMessage } from 'node:http';
import { RequestRefusal } from './request-refusal.js';

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
export async function readParams(request: IncomingMessage, maxBodyBytes: number): Promise<unknown> {
  const params = request.method === 'GET' ? paramsOfQueryString(request.url ?? '') : await paramsOfBody(request, maxBodyBytes);
  if (isObject(params) && (params.query === undefined || params.query === null)) {
    throw new RequestRefusal(400, 'BAD_REQUEST', 'The request has no `query`: the document to run, as text.');
  }
  return params;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function paramsOfBody(request: IncomingMessage, maxBodyBytes: number): Promise<unknown> {
  // Forms and plain text are what a foreign page may send without asking first, so JSON it is.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new RequestRefusal(415, 'BAD_REQUEST', 'Send the operation as JSON, with `Content-Type: application/json`.');
  }
  const body = await readBody(request, maxBodyBytes);
  return parseJson(decodeUtf8(body), 'The request body');
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

/**
 * The whole body, however it is framed.
 *
 * Past the limit the rest is not kept, and not refused either: Node reads it away after the answer. Cutting the
 * connection would be quicker, but a client that still writes would then see a reset instead of the 413.
 */
function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new RequestRefusal(413, 'BODY_TOO_LARGE', `The request body is over the limit of ${maxBytes} bytes. Send less at once.`);
  if (Number(request.headers['content-length']) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const keep = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      request.off('data', keep);
      reject(tooLarge());
    };
    request.on('data', keep);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => reject(new RequestRefusal(400, 'BAD_REQUEST', 'The request body ended early.')));
  });
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new RequestRefusal(400, 'BAD_REQUEST', 'The request body is not UTF-8.');
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestRefusal(400, 'BAD_REQUEST', `${what} is not valid JSON.`);
  }
}
