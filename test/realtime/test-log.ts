import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Database, Sql, Statement } from '../../src/database/database.js';
import {
  appendEvents,
  currentPosition,
  type EventFilter,
  type LoggedEvent,
  type NewEvent,
  scanEvents,
} from '../../src/database/event-log.js';
import { openDatabase } from '../../src/database/pg-database.js';
import type { LogPosition } from '../../src/kernel/cursor.js';
import { createLogger } from '../../src/kernel/logger.js';
import { createTestDatabase } from '../support/postgres.js';

/** An event log in a database of its own, with transactions that a test holds open as long as it likes. */
export interface TestLog {
  sql: Sql;
  /** As the services do it: through Prisma's connection. */
  transaction: Database['transaction'];
  begin(): Promise<OpenTransaction>;
  /** Commits the events in one transaction. */
  write(...events: NewEvent[]): Promise<void>;
  /** What is in the table, in safe order, by a query that knows nothing of horizons. */
  committed(): Promise<string[]>;
  close(): Promise<void>;
}

export interface OpenTransaction {
  append(...events: NewEvent[]): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export async function openTestLog({ connections = 10 }: { connections?: number } = {}): Promise<TestLog> {
  const place = await createTestDatabase();
  const database = openDatabase({ url: place.url, poolSize: connections, logger: createLogger('silent') });
  const openClients = new Set<pg.PoolClient>();
  let closed: Promise<void> | null = null;

  async function begin(): Promise<OpenTransaction> {
    const client = await database.pool.connect();
    openClients.add(client);
    await client.query('begin');
    const end = async (how: 'commit' | 'rollback') => {
      await client.query(how);
      openClients.delete(client);
      client.release();
    };
    return {
      append: (...events) => appendEvents(sqlOver(client), events),
      commit: () => end('commit'),
      rollback: () => end('rollback'),
    };
  }

  async function close(): Promise<void> {
    // A failed test may leave transactions open.
    for (const client of openClients) client.release(true);
    await database.close();
    await place.drop();
  }

  return {
    sql: database,
    transaction: (work) => database.transaction(work),
    begin,
    async write(...events) {
      const transaction = await begin();
      await transaction.append(...events);
      await transaction.commit();
    },
    async committed() {
      const { rows } = await database.pool.query<{ subject_id: string }>('select subject_id from event order by xid, seq');
      return rows.map((row) => row.subject_id);
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** Of its own organization and subject, unless told otherwise. */
export function someEvent(facts: Partial<NewEvent> = {}): NewEvent {
  return { organizationId: randomUUID(), type: 'TaskCreated', subjectId: randomUUID(), ...facts };
}

export function subjectsOf(events: readonly (LoggedEvent | NewEvent)[]): string[] {
  return events.map((event) => event.subjectId);
}

/** Pages through the log until nothing is left, nor held back by a transaction that still runs. */
export async function readToEnd(
  sql: Sql,
  { after, filter, limit }: { after: LogPosition; filter?: EventFilter; limit: number },
): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  let position = after;
  for (;;) {
    const page = await scanEvents(sql, { after: position, filter, rowLimit: limit });
    events.push(...page.events);
    position = page.horizon;
    if (page.isCaughtUp && page.pendingAgeMs === null) return events;
  }
}

/** Resolves once every committed event may be read: tests that run beside us in the same cluster hold the horizon back too. */
export async function settledPosition(sql: Sql): Promise<LogPosition> {
  await readToEnd(sql, { after: await currentPosition(sql), limit: 1 });
  return currentPosition(sql);
}

function sqlOver(client: pg.PoolClient): Sql {
  return {
    async query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
      const { rows } = await client.query({ ...statement, values: [...values] });
      return rows as Row[];
    },
  };
}
