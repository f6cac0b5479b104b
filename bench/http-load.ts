/**
 * An HTTP/1.1 client that costs as little as a client can: raw sockets, one request in flight on each, one shared buffer
 * to read into, nothing parsed that is not needed. The same for all sides, so that what is left of the machine is the server's.
 */
import { connect, type Socket } from 'node:net';
import { percentile } from './benchmark.js';

/** Load is for servers on this machine, and ends: no round may take longer. */
const longestMs = 120_000;
const readSize = 256 * 1024;

export interface HttpRequest {
  method?: 'GET' | 'POST';
  /** With its query string. */
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

/** The bytes of a request, made once and sent often. */
export function encodeRequest(origin: string, request: HttpRequest): Buffer {
  const { method = request.body === undefined ? 'GET' : 'POST', path, headers = {} } = request;
  const body = request.body === undefined ? '' : JSON.stringify(request.body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${new URL(origin).host}`,
    'accept: application/json',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'POST' ? ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`] : []),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** Sees an answer; the body lies in a buffer that the next answer overwrites, so copy what is to be kept. */
export type OnAnswer = (status: number, body: Buffer) => void;

// One for all: a read and its callback are one step, so no two connections use it at once.
const sharedBuffer = Buffer.allocUnsafeSlow(readSize);

/** A kept-alive connection with at most one request in flight. */
export class HttpConnection {
  readonly #socket: Socket;
  #onAnswer: OnAnswer | null = null;
  #pending: Buffer | null = null;
  #fail: (error: Error) => void = () => {};
  /** Rejects when the connection breaks, which no server may do under load. */
  readonly broken = new Promise<never>((_resolve, reject) => {
    this.#fail = reject;
  });

