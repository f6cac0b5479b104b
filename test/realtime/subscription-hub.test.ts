import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LoggedEvent, type NewEvent, pruneEvents } from '../../src/database/event-log.js';
import { comparePositions, decodeCursor, type LogPosition } from '../../src/kernel/cursor.js';
import type { SubscriptionFilter } from '../../src/realtime/event-subscription.js';
import { captureLog } from '../support/captured-log.js';
import { openStream, type Stream } from './stream.js';
import { openTestLog, readToEnd, settledPosition, someEvent, subjectsOf, type TestLog } from './test-log.js';

const organizationId = randomUUID();
const mine = (facts: Partial<NewEvent> = {}) => someEvent({ organizationId, ...facts });
const many = (count: number) => Array.from({ length: count }, () => mine());
const beginning = { xid: 0n, seq: 0n };

/** Shared by the tests that mind no older events. */
let log: TestLog;
let stream: Stream;
beforeAll(async () => {
  log = await openTestLog();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stream.close();
});
afterAll(() => log.close());

describe('a live subscription', () => {
  it('gets what is committed from the moment of the call', async () => {
    stream = await openStream({ log });
    await stream.write(mine());
    await caughtUp();

    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const events = many(3);
    await stream.write(...events);

    expect(await take(subscription, 3)).toEqual(subjectsOf(events));
  });

  it('gets only what its filter wants, whichever part of it is the most selective', async () => {
    stream = await openStream({ log });
    const [taskId, projectId, threadId, agentId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const full = mine({ taskId, projectId, threadId, agentId, specialization: 'backend', source: 'QUEUE', type: 'TaskClaimed' });
    const wanting: SubscriptionFilter[] = [
      { organizationId },
      { organizationId, taskId },
      { organizationId, threadId, taskId: null },
      { organizationId, agentId, types: ['TaskClaimed'] },
      { organizationId, projectId, specialization: 'backend', sources: ['QUEUE', 'GRAPHQL'] },
      { organizationId, specialization: 'backend' },
    ];
    const refusing: SubscriptionFilter[] = [
      { organizationId, taskId: randomUUID() },
      { organizationId, agentId, types: ['TaskCreated'] },
      { organizationId, projectId, specialization: 'design' },
      { organizationId, taskId, sources: ['WORKER'] },
    ];
    const wanted = wanting.map((filter) => stream.hub.subscribe({ filter }));
    const refused = refusing.map((filter) => stream.hub.subscribe({ filter }));
    const pending = refused.map((subscription) => subscription.next());

    await stream.write(full);
    const got = await Promise.all(wanted.map((subscription) => take(subscription, 1)));
    stream.hub.close();

    expect(got).toEqual(wanted.map(() => [full.subjectId]));
    expect(await Promise.all(pending)).toEqual(refused.map(() => ({ value: undefined, done: true })));
  });

  it('answers several pending reads in order', async () => {
    stream = await openStream({ log });
    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const pending = [subscription.next(), subscription.next(), subscription.next()];

    const events = many(3);
    await stream.write(...events);

    expect((await Promise.all(pending)).map((result) => result.value?.subjectId)).toEqual(subjectsOf(events));
  });

  it('ends at once when it is returned, aborted or the hub closes, also while a read is pending', async () => {
    stream = await openStream({ log });
    const abort = new AbortController();
    const returned = stream.hub.subscribe({ filter: { organizationId } });
    const aborted = stream.hub.subscribe({ filter: { organizationId }, signal: abort.signal });
    const closed = stream.hub.subscribe({ filter: { organizationId } });
    const neverBegun = stream.hub.subscribe({ filter: { organizationId }, signal: AbortSignal.abort() });
    const pending = [returned, aborted, closed, neverBegun].map((subscription) => subscription.next());

    await returned.return?.();
    abort.abort();
    const stillOpen = stream.hub.subscriberCount;
    stream.hub.close();

    expect(stillOpen).toBe(1);
    expect(await Promise.all(pending)).toEqual(pending.map(() => ({ value: undefined, done: true })));
    expect(stream.hub.subscriberCount).toBe(0);
    expect(await stream.hub.subscribe({ filter: { organizationId } }).next()).toMatchObject({ done: true });
  });

  it('that stalls is told to resync, while 500 others get everything', async () => {
    stream = await openStream({ log, subscriberBuffer: 100 });
    const events = many(600);
    const stalled = stream.hub.subscribe({ filter: { organizationId } });
    const others = Array.from({ length: 500 }, () => stream.hub.subscribe({ filter: { organizationId } }));

    const reading = others.map((subscription) => take(subscription, events.length));
    await stream.write(...events.slice(0, 300));
    await stream.write(...events.slice(300));
    const got = await Promise.all(reading);

    for (const subjects of got) expect(subjects).toEqual(subjectsOf(events));
    await expect(stalled.next()).rejects.toMatchObject({ code: 'RESYNC_REQUIRED', reason: 'TOO_SLOW' });
    expect(await stalled.next()).toMatchObject({ done: true });
    expect(stream.hub.droppedCount).toBe(1);
    expect(stream.hub.subscriberCount).toBe(500);
  });

  it('never sees an event of another organization, live, from memory or from the log', async () => {
    stream = await openStream({ log, ringSize: 8 });
    const taskId = randomUUID();
    const after = await settledPosition(stream.log.sql);
    const foreign = () => someEvent({ taskId, specialization: 'backend' });
    const own: NewEvent[] = [];
    const writeBoth = async () => {
      const event = mine({ taskId, specialization: 'backend' });
      own.push(event);
      await stream.write(foreign(), event, foreign());
    };

    // Filters that name the same things; only the organization differs.
    const filters = [{}, { taskId }, { specialization: 'backend' }].map((part) => ({ ...part, organizationId }));
    const live = filters.map((filter) => stream.hub.subscribe({ filter }));
    for (let round = 0; round < 20; round += 1) await writeBoth();
    await caughtUp();
    const recent = stream.hub.position;
    await writeBoth();
    const fromLog = filters.map((filter) => stream.hub.subscribe({ filter, after }));
    const fromMemory = filters.map((filter) => stream.hub.subscribe({ filter, after: recent }));
    const seen = await Promise.all([...live, ...fromLog].map((subscription) => take(subscription, 21)));
    const seenRecently = await Promise.all(fromMemory.map((subscription) => take(subscription, 1)));
    await writeBoth();
    const seenLast = await Promise.all([...live, ...fromLog, ...fromMemory].map((subscription) => take(subscription, 1)));

    for (const subjects of seen) expect(subjects).toEqual(subjectsOf(own.slice(0, 21)));
    for (const subjects of seenRecently) expect(subjects).toEqual(subjectsOf(own.slice(20, 21)));
    for (const subjects of seenLast) expect(subjects).toEqual(subjectsOf(own.slice(21)));
  });
});

describe('a subscription with a cursor', () => {
  it('loses and doubles nothing over 1,000 forced reconnects while writers write', { timeout: 60_000 }, async () => {
    // A ring so small that many reconnects must read the log, and a buffer so large that no reader is too slow.
    stream = await openStream({ log, ringSize: 64, subscriberBuffer: 100_000 });
    const after = await settledPosition(stream.log.sql);
    let isWriting = true;
    async function write(): Promise<void> {
      while (isWriting) {
        // Two that overlap and end in the wrong order, of which one is sometimes given up.
        const [first, second] = [await stream.log.begin(), await stream.log.begin()];
        await first.append(mine(), someEvent());
        await second.append(mine());
        await second.commit();
        if (Math.random() < 0.3) await first.rollback();
        else await first.commit();
        stream.bus.nudge();
      }
    }
    async function followWithInterruptions(): Promise<{ seen: string[]; position: LogPosition }> {
      const seen: string[] = [];
      let position = after;
      for (let connection = 0; connection < 100; connection += 1) {
        const subscription = stream.hub.subscribe({ filter: { organizationId }, after: position });
        for (let left = Math.floor(Math.random() * 20); left >= 0; left -= 1) {
          const event = await nextOf(subscription);
          seen.push(event.subjectId);
          position = decodeCursor(event.cursor) ?? beginning;
        }
        // Sometimes cut off in the middle of a read.
        if (Math.random() < 0.5) void subscription.next();
        await subscription.return?.();
      }
      return { seen, position };
    }

    const writers = [write(), write()];
    const clients = await Promise.all(Array.from({ length: 10 }, followWithInterruptions));
    isWriting = false;
    await Promise.all(writers);

    const truth = subjectsOf(await readToEnd(stream.log.sql, { after, filter: { organizationId }, limit: 1000 }));
    for (const { seen, position } of clients) {
      const rest = await readToEnd(stream.log.sql, { after: position, filter: { organizationId }, limit: 1000 });
      expect(seen.length).toBeGreaterThanOrEqual(100);
      expect([...seen, ...subjectsOf(rest)]).toEqual(truth);
    }
  });

  it('passes from the log to live without a seam while writers write', async () => {
    stream = await openStream({ log, ringSize: 32, subscriberBuffer: 10_000 });
    const after = await settledPosition(stream.log.sql);
    const events = many(4000);
    await stream.write(...events.slice(0, 2500));
    const subscriptions = Array.from({ length: 5 }, () => stream.hub.subscribe({ filter: { organizationId }, after }));

    const reading = subscriptions.map((subscription) => take(subscription, events.length));
    for (let index = 2500; index < events.length; index += 50) await stream.write(...events.slice(index, index + 50));

    for (const subjects of await Promise.all(reading)) expect(subjects).toEqual(subjectsOf(events));
  });

  it('gets each event once, whatever its cursor, the ring, the buffer and the batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 10, max: 60 }),
        async (batches, start, ringSize, subscriberBuffer) => {
          const after = await settledPosition(log.sql);
          stream = await openStream({ log, ringSize, subscriberBuffer });
          const taskId = randomUUID();
          const written = batches.map((size) => Array.from({ length: size }, (_, index) => mine(index % 3 ? { taskId } : {})));
          const all = written.flat();
          const ofTask = all.filter((event) => event.taskId === taskId);
          const cut = start % batches.length;

          for (const batch of written.slice(0, cut)) await stream.write(...batch);
          await caughtUp();
          const everything = take(stream.hub.subscribe({ filter: { organizationId }, after }), all.length);
          const oneTask = take(stream.hub.subscribe({ filter: { organizationId, taskId }, after }), ofTask.length);
          for (const batch of written.slice(cut)) await stream.write(...batch);

          expect(await everything).toEqual(subjectsOf(all));
          expect(await oneTask).toEqual(subjectsOf(ofTask));
          await stream.close();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is served from memory without a query when the pause was short', async () => {
    stream = await openStream({ log });
    const after = stream.hub.position;
    const events = many(20);
    await stream.write(...events);
    await caughtUp();
    const [first] = await readToEnd(stream.log.sql, { after, limit: 100 });
    const query = vi.spyOn(stream.log.sql, 'query');

    const seen = await take(stream.hub.subscribe({ filter: { organizationId }, after: first?.position }), 19);

    expect(seen).toEqual(subjectsOf(events.slice(1)));
    expect(query.mock.calls.length).toBe(0);
  });

  it.each([
    { place: 'the log', ringSize: 8 },
    { place: 'memory', ringSize: 4096 },
  ])('is never too slow while it catches up from $place', async ({ ringSize }) => {
    stream = await openStream({ log, ringSize, subscriberBuffer: 10 });
    const after = await settledPosition(stream.log.sql);
    const events = many(100);
    await stream.write(...events.slice(0, 50));
    await caughtUp();
    const subscription = stream.hub.subscribe({ filter: { organizationId }, after });
    const early = await take(subscription, 1);

    await stream.write(...events.slice(50));
    await caughtUp();

    expect([...early, ...(await take(subscription, 99))]).toEqual(subjectsOf(events));
  });

  it('may be ahead of a hub that has not read so far yet', async () => {
    stream = await openStream({ log });
    const [known, next] = [mine(), mine()];
    await stream.log.write(known);
    const after = await settledPosition(stream.log.sql);

    const subscription = stream.hub.subscribe({ filter: { organizationId }, after });
    const seen = take(subscription, 1);
    await stream.write(next);

    expect(await seen).toEqual([next.subjectId]);
  });

  it('is told to resync when the events behind its cursor are pruned', async () => {
    stream = await openStream({ ringSize: 2 });
    await stream.write(...many(20));
    await caughtUp();
    await stream.log.sql.query({ name: '', text: `update event set occurred_at = now() - interval '40 days' returning 1` }, []);
    const [first] = await readToEnd(stream.log.sql, { after: beginning, limit: 100 });
    await pruneEvents(stream.log.sql, { olderThanDays: 30, batchSize: 100 });

    const subscription = stream.hub.subscribe({ filter: { organizationId }, after: first?.position });

    await expect(subscription.next()).rejects.toMatchObject({ code: 'RESYNC_REQUIRED', reason: 'CURSOR_LOST' });
    expect(await subscription.next()).toMatchObject({ done: true });
    expect(stream.hub.subscriberCount).toBe(0);
  });

  it('is told to resync when the cursor is one of another log', async () => {
    stream = await openStream({ log });
    await stream.write(mine(), mine());
    await caughtUp();
    const { xid, seq } = stream.hub.position;
    const foreign = [
      { xid: xid + 1_000_000n, seq },
      { xid, seq: seq + 1n },
      { xid: xid - 1n, seq: 1n },
    ];

    for (const after of foreign) {
      const subscription = stream.hub.subscribe({ filter: { organizationId }, after });
      await expect(subscription.next()).rejects.toMatchObject({ code: 'RESYNC_REQUIRED', reason: 'CURSOR_LOST' });
    }
  });

  it('fails with the error of the database when the log cannot be read, and leaves nothing behind', async () => {
    stream = await openStream({ log, ringSize: 1 });
    const after = await settledPosition(stream.log.sql);
    await stream.write(...many(5));
    await caughtUp();
    vi.spyOn(stream.log.sql, 'query').mockRejectedValueOnce(new Error('connection refused'));

    const subscription = stream.hub.subscribe({ filter: { organizationId }, after });

    await expect(subscription.next()).rejects.toThrow('connection refused');
    expect(stream.hub.subscriberCount).toBe(0);
  });
});

describe('a listener in the process', () => {
  it('sees every event of every organization, and its failure is logged and harms nobody', async () => {
    const { logger, lines } = captureLog();
    stream = await openStream({ log, logger });
    const seen: string[] = [];
    stream.hub.listen(() => {
      throw new Error('A listener with a bug');
    });
    const stop = stream.hub.listen((event) => seen.push(event.subjectId));
    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const events = [mine(), someEvent(), mine()];

    await stream.write(...events);
    const delivered = await take(subscription, 2);
    stop();
    await stream.write(mine());
    await take(subscription, 1);

    expect(seen).toEqual(subjectsOf(events));
    expect(delivered).toEqual([events[0]?.subjectId, events[2]?.subjectId]);
    expect(lines.filter((line) => line.includes('A listener with a bug'))).toHaveLength(4);
  });
});

/** Reads so many events, and gives back their subjects. */
async function take(subscription: AsyncIterableIterator<LoggedEvent>, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) seen.push((await nextOf(subscription)).subjectId);
  return seen;
}

async function nextOf(subscription: AsyncIterableIterator<LoggedEvent>): Promise<LoggedEvent> {
  const { value, done } = await subscription.next();
  if (done) throw new Error('The stream ended early');
  return value;
}

/** Waits until the hub has everything that is committed by now. */
async function caughtUp(): Promise<void> {
  const end = await settledPosition(stream.log.sql);
  while (comparePositions(stream.hub.position, end) < 0) {
    await new Promise<void>((resolve) => {
      const stop = stream.hub.listen(() => {
        stop();
        resolve();
      });
    });
  }
}
