import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { migrationLockKey } from '../migration-runner.js';
import { ArchiveError } from './archive-error.js';
import {
  type ArchiveHeader,
  type ArchiveProgress,
  archiveHeader,
  archiveTrailer,
  formatNumber,
  tableOfLine,
  textSettings,
} from './archive-format.js';
import { type ArchiveLine, readLines } from './archive-lines.js';
import { type ArchivedTable, type Catalog, readCatalog } from './catalog.js';

/** Rows and bytes that go to the database in one statement. */
const batchRowsMax = 1000;
const batchBytesMax = 4_194_304;

/** What migrations put into a new database; an import replaces it. */
const seededTables = new Set(['organization', 'event_log_horizon']);

/** What an import came to. */
export interface ImportResult {
  /** Rows by table. */
  rows: Record<string, number>;
  /** When the archive was written. */
  exportedAt: string;
}

/**
 * Puts an archive into a database that has the same migrations and no data.
 *
 * All of it happens in one transaction, which commits only when the header fits, every row is in, the counts and the
 * checksum are right, and every foreign key holds: whatever goes wrong, and whenever, the database stays as empty as it
 * was. The event log is written anew (see `eventLogColumns`). No server may run on the database meanwhile: one that is
 * started waits until the import is over.
 * Throws ArchiveError.
 */
