import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  appendEvents,
  currentPosition,
  type EventFilter,
  matches,
  type NewEvent,
  oldestPosition,
  pruneEvents,
  readEvents,
  scanEvents,
} from '../../src/database/event-log.js';
import { startRetention } from '../../src/database/retention.js';
import { comparePositions, encodeCursor } from '../../src/kernel/cursor.js';
import { captureLog } from '../support/captured-log.js';
import {
  type OpenTransaction,
  openTestLog,
  readToEnd,
  settledPosition,
  someEvent,
  subjectsOf,
  type TestLog,
} from './test-log.js';

const beginning = { xid: 0n, seq: 0n };

describe('the event log', () => {
  let log: TestLog;

  beforeAll(async () => {
    log = await openTestLog();
  });
  afterAll(() => log.close());

  it('gives back what was appended, in the given order', async () => {
    const after = await settledPosition(log.sql);
    const full = someEvent({
      type: 'TaskClaimed',
      actorId: randomUUID(),
      actorLabel: 'admin',
      taskId: randomUUID(),
      projectId: randomUUID(),
      threadId: randomUUID(),
      agentId: randomUUID(),
      specialization: 'backend',
      source: 'QUEUE',
      data: { before: { status: 'READY' }, note: 'naïve “text” 🦑' },
    });
    const bare = someEvent();
    const many = Array.from({ length: 50 }, () => someEvent());

    await log.write(full, bare, ...many);

    const events = await readToEnd(log.sql, { after, limit: 100 });
    expect(subjectsOf(events)).toEqual(subjectsOf([full, bare, ...many]));
    expect(events[0]).toMatchObject(full);
    expect(events[0]?.occurredAt).toBeInstanceOf(Date);
    expect(events[0]?.cursor).toBe(encodeCursor(events[0]?.position ?? beginning));
    expect(events[1]).toMatchObject({ ...bare, taskId: null, specialization: null, source: null, data: {} });
  });

  it('takes the same events within a transaction of Prisma, and reads the same there', async () => {
    const after = await settledPosition(log.sql);
    const events = [someEvent({ source: 'WORKER', taskId: randomUUID(), data: { a: [1, null] } }), someEvent()];

    await log.transaction((tx) => appendEvents(tx, events));
    await settledPosition(log.sql);
    const page = await log.transaction((tx) => readEvents(tx, { after, filter: { types: ['TaskCreated'] }, limit: 10 }));

    expect(page).toEqual(await readEvents(log.sql, { after, filter: { types: ['TaskCreated'] }, limit: 10 }));
    expect(subjectsOf(page.events)).toEqual(subjectsOf(events));
    expect(page.events[0]).toMatchObject(events[0] ?? {});
  });

  it('appends nothing when there is nothing to append', async () => {
    const before = await log.committed();

    await appendEvents(log.sql, []);

    expect(await log.committed()).toEqual(before);
  });

  it('holds back what committed after an older transaction that still runs, and then gives both in order', async () => {
    const after = await settledPosition(log.sql);
    const [early, late] = [someEvent(), someEvent()];
    const slow = await log.begin();
    await slow.append(early);
    await log.write(late);

    const held = await readEvents(log.sql, { after, limit: 10 });
    await slow.commit();
    const released = await readToEnd(log.sql, { after: held.horizon, limit: 10 });

    expect(held.events).toEqual([]);
    expect(held.horizon).toEqual(after);
    expect(held.pendingAgeMs).toBeGreaterThanOrEqual(0);
    expect(subjectsOf(released)).toEqual(subjectsOf([early, late]));
  });

  it('names a current position behind which nothing can appear', async () => {
    const event = someEvent();
    const slow = await log.begin();
    await slow.append(event);
    await log.write(someEvent());

    const position = await currentPosition(log.sql);
    await slow.commit();

    expect(subjectsOf(await readToEnd(log.sql, { after: position, limit: 10 }))[0]).toBe(event.subjectId);
  });

  it('names a position so many events back, and the start of the log when there are fewer', async () => {
    await log.write(someEvent(), someEvent(), someEvent());
    await settledPosition(log.sql);

    const three = await readToEnd(log.sql, { after: await currentPosition(log.sql, 3), limit: 10 });

    expect(subjectsOf(three)).toEqual((await log.committed()).slice(-3));
    expect(await currentPosition(log.sql, 1_000_000)).toEqual(beginning);
  });

  it('advances its position over events that the filter does not want', async () => {
    const after = await settledPosition(log.sql);
    const wanted = someEvent();
    await log.write(...Array.from({ length: 10 }, () => someEvent()), wanted);
    const last = await settledPosition(log.sql);

    const first = await scanEvents(log.sql, { after, filter: { types: ['Nothing'] }, rowLimit: 4 });
    const other = await scanEvents(log.sql, { after, filter: { organizationId: randomUUID() }, rowLimit: 4 });

    expect(first).toMatchObject({ events: [], isCaughtUp: false });
    expect(comparePositions(first.horizon, after)).toBeGreaterThan(0);
    expect(other).toMatchObject({ events: [], isCaughtUp: true, horizon: last });
  });

  it('reads as many wanted events as were asked for, however rare they are', async () => {
    const after = await settledPosition(log.sql);
    const wanted = Array.from({ length: 5 }, () => someEvent({ type: 'Rare' }));
    for (const event of wanted) await log.write(...Array.from({ length: 7 }, () => someEvent()), event);
    const last = await settledPosition(log.sql);
    const filter = { types: ['Rare'] };

    const first = await readEvents(log.sql, { after, filter, limit: 2 });
    const rest = await readEvents(log.sql, { after: first.horizon, filter, limit: 100 });

    expect(subjectsOf(first.events)).toEqual(subjectsOf(wanted.slice(0, 2)));
    expect(first).toMatchObject({ horizon: first.events[1]?.position, isCaughtUp: false });
    expect(subjectsOf(rest.events)).toEqual(subjectsOf(wanted.slice(2)));
    expect(rest).toMatchObject({ horizon: last, isCaughtUp: true });
  });

  it('refuses to resume from a place that is none of this log', async () => {
    await log.write(someEvent());
    const { xid, seq } = await settledPosition(log.sql);

    const fromTheFuture = await readEvents(log.sql, { after: { xid: xid + 1_000_000n, seq }, limit: 10 });
    const fromElsewhere = await readEvents(log.sql, { after: { xid: xid - 1n, seq }, limit: 10 });

    expect(fromTheFuture).toMatchObject({ isResumable: false, events: [] });
    expect(fromElsewhere).toMatchObject({ isResumable: false, events: [] });
  });
});

