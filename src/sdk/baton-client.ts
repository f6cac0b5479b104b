import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { type GraphQLFormattedError, print } from 'graphql';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket as NodeWebSocket } from 'ws';

/** The server answered a request with top-level errors: a bad document, no valid credential, a fault of the server. */
export class BatonRequestError extends Error {
  constructor(
    readonly errors: readonly GraphQLFormattedError[],
    readonly status: number,
  ) {
    super(errors.map((error) => error.message).join('\n'));
    this.name = 'BatonRequestError';
  }

  /** Code of the first error. */
  get code(): string | undefined {
    return this.errors[0]?.extensions?.code as string | undefined;
  }
}

export interface BatonClientOptions {
  /** Where the server is, such as `http://127.0.0.1:4000`. */
  url: string;
  /** API key, session token or admin token. */
  token?: string | undefined;
  /** Slug of the organization to act in; only the admin token, and open development mode, may choose. */
  organization?: string | undefined;
}

/** The answers of one subscription, as they come. */
export interface SubscriptionStream<Data> extends AsyncIterableIterator<Data, undefined> {
  /** Ends the subscription at once, also while an answer is being waited for. */
  return(): Promise<IteratorResult<Data, undefined>>;
}

/** A typed client of the GraphQL API: requests over HTTP, subscriptions over one websocket that connects when needed. */
export class BatonClient {
  readonly #endpoint: string;
  #socket: Client | undefined;

  constructor(private readonly options: BatonClientOptions) {
    this.#endpoint = new URL('/graphql', options.url).href;
  }

  get #authorization(): string | undefined {
    return this.options.token && `Bearer ${this.options.token}`;
  }

  /** Runs a query or mutation. Expected failures of a mutation are in its payload's `errors`; throws BatonRequestError for others. */
  async request<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(this.#authorization && { authorization: this.#authorization }),
        ...(this.options.organization && { 'x-organization': this.options.organization }),
      },
      body: JSON.stringify({ query: print(document), variables }),
    });
    const answer = (await response.json()) as { data?: Data | null; errors?: GraphQLFormattedError[] };
    if (answer.errors || !answer.data) throw new BatonRequestError(answer.errors ?? [], response.status);
    return answer.data;
  }

  /**
   * Opens a subscription. Leaving the loop over it, or `return()`, ends it at once. Throws BatonRequestError when the
   * server ends it with errors.
   */
  subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): SubscriptionStream<Data> {
    this.#socket ??= createClient({
      url: this.#endpoint.replace(/^http/, 'ws'),
      // Node has a WebSocket of its own only since version 22.
      webSocketImpl: globalThis.WebSocket ?? NodeWebSocket,
      connectionParams: { authorization: this.#authorization, organization: this.options.organization },
      retryAttempts: 0,
    });
    const answers = this.#socket.iterate<Data>({ query: print(document), variables });
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        for (;;) {
          const { done, value: answer } = await answers.next().catch((error) => {
            throw Array.isArray(error) ? new BatonRequestError(error, 200) : closedError(error);
          });
          if (done) return { done: true, value: undefined };
          if (answer.errors) throw new BatonRequestError(answer.errors, 200);
          if (answer.data) return { done: false, value: answer.data };
        }
      },
      async return() {
        await answers.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  /** Ends all subscriptions and the websocket. */
  async close(): Promise<void> {
    await this.#socket?.dispose();
  }
}

/** What a websocket that the server closed, or that never opened, is told as. */
function closedError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  const { code, reason: text } = (reason ?? {}) as { code?: number; reason?: string };
  return new Error(`The websocket was closed${code ? ` with code ${code}` : ''}${text ? `: ${text}` : ''}.`, { cause: reason });
}
