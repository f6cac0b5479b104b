import type { TestProject } from 'vitest/node';
import { bundlePrograms } from '../../scripts/programs.js';
import { ensureChromiumInstalled } from './chromium-install.js';
import { startTestCluster } from './postgres-cluster.js';
import { ensureRedisInstalled } from './redis-install.js';
import { startRedisServer } from './redis-server.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Postgres for the whole run; tests take a database of their own from `createTestDatabase`. */
    postgresUrl: string;
    /** Redis for the whole run; null where there is none and it may not be installed. */
    redisUrl: string | null;
    /** Path of the browser that tests open pages in; null where there is none and it may not be installed. */
    chromium: string | null;
  }
}

/**
 * Builds the programs that tests start, and starts what all test files share, on free ports and in directories of its own;
 * vitest calls the result at the end.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const undo: (() => Promise<void>)[] = [];
  const tearDown = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    await bundlePrograms();
    project.provide('chromium', await ensureChromiumInstalled());
    const postgres = await startTestCluster();
    undo.push(() => postgres.remove());
    project.provide('postgresUrl', postgres.url);
    project.provide('redisUrl', await startRedis(undo));
    return tearDown;
  } catch (error) {
    await tearDown();
    throw error;
  }
}

async function startRedis(undo: (() => Promise<void>)[]): Promise<string | null> {
  if (!(await ensureRedisInstalled())) return null;
  const redis = await startRedisServer();
  undo.push(() => redis.remove());
  return redis.url;
}
