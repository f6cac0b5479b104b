import { expect } from 'vitest';
import type { TestApp } from './app.js';

/**
 * Waits until every event can be read: a transaction that is open anywhere in the cluster, of another test, holds back what
 * was committed since it began. From then on a cursor brings nothing of before, and pruning leaves nothing behind.
 */
export async function nothingHeldBack(app: Pick<TestApp, 'sql'>): Promise<void> {
  const heldBack = 'select 1 from event where xid >= pg_snapshot_xmin(pg_current_snapshot())';
  await expect.poll(() => app.sql(heldBack), { timeout: 20_000 }).toEqual([]);
}
