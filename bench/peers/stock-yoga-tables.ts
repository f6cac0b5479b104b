import type pg from 'pg';

/** The tables of stock-yoga.ts. */
export const stockYogaTables = `
  create table task (
    id uuid primary key default uuidv7(),
    title text not null,
    status text not null default 'READY',
    priority int not null default 50,
    fence int not null default 0,
    holder text,
    lease_seconds int,
    lease_expires_at timestamptz
  );
  create index task_ready on task (priority, id) where status = 'READY';
  create table event (
    seq bigint generated always as identity primary key,
    task_id uuid not null,
    kind text not null,
    agent text not null,
    occurred_at timestamptz not null default clock_timestamp()
  )`;

/** Adds ready tasks until there are so many of them. */
export async function fillUpStockTasks(database: pg.Pool, readyCount: number): Promise<void> {
  await database.query(
    `insert into task (title)
     select 'task ' || n from generate_series((select count(*) + 1 from task where status = 'READY'), $1::bigint) as n`,
    [readyCount],
  );
  await database.query('vacuum (analyze) task');
}