it('gives every reader each event of 100 concurrent writers once and in order, whatever commits first', async () => {
  const log = await openTestLog({ connections: 105 });
  const writerCount = 100;
  const parked: (() => void)[] = [];
  let awakeCount = writerCount;
  let isWriting = true;

  // Writers hold their transactions open until another one wakes them at random, so that they end in another order than
  // they began. The last one that is awake never parks.
  const wakeOne = () => parked.splice(Math.floor(Math.random() * parked.length), 1)[0]?.();
  const park = () =>
    new Promise<void>((resolve) => {
      awakeCount -= 1;
      parked.push(() => {
        awakeCount += 1;
        resolve();
      });
    });
  async function writeForAWhile(): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      const transaction = await log.begin();
      await transaction.append(...Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => someEvent()));
      if (awakeCount > 1 && parked.length < writerCount / 2) await park();
      if (Math.random() < 0.2) await transaction.rollback();
      else await transaction.commit();
      wakeOne();
    }
    awakeCount -= 1;
    wakeOne();
  }
  async function follow(limit: number): Promise<string[]> {
    const seen: string[] = [];
    let after = beginning;
    for (;;) {
      const isLast = !isWriting;
      const page = await readEvents(log.sql, { after, limit });
      seen.push(...subjectsOf(page.events));
      after = page.horizon;
      if (isLast && page.isCaughtUp && page.pendingAgeMs === null) return seen;
    }
  }

  const readers = [3, 17, 1000].map(follow);
  await Promise.all(Array.from({ length: writerCount }, writeForAWhile));
  isWriting = false;
  const seen = await Promise.all(readers);

  const committed = await log.committed();
  expect(committed.length).toBeGreaterThan(500);
  for (const subjects of seen) expect(subjects).toEqual(committed);
  await log.close();
});

