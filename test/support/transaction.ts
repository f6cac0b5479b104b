import pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import type { TestApp } from './app.js';

/** A connection of somebody else, with a transaction that is open until it says otherwise. */
export async function useTransaction({ databaseUrl }: Pick<TestApp, 'databaseUrl'>): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin');
  return client;
}

/** Resolves when a statement on the database waits for a row that somebody else holds. */
export async function untilSomebodyWaits({ sql }: Pick<TestApp, 'sql'>): Promise<void> {
  const waiting = async () =>
    (await sql(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).length;
  await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
}
