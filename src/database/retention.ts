import type { Logger } from '../kernel/logger.js';
import type { Sql, Statement } from './database.js';
import { pruneEvents } from './event-log.js';

const intervalMs = 3_600_000;
const batchSize = 1000;

/** Values: hours, rows at most. */
const pruneIdempotencyKeysStatement: Statement = {
  name: 'retention-idempotency-keys',
  text: `
with old as (
  select organization_id, caller, key from idempotency_key
  where created_at < statement_timestamp() - make_interval(hours => $1::int) limit $2::int for update skip locked
), deleted as (
  delete from idempotency_key using old
  where idempotency_key.organization_id = old.organization_id and idempotency_key.caller = old.caller and idempotency_key.key = old.key
  returning 1
)
select count(*)::int as count from deleted`,
};

/** Sessions are of no use once they are over. Values: rows at most. */
const pruneSessionsStatement: Statement = {
  name: 'retention-sessions',
  text: `
with old as (
  select id from session where expires_at < statement_timestamp() limit $1::int for update skip locked
), deleted as (
  delete from session using old where session.id = old.id returning 1
)
select count(*)::int as count from deleted`,
};

/**
 * Deletes what need not be kept any longer, now and then every hour: old events, idempotency keys and sessions. Answers the
 * function that stops it and waits for a run in flight.
 * Every replica may do so: rows that another one deletes are skipped. A failed run is logged; the next one makes up for it.
 */
export function startRetention(options: {
  sql: Sql;
  /** For how long events are kept. */
  retentionDays: number;
  /** For how long the first answers to idempotency keys are kept. */
  idempotencyHours: number;
  logger: Logger;
}): () => Promise<void> {
  const { sql, retentionDays, idempotencyHours, logger } = options;
  let running: Promise<void> = run();
  const timer = setInterval(() => {
    running = run();
  }, intervalMs);
  timer.unref();

  async function run(): Promise<void> {
    try {
      const counts = {
        events: await pruneEvents(sql, { olderThanDays: retentionDays, batchSize }),
        idempotencyKeys: await prune(sql, pruneIdempotencyKeysStatement, [idempotencyHours]),
        sessions: await prune(sql, pruneSessionsStatement, []),
      };
      if (Object.values(counts).some((count) => count > 0)) logger.info(counts, 'Deleted what is kept no longer');
    } catch (error) {
      logger.error({ err: error }, 'Could not delete what is kept no longer; the next run tries again');
    }
  }

  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** In batches, so that no statement holds many rows, or the event log's horizon, for long. */
async function prune(sql: Sql, statement: Statement, values: unknown[]): Promise<number> {
  let total = 0;
  for (;;) {
    const [row] = await sql.query<{ count: number }>(statement, [...values, batchSize]);
    const count = row?.count ?? 0;
    total += count;
    if (count < batchSize) return total;
  }
}
