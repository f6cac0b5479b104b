import { describe, expect, it } from 'vitest';
import { Coalescer, type Sharing } from '../../src/database/coalescer.js';

/** Writes whose statements end when the test says so. */
function useWrites<Item>(sharing: Partial<Sharing<Item>> = {}) {
  const statements: { items: readonly Item[]; end: (error?: Error) => void }[] = [];
  const write = (items: readonly Item[]) =>
    new Promise<string[]>((resolve, reject) => {
      const end = (error?: Error) => (error ? reject(error) : resolve(items.map((item) => `${item} written`)));
      statements.push({ items, end });
    });
  const coalescer = new Coalescer({ weightMax: 100, ...sharing }, write, (error) => error instanceof RangeError);
  /** What was to happen by itself has happened: a statement's end, and the begin of the next one in the turn after it. */
  const settled = async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  };
  return { coalescer, statements, settled, written: () => statements.map(({ items }) => items) };
}

describe('writes that come one after another', () => {
  it('are begun without delay, each in a statement of its own', async () => {
    const { coalescer, statements, settled, written } = useWrites<string>();

    const first = coalescer.submit('first');
    await settled();
    expect(written()).toEqual([['first']]);
    statements[0]?.end();
    await first;
    await settled();
    const second = coalescer.submit('second');
    await settled();

    expect(written()).toEqual([['first'], ['second']]);
    statements[1]?.end();
    expect(await second).toBe('second written');
  });
});

describe('writes that come at the same time, or while a statement is in flight', () => {
  it('share the next one, in the order in which they came, and each gets its own answer', async () => {
    const { coalescer, statements, settled, written } = useWrites<string>();
    const answers = ['a', 'b'].map((item) => coalescer.submit(item));
    await settled();
    answers.push(...['c', 'd', 'e'].map((item) => coalescer.submit(item)));
    await settled();

    expect(written()).toEqual([['a', 'b']]);
    statements[0]?.end();
    await settled();

    expect(written()).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    statements[1]?.end();
    expect(await Promise.all(answers)).toEqual(['a written', 'b written', 'c written', 'd written', 'e written']);
    expect(coalescer.stats).toEqual({
      sizes: new Map([
        [2, 1],
        [3, 1],
      ]),
      waitingCount: 0,
      splitCount: 0,
    });
  });

  it('are no more in one statement than it takes, and none is overtaken for its weight', async () => {
    const { coalescer, statements, settled, written } = useWrites<string>({
      weightOf: (item) => item.length,
      weightMax: 4,
    });
    for (const item of ['x', 'aa', 'bbb', 'c', 'longer than any', 'd']) void coalescer.submit(item);

    for (let index = 0; index < 5; index++) {
      await settled();
      statements[index]?.end();
    }

    expect(written()).toEqual([['x', 'aa'], ['bbb', 'c'], ['longer than any'], ['d']]);
  });

  it('never meet another with the same key, and keep its order', async () => {
    const { coalescer, statements, settled, written } = useWrites<string>({ keyOf: ([key]) => key ?? '' });
    for (const item of ['x0', 'a1', 'b1', 'a2', 'b2', 'c1', 'a3']) void coalescer.submit(item);

    for (let index = 0; index < 4; index++) {
      await settled();
      statements[index]?.end();
    }

    expect(written()).toEqual([['x0', 'a1', 'b1', 'c1'], ['a2', 'b2'], ['a3']]);
  });

  it('share it with their own group only, and do not wait for another group', async () => {
    const { coalescer, statements, settled, written } = useWrites<string>({ groupOf: ([group]) => group ?? '' });
    for (const item of ['a1', 'b1', 'a2', 'b2']) void coalescer.submit(item);
    await settled();
    for (const item of ['a3', 'b3']) void coalescer.submit(item);

    statements[0]?.end();
    await settled();

    expect(written()).toEqual([['a1', 'a2'], ['b1', 'b2'], ['a3']]);
  });

  it('all get their turn, however many keep coming', async () => {
    const { coalescer, statements, settled } = useWrites<number>({ weightMax: 3 });
    const order: number[] = [];
    let next = 0;
    const submit = () => {
      const item = next++;
      void coalescer.submit(item).then(() => {
        order.push(item);
        if (next < 100) submit();
      });
    };
    for (let index = 0; index < 10; index++) submit();

    for (let index = 0; order.length < 100; index++) {
      await settled();
      statements[index]?.end();
      await settled();
    }

    expect(order).toEqual(order.toSorted((one, other) => one - other));
  });
});

describe('a statement that fails', () => {
  it('because one of its writes is bad fails for that one alone', async () => {
    const written: string[][] = [];
    const coalescer = new Coalescer<string, string>(
      { weightMax: 100 },
      async (items) => {
        if (items.includes('bad')) throw new RangeError('bad');
        written.push([...items]);
        return items.map((item) => `${item} written`);
      },
      (error) => error instanceof RangeError,
    );

    const answers = await Promise.allSettled(['a', 'bad', 'b'].map((item) => coalescer.submit(item)));

    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.message))).toEqual([
      'a written',
      'bad',
      'b written',
    ]);
    expect(written).toEqual([['a'], ['b']]);
    expect(coalescer.stats.splitCount).toBe(1);
  });

  it('without word of whether it was committed fails for all of its callers, and nothing is written twice', async () => {
    const { coalescer, statements, settled, written } = useWrites<string>();
    const answers = Promise.allSettled(['a', 'b'].map((item) => coalescer.submit(item)));
    await settled();

    statements[0]?.end(new Error('the connection is gone'));
    const outcomes = await answers;

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(written()).toEqual([['a', 'b']]);
  });

  it('does not keep later ones from being written', async () => {
    const { coalescer, statements, settled } = useWrites<string>();
    const failed = coalescer.submit('first').catch((error: Error) => error.message);
    await settled();

    statements[0]?.end(new Error('the connection is gone'));
    expect(await failed).toBe('the connection is gone');
    await settled();
    const next = coalescer.submit('next');
    await settled();
    statements[1]?.end();

    expect(await next).toBe('next written');
  });
});