describe('whatever the interleaving', () => {
  let log: TestLog;

  beforeAll(async () => {
    log = await openTestLog();
  });
  afterAll(() => log.close());

  it('a reader sees exactly what was committed, in safe order', async () => {
    const step = fc.record({
      slot: fc.nat({ max: 4 }),
      action: fc.constantFrom('append', 'append', 'commit', 'rollback', 'read', 'read'),
      count: fc.integer({ min: 1, max: 4 }),
    });

    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const start = await settledPosition(log.sql);
        const alreadyThere = (await log.committed()).length;
        const open = new Map<number, OpenTransaction>();
        const seen: string[] = [];
        let position = start;

        for (const { slot, action, count } of steps) {
          const transaction = open.get(slot);
          if (action === 'read') {
            const page = await readEvents(log.sql, { after: position, limit: count });
            seen.push(...subjectsOf(page.events));
            position = page.horizon;
          } else if (action === 'append') {
            const writer = transaction ?? (await log.begin());
            open.set(slot, writer);
            await writer.append(...Array.from({ length: count }, () => someEvent()));
          } else if (transaction) {
            open.delete(slot);
            await (action === 'commit' ? transaction.commit() : transaction.rollback());
          }
        }
        for (const transaction of open.values()) await transaction.commit();
        seen.push(...subjectsOf(await readToEnd(log.sql, { after: position, limit: 3 })));

        expect(seen).toEqual((await log.committed()).slice(alreadyThere));
      }),
      { numRuns: 60 },
    );
  });

  it('a filter means the same in SQL and in memory', async () => {
    const ids = Array.from({ length: 3 }, () => randomUUID());
    const id = fc.constantFrom(...ids);
    const optionalId = fc.option(id, { nil: null });
    const type = fc.constantFrom('TaskCreated', 'TaskClaimed', 'MessagePosted');
    const source = fc.constantFrom('GRAPHQL' as const, 'QUEUE' as const);
    const event: fc.Arbitrary<NewEvent> = fc.record({
      organizationId: id,
      type,
      subjectId: fc.uuid(),
      taskId: optionalId,
      projectId: optionalId,
      threadId: optionalId,
      agentId: optionalId,
      specialization: fc.option(fc.constantFrom('backend', 'design'), { nil: null }),
      source: fc.option(source, { nil: null }),
    });
    const filter: fc.Arbitrary<EventFilter> = fc.record(
      {
        organizationId: optionalId,
        types: fc.option(fc.array(type, { maxLength: 2 }), { nil: null }),
        taskId: optionalId,
        projectId: optionalId,
        threadId: optionalId,
        agentId: optionalId,
        specialization: fc.option(fc.constantFrom('backend', 'design'), { nil: null }),
        sources: fc.option(fc.array(source, { maxLength: 2 }), { nil: null }),
      },
      { requiredKeys: [] },
    );
    const after = await settledPosition(log.sql);
    await log.write(...fc.sample(event, 300));
    const all = await readToEnd(log.sql, { after, limit: 1000 });

    await fc.assert(
      fc.asyncProperty(filter, fc.integer({ min: 20, max: 400 }), async (wanted, limit) => {
        const found = await readToEnd(log.sql, { after, filter: wanted, limit });

        expect(subjectsOf(found)).toEqual(subjectsOf(all.filter((candidate) => matches(wanted, candidate))));
      }),
      { numRuns: 100 },
    );
  });
});

describe('retention', () => {
  let log: TestLog;

  beforeAll(async () => {
    log = await openTestLog();
    await log.write(...Array.from({ length: 10 }, () => someEvent()));
    await settledPosition(log.sql);
  });
  afterAll(() => log.close());

  const age = (days: number, where: string) =>
    log.sql.query(
      { name: '', text: `update event set occurred_at = now() - make_interval(days => $1::int) where ${where} returning 1` },
      [days],
    );

  it('deletes a prefix of the safe order and says so to readers of an older place', async () => {
    const all = await readToEnd(log.sql, { after: beginning, limit: 100 });
    const positionOf = (index: number) => all[index]?.position ?? beginning;
    // The sixth is young: what follows it stays too, however old, or a reader would see a gap without being told.
    await age(40, `seq <> ${positionOf(5).seq}`);

    const counts = await Promise.all(Array.from({ length: 3 }, () => pruneEvents(log.sql, { olderThanDays: 30, batchSize: 2 })));

    expect(counts.reduce((sum, count) => sum + count)).toBe(5);
    expect(await log.committed()).toEqual(subjectsOf(all.slice(5)));
    expect(await oldestPosition(log.sql)).toEqual(positionOf(4));
    expect(await readEvents(log.sql, { after: beginning, limit: 10 })).toMatchObject({ isResumable: false, events: [] });
    expect(await readEvents(log.sql, { after: positionOf(3), limit: 10 })).toMatchObject({ isResumable: false });
    expect(subjectsOf(await readToEnd(log.sql, { after: positionOf(4), limit: 10 }))).toEqual(subjectsOf(all.slice(5)));
  });

  it('leaves alone what a running transaction still holds back', async () => {
    const held = someEvent();
    const slow = await log.begin();
    await slow.append(someEvent());
    await log.write(held);
    await age(40, 'true');

    await pruneEvents(log.sql, { olderThanDays: 30, batchSize: 100 });
    const left = await log.committed();
    await slow.rollback();

    expect(left).toEqual([held.subjectId]);
  });

  it('names a current position that can be resumed when nothing is left', async () => {
    await settledPosition(log.sql);
    await pruneEvents(log.sql, { olderThanDays: 30, batchSize: 100 });

    const position = await currentPosition(log.sql);
    const event = someEvent();
    await log.write(event);

    expect(subjectsOf(await readToEnd(log.sql, { after: position, limit: 10 }))).toEqual([event.subjectId]);
  });

  it('runs by itself, survives a failure, and ends when told to', async () => {
    const { logger, lines } = captureLog();
    await log.write(someEvent());
    await settledPosition(log.sql);
    await age(40, 'true');
    const failing = { query: () => Promise.reject(new Error('connection refused')) };

    await startRetention({ sql: failing, retentionDays: 30, idempotencyHours: 24, logger })();
    await startRetention({ sql: log.sql, retentionDays: 30, idempotencyHours: 24, logger })();

    expect(await log.committed()).toEqual([]);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([50, 30]);
  });
});
