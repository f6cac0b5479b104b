/** Takes what it asked a stream for: one of the three is called, once, perhaps before the call that asked has returned. */
export interface Receiver<Value> {
  onValue(value: Value): void;
  onEnd(): void;
  onError(error: unknown): void;
}

/**
 * An async iterator that can be read without a promise for each value: with thousands of readers for every value, promises
 * that wait cost more than all else.
 */
export interface PullStream<Value> extends AsyncIterableIterator<Value> {
  /** Asks for the next value. */
  pull(receiver: Receiver<Value>): void;
  return(): Promise<IteratorResult<Value>>;
}

/** The next value in the way of async iterators. */
export function nextOf<Value>(stream: Pick<PullStream<Value>, 'pull'>): Promise<IteratorResult<Value>> {
  return new Promise((resolve, reject) => {
    stream.pull({
      onValue: (value) => resolve({ value, done: false }),
      onEnd: () => resolve({ value: undefined, done: true }),
      onError: reject,
    });
  });
}

/** Any async iterable as such a stream; itself, if it is one. */
export function toPullStream<Value>(values: AsyncIterable<Value>): PullStream<Value> {
  if ('pull' in values) return values as PullStream<Value>;
  const iterator = values[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    pull(receiver) {
      const onResult = ({ value, done }: IteratorResult<Value>) => (done ? receiver.onEnd() : receiver.onValue(value));
      iterator.next().then(onResult, (error) => receiver.onError(error));
    },
    next: () => iterator.next(),
    async return() {
      await iterator.return?.();
      return { value: undefined, done: true };
    },
  };
}
