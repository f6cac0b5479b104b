import type { PullStream, Receiver } from '../kernel/pull-stream.js';
import type { EventAnswer } from './subscription-groups.js';
import type { WebsocketConnection } from './websocket-connection.js';

/**
 * Sends the answers of a subscription as `next` messages, around graphql-ws, which would serialize every answer anew for
 * everyone who gets it.
 *
 * To graphql-ws this is a stream that yields nothing and ends or fails when the subscription does. Returning it, as graphql-ws
 * does when the client completes the subscription or leaves, lets no more message out.
 */
export class WebsocketStream implements AsyncIterableIterator<never>, Receiver<EventAnswer> {
  readonly #answers: PullStream<EventAnswer>;
  readonly #connection: WebsocketConnection;
  readonly #messageStart: string;
  #hasEnded = false;
  #finish = () => {};
  #fail: (error: unknown) => void = () => {};

  /** `id` is what the client calls the subscription. */
  constructor(answers: PullStream<EventAnswer>, connection: WebsocketConnection, id: string) {
    this.#answers = answers;
    this.#connection = connection;
    this.#messageStart = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Called once: starts to send, and settles when the subscription ends or fails. */
  next(): Promise<IteratorResult<never>> {
    return new Promise((resolve, reject) => {
      this.#finish = () => resolve(finished);
      this.#fail = reject;
      this.#answers.pull(this);
    });
  }

  async return(): Promise<IteratorResult<never>> {
    this.#hasEnded = true;
    await this.#answers.return();
    return finished;
  }

  onValue({ text }: EventAnswer): void {
    if (this.#hasEnded) return;
    const sent = this.#connection.send(`${this.#messageStart}${text}}`);
    if (sent) void sent.then(() => this.#answers.pull(this));
    else this.#answers.pull(this);
  }

  onEnd(): void {
    this.#finish();
  }

  onError(error: unknown): void {
    this.#fail(error);
  }
}

const finished: IteratorResult<never> = { value: undefined, done: true };
