import pg from 'pg';
import type { Logger } from '../kernel/logger.js';
import { traced } from '../kernel/tracing.js';
import { Coalescer } from './coalescer.js';
import type { OwnedDatabase, SharedSql, SharedStatement, Sql, Statement } from './database.js';
import { type Prisma, PrismaClient } from './generated/prisma/client.js';
import { isConflict, isRolledBack } from './rolled-back.js';
import { SerialPrismaPg } from './serial-transactions.js';

/** How long a caller waits for a free connection before it fails. */
const connectionWaitMs = 10_000;
/** How long an unused connection is kept: a new one has to prepare and plan every statement again, which costs some tens of milliseconds. */
const idleConnectionMs = 10 * 60_000;
/** How long a transaction may stay open: it holds the readers of the event log back meanwhile. */
const transactionLimitMs = 15_000;
/** How often a statement or a transaction is run that others got in the way of. */
const conflictTriesMax = 20;

/** Opens the database at `url`. Connects on first use; `close` waits for the statements in flight. */
export function openDatabase(options: { url: string; poolSize: number; logger: Logger }): OwnedDatabase {
  const pool = openPool(options);
  const listeners: (() => void)[] = [];
  const tellCommitted = () => {
    for (const listener of listeners) listener();
  };
  const statementNames = new Map<string, string>();
  const adapter = new SerialPrismaPg(pool, {
    // The same statement has the same name on either way to a connection, so each connection prepares it once. An empty
    // name means none: Prisma's own statements take too many shapes to keep them all prepared.
    statementNameGenerator: ({ sql }) => statementNames.get(sql) ?? '',
  });
  const prisma = new PrismaClient({ adapter });

  const coalescers = new Map<string, Coalescer<never, unknown>>();

  async function query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const { rows } = await traced(`sql ${statement.name}`, () =>
      retryConflicts(() => pool.query({ name: statement.name, text: statement.text, values: [...values] })),
    );
    return rows;
  }

  async function write<Row>(statement: Statement, values: readonly unknown[], hasWritten = (rows: Row[]) => rows.length > 0) {
    const rows = await query<Row>(statement, values);
    if (hasWritten(rows)) tellCommitted();
    return rows;
  }

  function coalescerOf<Item, Answer>(kind: SharedStatement<Item, Answer>): Coalescer<Item, Answer> {
    const sql: SharedSql = { query, write };
    const coalescer = coalescers.get(kind.name) ?? new Coalescer(kind, (items) => kind.run(sql, items), isRolledBack);
    coalescers.set(kind.name, coalescer as Coalescer<never, unknown>);
    return coalescer as Coalescer<Item, Answer>;
  }

  /** Prisma owns the connection of its transaction, so statements of ours have to go through it. */
  function inTransaction(client: Prisma.TransactionClient): Sql['query'] {
    return (statement, values) => {
      statementNames.set(statement.text, statement.name);
      return client.$queryRawUnsafe(statement.text, ...values.map((value) => value ?? null));
    };
  }

  return {
    prisma,
    pool,
    query,
    write,
    share: (kind, item) => coalescerOf(kind).submit(item),
    sharedStatements: () => new Map([...coalescers].map(([name, coalescer]) => [name, coalescer.stats])),
    async transaction(work) {
      const result = await retryConflicts(() =>
        prisma.$transaction((client) => work({ prisma: client, query: inTransaction(client) }), {
          maxWait: connectionWaitMs,
          timeout: transactionLimitMs,
        }),
      );
      tellCommitted();
      return result;
    },
    onCommit(listener) {
      listeners.push(listener);
    },
    onWaited(listener) {
      pool.onWaited = listener;
    },
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** Runs again what was rolled back because of others: a new statement or transaction sees what they did. */
async function retryConflicts<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!isConflict(error) || tries >= conflictTriesMax) throw error;
    }
  }
}

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: (release?: unknown) => void) => void;

/** Tells how long each caller has waited for a connection. */
class TimedPool extends pg.Pool {
  onWaited: (seconds: number) => void = () => {};

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | undefined {
    const started = performance.now();
    const tell = () => this.onWaited((performance.now() - started) / 1000);
    if (!callback) return super.connect().finally(tell);
    super.connect((...outcome) => {
      tell();
      callback(...outcome);
    });
    return undefined;
  }
}

function openPool(options: { url: string; poolSize: number; logger: Logger }): TimedPool {
  const pool = new TimedPool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: connectionWaitMs,
    idleTimeoutMillis: idleConnectionMs,
    keepAlive: true,
    application_name: 'baton',
    // Prisma's adapter sends and reads instants without an offset, so it is right in UTC only. What is asked for again and
    // again lies in memory: with a page out of order as dear as on a spinning disk, Postgres would rather read a small table
    // whole, and keep to that plan while the table grows.
    onConnect: async (client) => {
      await client.query("SET TIME ZONE 'UTC'; SET random_page_cost = 1.1");
    },
  });
  // The server restarted, or a proxy dropped an idle connection: the pool replaces it, and without a listener the process would end.
  pool.on('error', (error) => options.logger.warn({ error: error.message }, 'Lost an idle connection to the database'));
  return pool;
}
