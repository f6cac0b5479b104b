import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { applyMigrations } from '../../src/database/migration-runner.js';
import { createLogger } from '../../src/kernel/logger.js';
import { createDatabase, templateDatabase } from './postgres.js';

/** A Postgres for tests: quick, because it keeps nothing over a crash, and with the template that their databases are made from. */
export interface TestCluster {
  url: string;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

export async function startTestCluster(): Promise<TestCluster> {
  const logger = createLogger('error');
  const dataDir = await mkdtemp(path.join(await quickDirectory(), 'baton-test-postgres-'));
  // Lets Postgres in, which is another user when we are root; else the data would lie outside of the directory.
  await chmod(dataDir, 0o711);
  const settings = { max_connections: '300', max_wal_size: '4GB', autovacuum_naptime: '5min' };
  const postgres = await startEmbeddedPostgres({ dataDir, logger, durable: false, settings });
  const remove = async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const template = await createDatabase(postgres.url, { name: templateDatabase });
    await applyMigrations({ databaseUrl: template, logger });
  } catch (error) {
    await remove();
    throw error;
  }
  return { url: postgres.url, remove };
}

/** Bytes that the databases of a whole run may take together. */
const roomNeeded = 4 * 1024 ** 3;

/** Memory where there is enough of it: every test makes a database, which is hundreds of files. */
async function quickDirectory(): Promise<string> {
  const memory = '/dev/shm';
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free > roomNeeded ? memory : tmpdir();
}
