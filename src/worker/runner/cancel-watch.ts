import { setTimeout as pause } from 'node:timers/promises';
import { type TicketName, type WorkerApi, WorkerApiError } from '../api/worker-api.js';
import { RunCanceled, RunError } from './run-errors.js';

export interface CancelWatchOptions {
  api: WorkerApi;
  ticket: TicketName;
  /** Milliseconds between two questions while something runs. */
  pollMs: number;
  /** Ends the run at once. */
  stop: AbortSignal;
  warn: (message: string) => void;
}

/**
 * Asks whether somebody wants the run to stop: between its turns, and during them. A server that cannot be reached says no,
 * as ever. One that refuses the key, or no longer knows the ticket, ends the run: nobody could stop it any more, and nobody
 * would hear what came of it.
 */
export class CancelWatch {
  constructor(private readonly options: CancelWatchOptions) {}

  /** Throws RunCanceled, RunStopped, or RunError. */
  async check(signal?: AbortSignal): Promise<void> {
    const { api, ticket, stop, warn } = this.options;
    stop.throwIfAborted();
    try {
      if (!(await api.isCancelRequested(ticket, signal ?? stop))) return;
    } catch (error) {
      if (!(error instanceof WorkerApiError)) throw error;
      if (error.isRefusal) {
        throw new RunError(
          'key_refused',
          `The server no longer takes this runner's key, so the run ends here. ${error.message}.`,
        );
      }
      if (error.status === 404) {
        throw new RunError('ticket_gone', `The ticket or its project is gone, so the run ends here. ${error.message}.`);
      }
      warn(`Whether to stop could not be asked: ${error.message}.`);
      return;
    }
    throw new RunCanceled();
  }

  /** Runs `work`, whose signal aborts as soon as the run is to stop; then throws what `check` throws. */
  async during<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { stop } = this.options;
    const limit = new AbortController();
    const over = new AbortController();
    const stopNow = () => limit.abort(stop.reason);
    stop.addEventListener('abort', stopNow, { once: true });
    if (stop.aborted) stopNow();
    const watching = this.#watch(limit, over.signal);
    try {
      return await work(limit.signal);
    } catch (error) {
      limit.signal.throwIfAborted();
      throw error;
    } finally {
      over.abort();
      stop.removeEventListener('abort', stopNow);
      await watching;
    }
  }

  async #watch(limit: AbortController, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      try {
        await pause(this.options.pollMs, undefined, { signal: over });
        await this.check(over);
      } catch (error) {
        if (!over.aborted) limit.abort(error);
        return;
      }
    }
  }
}
