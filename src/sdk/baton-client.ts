import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { type GraphQLFormattedError, print } from 'graphql';
import { requestError, unwrap } from './errors.js';
import { EventStream, type FollowOptions } from './event-stream.js';
import { type ErrorFieldsFragment, EventCursorDocument } from './generated.js';
import { GraphqlSocket } from './graphql-socket.js';
import { Mailbox } from './mailbox.js';
import { postJson } from './post-json.js';
import { retrying } from './retry.js';

export interface BatonClientOptions {
  /** Where the server is, such as `http://127.0.0.1:4000`. */
  url: string;
  /** API key, session token or admin token. */
  token?: string | undefined;
  /** Slug of the organization to act in; only the admin token, and open development mode, may choose. */
  organization?: string | undefined;
  /** Milliseconds that one request may take before it counts as failed. Default 30,000. */
  timeoutMs?: number;
  /**
   * Milliseconds of silence on the websocket after which the server is asked for a sign of life, to find out that a
   * connection is dead although nobody closed it. Default 10,000.
   */
  keepAliveMs?: number;
}

export interface RequestOptions {
  /** Gives the request up: it rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

export interface MutateOptions extends RequestOptions {
  /** Milliseconds for which a mutation that meets a failing network or server is tried again. Default 60,000. */
  retryForMs?: number;
}

/** What every mutation answers, beside what it changed. */
interface Payload {
  errors: readonly ErrorFieldsFragment[];
}

/** The answers of one subscription, as they come. */
export interface SubscriptionStream<Data> extends AsyncIterableIterator<Data, undefined> {
  /** Ends the subscription at once, also while an answer is being waited for. */
  return(): Promise<IteratorResult<Data, undefined>>;
}

/** A typed client of the GraphQL API: requests over HTTP, subscriptions over one websocket that connects when needed. */
export class BatonClient {
  readonly #endpoint: string;
  readonly #socket: GraphqlSocket;
  readonly #streams = new Set<{ close(): void }>();

  constructor(private readonly options: BatonClientOptions) {
    this.#endpoint = new URL('/graphql', options.url).href;
    this.#socket = new GraphqlSocket({
      url: this.#endpoint.replace(/^http/, 'ws'),
      connectionParams: {
        authorization: options.token && `Bearer ${options.token}`,
        organization: options.organization,
      },
      keepAliveMs: options.keepAliveMs ?? 10_000,
    });
  }

  /**
   * Runs a query or mutation once. Expected failures of a mutation are in its payload's `errors`. Throws
   * BatonRequestError for others, BatonConnectionError when no answer came: a mutation may then have happened or not.
   */
  async request<Data, Variables>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    { signal }: RequestOptions = {},
  ): Promise<Data> {
    const { token, organization, timeoutMs = 30_000 } = this.options;
    const { response, answer } = await postJson<HttpAnswer<Data>>(
      this.#endpoint,
      { query: textOf(document), variables },
      { token, headers: organization ? { 'x-organization': organization } : {}, timeoutMs, signal },
    );
    if (answer.errors || !answer.data) throw requestError(answer.errors ?? [], response.status);
    return answer.data;
  }

  /**
   * Runs a mutation, exactly once however often it must be sent: under its idempotency key, a fresh one unless the input
   * has one, it is tried again while the network or the server fails. Answers the payload, which has no errors.
   * Throws BatonCommandError when it was refused, BatonRequestError, or BatonConnectionError when the time was up.
   */
  async mutate<Data extends Record<string, Payload>, Input extends { idempotencyKey?: string | null | undefined }>(
    document: TypedDocumentNode<Data, { input: Input }>,
    input: Input,
    { retryForMs = 60_000, signal }: MutateOptions = {},
  ): Promise<Data[keyof Data]> {
    const variables = { input: { ...input, idempotencyKey: input.idempotencyKey ?? newIdempotencyKey() } };
    const data = await retrying(() => this.request(document, variables, { signal }), { forMs: retryForMs, signal });
    const [payload, ...others] = Object.values(data) as Data[keyof Data][];
    if (!payload || others.length > 0) throw new TypeError('A document for mutate() has one field.');
    return unwrap(payload);
  }

  /** Cursor of the end of the event log. Read it, then the state, then follow after it: nothing is missed in between. */
  async eventCursor(options?: RequestOptions): Promise<string> {
    return (await this.request(EventCursorDocument, {}, options)).eventCursor;
  }

  /**
   * Opens a subscription on one connection: it does not outlive it. Leaving the loop over it, or `return()`, ends it at
   * once. Throws BatonRequestError when the server ends it with errors, BatonConnectionError when the connection breaks.
   */
  subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): SubscriptionStream<Data> {
    const answers = new Mailbox<Data>();
    const fail = (error: unknown) => answers.end({ error });
    const stop = this.#socket.subscribe(
      { query: textOf(document), variables },
      {
        next: ({ data, errors }) => {
          if (data && !errors) return answers.put(data as Data);
          stop();
          fail(requestError(errors ?? [], 200));
        },
        failed: fail,
        completed: () => answers.end(),
      },
    );
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => answers.take(),
      async return() {
        stop();
        answers.discard();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Opens a subscription that survives its connections: any one that takes `$after` and selects `cursor`. Each event is
   * handed over once and in order, whatever breaks; see EventStream. Without `after` it begins with what happens after
   * the cursor that it reads first.
   */
  follow<Data, Variables extends { after?: string | null | undefined }>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
    options: FollowOptions<Data> = {},
  ): EventStream<Data> {
    const query = textOf(document);
    return new EventStream<Data>(
      {
        after: variables.after,
        readCursor: (signal) => this.eventCursor({ signal }),
        subscribe: (after, sink) => this.#socket.subscribe({ query, variables: { ...variables, after } }, sink),
        enroll: (stream) => this.#streams.add(stream),
        release: (stream) => this.#streams.delete(stream),
      },
      options,
    );
  }

  /** Ends all subscriptions and the websocket. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    await this.#socket.close();
  }
}

interface HttpAnswer<Data> {
  data: Data | null;
  errors: GraphQLFormattedError[];
}

const texts = new WeakMap<object, string>();

/** Documents are constants; each is printed once. */
function textOf<Data, Variables>(document: TypedDocumentNode<Data, Variables>): string {
  let text = texts.get(document);
  if (text === undefined) {
    text = print(document);
    texts.set(document, text);
  }
  return text;
}

/** 128 random bits, as hexadecimal digits. Not randomUUID, which browsers have on secure origins only. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
