import pg from 'pg';
import type { Sql } from './database.js';

/** The function is not there, or not for us: some hosts of Postgres keep it to themselves. */
const refusals = ['42883', '42501'];

/**
 * A name for this database that no other has, the same for every process that uses it: what they share elsewhere, in Redis say,
 * goes by it. It survives a restart, a failover and a rename, and is another one after a restore into another database. Where
 * the host does not tell which cluster it is, databases of two clusters may have the same name.
 */
export async function databaseName(sql: Sql): Promise<string> {
  const ask = async (name: string, text: string) => (await sql.query<{ answer: string }>({ name, text }, []))[0]?.answer;
  const cluster = await ask('cluster-name', 'select system_identifier::text as answer from pg_control_system()').catch(
    (error) => {
      if (error instanceof pg.DatabaseError && refusals.includes(error.code ?? '')) return 'postgres';
      throw error;
    },
  );
  const database = await ask('database-name', 'select oid::text as answer from pg_database where datname = current_database()');
  return `${cluster}-${database}`;
}
