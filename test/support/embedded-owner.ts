/**
 * A process that owns an embedded Postgres, for tests that kill it: `tsx embedded-owner.ts DATA_DIR`.
 * Says `{url, pid}` when it is up. On SIGINT it asks the database once more, says `{answer}`, and stops it.
 */
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { createLogger } from '../../src/kernel/logger.js';

const postgres = await startEmbeddedPostgres({ dataDir: process.argv[2] as string, logger: createLogger('silent') });

process.on('SIGINT', async () => {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query('SELECT 42 AS answer');
  console.log(JSON.stringify(rows[0]));
  await client.end();
  await postgres.stop();
});

console.log(JSON.stringify({ url: postgres.url, pid: postgres.pid }));
