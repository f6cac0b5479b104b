import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import type { Logger } from '../kernel/logger.js';
import { packageDirectory } from '../kernel/package.js';
import { connect } from './connect.js';

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

/** The advisory lock that `prisma migrate deploy` takes, so that the two exclude each other. */
export const migrationLockKey = 72_707_369;

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
 * Throws MigrationError when the database is newer than the code, when an applied migration was changed since, or when one
 * failed; DatabaseUnavailableError when it cannot be reached.
 */
export async function applyMigrations(options: {
  databaseUrl: string;
  logger: Logger;
  /** Directory of the migrations; that of this package unless given. */
  directory?: string;
}): Promise<string[]> {
  const migrations = await readMigrations(options.directory);
  const client = await connect(options);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLockKey]);
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

/** How one migration of the code, or of the database, stands. */
export interface MigrationState {
  name: string;
  /** `applied` and `pending` are in order; the others are reasons not to start. */
  state: 'applied' | 'pending' | 'changed' | 'unfinished' | 'unknown';
  /** When it was applied; null when it was not. */
  appliedAt: Date | null;
  /** What is wrong, and what to do; null when it is in order. */
  problem: string | null;
}

/** Compares the database with the migrations of this package, and changes nothing: first those that it has, then those that it lacks. */
export async function inspectMigrations(client: pg.ClientBase): Promise<MigrationState[]> {
  const migrations = await readMigrations();
  const { rows } = await client.query<{ hasLedger: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS "hasLedger"`,
  );
  return compare(migrations, rows[0]?.hasLedger ? await readLedger(client) : []);
}

/** Name of the last migration of this package. */
export async function newestMigration(): Promise<string> {
  const newest = (await migrationNames(migrationsDirectory())).at(-1);
  if (!newest) throw new Error(`${migrationsDirectory()} has no migrations`);
  return newest;
}

/** Reads all migrations, oldest first. */
export async function readMigrations(directory: string = migrationsDirectory()): Promise<Migration[]> {
  const names = await migrationNames(directory);
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** Oldest first. */
async function migrationNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** `prisma/migrations` of this package. */
export function migrationsDirectory(): string {
  return path.join(packageDirectory(), 'prisma', 'migrations');
}

interface LedgerRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

async function readLedger(client: pg.ClientBase): Promise<LedgerRow[]> {
  const { rows } = await client.query<LedgerRow>(
    `SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

function findPending(migrations: readonly Migration[], ledger: readonly LedgerRow[]): Migration[] {
  const states = compare(migrations, ledger);
  for (const { problem } of states) if (problem) throw new MigrationError(problem);
  const pending = new Set(states.filter(({ state }) => state === 'pending').map(({ name }) => name));
  return migrations.filter(({ name }) => pending.has(name));
}

/** First what the database has, in the order in which it was applied; then what it lacks. */
function compare(migrations: readonly Migration[], ledger: readonly LedgerRow[]): MigrationState[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const applied = new Set(ledger.map((row) => row.migration_name));
  const pending = migrations.filter(({ name }) => !applied.has(name));
  return [
    ...ledger.map((row) => stateOf(row, known.get(row.migration_name))),
    ...pending.map(({ name }) => ({ name, state: 'pending', appliedAt: null, problem: null }) as const),
  ];
}

function stateOf(row: LedgerRow, migration: Migration | undefined): MigrationState {
  const name = row.migration_name;
  const appliedAt = row.finished_at;
  if (!migration) {
    const problem = `The database is newer than this Baton: it has the migration ${name}, which this one does not know. Start a newer Baton on it.`;
    return { name, state: 'unknown', appliedAt, problem };
  }
  if (!appliedAt) {
    const problem =
      `The migration ${name} was begun on this database by Prisma's own tool and did not finish. ` +
      `Repair the database, then mark it with \`prisma migrate resolve\` and start again.`;
    return { name, state: 'unfinished', appliedAt, problem };
  }
  if (row.checksum !== migration.checksum) {
    const problem =
      `The migration ${name} was changed after it was applied to this database: its checksum is ${migration.checksum}, ` +
      `and was ${row.checksum}. Restore prisma/migrations/${name}/migration.sql, and put the change into a new migration.`;
    return { name, state: 'changed', appliedAt, problem };
  }
  return { name, state: 'applied', appliedAt, problem: null };
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
