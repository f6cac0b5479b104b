import type { ServerResponse } from 'node:http';

/** The requests that are being answered, so that a server that stops can finish them first. */
export class InFlightRequests {
  readonly #responses = new Set<ServerResponse>();
  #isLeaving = false;
  #onIdle = () => {};

  /** Notes a request until its response is closed. */
  track(response: ServerResponse): void {
    this.#responses.add(response);
    if (this.#isLeaving) closeConnectionAfter(response);
    response.on('close', () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#onIdle();
    });
  }

  /** From now on every answer is the last one of its connection, so that none of them has to be closed while a request is on its way. */
  leave(): void {
    this.#isLeaving = true;
    for (const response of this.#responses) closeConnectionAfter(response);
  }

  /** Resolves when every request is answered, at the latest when `deadline` does; what is left then is cut. */
  async finish(deadline: Promise<void>): Promise<void> {
    this.leave();
    const answered = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      if (this.#responses.size === 0) resolve();
    });
    await Promise.race([answered, deadline]);
    for (const response of this.#responses) response.destroy();
  }
}

/** Keeps the client from sending its next request over a connection that is about to go. */
function closeConnectionAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
