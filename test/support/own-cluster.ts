import { afterAll, beforeAll } from 'vitest';
import { takeDatabasesFrom } from './postgres.js';
import { startTestCluster, type TestCluster } from './postgres-cluster.js';

/**
 * Has this file make its databases in a cluster of its own: for tests that keep a writing transaction open, which would hold back
 * the events of every database beside theirs.
 */
export function useOwnCluster(): void {
  let cluster: TestCluster | undefined;
  beforeAll(async () => {
    cluster = await startTestCluster();
    takeDatabasesFrom(cluster.url);
  });
  afterAll(async () => {
    takeDatabasesFrom(null);
    await cluster?.remove();
  });
}
