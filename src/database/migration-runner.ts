import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Logger } from '../kernel/logger.js';

/** One `prisma/migrations/<timestamp>_<name>/migration.sql`. */
export interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the file, hex. */
  checksum: string;
}

/** The database and the migrations do not belong together, or one of them failed; the message says what to do. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}

const lockKey = 72_707_369; // The advisory lock that `prisma migrate deploy` takes, so that the two exclude each other.
const connectAttempts = 10;
const connectRetryMs = 500;

/** As `prisma migrate deploy` creates it, so that either can go on where the other stopped. */
const createLedger = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Brings the database up to date: applies the migrations it lacks, in order, each in a transaction of its own.
 *
 * Safe to call from any number of processes at once: one works, the others wait. Returns the names of those applied.
 * Throws MigrationError when the database is newer than the code, when an applied migration was changed since, when one
 * failed, or when the database cannot be reached.
 */
export async function applyMigrations(options: {
  databaseUrl: string;
  logger: Logger;
  /** Directory of the migrations; that of this package unless given. */
  directory?: string;
}): Promise<string[]> {
  const migrations = await readMigrations(options.directory);
  const client = await connect(options.databaseUrl, options.logger);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    await client.query(createLedger);
    const pending = findPending(migrations, await readLedger(client));
    for (const migration of pending) {
      await applyOne(client, migration);
      options.logger.info({ migration: migration.name }, 'Applied a migration');
    }
    return pending.map((migration) => migration.name);
  } finally {
    // Closing the connection frees the lock.
    await client.end();
  }
}

/** Reads all migrations, oldest first. */
export async function readMigrations(directory: string = migrationsDirectory()): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(path.join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** `prisma/migrations` of this package, found from the sources as well as from the build. */
export function migrationsDirectory(): string {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(directory, 'package.json'))) {
    const parent = path.dirname(directory);
    if (parent === directory) throw new Error('The package that this file belongs to has no package.json.');
    directory = parent;
  }
  return path.join(directory, 'prisma', 'migrations');
}

interface LedgerRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

async function readLedger(client: pg.Client): Promise<LedgerRow[]> {
  const { rows } = await client.query<LedgerRow>(
    `SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

function findPending(migrations: readonly Migration[], ledger: readonly LedgerRow[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of ledger) {
    const name = row.migration_name;
    const migration = known.get(name);
    if (!migration) {
      throw new MigrationError(
        `The database is newer than this Baton: it has the migration ${name}, which this one does not know. Start a newer Baton on it.`,
      );
    }
    if (!row.finished_at) {
      throw new MigrationError(
        `The migration ${name} was begun on this database by Prisma's own tool and did not finish. ` +
          `Repair the database, then mark it with \`prisma migrate resolve\` and start again.`,
      );
    }
    if (row.checksum !== migration.checksum) {
      throw new MigrationError(
        `The migration ${name} was changed after it was applied to this database: its checksum is ${migration.checksum}, ` +
          `and was ${row.checksum}. Restore prisma/migrations/${name}/migration.sql, and put the change into a new migration.`,
      );
    }
  }
  const applied = new Set(ledger.map((row) => row.migration_name));
  return migrations.filter((migration) => !applied.has(migration.name));
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  const startedAt = new Date();
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
       VALUES ($1, $2, clock_timestamp(), $3, $4, 1)`,
      [randomUUID(), migration.checksum, migration.name, startedAt],
    );
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => {});
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MigrationError(`The migration ${migration.name} failed, and was rolled back: ${reason}`, { cause });
  }
}

/** Connects; waits a little for a database that is starting, as one of the same compose file may be. */
async function connect(databaseUrl: string, logger: Logger): Promise<pg.Client> {
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5000 });
    // Without a listener, a connection lost between two queries would end the process; the next query reports it as well.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (cause) {
      const reason = describe(cause);
      const { host, port, database } = client;
      if (attempt === connectAttempts || !isPassing(cause)) {
        throw new MigrationError(`The database ${database} at ${host}:${port} cannot be used: ${reason}. Check DATABASE_URL.`, {
          cause,
        });
      }
      logger.warn({ host, port, attempt, reason }, 'The database does not answer yet; trying again');
      await delay(connectRetryMs);
    }
  }
}

/** Nobody listens yet, or the server says that it is starting up. Anything else, such as a wrong password, stays wrong. */
function isPassing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', '57P03', ''].includes(code);
}

function describe(error: unknown): string {
  // Node gives an AggregateError with an empty message when a name has several addresses and none answers.
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
