import { Agent, request as openRequest } from 'node:http';
import type { RestAnswer } from './rest-call.js';

/** A request exactly as it goes over the wire: nothing of it is normalised, completed or refused, as `fetch` would. */
export interface WireRequest {
  method: string;
  /** Path and query, percent-encoded as the server shall see it. */
  path: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer | null;
  /** Sends the body in chunks, without saying how long it is. */
  isChunked?: boolean;
  agent?: Agent;
}

export interface WireAnswer extends RestAnswer {
  /** Whether the request went over a connection that had served another one. */
  reusedSocket: boolean;
}

const keepAlive = new Agent({ keepAlive: true, maxSockets: 8 });

/** Sends it; an answer that comes before the body is out counts. */
export function sendWire(
  url: string,
  { method, path, headers = {}, body = null, isChunked = false, agent = keepAlive }: WireRequest,
): Promise<WireAnswer> {
  const { hostname, port } = new URL(url);
  const framing = isChunked
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': String(body ? Buffer.byteLength(body) : 0) };
  const needsFraming = body !== null || (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS');
  return new Promise((resolve, reject) => {
    const sent = openRequest(
      { hostname, port, method, path, agent, headers: { ...(needsFraming && framing), ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const entries = Object.entries(response.headersDistinct).map(([name, values]) => [name, values?.join(', ') ?? '']);
          const answered = new Headers(entries as [string, string][]);
          const isJson = answered.get('content-type')?.startsWith('application/json') && text !== '';
          const { reusedSocket } = sent;
          resolve({
            status: response.statusCode ?? 0,
            headers: answered,
            text,
            json: isJson ? JSON.parse(text) : undefined,
            reusedSocket,
          });
        });
      },
    );
    sent.once('error', reject);
    sent.end(body ?? undefined);
  });
}
