import type { Duplex } from 'node:stream';
import type { WebSocket as GraphqlSocket } from 'graphql-ws';
import { type RawData, WebSocket } from 'ws';
import type { Logger } from '../kernel/logger.js';
import type { TokenBucket } from '../rate-limits/token-bucket.js';

/** Bytes that may wait for the client before the next message waits with them. */
const highWaterBytes = 65_536;

/** Code with which a socket is closed whose client sends too many messages. */
const tooManyMessages = 4421;

/** Time for the client to answer a close frame before the socket is cut. */
const closingGraceMs = 1000;

/**
 * One websocket as graphql-ws needs it, with an end to the client's power over our memory.
 *
 * `send` resolves once the message, or nearly everything before it, has left; graphql-ws awaits it before it asks a
 * subscription for its next event, so a client that reads slowly slows its own stream down, and the subscription's
 * bounded buffer decides what becomes of it. What does not wait for the client (answers to many queries at once, pongs)
 * is bounded by cutting the socket.
 */
export class WebsocketConnection implements GraphqlSocket {
  readonly protocol: string;
  private isAlive = true;
  private isHeldBack = false;
  private closing: NodeJS.Timeout | undefined;
  /** Operations that were asked for and not answered yet. */
  private running = 0;
  private onIdle: (() => void) | undefined;
  private leaving: Promise<void> | undefined;
  /** Those who wait until the client has read most of what it was sent. */
  private waiting: (() => void)[] = [];

  constructor(
    private readonly socket: WebSocket,
    /** What the websocket runs on. */
    private readonly stream: Duplex,
    private readonly maxBufferedBytes: number,
    /** Lets messages and pings of the client pass; null lets all. */
    private readonly allowance: TokenBucket | null,
    private readonly logger: Logger,
  ) {
    this.protocol = socket.protocol;
    // ws closes the socket itself, with the code that fits (1009 oversized, 1007 not UTF-8); unheard, the event would
    // end the process.
    socket.on('error', (error) => logger.debug({ message: error.message }, 'websocket error'));
    socket.on('pong', () => {
      this.isAlive = true;
    });
    socket.on('ping', () => {
      this.cutIfStuffed();
      this.admit();
    });
    socket.once('close', () => {
      clearTimeout(this.closing);
      this.wake();
    });
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(data: string): Promise<void> | void {
    // A socket that is closing gets nothing more: its credential may be the reason.
    if (!this.isOpen) return;
    this.holdBack();
    this.socket.send(data, this.onWritten);
    if (!this.isStuffed) return;
    this.cutIfStuffed();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Counts an operation as running until its outcome is there. */
  track<Outcome>(outcome: Outcome): Outcome {
    if (outcome instanceof Promise) {
      this.running += 1;
      const forget = () => {
        this.running -= 1;
        if (this.running === 0) this.onIdle?.();
      };
      outcome.then(forget, forget);
    }
    return outcome;
  }

  /** Takes no more messages, and closes the socket once what the client had asked for is answered. One that leaves already goes on. */
  leave(code: number, reason: string): Promise<void> {
    this.leaving ??= this.closeWhenIdle(code, reason);
    return this.leaving;
  }

  private async closeWhenIdle(code: number, reason: string): Promise<void> {
    this.socket.pause();
    do {
      if (this.running > 0) await new Promise<void>((resolve) => (this.onIdle = resolve));
      // A prepared operation starts to run, and an answer is queued, in reactions to the promise just awaited.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.running > 0);
    this.close(code, reason);
  }

  close(code?: number, reason?: string): void {
    this.socket.close(code, reason);
    // What a paused client has sent is dropped now, but its answer to the close frame must get through.
    this.socket.resume();
    // A client that does not read would not answer the close frame either.
    this.closing ??= setTimeout(() => this.terminate(), closingGraceMs);
  }

  terminate(): void {
    this.socket.terminate();
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    this.socket.on('message', async (data: RawData) => {
      // The closing handshake takes a while, in which a client could still send operations.
      if (!this.isOpen || !this.admit()) return;
      try {
        await handle(String(data));
      } catch (error) {
        this.logger.error({ err: error }, 'a websocket message could not be handled');
        this.close(4500, 'Internal server error');
      }
    });
  }

  /** Closes the socket of a client that sends too many messages. */
  private admit(): boolean {
    if (!this.allowance || this.allowance.take()) return true;
    this.close(tooManyMessages, 'Too many messages');
    return false;
  }

  onClose(handle: (code: number, reason: string) => void): void {
    this.socket.once('close', (code, reason) => handle(code, String(reason)));
  }

  /** Called at the interval of the keep-alive: cuts a peer that let the last ping go unanswered. */
  keepAlive(): void {
    if (!this.isOpen) return;
    if (!this.isAlive) {
      this.terminate();
      return;
    }
    this.isAlive = false;
    this.socket.ping();
  }

  /** Lets what is sent in one go leave in one write: a write costs several times what a message does. */
  private holdBack(): void {
    if (this.isHeldBack) return;
    this.isHeldBack = true;
    this.stream.cork();
    process.nextTick(release, this);
  }

  release(): void {
    this.isHeldBack = false;
    this.stream.uncork();
  }

  private get isStuffed(): boolean {
    return this.socket.bufferedAmount > highWaterBytes;
  }

  private readonly onWritten = (): void => {
    if (this.waiting.length > 0 && !this.isStuffed) this.wake();
  };

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private cutIfStuffed(): void {
    if (this.socket.bufferedAmount <= this.maxBufferedBytes) return;
    this.logger.warn({ bufferedBytes: this.socket.bufferedAmount }, 'cut a websocket whose client does not read');
    this.terminate();
  }
}

function release(connection: WebsocketConnection): void {
  connection.release();
}
