import { isRetriable, retryAfterMsOf } from './errors.js';

/** Longer and longer pauses between attempts, each cut by a random part so that clients do not come back all at once. */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly limits: {
      /** Milliseconds of the first pause at most. */
      firstMs: number;
      /** Milliseconds of any pause at most. */
      maxMs: number;
    } = { firstMs: 200, maxMs: 15_000 },
  ) {}

  /** Milliseconds to pause now: half to all of what it has doubled to. */
  nextMs(): number {
    const ceiling = Math.min(this.limits.maxMs, this.limits.firstMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return ceiling * (0.5 + Math.random() / 2);
  }

  /** The next failure is a first one again. */
  reset(): void {
    this.#attempts = 0;
  }
}

/** Waits. Rejects with the reason of the signal as soon as it aborts. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * Calls until it succeeds, as long as what fails is the network or the server, or the server asks to be asked later. Throws the
 * last error once `forMs` milliseconds are over, or would be by the next attempt, any other error at once, and the reason of the signal when it aborts.
 */
export async function retrying<Result>(
  call: () => Promise<Result>,
  { forMs, signal }: { forMs: number; signal?: AbortSignal | undefined },
): Promise<Result> {
  const backoff = new Backoff();
  const deadline = performance.now() + forMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const pauseMs = Math.max(backoff.nextMs(), retryAfterMsOf(error));
      if (!isRetriable(error) || performance.now() + pauseMs > deadline) throw error;
      await pause(pauseMs, signal);
    }
  }
}

/**
 * Calls with a signal that aborts when `signal` does, with its reason, or with `timeUp()` after some milliseconds.
 * Whatever the call throws then, that reason is what is thrown.
 */
export async function withinTime<Result>(
  call: (signal: AbortSignal) => Promise<Result>,
  { ms, timeUp, signal }: { ms: number; timeUp: () => Error; signal?: AbortSignal | undefined },
): Promise<Result> {
  // Not AbortSignal.any: a signal that outlives many calls would remember each of them.
  const limit = new AbortController();
  const abort = () => limit.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => limit.abort(timeUp()), ms);
  try {
    limit.signal.throwIfAborted();
    return await call(limit.signal);
  } catch (error) {
    limit.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
