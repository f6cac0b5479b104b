import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { applyMigrations } from '../../src/database/migration-runner.js';
import { createLogger } from '../../src/kernel/logger.js';
import { createDatabase, templateDatabase } from './postgres.js';
import { ensureRedisInstalled } from './redis-install.js';
import { startRedisServer } from './redis-server.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Postgres for the whole run; tests take a database of their own from `createTestDatabase`. */
    postgresUrl: string;
    /** Redis for the whole run; null where there is none and it may not be installed. */
    redisUrl: string | null;
  }
}

/** Starts what all test files share, on free ports and in directories of its own; vitest calls the result at the end. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const undo: (() => Promise<void>)[] = [];
  const tearDown = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    project.provide('postgresUrl', await startPostgres(undo));
    project.provide('redisUrl', await startRedis(undo));
    return tearDown;
  } catch (error) {
    await tearDown();
    throw error;
  }
}

async function startPostgres(undo: (() => Promise<void>)[]): Promise<string> {
  const logger = createLogger('error');
  const dataDir = await mkdtemp(path.join(tmpdir(), 'baton-test-postgres-'));
  undo.push(() => rm(dataDir, { recursive: true, force: true }));
  // Lets Postgres in, which is another user when we are root; else the data would lie outside of the directory.
  await chmod(dataDir, 0o711);
  const settings = { max_connections: '300', max_wal_size: '4GB', autovacuum_naptime: '5min' };
  const postgres = await startEmbeddedPostgres({ dataDir, logger, durable: false, settings });
  undo.push(() => postgres.stop());
  const template = await createDatabase(postgres.url, { name: templateDatabase });
  await applyMigrations({ databaseUrl: template, logger });
  return postgres.url;
}

async function startRedis(undo: (() => Promise<void>)[]): Promise<string | null> {
  if (!(await ensureRedisInstalled())) return null;
  const redis = await startRedisServer();
  undo.push(() => redis.remove());
  return redis.url;
}
