import type pg from 'pg';
import type { Config } from '../../../config.js';
import type { Sql } from '../../../database/database.js';
import { currentPosition, scanEvents } from '../../../database/event-log.js';
import { inspectMigrations } from '../../../database/migration-runner.js';
import { SettingCipher } from '../../../features/settings/setting.cipher.js';
import { SettingUnreadableError } from '../../../features/settings/setting.errors.js';
import type { SettingKey } from '../../../features/settings/setting.model.js';
import { type Finding, fail, ok, skip, warn } from './finding.js';

/** The first that has the functions Baton stands on, and the one that it is tested with. */
const leastVersion = 13;
const testedVersion = 18;

const clockDifferenceMaxMs = 5000;

/** Seconds that a transaction may write: Baton ends its own after as many. Past the second, everybody notices. */
const writerSeconds = { long: 15, tooLong: 300 };
const writersShown = 5;

/** Milliseconds that events may be held back before somebody should know, and before it is a fault. */
const heldBackMs = { long: 5000, tooLong: 60_000 };

/** The checks of a database that can be reached. Later ones need what earlier ones look at. */
export async function checkDatabase(client: pg.Client, config: Config): Promise<Finding[]> {
  const findings = [await checkServer(client, config), await checkRights(client), await checkMigrations(client)];
  findings.push(await checkClock(client), await checkWriters(client));
  if (findings.some(({ check, status }) => check === 'migrations' && status !== 'ok')) {
    const reason = 'Not looked at before the migrations are in order.';
    return [...findings, skip('events', reason), skip('secrets', reason)];
  }
  return [...findings, await checkEvents(client), await checkSecrets(client, config)];
}

