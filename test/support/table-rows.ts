import type { TestApp } from './app.js';

/** Number of rows of every table. */
export async function countRows(app: TestApp): Promise<Record<string, number>> {
  const tables = await tablesOf(app);
  const counts = tables.map((table) => `select '${table}' as table, count(*)::int as count from ${table}`);
  const rows = await app.sql<{ table: string; count: number }>(counts.join(' union all '));
  return Object.fromEntries(rows.map(({ table, count }) => [table, count]));
}

/** Every row of every table, as Postgres writes it, in no order that time has a part in. */
export async function allRows(app: TestApp): Promise<string[]> {
  const tables = await tablesOf(app);
  const selects = tables.map((table) => `select '${table} ' || ${table}::text as row from ${table}`);
  const rows = await app.sql<{ row: string }>(
    `select row from (${selects.join(' union all ')}) as rows order by row collate "C"`,
  );
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
