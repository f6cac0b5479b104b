import type { GraphQLFormattedError } from 'graphql';
import { type Client, CloseCode, createClient } from 'graphql-ws';
import { BatonConnectionError, BatonRequestError, requestError } from './errors.js';

/** Milliseconds within which a connection must be open and acknowledged. */
const connectTimeoutMs = 10_000;

/** Milliseconds within which something must arrive after a ping. */
const pongTimeoutMs = 5_000;

export interface GraphqlSocketOptions {
  url: string;
  /** Payload of `connection_init`. */
  connectionParams: Record<string, unknown>;
  /** Milliseconds without a word from the server after which it is pinged. */
  keepAliveMs: number;
}

export interface Operation {
  query: string;
  variables: Record<string, unknown>;
}

/** One answer of a subscription, as it came. */
export interface Answer {
  data?: unknown;
  errors?: readonly GraphQLFormattedError[];
}

/** Who hears of a subscription. Nothing is called after `failed` or `completed`, nor once the subscription was stopped. */
export interface SubscriptionSink {
  /** The websocket is open, and the subscription goes out on it. */
  connected?(): void;
  next(answer: Answer): void;
  /** BatonRequestError when the server refused the subscription or the credential, BatonConnectionError otherwise. */
  failed(error: Error): void;
  completed(): void;
}

/**
 * Subscriptions of one client, over one websocket (`graphql-transport-ws`) that is open while there are any.
 *
 * Tries nothing again: whoever subscribes decides about that. A connection that has fallen silent without being closed
 * is found out by pings and given up.
 */
export class GraphqlSocket {
  #client: Promise<Client> | undefined;
  #isConnected = false;

  constructor(private readonly options: GraphqlSocketOptions) {}

  /** Returns the function that stops it. */
  subscribe(operation: Operation, sink: SubscriptionSink): () => void {
    let isOver = false;
    let isTelling = false;
    let release = () => {};
    const finish = (tell: () => void) => {
      if (isOver) return;
      isOver = true;
      tell();
      release();
    };
    this.#client ??= this.#create();
    this.#client.then(
      (client) => {
        if (isOver) return;
        const unlisten = client.on('connected', () => sink.connected?.());
        if (this.#isConnected) sink.connected?.();
        const stop = client.subscribe<unknown>(
          { ...operation },
          {
            next: (answer) => {
              if (isOver) return;
              isTelling = true;
              try {
                sink.next(answer as Answer);
              } finally {
                isTelling = false;
              }
            },
            error: (reason) => finish(() => sink.failed(failureOf(reason))),
            complete: () => finish(() => sink.completed()),
          },
        );
        release = () => {
          unlisten();
          // Where the server's `complete` came along with the answer, graphql-ws would count the end twice and close the websocket
          // under the other subscriptions: it must see that message first.
          if (isTelling) setTimeout(stop);
          else stop();
        };
      },
      (error) => finish(() => sink.failed(error)),
    );
    return () => finish(() => {});
  }

  /** Ends all subscriptions, and the websocket. */
  async close(): Promise<void> {
    const client = await this.#client;
    // Rejects when it was just about to connect, in vain.
    await Promise.resolve(client?.dispose()).catch(() => {});
  }

  async #create(): Promise<Client> {
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const giveUpIn = (milliseconds: number) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => client.terminate(), milliseconds);
    };
    const ended = () => {
      clearTimeout(watchdog);
      this.#isConnected = false;
    };
    const client = createClient({
      url: this.options.url,
      connectionParams: this.options.connectionParams,
      // Node has a WebSocket of its own only since version 22.
      webSocketImpl: globalThis.WebSocket ?? (await nodeWebSocket()),
      retryAttempts: 0,
      keepAlive: this.options.keepAliveMs,
      on: {
        connecting: () => giveUpIn(connectTimeoutMs),
        ping: (isReceived) => !isReceived && giveUpIn(pongTimeoutMs),
        connected: () => {
          clearTimeout(watchdog);
          this.#isConnected = true;
        },
        // Whatever arrives shows that the connection lives.
        message: () => this.#isConnected && clearTimeout(watchdog),
        closed: ended,
        error: ended,
      },
    });
    return client;
  }
}

/** The `ws` package, which bundles for browsers leave out (see "browser" in package.json). */
async function nodeWebSocket() {
  const { WebSocket } = await import('ws');
  return class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols);
      // Unheard, the error of a connection that was given up on would end the process.
      this.on('error', () => {});
    }
  };
}

/** What ended a subscription: errors for its operation, a close event, or an error (or error event) of the websocket. */
function failureOf(reason: unknown): Error {
  if (Array.isArray(reason)) return requestError(reason, 200);
  const { code, reason: text, message } = (reason ?? {}) as { code?: unknown; reason?: string; message?: string };
  if (code === CloseCode.Forbidden) {
    const message = `The server closed the websocket: ${text || 'the credential is not valid'}.`;
    return new BatonRequestError([{ message, extensions: { code: 'UNAUTHENTICATED' } }], 401);
  }
  if (typeof code === 'number') {
    return new BatonConnectionError(`The websocket was closed with code ${code}${text ? `: ${text}` : ''}.`, {
      cause: reason,
      closeCode: code,
    });
  }
  return new BatonConnectionError(`The websocket failed${message ? `: ${message}` : ''}.`, { cause: reason });
}
