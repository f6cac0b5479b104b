import type { Logger } from '../kernel/logger.js';
import type { Sql } from './database.js';
import { pruneEvents } from './event-log.js';

const intervalMs = 3_600_000;
const batchSize = 1000;

/**
 * Prunes the event log now and then every hour, and returns the function that stops it and waits for a run in flight.
 * Every replica may do so: pruning takes turns by itself. A failed run is logged; the next one makes up for it.
 */
export function startRetention({
  sql,
  retentionDays,
  logger,
}: {
  sql: Sql;
  retentionDays: number;
  logger: Logger;
}): () => Promise<void> {
  let running: Promise<void> = run();
  const timer = setInterval(() => {
    running = run();
  }, intervalMs);
  timer.unref();

  async function run(): Promise<void> {
    try {
      const count = await pruneEvents(sql, { olderThanDays: retentionDays, batchSize });
      if (count > 0) logger.info({ count, retentionDays }, 'Pruned the event log');
    } catch (error) {
      logger.error({ err: error }, 'Could not prune the event log; the next run tries again');
    }
  }

  return async () => {
    clearInterval(timer);
    await running;
  };
}