  private constructor(origin: string) {
    const { hostname, port } = new URL(origin);
    if (hostname !== '127.0.0.1') throw new Error(`load goes to this machine only, not to ${hostname}`);
    this.broken.catch(() => {});
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: sharedBuffer,
        callback: (length, buffer) => {
          this.#read(buffer as Buffer, length);
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  static async open(origin: string): Promise<HttpConnection> {
    const connection = new HttpConnection(origin);
    await Promise.race([
      new Promise<void>((resolve) => {
        connection.#socket.once('connect', () => resolve());
      }),
      connection.broken,
    ]);
    return connection;
  }

  send(request: Buffer, onAnswer: OnAnswer): void {
    if (this.#onAnswer) throw new Error('a request is in flight on this connection already');
    this.#onAnswer = onAnswer;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(buffer: Buffer, length: number): void {
    const fresh = buffer.subarray(0, length);
    const bytes = this.#pending ? Buffer.concat([this.#pending, fresh]) : fresh;
    const answer = parseAnswer(bytes);
    if (!answer) {
      this.#pending = this.#pending ? bytes : Buffer.from(fresh);
      return;
    }
    this.#pending = null;
    const onAnswer = this.#onAnswer;
    this.#onAnswer = null;
    if (onAnswer) onAnswer(answer.status, answer.body);
    else this.#fail(new Error('an answer came that nobody asked for'));
  }
}

/** Null until all of the answer has come. */
function parseAnswer(bytes: Buffer): { status: number; body: Buffer } | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const bodyStart = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const bodyEnd = bodyStart + Number(length);
    return bytes.length < bodyEnd ? null : { status, body: bytes.subarray(bodyStart, bodyEnd) };
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const body = joinChunks(bytes, bodyStart);
    return body && { status, body };
  }
  return { status, body: bytes.subarray(bodyStart, bodyStart) };
}

function joinChunks(bytes: Buffer, start: number): Buffer | null {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const chunkStart = lineEnd + 2;
    if (bytes.length < chunkStart + size + 2) return null;
    if (size === 0) return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    chunks.push(bytes.subarray(chunkStart, chunkStart + size));
    at = chunkStart + size + 2;
  }
}

/** An answer, of GraphQL up to its extensions: what it cost changes from one answer to the next. */
export function withoutExtensions(body: Buffer): Buffer {
  const end = body.lastIndexOf(',"extensions":{');
  return end < 0 ? body : body.subarray(0, end);
}

export interface LoadResult {
  requests: number;
  seconds: number;
  perSecond: number;
  /** Milliseconds from sending (or, at a fixed rate, from when it was due to be sent) to the whole answer. */
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

export interface LoadOptions {
  origin: string;
  connections: number;
  durationMs: number;
  /** The next request of a connection, by its index; null when it has none left. */
  next: (connection: number) => Buffer | null;
  /** Sees every answer before the next request is made; throws to end the load. */
  onAnswer: (connection: number, status: number, body: Buffer) => void;
}

/** As many requests as the server answers: each connection sends the next as soon as it has its answer. */
export async function loadClosed(options: LoadOptions): Promise<LoadResult> {
  const { next, onAnswer } = options;
  return withConnections(options, (connections, latencies, started, finish) => {
    const endsAt = started + options.durationMs;
    let busy = 0;
    const go = (index: number, connection: HttpConnection) => {
      const sentAt = performance.now();
      const request = sentAt < endsAt ? next(index) : null;
      if (!request) {
        busy -= 1;
        if (busy === 0) finish();
        return;
      }
      connection.send(request, (status, body) => {
        latencies.push(performance.now() - sentAt);
        try {
          onAnswer(index, status, body);
          go(index, connection);
        } catch (error) {
          finish(error);
        }
      });
    };
    busy = connections.length;
    connections.forEach((connection, index) => {
      go(index, connection);
    });
  });
}

/**
 * Requests at a fixed rate, however fast the answers come. One that finds no connection free waits for one, and its
 * waiting counts: it was due.
 */
export async function loadAtRate(options: LoadOptions & { perSecond: number }): Promise<LoadResult> {
  const { next, onAnswer, perSecond } = options;
  return withConnections(options, (connections, latencies, started, finish) => {
    const total = Math.floor((options.durationMs / 1000) * perSecond);
    const free = connections.map((_, index) => index);
    let due = 0;
    let sent = 0;
    let answered = 0;
    const sendDue = () => {
      while (sent < due && free.length > 0) {
        const index = free.shift() as number;
        const dueAt = started + (sent * 1000) / perSecond;
        sent += 1;
        const request = next(index);
        if (!request) throw new Error('there was no request to send');
        connections[index]?.send(request, (status, body) => {
          latencies.push(performance.now() - dueAt);
          answered += 1;
          try {
            onAnswer(index, status, body);
            free.push(index);
            if (answered === total) finish();
            else sendDue();
          } catch (error) {
            finish(error);
          }
        });
      }
    };
    const tick = setInterval(() => {
      try {
        due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * perSecond));
        sendDue();
      } catch (error) {
        clearInterval(tick);
        finish(error);
      }
      if (sent === total) clearInterval(tick);
    }, 1);
  });
}

async function withConnections(
  options: LoadOptions,
  play: (connections: HttpConnection[], latencies: number[], started: number, finish: (error?: unknown) => void) => void,
): Promise<LoadResult> {
  const connections: HttpConnection[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    for (let index = 0; index < options.connections; index++) connections.push(await HttpConnection.open(options.origin));
    const latencies: number[] = [];
    const started = performance.now();
    const played = new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error('answers are missing long after the load')),
        Math.min(longestMs, options.durationMs + 20_000),
      );
      play(connections, latencies, started, (error) => (error === undefined ? resolve() : reject(error)));
    });
    await Promise.race([played, ...connections.map((connection) => connection.broken)]);
    const seconds = (performance.now() - started) / 1000;
    return { ...summarize(latencies), seconds, perSecond: latencies.length / seconds };
  } finally {
    clearTimeout(timer);
    for (const connection of connections) connection.close();
  }
}

function summarize(latencies: readonly number[]) {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => percentile(sorted, share);
  return { requests: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
