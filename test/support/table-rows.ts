import type { TestApp } from './app.js';

/** Number of rows of every table. */
export async function countRows(app: TestApp): Promise<Record<string, number>> {
  const tables = await tablesOf(app);
  const counts = tables.map((table) => `select '${table}' as table, count(*)::int as count from ${table}`);
  const rows = await app.sql<{ table: string; count: number }>(counts.join(' union all '));
  return Object.fromEntries(rows.map(({ table, count }) => [table, count]));
}

/**
 * What every table holds, to be compared: the number of its rows and the sum of their hashes. With `names`, only of the rows in
 * which one of them occurs.
 */
export async function contentOf(app: TestApp, names?: readonly string[]): Promise<Record<string, string>> {
  const tables = await tablesOf(app);
  const selects = tables.map(
    (table) =>
      `select '${table}' as table, count(*) || ' rows, ' || coalesce(sum(hashtextextended(${table}::text, 0)), 0) as content
       from ${table}${names ? ` where ${table}::text ~ $1` : ''}`,
  );
  const pattern = names?.map((name) => name.replace(/\W/g, '\\$&')).join('|');
  const rows = await app.sql<{ table: string; content: string }>(selects.join(' union all '), names && [pattern]);
  return Object.fromEntries(rows.map(({ table, content }) => [table, content]));
}

/** Every row of every table, as Postgres writes it, to be searched. */
export async function allRows(app: TestApp): Promise<string[]> {
  const tables = await tablesOf(app);
  const selects = tables.map((table) => `select '${table} ' || ${table}::text as row from ${table}`);
  const rows = await app.sql<{ row: string }>(selects.join(' union all '));
  return rows.map(({ row }) => row);
}

/** Every row of every table, column by column. */
export async function allRecords(app: TestApp): Promise<{ table: string; record: Record<string, unknown> }[]> {
  const tables = await tablesOf(app);
  const selects = tables.map((table) => `select '${table}' as table, to_jsonb(${table}) as record from ${table}`);
  const rows = await app.sql<{ table: string; record: Record<string, unknown> }>(selects.join(' union all '));
  return rows.map(({ table, record }) => ({ table: table.replaceAll('"', ''), record }));
}

const known = new WeakMap<TestApp, string[]>();

async function tablesOf(app: TestApp): Promise<string[]> {
  const tables = known.get(app);
  if (tables) return tables;
  const rows = await app.sql<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not like '\\_prisma%' order by 1`,
  );
  const names = rows.map(({ name }) => `"${name}"`);
  known.set(app, names);
  return names;
}
