import type { Pool } from 'pg';
import type { CoalescerStats, Sharing } from './coalescer.js';
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

/** What a shared statement needs of the database, or of a transaction. */
export type SharedSql = Pick<Database, 'query' | 'write'>;

/**
 * A hot read or write of which many come at once: those that come together share one statement, and each gets its own answer.
 *
 * A write must not wait for a row that somebody else holds, or all of its callers would: it skips that row and answers
 * nothing for its item (`taking.shared`).
 */
export interface SharedStatement<Item, Answer> extends Sharing<Item> {
  name: string;
  /** Reads or writes the items in one statement; answers in their order. */
  run(sql: SharedSql, items: readonly Item[]): Promise<readonly Answer[]>;
}

/**
 * How a statement takes the rows of `table` that it is to write: a condition on them, and the clause that locks them.
 *
 * Shared, it waits for nobody and leaves out what others hold. It also leaves out what a transaction with a higher number
 * than its own has written: the event log is read in the order of those numbers, which a statement draws with its first
 * lock. (`age` counts from this transaction's number, or from the next one while it has none. A version so old that its
 * number reads as one of the future is left out as well; alone, it can still be written.)
 * Alone, it waits for its row; should a younger transaction have written it meanwhile, the statement is refused, and run again.
 */
export const taking = {
  shared: (table: string) => ({ condition: `age(${table}.xmin) > 0`, lock: `for no key update of ${table} skip locked` }),
  alone: (table: string) => ({ condition: 'true', lock: `for no key update of ${table}` }),
};

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
  /** Runs one statement for the item and others of its kind that come at the same time; within a transaction, alone and in it. */
  share<Item, Answer>(kind: SharedStatement<Item, Answer>, item: Item): Promise<Answer>;
  /**
   * Runs `work` in one transaction; commits when it resolves, rolls back when it throws; then wakes the readers of the log.
   * Runs it again, in a new transaction, when Postgres has rolled it back because of what others did at the same time: so
   * `work` must do nothing that a rollback does not undo.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
}

/** The same, as the application owns it. */
export interface OwnedDatabase extends Database {
  prisma: PrismaClient;
  pool: Pool;
  /** Calls `listener` after each commit that may have appended events. */
  onCommit(listener: () => void): void;
  /** Has `listener` told how long each caller waited for a connection. */
  onWaited(listener: (seconds: number) => void): void;
  /** How many items have shared statements so far, by kind. */
  sharedStatements(): ReadonlyMap<string, CoalescerStats>;
  close(): Promise<void>;
}

/** A database whose every write is part of one open transaction: what a service gets when its command must commit together with something else. */
export function withinTransaction(tx: Transaction): Database {
  const query: Database['query'] = (statement, values) => tx.query(statement, values);
  const write: Database['write'] = query;
  return {
    prisma: tx.prisma,
    query,
    write,
    async share<Item, Answer>(kind: SharedStatement<Item, Answer>, item: Item) {
      const [answer] = await kind.run({ query, write }, [item]);
      return answer as Answer;
    },
    transaction: (work) => work(tx),
  };
}
