import type { Logger } from './logger.js';

/** Shortest pause after a round that left work behind, so that a row somebody has locked is not asked for in a tight loop. */
const retryDelayMs = 10;

/**
 * Runs a round of clockwork whenever something falls due: it schedules itself on the next deadline that the round names,
 * at most `intervalMs` ahead, so that deadlines set by other processes are seen in time too.
 */
export class DeadlineLoop {
  #timer: NodeJS.Timeout | undefined;
  #nextAt = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #isStopped = true;

  /** `round` does what is due and answers in how many milliseconds the next deadline falls; null when there is none. */
  constructor(
    private readonly options: { name: string; intervalMs: number; logger: Logger; round: () => Promise<number | null> },
  ) {}

  start(): void {
    this.#isStopped = false;
    this.wakeIn(0);
  }

  /** Makes sure that a round begins in `delayMs` at the latest. */
  wakeIn(delayMs: number): void {
    if (this.#isStopped) return;
    const at = performance.now() + Math.max(0, delayMs);
    if (at >= this.#nextAt) return;
    clearTimeout(this.#timer);
    this.#nextAt = at;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, delayMs));
  }

  /** Ends the loop once the round in progress is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #run(): void {
    if (this.#running) {
      // The round in progress may have looked too early: go again right after it.
      void this.#running.then(() => this.wakeIn(0));
      return;
    }
    this.#nextAt = Number.POSITIVE_INFINITY;
    this.#running = this.#round().finally(() => {
      this.#running = undefined;
    });
  }

  async #round(): Promise<void> {
    const { name, intervalMs, logger, round } = this.options;
    let next = intervalMs;
    try {
      const due = await round();
      if (due !== null) next = Math.min(intervalMs, Math.max(retryDelayMs, due));
    } catch (error) {
      logger.error({ err: error }, `${name} failed; it runs again in ${intervalMs} ms`);
    }
    this.wakeIn(next);
  }
}
