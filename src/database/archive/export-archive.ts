import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import {
  type ArchiveHeader,
  type ArchiveProgress,
  type ArchiveTrailer,
  formatNumber,
  rowLine,
  textSettings,
} from './archive-format.js';
import { type ArchivedTable, type Catalog, readCatalog } from './catalog.js';

/** Rows and bytes that are held at a time; one row may be larger. */
const pageRowsMax = 2000;
const pageBytesMax = 4_194_304;

/**
 * Writes everything that the database holds, piece by piece, as it was in one instant: readable text of an archive.
 *
 * All of it comes from one snapshot, so that what was written together is there together, or not at all; writers are not
 * disturbed, and a migration waits until the export is over. Memory is bounded, whatever the size of the database.
 */
export async function* exportArchive(
  client: pg.ClientBase,
  { version, progress }: { version: string; progress: ArchiveProgress },
): AsyncGenerator<string, void> {
  const hash = createHash('sha256');
  const { header, catalog } = await beginSnapshot(client, version);
  const rows = header.tables.reduce((sum, table) => sum + table.rows, 0);
  progress.begin(rows);
  for await (const text of textOf(client, header, catalog, progress)) {
    hash.update(text);
    yield text;
  }
  const trailer: ArchiveTrailer = { baton: 'end', rows, sha256: hash.digest('hex') };
  yield `${JSON.stringify(trailer)}\n`;
  await client.query('commit');
}

async function beginSnapshot(client: pg.ClientBase, version: string): Promise<{ header: ArchiveHeader; catalog: Catalog }> {
  const expected = await readCatalog(client);
  const names = expected.tables.map(({ name }) => pg.escapeIdentifier(name));
  await client.query('begin isolation level repeatable read read only');
  // How long it takes is up to whoever reads our output.
  await client.query('set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0');
  await client.query(textSettings);
  // Before the first look, which takes the snapshot: what a migration rewrites meanwhile would seem empty in it.
  await client.query(`lock table ${names.join(', ')} in access share mode`);
  const catalog = await readCatalog(client);
  if (!isDeepStrictEqual(catalog, expected)) {
    throw new Error('The database was migrated in the moment in which the export began. Run it again.');
  }
  return { header: await readHeader(client, catalog, version), catalog };
}

async function readHeader(client: pg.ClientBase, catalog: Catalog, version: string): Promise<ArchiveHeader> {
  const one = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row> => (await client.query<Row>(sql)).rows[0] as Row;
  const { now } = await one<{ now: Date }>('select now()');
  const { migrations } = await one<{ migrations: string[] }>(
    `select array_agg(migration_name::text order by migration_name) as migrations from _prisma_migrations
     where rolled_back_at is null`,
  );
  const tables: ArchiveHeader['tables'] = [];
  for (const { name, columns } of catalog.tables) {
    const { rows } = await one<{ rows: string }>(`select count(*) as rows from ${pg.escapeIdentifier(name)}`);
    tables.push({ name, columns: columns.map((column) => column.name), rows: Number(rows) });
  }
  const sequences: ArchiveHeader['sequences'] = [];
  for (const { name } of catalog.sequences) {
    // Sequences know no snapshot: read after it was taken, the number is at least that of every row in it.
    const { value } = await one<{ value: string | null }>(
      `select case when is_called then last_value::text end as value from ${pg.escapeIdentifier(name)}`,
    );
    sequences.push({ name, value });
  }
  return { baton: 'export', format: formatNumber, createdAt: now.toISOString(), version, migrations, tables, sequences };
}

async function* textOf(
  client: pg.ClientBase,
  header: ArchiveHeader,
  catalog: Catalog,
  progress: ArchiveProgress,
): AsyncGenerator<string, void> {
  yield `${JSON.stringify(header)}\n`;
  for (const table of catalog.tables) {
    for await (const page of pagesOf(client, table)) {
      yield page.map(({ row, jsonNulls }) => rowLine(table.name, row, jsonNulls)).join('');
      progress.advance(page.length);
    }
  }
}

interface RowText {
  row: string;
  jsonNulls: string[];
  /** Values of the columns of the order. */
  place: string[];
}

/** The rows of a table in pages: each ends when it has enough rows or enough bytes. */
async function* pagesOf(client: pg.ClientBase, table: ArchivedTable): AsyncGenerator<RowText[], void> {
  let place: string[] | null = null;
  let limit = pageRowsMax;
  for (;;) {
    const { rows }: pg.QueryResult<RowText> = await client.query(pageQuery(table, { isFirst: place === null }), [
      limit,
      pageBytesMax,
      ...(place ?? []),
    ]);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    place = last.place;
    // What was too much for the last page is not read in vain for the next.
    limit = Math.min(pageRowsMax, rows.length * 2);
  }
}

/** Values: rows at most, bytes at most, and, unless it is the first page, the place of the last row before. */
function pageQuery({ name, columns, order }: ArchivedTable, { isFirst }: { isFirst: boolean }): string {
  const quoted = (names: readonly { name: string }[]) => names.map((each) => pg.escapeIdentifier(each.name)).join(', ');
  const texts = order.map((column) => `${pg.escapeIdentifier(column.name)}::text`).join(', ');
  const after = order.map(({ type }, index) => `$${index + 3}::${type}`).join(', ');
  const jsonNulls = columns
    .filter(({ type }) => type === 'jsonb')
    .map(
      (column) =>
        `case when jsonb_typeof(${pg.escapeIdentifier(column.name)}) = 'null' then ${pg.escapeLiteral(column.name)} end`,
    );
  return `
    with page as (
      select row_number() over (order by ${quoted(order)}) as position, array[${texts}] as place,
        row_to_json(stored)::text as row, array_remove(array[${jsonNulls.join(', ')}]::text[], null) as json_nulls
      from (
        select ${quoted(columns)} from ${pg.escapeIdentifier(name)}
        ${isFirst ? '' : `where (${quoted(order)}) > (${after})`}
        order by ${quoted(order)} limit $1::int
      ) as stored
    ), measured as (
      select *, sum(octet_length(row)) over (order by position) - octet_length(row) as bytes_before from page
    )
    select row, json_nulls as "jsonNulls", place from measured where bytes_before < $2::bigint order by position`;
}
