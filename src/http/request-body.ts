import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { RequestRefusal } from './request-refusal.js';

/**
 * The whole body, however it is framed.
 *
 * Past the limit the rest is not kept, and not refused either: Node reads it away after the answer. Cutting the
 * connection would be quicker, but a client that still writes would then see a reset instead of the 413.
 * Throws RequestRefusal: 413 past `maxBytes`, 400 when the client leaves early.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
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
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on('error', () => reject(new RequestRefusal(400, 'BAD_REQUEST', 'The request body ended early.')));
  });
}

/** Throws RequestRefusal for what is not UTF-8. */
export function decodeUtf8(body: Buffer): string {
  if (!isUtf8(body)) throw new RequestRefusal(400, 'BAD_REQUEST', 'The request body is not UTF-8.');
  // Some put a byte order mark before their text; it is no part of it.
  const hasMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return body.toString('utf8', hasMark ? 3 : 0);
}

/** Throws RequestRefusal that says `what` is no JSON. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestRefusal(400, 'BAD_REQUEST', `${what} is not valid JSON.`);
  }
}
