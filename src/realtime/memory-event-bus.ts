import type { Logger } from '../kernel/logger.js';
import type { EventBus } from './event-bus.js';

/** The bus of a single process, and the local half of every other bus. */
export class MemoryEventBus implements EventBus {
  readonly isHealthy = true;
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  #scheduled: NodeJS.Immediate | null = null;
  #isClosed = false;

  constructor({ logger }: { logger: Logger }) {
    this.#logger = logger;
  }

  async start(): Promise<void> {}

  nudge(): void {
    if (this.#isClosed) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = null;
      this.#deliver();
    });
  }

  onNudge(listener: () => void): () => void {
    // Wrapped, so that a listener that was added twice is called twice and removed once.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#listeners.clear();
  }

  #deliver(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#logger.error({ err: error }, 'A listener of the event bus failed');
      }
    }
  }
}
