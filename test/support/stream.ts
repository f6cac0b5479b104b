/** Reads a subscription in the background, so that a test can wait for what it brings. */
export class StreamReader<Item> {
  readonly items: Item[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #source: AsyncIterableIterator<Item>;
  #failure: unknown;
  readonly ended: Promise<void>;

  constructor(source: AsyncIterableIterator<Item>) {
    this.#source = source;
    this.ended = this.#read();
  }

  /** The first item that satisfies the predicate, once it has come. Rejects when the stream ends without. */
  async find(predicate: (item: Item) => boolean): Promise<Item> {
    for (;;) {
      const found = this.items.find(predicate);
      if (found) return found;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** All items, once there are this many. */
  async take(count: number): Promise<Item[]> {
    await this.find(() => this.items.length >= count);
    return this.items.slice(0, count);
  }

  async stop(): Promise<void> {
    await this.#source.return?.();
  }

  async #read(): Promise<void> {
    try {
      for await (const item of this.#source) {
        this.items.push(item);
        this.#wake();
      }
      this.#failure = new Error('the stream ended');
    } catch (error) {
      this.#failure = error;
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
