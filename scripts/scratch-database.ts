import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.js';
import { applyMigrations } from '../src/database/migration-runner.js';
import { createLogger } from '../src/kernel/logger.js';

/** Runs `work` with the address of a throwaway database that has all migrations of this package applied. */
export async function withMigratedDatabase<T>(work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const logger = createLogger('error');
  const dataDir = await mkdtemp(path.join(tmpdir(), 'baton-scratch-'));
  try {
    // Lets Postgres in, which is another user when we are root; else the data would lie outside of the directory.
    await chmod(dataDir, 0o711);
    const postgres = await startEmbeddedPostgres({ dataDir, logger, durable: false });
    try {
      await applyMigrations({ databaseUrl: postgres.url, logger });
      return await work(postgres.url);
    } finally {
      await postgres.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
