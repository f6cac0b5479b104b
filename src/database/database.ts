import type { Pool } from 'pg';
import type { Prisma, PrismaClient } from './generated/prisma/client.js';

/**
 * A named SQL statement. It is prepared once per connection under `name`.
 * Results must read the same through both drivers below: cast `bigint`, `xid8` and `numeric` columns to `text`.
 */
export interface Statement {
  name: string;
  text: string;
}

/** Runs single statements: on the pool, or inside a transaction. Values are bound as `$1`, `$2`, ... */
export interface Sql {
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

/** An open transaction: Prisma for the everyday writes, `query` for the hot statements, on one connection. */
export interface Transaction extends Sql {
  prisma: Prisma.TransactionClient;
}

/** Postgres, as the services see it. */
export interface Database extends Sql {
  prisma: Prisma.TransactionClient;
  /**
   * Like `query`, for a statement that may write events: wakes the readers of the event log once they are committed.
   * `hasWritten` tells by the rows whether there are any; unless given, when there is a row.
   */
  write<Row>(statement: Statement, values: readonly unknown[], hasWritten?: (rows: Row[]) => boolean): Promise<Row[]>;
  /** Runs `work` in one transaction; commits when it resolves, rolls back when it throws; then wakes the readers of the log. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
}

/** The same, as the application owns it. */
export interface OwnedDatabase extends Database {
  prisma: PrismaClient;
  pool: Pool;
  /** Calls `listener` after each commit that may have appended events. */
  onCommit(listener: () => void): void;
  close(): Promise<void>;
}

/** A database whose every write is part of one open transaction: what a service gets when its command must commit together with something else. */
export function withinTransaction(tx: Transaction): Database {
  return {
    prisma: tx.prisma,
    query: (statement, values) => tx.query(statement, values),
    write: (statement, values) => tx.query(statement, values),
    transaction: (work) => work(tx),
  };
}
