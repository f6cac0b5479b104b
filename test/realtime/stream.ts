import type { NewEvent } from '../../src/database/event-log.js';
import type { Logger } from '../../src/kernel/logger.js';
import { EventTailer } from '../../src/realtime/event-tailer.js';
import { MemoryEventBus } from '../../src/realtime/memory-event-bus.js';
import { SubscriptionHub } from '../../src/realtime/subscription-hub.js';
import { captureLog } from '../support/captured-log.js';
import { openTestLog, settledPosition, type TestLog } from './test-log.js';

/** The whole way from an append to a subscriber, in one process. */
export interface Stream {
  log: TestLog;
  bus: MemoryEventBus;
  hub: SubscriptionHub;
  tailer: EventTailer;
  /** Commits the events in one transaction and wakes the tailer. */
  write(...events: NewEvent[]): Promise<void>;
  close(): Promise<void>;
}

export async function openStream({
  log: sharedLog,
  subscriberBuffer = 1000,
  ringSize = 4096,
  pollIntervalMs = 1000,
  logger = captureLog().logger,
}: {
  /** Already there; closed by who opened it. */
  log?: TestLog;
  subscriberBuffer?: number;
  ringSize?: number;
  pollIntervalMs?: number;
  logger?: Logger;
} = {}): Promise<Stream> {
  const log = sharedLog ?? (await openTestLog());
  const bus = new MemoryEventBus({ logger });
  const hub = new SubscriptionHub({ sql: log.sql, logger, position: await settledPosition(log.sql), subscriberBuffer, ringSize });
  const tailer = new EventTailer({ sql: log.sql, hub, bus, pollIntervalMs, logger });
  await tailer.start();
  return {
    log,
    bus,
    hub,
    tailer,
    async write(...events) {
      await log.write(...events);
      bus.nudge();
    },
    async close() {
      hub.close();
      await tailer.stop();
      await bus.close();
      if (!sharedLog) await log.close();
    },
  };
}