export async function importArchive(
  client: pg.ClientBase,
  source: Readable,
  { progress }: { progress: ArchiveProgress },
): Promise<ImportResult> {
  const lines = readLines(source);
  const header = await readHeader(lines);
  await client.query('begin');
  try {
    const catalog = await takeDatabase(client);
    await requireFit(client, catalog, header);
    await requireEmpty(client, catalog);
    await dropForeignKeys(client, catalog);
    for (const table of seededTables) await client.query(`delete from ${pg.escapeIdentifier(table)}`);
    progress.begin(sum(header.tables.map(({ rows }) => rows)));
    const rows = await insertRows(client, { lines, header, catalog, progress });
    await setSequences(client, { header, catalog, eventCount: rows.event ?? 0 });
    await restoreForeignKeys(client, catalog);
    await client.query('commit');
    await client.query(`analyze ${catalog.tables.map(({ name }) => pg.escapeIdentifier(name)).join(', ')}`);
    return { rows, exportedAt: header.createdAt };
  } catch (error) {
    // Also without a connection, which ends the transaction as well.
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

async function readHeader(lines: AsyncIterator<ArchiveLine>): Promise<ArchiveHeader> {
  const first = await lines.next();
  if (first.done) throw new ArchiveError('The archive is empty. Export it again.');
  const value = parseJson(first.value.text) as { baton?: unknown; format?: unknown } | undefined;
  if (value?.baton !== 'export') {
    throw new ArchiveError(
      'This is no archive of Baton: its first line is not a header. Give the file that `baton export` wrote.',
    );
  }
  if (value.format !== formatNumber) {
    throw new ArchiveError(
      `The archive has format ${String(value.format)}, and this Baton reads format ${formatNumber}. Import it with the version that wrote it.`,
    );
  }
  const parsed = archiveHeader.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ArchiveError('The header of the archive is damaged. Export it again.', { cause: parsed.error });
}

/** Keeps servers and other imports away until the transaction ends. */
async function takeDatabase(client: pg.ClientBase): Promise<Catalog> {
  await client.query('set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0');
  await client.query(textSettings);
  const { rows: locks } = await client.query<{ isTaken: boolean }>('select pg_try_advisory_xact_lock($1) as "isTaken"', [
    migrationLockKey,
  ]);
  if (!locks[0]?.isTaken) {
    throw new ArchiveError('Somebody migrates this database or imports into it at this moment. Wait until that is over.');
  }
  const { rows: servers } = await client.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name = 'baton' and pid <> pg_backend_pid()`,
  );
  if (servers[0]?.count) throw new ArchiveError('A server is running on this database. Stop it first.');
  const catalog = await readCatalog(client);
  await client.query(`set local lock_timeout = '5s'`);
  await client.query(
    `lock table ${catalog.tables.map(({ name }) => pg.escapeIdentifier(name)).join(', ')} in access exclusive mode`,
  );
  await client.query('set local lock_timeout = 0');
  return catalog;
}

/** Rows fit only a database of the very same model; migrations of before may have changed what they mean. */
async function requireFit(client: pg.ClientBase, catalog: Catalog, header: ArchiveHeader): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select migration_name as name from _prisma_migrations where rolled_back_at is null order by migration_name`,
  );
  const applied = rows.map(({ name }) => name);
  if (!isDeepStrictEqual(applied, header.migrations)) {
    throw new ArchiveError(
      `The archive is of Baton ${header.version}, whose newest migration is ${header.migrations.at(-1)}; that of this database is ` +
        `${applied.at(-1)}. Import it with the version that wrote it, and upgrade that database afterwards.`,
    );
  }
  const columns = new Map(catalog.tables.map((table) => [table.name, table.columns.map(({ name }) => name)]));
  const strange = header.tables.find((table) => !isDeepStrictEqual(columns.get(table.name), table.columns));
  if (strange || columns.size !== header.tables.length) {
    throw new ArchiveError(
      `The tables of the archive are not those of this database${strange ? ` (${strange.name})` : ''}: one of the two was changed by hand.`,
    );
  }
}

async function requireEmpty(client: pg.ClientBase, { tables }: Catalog): Promise<void> {
  const filled: string[] = [];
  for (const { name } of tables) {
    // Every change appends an event: without one, what migrations put in is as they left it.
    const kept = seededTables.has(name) ? 1 : 0;
    const { rows } = await client.query(`select from ${pg.escapeIdentifier(name)} limit ${kept + 1}`);
    if (rows.length > kept) filled.push(name);
  }
  if (filled.length === 0) return;
  throw new ArchiveError(
    `The database is not empty: there are rows in ${filled.join(', ')}. Create a new one, point DATABASE_URL (or DATA_DIR) to it, ` +
      'run `baton migrate`, and import into that.',
  );
}

/** Taken off and put back, they are checked once for each whole table: faster, and rows may refer to later ones. */
async function dropForeignKeys(client: pg.ClientBase, { foreignKeys }: Catalog): Promise<void> {
  for (const { table, name } of foreignKeys) {
    await client.query(`alter table ${pg.escapeIdentifier(table)} drop constraint ${pg.escapeIdentifier(name)}`);
  }
}

async function restoreForeignKeys(client: pg.ClientBase, { foreignKeys }: Catalog): Promise<void> {
  for (const { table, name, definition } of foreignKeys) {
    try {
      await client.query(`alter table ${pg.escapeIdentifier(table)} add constraint ${pg.escapeIdentifier(name)} ${definition}`);
    } catch (cause) {
      throw new ArchiveError(`Rows of ${table} refer to others that the archive does not have. Export it again.`, { cause });
    }
  }
}

/** Inserts every row up to the trailer, and checks that against what was read. */
async function insertRows(
  client: pg.ClientBase,
  {
    lines,
    header,
    catalog,
    progress,
  }: { lines: AsyncIterableIterator<ArchiveLine>; header: ArchiveHeader; catalog: Catalog; progress: ArchiveProgress },
): Promise<Record<string, number>> {
  const tables = new Map(catalog.tables.map((table) => [table.name, table]));
  const numberBase = lastEventNumber(header, catalog);
  const counts: Record<string, number> = Object.fromEntries(header.tables.map(({ name }) => [name, 0]));
  let batch = newBatch(null);
  const flush = async () => {
    if (!batch.table || batch.lines.length === 0) return;
    await insertBatch(client, batch.table, batch, numberBase + BigInt(counts[batch.table.name] ?? 0));
    counts[batch.table.name] = (counts[batch.table.name] ?? 0) + batch.lines.length;
    progress.advance(batch.lines.length);
  };
  for await (const line of lines) {
    const name = tableOfLine(line.text);
    if (name === null) {
      await flush();
      await requireEnd(line, lines, header, counts);
      return counts;
    }
    const table = tables.get(name);
    if (!table) throw new ArchiveError(`Line ${line.number} of the archive is of a table that is not there: ${name}.`);
    if (batch.table !== table || batch.lines.length >= batchRowsMax || batch.bytes >= batchBytesMax) {
      await flush();
      batch = newBatch(table);
    }
    batch.firstLine ??= line.number;
    batch.lines.push(line.text);
    batch.bytes += line.text.length;
  }
  throw new ArchiveError('The archive is cut off: copy the whole of it, or export it again.');
}

interface Batch {
  table: ArchivedTable | null;
  /** Number of the first line; null as long as there is none. */
  firstLine: number | null;
  lines: string[];
  bytes: number;
}

function newBatch(table: ArchivedTable | null): Batch {
  return { table, firstLine: null, lines: [], bytes: 0 };
}

async function insertBatch(client: pg.ClientBase, table: ArchivedTable, batch: Batch, numberBase: bigint): Promise<void> {
  try {
    await client.query(insertQuery(table), [
      `[${batch.lines.join(',')}]`,
      ...(table.name in eventLogColumns ? [numberBase.toString()] : []),
    ]);
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    const last = (batch.firstLine ?? 0) + batch.lines.length - 1;
    throw new ArchiveError(
      `The rows of ${table.name} in lines ${batch.firstLine} to ${last} of the archive cannot be stored: ${cause.message}.`,
      { cause },
    );
  }
}

/** Values: the lines as a JSON array and, for tables of the event log, the highest number that must not be used. */
function insertQuery({ name, columns }: ArchivedTable): string {
  const values = columns.map(({ name: column, type }) => {
    const written = eventLogColumns[name]?.[column];
    if (written) return written;
    const value = `stored.${pg.escapeIdentifier(column)}`;
    if (type !== 'jsonb') return value;
    return `case when (line.value->'jsonNulls')::jsonb ? ${pg.escapeLiteral(column)} then 'null'::jsonb else ${value} end`;
  });
  const table = pg.escapeIdentifier(name);
  return `
    insert into ${table} (${columns.map((column) => pg.escapeIdentifier(column.name)).join(', ')}) overriding system value
    select ${values.join(', ')}
    from json_array_elements($1::json) with ordinality as line(value, position),
      json_populate_record(null::${table}, line.value->'row') as stored`;
}

/**
 * What an import writes into the event log instead of what the archive has.
 *
 * Transaction ids mean something in one cluster only: in another, readers would not see the old events until its own ids
 * have caught up, and new events would stand before them. So all events get the id of the import, and numbers in the
 * order of the archive, which is the safe order: new events come after them. The numbers begin above every one that the
 * old database gave out, so that no cursor of before can be mistaken for one of now, whatever the transaction ids: who
 * resumes from one is told to resync. A log that was never pruned begins at (0, 0) in either database.
 * Source: docs/adr/0013-an-import-writes-the-event-log-anew.md.
 */
const eventLogColumns: Record<string, Record<string, string>> = {
  event: { xid: 'pg_current_xact_id()', seq: '$2::bigint + 1 + line.position' },
  event_log_horizon: {
    pruned_xid: `case when stored.pruned_seq = 0 then '0'::xid8 else pg_current_xact_id() end`,
    pruned_seq: 'case when stored.pruned_seq = 0 then 0 else $2::bigint + 1 end',
  },
};

/** The highest number that the old database gave to an event. */
function lastEventNumber(header: ArchiveHeader, catalog: Catalog): bigint {
  const name = catalog.sequences.find(({ owner }) => owner === 'event.seq')?.name;
  return BigInt(header.sequences.find((sequence) => sequence.name === name)?.value ?? 0);
}

async function setSequences(
  client: pg.ClientBase,
  { header, catalog, eventCount }: { header: ArchiveHeader; catalog: Catalog; eventCount: number },
): Promise<void> {
  for (const { name, owner } of catalog.sequences) {
    const given = header.sequences.find((sequence) => sequence.name === name)?.value ?? null;
    const value = owner === 'event.seq' ? lastEventNumber(header, catalog) + 1n + BigInt(eventCount) : given;
    if (value !== null)
      await client.query('select setval($1::regclass, $2::bigint)', [pg.escapeIdentifier(name), value.toString()]);
  }
}

/** The line must be the trailer, the last one, and right. */
async function requireEnd(
  line: ArchiveLine,
  lines: AsyncIterator<ArchiveLine>,
  header: ArchiveHeader,
  counts: Record<string, number>,
): Promise<void> {
  const parsed = archiveTrailer.safeParse(parseJson(line.text));
  if (!parsed.success)
    throw new ArchiveError(`Line ${line.number} of the archive is damaged. Copy it again, or export it again.`);
  const { rows, sha256 } = parsed.data;
  if (sha256 !== line.hashBefore()) {
    throw new ArchiveError(
      'The archive was changed after it was written: its checksum is wrong. Copy it again, or export it again.',
    );
  }
  const short = header.tables.find((table) => table.rows !== counts[table.name]);
  if (short || rows !== sum(Object.values(counts))) {
    const what = short ? `${counts[short.name]} rows of ${short.name} instead of ${short.rows}` : 'a wrong number of rows';
    throw new ArchiveError(`The archive has ${what}. Export it again.`);
  }
  if (!(await lines.next()).done) throw new ArchiveError('The archive goes on after its end. Export it again.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
