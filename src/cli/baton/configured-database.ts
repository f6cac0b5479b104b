import path from 'node:path';
import type pg from 'pg';
import type { Config } from '../../config.js';
import { connect } from '../../database/connect.js';
import type { OwnedDatabase } from '../../database/database.js';
import { inspectEmbeddedPostgres, startEmbeddedPostgres } from '../../database/embedded/embedded-postgres.js';
import { inspectMigrations, MigrationError } from '../../database/migration-runner.js';
import { openDatabase } from '../../database/pg-database.js';
import type { Logger } from '../../kernel/logger.js';
import { CommandFailure } from '../command-failure.js';
import { withCleanup } from './cleanup.js';
import { terminalLogger } from './terminal.js';

export interface DatabaseAccess {
  config: Config;
  /** Whether an embedded database may be made where there is none; otherwise that is an error. */
  mayCreate?: boolean;
}

/** The database that a command works on. */
export interface ConfiguredDatabase {
  url: string;
  logger: Logger;
}

/**
 * Runs `work` on the database that a server with this configuration would use.
 *
 * Without DATABASE_URL that is the embedded Postgres: the one that a running server has, used beside it, or else one that
 * is started for the time of the work.
 * Throws CommandFailure when there is none yet and none may be made.
 */
export async function withConfiguredDatabase<T>(
  { config, mayCreate = false }: DatabaseAccess,
  work: (database: ConfiguredDatabase) => Promise<T>,
): Promise<T> {
  const logger = terminalLogger();
  if (config.DATABASE_URL) return work({ url: config.DATABASE_URL, logger });
  const embedded = await inspectEmbeddedPostgres(config.DATA_DIR);
  if (embedded?.running) return work({ url: embedded.running.url, logger });
  if (!embedded && !mayCreate) {
    throw new CommandFailure(
      `There is no database yet: DATABASE_URL is not set, and ${path.resolve(config.DATA_DIR)} has no embedded Postgres. ` +
        'Set DATABASE_URL or DATA_DIR, or make one with `baton migrate`.',
    );
  }
  const started = await startEmbeddedPostgres({ dataDir: config.DATA_DIR, logger });
  return withCleanup(
    () => started.stop(),
    () => work({ url: started.url, logger }),
  );
}

/** Runs `work` on one connection to the database. */
export async function withConnection<T>(access: DatabaseAccess, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withConfiguredDatabase(access, async ({ url, logger }) => {
    const client = await connect({ databaseUrl: url, logger });
    return withCleanup(
      () => client.end(),
      () => work(client),
    );
  });
}

/** Runs `work` on the database as services take it. It must be up to date: commands of a service know no other model. */
export async function withDatabase<T>(access: DatabaseAccess, work: (database: OwnedDatabase) => Promise<T>): Promise<T> {
  return withConfiguredDatabase(access, async ({ url, logger }) => {
    const client = await connect({ databaseUrl: url, logger });
    await withCleanup(
      () => client.end(),
      () => requireMigrated(client),
    );
    const database = openDatabase({ url, poolSize: 2, logger });
    return withCleanup(
      () => database.close(),
      () => work(database),
    );
  });
}

/** Throws MigrationError or CommandFailure unless the database has exactly the migrations of this package. */
export async function requireMigrated(client: pg.ClientBase): Promise<void> {
  const states = await inspectMigrations(client);
  for (const { problem } of states) if (problem) throw new MigrationError(problem);
  const pending = states.filter(({ state }) => state === 'pending');
  if (pending.length === 0) return;
  throw new CommandFailure(
    `The database lacks ${pending.length} of ${states.length} migrations. Bring it up to date first: \`baton migrate\`.`,
  );
}