async function checkServer(client: pg.Client, { DATABASE_POOL_SIZE }: Config): Promise<Finding> {
  const server = await one<{
    version: string;
    number: number;
    isStandby: boolean;
    encoding: string;
    fsync: string;
    connections: number;
  }>(
    client,
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
       pg_is_in_recovery() as "isStandby", current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as connections`,
  );
  const name = `Postgres ${server.version}`;
  const major = Math.floor(server.number / 10_000);
  if (major < leastVersion) return fail('database', `${name} is too old.`, `Use Postgres ${testedVersion}.`);
  if (server.isStandby) return fail('database', `${name}, a standby that takes no writes.`, 'Point DATABASE_URL to the primary.');
  if (server.encoding !== 'UTF8') {
    return fail('database', `${name}, with the encoding ${server.encoding}.`, 'Create the database with the encoding UTF8.');
  }
  if (server.fsync === 'off') {
    return warn('database', `${name}, with fsync off: a crash of its machine may lose everything.`, 'Turn fsync on.');
  }
  if (server.connections < DATABASE_POOL_SIZE) {
    return warn(
      'database',
      `${name} takes ${server.connections} connections, and one server may open ${DATABASE_POOL_SIZE}.`,
      'Raise max_connections of Postgres, or lower DATABASE_POOL_SIZE.',
    );
  }
  if (major < testedVersion) {
    return warn(
      'database',
      `${name}; Baton is tested with ${testedVersion}.`,
      `Upgrade to Postgres ${testedVersion} when you can.`,
    );
  }
  return ok('database', `${name}.`);
}

/** By doing it, in a transaction that is rolled back: whatever stands in the way, Postgres names it. */
async function checkRights(client: pg.Client): Promise<Finding> {
  await client.query('begin');
  try {
    await client.query('create table baton_doctor (id int)');
    const { strange } = await one<{ strange: string[] }>(
      client,
      `select array(
         select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'
           and not pg_has_role(current_user, relowner, 'usage') order by relname
       ) as strange`,
    );
    if (strange.length === 0) return ok('rights', 'May create and change tables.');
    return fail(
      'rights',
      `Other roles own ${strange.length} of the tables, such as ${strange[0]}: migrations cannot change them.`,
      'Make the role of DATABASE_URL their owner (alter table ... owner to ...).',
    );
  } catch (error) {
    return fail(
      'rights',
      `May not create tables: ${messageOf(error)}.`,
      'Grant the role of DATABASE_URL the right CREATE on the schema, or make it the owner of the database.',
    );
  } finally {
    await client.query('rollback');
  }
}

async function checkMigrations(client: pg.Client): Promise<Finding> {
  const states = await inspectMigrations(client);
  const problems = states.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) return fail('migrations', problems.join('\n'), 'No server can start on this database before.');
  const pending = states.filter(({ state }) => state === 'pending').length;
  if (pending === 0) return ok('migrations', `All ${states.length} are applied.`);
  return warn(
    'migrations',
    `${pending} of ${states.length} are pending.`,
    'Run `baton migrate`, or start a server, which does so.',
  );
}

async function checkClock(client: pg.Client): Promise<Finding> {
  const before = Date.now();
  const { now } = await one<{ now: Date }>(client, 'select clock_timestamp() as now');
  const differenceMs = now.getTime() - (before + Date.now()) / 2;
  const amount = `${(Math.abs(differenceMs) / 1000).toFixed(1)} s`;
  if (Math.abs(differenceMs) <= clockDifferenceMaxMs) return ok('clock', `Within ${amount} of the database's.`);
  return warn(
    'clock',
    `The database's clock is ${amount} ${differenceMs > 0 ? 'ahead of' : 'behind'} this machine's.`,
    'Set both by NTP. Leases are right all the same, for the database decides them; times in logs, and what callers compare with their own clock, are not.',
  );
}

interface Writer {
  pid: number | null;
  name: string;
  seconds: number;
}

/** An open transaction that has written holds back the events of everybody in the cluster. */
async function checkWriters(client: pg.Client): Promise<Finding> {
  const { rows } = await client.query<Writer>(
    `select pid, format('process %s (%s) in %s', pid, coalesce(nullif(application_name, ''), usename), datname) as name,
       extract(epoch from now() - xact_start)::int as seconds
     from pg_stat_activity where backend_xid is not null and xact_start < now() - make_interval(secs => $1)
     union all
     select null, format('prepared transaction %s in %s', gid, database), extract(epoch from now() - prepared)::int
     from pg_prepared_xacts where prepared < now() - make_interval(secs => $1)
     order by seconds desc`,
    [writerSeconds.long],
  );
  const [longest] = rows;
  if (!longest) return ok('writers', 'No transaction keeps events back.');
  const named = rows.slice(0, writersShown).map(({ name, seconds }) => `${name} for ${seconds} s`);
  const more = rows.length > writersShown ? `, and ${rows.length - writersShown} more` : '';
  const detail = `Writing transactions are open, and events of others wait for their end: ${named.join(', ')}${more}.`;
  const advice = longest.pid
    ? `End them, such as by select pg_terminate_backend(${longest.pid}). Do not share the cluster with programs that keep transactions open.`
    : 'Commit it or roll it back (commit prepared, rollback prepared).';
  return longest.seconds > writerSeconds.tooLong ? fail('writers', detail, advice) : warn('writers', detail, advice);
}

async function checkEvents(client: pg.Client): Promise<Finding> {
  const { count } = await one<{ count: number }>(
    client,
    `select (select count(*) from event where xid >= pg_snapshot_xmax(pg_current_snapshot()))::int
       + (select count(*) from event_log_horizon where pruned_xid >= pg_snapshot_xmax(pg_current_snapshot()))::int as count`,
  );
  if (count > 0) {
    return fail(
      'events',
      `${count} events have transaction ids that this cluster has not given out yet, so nobody sees them: the data was copied from another cluster.`,
      'Stop the servers, `baton export` this database, and `baton import` that into an empty one.',
    );
  }
  const sql: Sql = { query: async ({ text }, values) => (await client.query(text, [...values])).rows };
  const { pendingAgeMs } = await scanEvents(sql, { after: await currentPosition(sql), rowLimit: 1 });
  if (pendingAgeMs === null || pendingAgeMs <= heldBackMs.long) return ok('events', 'The event log can be read up to its end.');
  const detail = `Events wait since ${Math.round(pendingAgeMs / 1000)} s for an older transaction to end.`;
  const advice = 'Find who keeps a writing transaction open (see writers), also in other databases of the cluster, and end it.';
  return pendingAgeMs > heldBackMs.tooLong ? fail('events', detail, advice) : warn('events', detail, advice);
}

/** Whether the secret settings that are stored can be read with the key of the configuration. */
async function checkSecrets(client: pg.Client, { TERARCHITECT_SECRET_KEY: hexKey }: Config): Promise<Finding> {
  const { rows } = await client.query<{ organizationId: string; key: SettingKey; value: string }>(
    'select organization_id as "organizationId", key, value from setting where is_encrypted',
  );
  if (rows.length === 0) {
    return ok('secrets', hexKey ? 'No secret setting is stored.' : 'No secret setting is stored, and without a key none can be.');
  }
  const advice = 'Start the server with the TERARCHITECT_SECRET_KEY that they were stored under, or set them again.';
  if (!hexKey)
    return fail('secrets', `${rows.length} secret settings are stored, and TERARCHITECT_SECRET_KEY is not set.`, advice);
  const cipher = new SettingCipher(hexKey);
  const unreadable = rows.filter(({ organizationId, key, value }) => !canDecrypt(cipher, value, { organizationId, key }));
  if (unreadable.length === 0) return ok('secrets', `All ${rows.length} secret settings can be read.`);
  return fail(
    'secrets',
    `${unreadable.length} of ${rows.length} secret settings cannot be read, such as ${unreadable[0]?.key}.`,
    advice,
  );
}

function canDecrypt(cipher: SettingCipher, value: string, place: { organizationId: string; key: SettingKey }): boolean {
  try {
    cipher.decrypt(value, place);
    return true;
  } catch (error) {
    if (error instanceof SettingUnreadableError) return false;
    throw error;
  }
}

async function one<Row extends pg.QueryResultRow>(client: pg.Client, sql: string): Promise<Row> {
  const { rows } = await client.query<Row>(sql);
  return rows[0] as Row;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
