import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { type GraphQLFormattedError, print } from 'graphql';
import { type Client, createClient } from 'graphql-ws';

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

  /** Opens a subscription; leaving the loop over it ends it. Throws BatonRequestError when the server ends it with errors. */
  async *subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): AsyncGenerator<Data> {
    this.#socket ??= createClient({
      webSocketImpl: globalThis.WebSocket ?? (await import('ws')).WebSocket,
      url: this.#endpoint.replace(/^http/, 'ws'),
      connectionParams: { authorization: this.#authorization, organization: this.options.organization },
      retryAttempts: 0,
    });
    for await (const answer of this.#socket.iterate<Data>({ query: print(document), variables })) {
      if (answer.errors) throw new BatonRequestError(answer.errors, 200);
      if (answer.data) yield answer.data;
    }
  }

  /** Ends all subscriptions and the websocket. */
  async close(): Promise<void> {
    await this.#socket?.dispose();
  }
}
