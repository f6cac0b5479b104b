import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** Has all migrations applied, and no data but what they bring. Nobody connects to it. */
export const templateDatabase = 'baton_template';

let otherClusterUrl: string | null = null;

/** Names the cluster of the databases that are made from now on; null names that of the whole run. */
export function takeDatabasesFrom(clusterUrl: string | null): void {
  otherClusterUrl = clusterUrl;
}

export interface TestDatabase {
  url: string;
  /** Cuts whoever is still connected. */
  drop(): Promise<void>;
}

/** A fresh database with all migrations applied, of the caller alone. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return createTemporaryDatabase({ template: templateDatabase });
}

/** A fresh database without any tables, of the caller alone. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return createTemporaryDatabase({});
}

/** Makes a database in the cluster of `clusterUrl`; returns its address. */
export async function createDatabase(clusterUrl: string, options: { name: string; template?: string }): Promise<string> {
  // With nothing flushed to disk, copying files is faster than writing every page of the template to the log.
  const origin = options.template ? `TEMPLATE ${options.template} STRATEGY FILE_COPY` : '';
  await execute(clusterUrl, `CREATE DATABASE ${options.name} ${origin}`);
  const url = new URL(clusterUrl);
  url.pathname = `/${options.name}`;
  return url.href;
}

async function createTemporaryDatabase(options: { template?: string }): Promise<TestDatabase> {
  const clusterUrl = otherClusterUrl ?? inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = await createDatabase(clusterUrl, { ...options, name });
  return { url, drop: () => execute(clusterUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
