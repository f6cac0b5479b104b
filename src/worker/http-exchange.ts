import http from 'node:http';
import https from 'node:https';

/** One request of a worker process, and how long its answer may take. */
export interface ExchangeRequest {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string> | undefined;
  /** Sent as JSON. Without it there is no body and no content type, as the dialect's older clients have it. */
  body?: unknown;
  /** Milliseconds until the whole answer must have come. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** An answer, whatever its status. */
export interface ExchangeAnswer {
  status: number;
  text: string;
}

/** No answer came: nobody could be reached, the connection broke, or the time was up. */
export class NoAnswerError extends Error {
  constructor(
    message: string,
    readonly reason: 'unreachable' | 'timeout' | 'too-large',
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'NoAnswerError';
  }
}

/** Bytes of an answer that are read at most: no program that we talk to has more to say. */
const answerBytesMax = 64 * 1024 * 1024;

/**
 * Sends one request and reads the answer. Not by `fetch`, which gives up after five minutes without a word, and a model may
 * think for an hour. Throws NoAnswerError, and the reason of the signal when that aborts. Neither names anything but origin and path.
 */
export function exchange({ method, url, headers, body, timeoutMs, signal }: ExchangeRequest): Promise<ExchangeAnswer> {
  const { origin, pathname, protocol } = new URL(url);
  const place = `${method} ${origin}${pathname}`;
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = (protocol === 'https:' ? https : http).request(url, {
      method,
      // A connection of its own: one that is kept may be closed by the other side the moment it is used again.
      agent: false,
      headers: {
        'User-Agent': 'baton-worker',
        Accept: 'application/json',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(method === 'POST' && { 'Content-Length': String(Buffer.byteLength(text)) }),
        ...headers,
      },
    });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle();
      request.destroy();
    };
    const fail = (reason: NoAnswerError['reason'], words: string, cause?: unknown) =>
      end(() => reject(new NoAnswerError(`${place} ${words}`, reason, { cause })));
    const broke = (cause: Error) => fail('unreachable', `could not be reached: ${wordsOf(cause)}`, cause);
    const abort = () => end(() => reject(signal?.reason));
    const timer = setTimeout(() => fail('timeout', `did not answer within ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    request.on('error', broke);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) fail('too-large', `answers more than ${answerBytesMax} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', broke);
      response.on('end', () =>
        end(() => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })),
      );
    });
    request.end(text);
  });
}

/** Where a name has several addresses, each has failed: the first says why. */
function wordsOf(error: Error): string {
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  return first.message || String((first as NodeJS.ErrnoException).code);
}
