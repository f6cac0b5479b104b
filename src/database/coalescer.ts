/** How writes of one kind share statements. */
export interface Sharing<Item> {
  /** Items share a statement only with items of the same group. Unless given, all do. */
  groupOf?: (item: Item) => string;
  /** Items with the same key never share a statement, and are written in the order in which they came. Unless given, no item has a key. */
  keyOf?: (item: Item) => string;
  /** How much of a statement an item takes up, at least 1; unless given, 1. */
  weightOf?: (item: Item) => number;
  /** How much one statement takes up at most. An item that is heavier than that has one of its own. */
  weightMax: number;
}

/** What a coalescer has done since it was made. */
export interface CoalescerStats {
  /** How many statements took how many items: `sizes.get(8)` is how many took eight. */
  sizes: ReadonlyMap<number, number>;
  /** Items that wait for a statement now. */
  waitingCount: number;
  /** Statements whose items were written one by one because Postgres refused them together. */
  splitCount: number;
}

interface Waiting<Item, Answer> {
  item: Item;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

interface Lane<Item, Answer> {
  waiting: Waiting<Item, Answer>[];
  isBusy: boolean;
}

/**
 * Lets writes that come at the same time share one statement, and gives each caller its own answer.
 *
 * An item that comes while nothing of its group is in flight is written once the event loop has heard out all that has
 * arrived with it, which costs no time. While a statement is in flight, items of its group are collected, and the next
 * statement takes them in the order in which they came: so waiting costs at most the rest of one statement, and the more
 * comes at once, the more share.
 *
 * A statement that Postgres refused was rolled back whole, and one item may be to blame: its items are then written one by
 * one, each with its own outcome. When the connection failed nobody knows whether the statement was committed: all
 * of its callers get that error, and nothing is written twice.
 */
export class Coalescer<Item, Answer> {
  readonly #lanes = new Map<string, Lane<Item, Answer>>();
  readonly #sizes = new Map<number, number>();
  #splitCount = 0;

  constructor(
    private readonly sharing: Sharing<Item>,
    /** Writes the items in one statement; answers in their order. */
    private readonly write: (items: readonly Item[]) => Promise<readonly Answer[]>,
    /** Whether the error says that the statement was rolled back for certain. */
    private readonly isRolledBack: (error: unknown) => boolean,
  ) {}

  get stats(): CoalescerStats {
    let waitingCount = 0;
    for (const { waiting } of this.#lanes.values()) waitingCount += waiting.length;
    return { sizes: new Map(this.#sizes), waitingCount, splitCount: this.#splitCount };
  }

  submit(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const group = this.sharing.groupOf?.(item) ?? '';
      const lane = this.#lanes.get(group) ?? { waiting: [], isBusy: false };
      this.#lanes.set(group, lane);
      lane.waiting.push({ item, resolve, reject });
      if (lane.isBusy) return;
      lane.isBusy = true;
      setImmediate(() => void this.#drain(group, lane));
    });
  }

  async #drain(group: string, lane: Lane<Item, Answer>): Promise<void> {
    while (lane.waiting.length > 0) {
      await this.#settle(this.#take(lane));
      await new Promise(setImmediate);
    }
    this.#lanes.delete(group);
  }

  /** The next items for one statement: the oldest, and those after it that fit beside it. */
  #take(lane: Lane<Item, Answer>): Waiting<Item, Answer>[] {
    const { keyOf, weightOf, weightMax } = this.sharing;
    const taken: Waiting<Item, Answer>[] = [];
    const left: Waiting<Item, Answer>[] = [];
    const keys = new Set<string>();
    let room = weightMax;
    for (const [index, waiting] of lane.waiting.entries()) {
      const weight = weightOf?.(waiting.item) ?? 1;
      // What does not fit ends the statement, so that nothing lighter overtakes it again and again.
      if (weight > room && taken.length > 0) {
        left.push(...lane.waiting.slice(index));
        break;
      }
      const key = keyOf?.(waiting.item);
      if (key !== undefined && keys.has(key)) {
        left.push(waiting);
        continue;
      }
      if (key !== undefined) keys.add(key);
      taken.push(waiting);
      room -= weight;
    }
    lane.waiting = left;
    return taken;
  }

  /** Never throws: every outcome goes to the callers. */
  async #settle(batch: Waiting<Item, Answer>[]): Promise<void> {
    this.#sizes.set(batch.length, (this.#sizes.get(batch.length) ?? 0) + 1);
    try {
      const answers = await this.write(batch.map(({ item }) => item));
      if (answers.length !== batch.length)
        throw new Error(`${batch.length} writes shared a statement that answered ${answers.length}`);
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      if (batch.length > 1 && this.isRolledBack(error)) {
        this.#splitCount++;
        for (const waiting of batch) await this.#settle([waiting]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
