/**
 * Passes a stream on until the signal aborts: then it ends, at once and as if it had come to its end, also while a value
 * is awaited, and the source is returned.
 */
export function untilAborted<Value>(source: AsyncIterable<Value>, signal: AbortSignal): AsyncIterableIterator<Value> {
  const iterator = source[Symbol.asyncIterator]();
  const end: IteratorReturnResult<undefined> = { done: true, value: undefined };
  // Not Promise.race with one promise for the abort: each race would leave a reaction on it for as long as the stream lives.
  let endPending = () => {};

  const finish = () => {
    signal.removeEventListener('abort', finish);
    endPending();
    // A source that fails while it is being closed has nobody left to tell.
    iterator.return?.().catch(() => {});
  };
  signal.addEventListener('abort', finish);
  if (signal.aborted) finish();

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      if (signal.aborted) return Promise.resolve(end);
      return new Promise((resolve, reject) => {
        endPending = () => resolve(end);
        iterator.next().then(resolve, reject);
      });
    },
    return() {
      finish();
      return Promise.resolve(end);
    },
  };
}
