interface Waiter<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

const finished: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** What comes in by calls, and is taken out by awaiting it: the inside of an async iterator that ends at once when told to. */
export class Mailbox<Item> {
  #items: Item[] = [];
  /** Only ever while there are no items. */
  #waiting: Waiter<Item>[] = [];
  #isEnded = false;
  #failure: { error: unknown } | undefined;

  /** Items that wait to be taken. */
  get size(): number {
    return this.#items.length;
  }

  put(item: Item): void {
    if (this.#isEnded) return;
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve({ done: false, value: item });
    else this.#items.push(item);
  }

  /** The next item, when there is one. Once ended, rejects with the failure the first time, and is done from then on. */
  take(): Promise<IteratorResult<Item, undefined>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift() as Item });
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#isEnded) return Promise.resolve(finished);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Takes nothing more in. What is there can still be taken, and the failure, if any, after it. */
  end(failure?: { error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const waiting = this.#waiting.splice(0);
    const [first] = waiting;
    if (failure && first) {
      waiting.shift();
      first.reject(failure.error);
    } else this.#failure = failure;
    for (const waiter of waiting) waiter.resolve(finished);
  }

  /** Ends, and drops what is there. */
  discard(failure?: { error: unknown }): void {
    this.#items = [];
    this.end(failure);
    if (!failure) this.#failure = undefined;
  }
}
