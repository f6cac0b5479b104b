import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { captureLog } from '../support/captured-log.js';
import { openStream, type Stream } from './stream.js';
import { openTestLog, someEvent, type TestLog } from './test-log.js';

const organizationId = randomUUID();
const mine = () => someEvent({ organizationId });

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

describe('the tailer', () => {
  it('finds events that no nudge announced', async () => {
    stream = await openStream({ log, pollIntervalMs: 50 });
    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const event = mine();

    await stream.log.write(event);

    expect((await subscription.next()).value?.subjectId).toBe(event.subjectId);
  });

  it('delivers soon what an older transaction held back, though its end sends no nudge', async () => {
    stream = await openStream({ log, pollIntervalMs: 60_000 });
    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const event = mine();
    const older = await stream.log.begin();
    await older.append(mine());
    await stream.write(event);
    await vi.waitFor(() => expect(stream.tailer.pendingAgeMs).not.toBeNull());

    await older.rollback();

    expect((await subscription.next()).value?.subjectId).toBe(event.subjectId);
    await vi.waitFor(() => expect(stream.tailer.pendingAgeMs).toBeNull());
  });

  it('goes on after the database failed, and logs the failure and its end once', async () => {
    const { logger, lines } = captureLog();
    stream = await openStream({ log, logger, pollIntervalMs: 60_000 });
    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const query = vi.spyOn(stream.log.sql, 'query');
    for (let failure = 0; failure < 3; failure += 1) query.mockRejectedValueOnce(new Error('connection refused'));
    const event = mine();

    await stream.write(event);

    expect((await subscription.next()).value?.subjectId).toBe(event.subjectId);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual([50, 30]);
    expect(stream.tailer.isFailing).toBe(false);
  });

  it('makes one more read of all nudges that arrive during a read', async () => {
    stream = await openStream({ log, pollIntervalMs: 60_000 });
    let reads = 0;
    const { query } = stream.log.sql;
    let letRead = () => {};
    const gate = new Promise<void>((resolve) => {
      letRead = resolve;
    });
    vi.spyOn(stream.log.sql, 'query').mockImplementation(async (statement, values) => {
      reads += 1;
      await gate;
      return query(statement, values);
    });

    stream.bus.nudge();
    await vi.waitFor(() => expect(reads).toBe(1));
    for (let nudge = 0; nudge < 10; nudge += 1) {
      stream.bus.nudge();
      await new Promise((resolve) => setImmediate(resolve));
    }
    letRead();
    await vi.waitFor(() => expect(reads).toBe(2));
    await stream.tailer.stop();

    expect(reads).toBe(2);
  });

  it('tells every subscriber to resync when the log was replaced under it, and follows the new one', async () => {
    const { logger, lines } = captureLog();
    stream = await openStream({ logger });
    const before = stream.hub.subscribe({ filter: { organizationId } });
    await stream.write(mine());
    await before.next();
    const lost = expect(before.next()).rejects.toMatchObject({ reason: 'CURSOR_LOST' });

    // As after a restore from a backup: what was read is not there.
    await stream.log.sql.query({ name: '', text: 'delete from event' }, []);
    stream.bus.nudge();
    await lost;
    const after = stream.hub.subscribe({ filter: { organizationId } });
    const event = mine();
    await stream.write(event);

    expect((await after.next()).value?.subjectId).toBe(event.subjectId);
    expect(lines).toHaveLength(1);
  });

  it('stops after the read in flight and delivers nothing afterwards', async () => {
    stream = await openStream({ log, pollIntervalMs: 20 });
    const subscription = stream.hub.subscribe({ filter: { organizationId } });
    const pending = subscription.next();

    await stream.tailer.stop();
    await stream.write(mine());
    stream.hub.close();

    expect(await pending).toMatchObject({ done: true });
  });
});
