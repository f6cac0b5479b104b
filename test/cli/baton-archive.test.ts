import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { inspectEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { decodeCursor } from '../../src/kernel/cursor.js';
import { BatonClient } from '../../src/sdk/baton-client.js';
import {
  EventCursorDocument,
  EventLogDocument,
  EventsDocument,
  TaskClaimDocument,
  TaskCreateDocument,
  TaskReleaseDocument,
  ViewerDocument,
} from '../../src/sdk/generated.js';
import { type TestApp, useTestApp } from '../support/app.js';
import { type CommandResult, runCommand, startCommand } from '../support/command-line.js';
import { nothingHeldBack } from '../support/event-horizon.js';
import { useOwnCluster } from '../support/own-cluster.js';
import { createEmptyDatabase, createTestDatabase } from '../support/postgres.js';
import { seedAgent, seedClaim, seedTask } from '../support/seed.js';
import { StreamReader } from '../support/stream.js';

// Transactions stay open here for longer than others can wait for their events.
useOwnCluster();

// Each command is a process that loads the server's code, and some start a database of their own.
vi.setConfig({ testTimeout: 120_000 });

const organizationId = '00000000-0000-7000-8000-000000000001';

function baton(args: string[], databaseUrl: string): Promise<CommandResult> {
  return runCommand('baton', args, { env: { DATABASE_URL: databaseUrl } });
}

async function useDatabase(create = createTestDatabase): Promise<string> {
  const database = await create();
  onTestFinished(() => database.drop());
  return database.url;
}

/** A directory that Postgres' own user can enter. */
async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-archive-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  return directory;
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string, values?: unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** The lines of an export. */
async function exported(url: string): Promise<string[]> {
  const { code, stdout, stderr } = await baton(['export', '-'], url);
  if (code !== 0) throw new Error(stderr);
  return stdout.trimEnd().split('\n');
}

interface Header {
  migrations: string[];
  tables: { name: string; columns: string[]; rows: number }[];
  sequences: { name: string; value: string | null }[];
}

interface Line {
  table: string;
  row: Record<string, unknown>;
  jsonNulls?: string[];
}

const headerOf = (lines: readonly string[]) => JSON.parse(lines[0] ?? '') as Header;
const rowsIn = (lines: readonly string[], table: string) =>
  lines
    .slice(1, -1)
    .map((line) => JSON.parse(line) as Line)
    .flatMap((line) => (line.table === table ? [line.row] : []));

/** The lines with a checksum that is right for them, as somebody who means to deceive would give them. */
function sealed(lines: readonly string[]): string[] {
  const body = lines.slice(0, -1);
  const sha256 = createHash('sha256')
    .update(body.map((line) => `${line}\n`).join(''))
    .digest('hex');
  return [...body, JSON.stringify({ ...JSON.parse(lines.at(-1) ?? ''), sha256 })];
}

async function importLines(lines: readonly string[], url: string): Promise<CommandResult> {
  const file = path.join(await temporaryDirectory(), 'archive');
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  return baton(['import', file], url);
}

/** Names of the tables that hold data, as Postgres lists them. */
async function tablesOf(url: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    url,
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not like '\\_prisma%' order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Every row of every table, as Postgres writes it, but for the event log, which an import writes anew. */
async function storedRows(url: string): Promise<string[]> {
  const tables = (await tablesOf(url)).filter((name) => name !== 'event' && name !== 'event_log_horizon');
  const selects = tables.map((table) => `select '${table} ' || "${table}"::text as row from "${table}"`);
  const rows = await query<{ row: string }>(
    url,
    `select row from (${selects.join(' union all ')}) as rows order by row collate "C"`,
  );
  return rows.map(({ row }) => row);
}

/** What a migrated database has before anybody used it. */
async function expectUntouched(url: string): Promise<void> {
  const counts = (await tablesOf(url)).map((table) => `select '${table}' as table, count(*)::int as count from "${table}"`);
  const rows = await query<{ table: string; count: number }>(url, counts.join(' union all '));
  const filled = rows.filter(({ count }) => count > 0);
  expect(filled.sort((a, b) => a.table.localeCompare(b.table))).toEqual([
    { table: 'event_log_horizon', count: 1 },
    { table: 'organization', count: 1 },
  ]);
}

describe('an export that is imported', () => {
  it('carries every table, and gives the same lines when it is exported again', async () => {
    const [source, target] = [await useDatabase(), await useDatabase()];
    for (const url of [source, target]) await query(url, oddTable);
    await fillEveryTable(source);
    const tables = await tablesOf(source);

    const before = await exported(source);
    const imported = await importLines(before, target);
    const after = await exported(target);

    expect(imported).toMatchObject({ code: 0, stdout: '' });
    expect(
      headerOf(before)
        .tables.map(({ name }) => name)
        .sort(),
    ).toEqual(tables);
    expect(headerOf(before).tables.filter(({ rows }) => rows === 0)).toEqual([]);
    expect(withoutWhatMayDiffer(after)).toEqual(withoutWhatMayDiffer(before));
    expect(await storedRows(target)).toEqual(await storedRows(source));
    expect(await constraintsOf(target)).toEqual(await constraintsOf(source));
  });

  it('gives numbers out where the old database would have gone on', async () => {
    const [source, target] = [await useDatabase(), await useDatabase()];
    for (const url of [source, target]) await query(url, oddTable);
    await query(source, `insert into odd (word) values ('first'), ('second')`);
    await query(source, `delete from odd where word = 'second'`);

    await importLines(await exported(source), target);

    expect(await query(target, `insert into odd (word) values ('third') returning id::text`)).toEqual([{ id: '3' }]);
  });

  it('keeps credentials, sessions and first answers good', async () => {
    const source = await useTestApp({ ADMIN_TOKEN: 'sixteen-characters' });
    const operator = source.client({ token: 'sixteen-characters' });
    const agent = await seedAgent(operator, { externalId: 'otter' });
    const input = { title: 'Once', idempotencyKey: 'the-same' };
    const first = await source.client({ token: agent.apiKey }).request(TaskCreateDocument, { input });
    const target = await useDatabase();

    await importLines(await exported(source.databaseUrl), target);

    const app = await useTestApp({ ADMIN_TOKEN: 'sixteen-characters' }, { databaseUrl: target });
    const client = app.client({ token: agent.apiKey });
    expect((await client.request(ViewerDocument, {})).viewer.actor).toMatchObject({ id: agent.id });
    expect((await client.request(TaskCreateDocument, { input })).taskCreate.task).toEqual(first.taskCreate.task);
    expect(await app.sql('select from task')).toHaveLength(1);
  });

  it('may be compressed, and go through standard output and input', async () => {
    const source = await useDatabase();
    await query(source, `insert into organization (id, slug, name) values (gen_random_uuid(), 'acme', 'Acme')`);
    const file = path.join(await temporaryDirectory(), 'all.jsonl.gz');
    const [first, second] = [await useDatabase(), await useDatabase()];

    const written = await baton(['export', file, '--json'], source);
    const fromFile = await baton(['import', file, '--json'], first);
    const fromPipe = startCommand('baton', ['import', '-'], { env: { DATABASE_URL: second }, keepsInputOpen: true });
    fromPipe.process.stdin.end(gunzipSync(await readFile(file)));

    expect(JSON.parse(written.stdout)).toEqual({ file, rows: 3 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(fromFile.stdout).rows).toMatchObject({ organization: 2, event_log_horizon: 1, task: 0 });
    expect(await fromPipe.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('Imported 3 rows') });
    expect(await storedRows(first)).toEqual(await storedRows(source));
    expect(await storedRows(second)).toEqual(await storedRows(source));
  });
});

describe('an export', () => {
  it('shows one instant, however much is written meanwhile', async () => {
    const app = await useTestApp({ DATABASE_POOL_SIZE: '8' });
    const client = app.client();
    // Enough to read that much is written between the first line and the last.
    await app.sql(`insert into thread (id, organization_id) values (gen_random_uuid(), '${organizationId}')`);
    await app.sql(`insert into message (id, organization_id, thread_id, sender_name, payload)
      select gen_random_uuid(), '${organizationId}', thread.id, 'Otter', jsonb_build_object('text', repeat('word ', 100))
      from thread, generate_series(1, 40000)`);
    const agents = await Promise.all([1, 2, 3, 4].map(() => seedAgent(client)));
    let isOver = false;
    const writers = agents.map(async ({ id }) => {
      while (!isOver) {
        const task = await seedTask(client);
        const { lease } = await seedClaim(client, { taskId: task.id, agentId: id });
        await client.request(TaskReleaseDocument, { input: { taskId: task.id, agentId: id, fence: lease.fence } });
        await client.request(TaskClaimDocument, { input: { taskId: task.id, agentId: id } });
      }
    });
    const claimsBefore = await countClaims(app);

    const lines = await exported(app.databaseUrl);

    const claimsAfter = await countClaims(app);
    isOver = true;
    await Promise.all(writers);
    const [tasks, attempts, events] = ['task', 'task_attempt', 'event'].map((table) => rowsIn(lines, table));
    const countEvents = (type: string) => events?.filter((event) => event.type === type).length;
    // Were the tables read one after the other, the later ones would have more.
    expect(countEvents('TaskCreated')).toBe(tasks?.length);
    expect(countEvents('TaskClaimed')).toBe(attempts?.length);
    expect(tasks?.reduce((total, { fence }) => total + (fence as number), 0)).toBe(attempts?.length);
    expect(tasks?.filter((task) => task.holder_id !== null)).toHaveLength(
      attempts?.filter((attempt) => attempt.ended_at === null).length ?? -1,
    );
    expect(attempts?.length).toBeGreaterThanOrEqual(claimsBefore);
    expect(claimsAfter).toBeGreaterThan(attempts?.length ?? 0);
  });

  it('puts a row after those that it refers to', async () => {
    const url = await useDatabase();
    const order = headerOf(await exported(url)).tables.map(({ name }) => name);
    const references = await query<{ table: string; target: string }>(
      url,
      `select conrelid::regclass::text as table, confrelid::regclass::text as target from pg_constraint
       where contype = 'f' and conrelid <> confrelid and connamespace = 'public'::regnamespace`,
    );

    const late = references.filter(({ table, target }) => order.indexOf(target) > order.indexOf(table));

    expect(references.length).toBeGreaterThan(10);
    expect(late).toEqual([]);
  });

  it('keeps a file that is there, unless it is told to replace it', async () => {
    const url = await useDatabase();
    const directory = await temporaryDirectory();
    const file = path.join(directory, 'all.jsonl');
    await writeFile(file, 'precious');

    const refused = await baton(['export', file], url);
    const kept = await readFile(file, 'utf8');
    const forced = await baton(['export', file, '--force'], url);

    expect(refused).toMatchObject({
      code: 1,
      stderr: `baton: ${file} is there already. Choose another name, or replace it with --force.\n`,
    });
    expect(kept).toBe('precious');
    expect(forced.code).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('{"baton":"export"');
    expect(await readdir(directory)).toEqual(['all.jsonl']);
  });

  it('leaves no file when it is told to stop, or cannot write', async () => {
    const url = await useDatabase();
    const directory = await temporaryDirectory();
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    onTestFinished(() => other.end());
    await other.query('begin; lock table message in access exclusive mode');
    const waiting = startCommand('baton', ['export', path.join(directory, 'all.jsonl')], { env: { DATABASE_URL: url } });
    await until(url, `select from pg_locks where not granted and relation = 'message'::regclass`);

    waiting.process.kill('SIGTERM');
    const stopped = await waiting.ended;
    await other.query('rollback');
    const nowhere = await baton(['export', path.join(directory, 'missing', 'all.jsonl')], url);

    expect(stopped.code).toBe(143);
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('Cannot write') });
    expect(await readdir(directory)).toEqual([]);
  });

  it('has failed when its reader leaves before the end', async () => {
    const url = await useDatabase();
    await query(
      url,
      `insert into project (id, organization_id, name, description)
       select gen_random_uuid(), '${organizationId}', 'P' || i, repeat('words ', 1000) from generate_series(1, 1000) i`,
    );
    const running = startCommand('baton', ['export', '-'], { env: { DATABASE_URL: url } });

    running.process.stdout.destroy();

    expect(await running.ended).toMatchObject({ code: 1 });
  });

  it('is of no database that lacks migrations', async () => {
    const result = await baton(['export', '-'], await useDatabase(createEmptyDatabase));

    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('`baton migrate`') });
  });

  it('cannot give its answer in JSON where it goes itself', async () => {
    expect(await baton(['export', '-', '--json'], await useDatabase())).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('an import is refused, and changes nothing,', () => {
  const withRow = (lines: string[]) => [...lines.slice(0, -1), lines[1] ?? '', lines.at(-1) ?? ''];
  const inHeader = (change: (header: Header) => unknown) => (lines: string[]) => {
    const header = JSON.parse(lines[0] ?? '');
    change(header);
    return sealed([JSON.stringify(header), ...lines.slice(1)]);
  };

  it.each<[string, (lines: string[]) => string[], string]>([
    ['of nothing', () => [], 'The archive is empty'],
    ['of something else', () => ['id,title', '1,one'], 'This is no archive of Baton'],
    [
      'of a newer format',
      inHeader((header) => Object.assign(header, { format: 2 })),
      'The archive has format 2, and this Baton reads format 1',
    ],
    ['of other migrations', inHeader(({ migrations }) => migrations.pop()), 'Import it with the version that wrote it'],
    [
      'of other columns',
      inHeader(({ tables }) => tables[0]?.columns.pop()),
      'The tables of the archive are not those of this database (organization)',
    ],
    ['of other tables', inHeader(({ tables }) => tables.pop()), 'The tables of the archive are not those of this database'],
    ['of which a value was changed', (lines) => lines.map((line) => line.replace('"Acme"', '"Ecma"')), 'its checksum is wrong'],
    ['of which a row was lost', (lines) => lines.filter((line) => !line.includes('"Acme"')), 'its checksum is wrong'],
    [
      'with fewer rows than it should have',
      (lines) => sealed(lines.filter((line) => !line.includes('"Acme"'))),
      '1 rows of organization instead of 2',
    ],
    ['with a row twice', (lines) => sealed(withRow(lines)), 'cannot be stored: duplicate key'],
    ['that ends before its end', (lines) => lines.slice(0, -1), 'The archive is cut off'],
    ['that goes on after its end', (lines) => [...lines, lines[1] ?? ''], 'The archive goes on after its end'],
    [
      'with a line that is none',
      (lines) => [...lines.slice(0, 2), '{"row":{}}', ...lines.slice(2)],
      'Line 3 of the archive is damaged',
    ],
    [
      'of a table that is not there',
      (lines) => sealed([...lines.slice(0, -1), '{"table":"pg_authid","row":{}}', lines.at(-1) ?? '']),
      'is of a table that is not there: pg_authid',
    ],
    [
      'with a value that cannot be',
      (lines) => sealed(lines.map((line) => line.replace('"pruned_seq":0', '"pruned_seq":"much"'))),
      'cannot be stored: invalid input syntax',
    ],
    [
      'of rows that refer to nothing',
      (lines) => sealed(withOrphan(lines)),
      'Rows of actor refer to others that the archive does not have',
    ],
  ])('%s', async (_what, change, message) => {
    const [source, target] = [await useDatabase(), await useDatabase()];
    await query(source, `insert into organization (id, slug, name) values (gen_random_uuid(), 'acme', 'Acme')`);
    const constraints = await constraintsOf(target);

    const result = await importLines(change(await exported(source)), target);

    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(message);
    await expectUntouched(target);
    expect(await constraintsOf(target)).toEqual(constraints);
  });

  it('of half a compressed file', async () => {
    const target = await useDatabase();
    const file = path.join(await temporaryDirectory(), 'half.gz');
    const whole = gzipSync((await exported(target)).join('\n'));
    await writeFile(file, whole.subarray(0, whole.length - 20));

    const result = await baton(['import', file], target);

    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('The archive is cut off') });
    await expectUntouched(target);
  });

  it('of a file that is not there', async () => {
    const result = await baton(['import', '/nowhere/all.jsonl'], await useDatabase());

    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('Cannot read /nowhere/all.jsonl') });
  });

  it('into a database that is not empty', async () => {
    const lines = await exported(await useDatabase());
    const target = await useDatabase();
    await query(
      target,
      `insert into project (id, organization_id, name) values (gen_random_uuid(), '${organizationId}', 'Kept')`,
    );
    const before = await storedRows(target);

    const result = await importLines(lines, target);

    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The database is not empty: there are rows in project.'),
    });
    expect(await storedRows(target)).toEqual(before);
  });

  it('into a database that lacks migrations', async () => {
    const lines = await exported(await useDatabase());

    const result = await importLines(lines, await useDatabase(createEmptyDatabase));

    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('`baton migrate`') });
  });

  it('into the database of a running server', async () => {
    const lines = await exported(await useDatabase());
    const app = await useTestApp();

    const result = await importLines(lines, app.databaseUrl);

    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('A server is running on this database. Stop it first.'),
    });
    await expectUntouched(app.databaseUrl);
  });

  it('when its process is killed in the middle, after which it can be begun anew', async () => {
    const [source, target] = [await useDatabase(), await useDatabase()];
    await query(
      source,
      `insert into project (id, organization_id, name) select gen_random_uuid(), '${organizationId}', 'P' || i from generate_series(1, 5000) i`,
    );
    const lines = await exported(source);
    const killed = startCommand('baton', ['import', '-'], { env: { DATABASE_URL: target }, keepsInputOpen: true });
    killed.process.stdin.write(
      lines
        .slice(0, 4000)
        .map((line) => `${line}\n`)
        .join(''),
    );
    const writing = `select from pg_stat_activity where datname = current_database() and backend_xid is not null`;
    await until(target, `${writing} and state = 'idle in transaction' and query like '%json_populate_record%'`);

    killed.process.kill('SIGKILL');
    await killed.ended;
    await until(target, `select where not exists (${writing})`);

    await expectUntouched(target);
    expect(await importLines(lines, target)).toMatchObject({ code: 0 });
    expect(await storedRows(target)).toEqual(await storedRows(source));
  });
});

describe('the event log after an import', () => {
  it('is complete and in its old order in another cluster, goes on behind, and tells old cursors to resync', async () => {
    const source = await useTestApp();
    const client = source.client();
    await seedAgent(client, { externalId: 'otter' });
    await seedTask(client);
    await nothingHeldBack(source);
    const pruned = (await readLog(client)).at(-1)?.cursor ?? '';
    // What is there so far is deleted by retention, so that the log does not begin at its beginning.
    await source.sql(`update event set occurred_at = occurred_at - interval '40 days'`);
    await nothingHeldBack(source);
    await useTestApp({}, { databaseUrl: source.databaseUrl });
    await expect.poll(() => source.sql('select from event')).toEqual([]);
    await drawTransactionIds(source.databaseUrl);
    await appendOutOfOrder(source.databaseUrl);
    await seedTask(client);
    await nothingHeldBack(source);
    const before = await readLog(client);
    const { eventCursor } = await client.request(EventCursorDocument, {});
    const target = await useEmbeddedDatabase();

    const imported = await runCommand('baton', ['import', await exportFile(source.databaseUrl)], { env: target.env });
    const server = await target.serve();

    expect(imported).toMatchObject({ code: 0 });
    const after = await readLog(server);
    expect(before.map(({ data }) => data.name).slice(0, 3)).toEqual([
      'first transaction',
      'late in the first',
      'second transaction',
    ]);
    expect(after.map(withoutCursor)).toEqual(before.map(withoutCursor));
    // What would hide events: they carry higher transaction ids than this cluster has given out.
    const [{ id } = { id: '0' }] = await query<{ id: string }>(target.databaseUrl(), 'select pg_current_xact_id()::text as id');
    expect(Math.min(...before.map(({ cursor }) => Number(decodeCursor(cursor)?.xid)))).toBeGreaterThan(Number(id));
    for (const cursor of [pruned, eventCursor, ...before.map((event) => event.cursor)]) {
      await expect(server.request(EventLogDocument, { after: cursor }), cursor).rejects.toMatchObject({
        code: 'RESYNC_REQUIRED',
      });
      const stream = server.subscribe(EventsDocument, { after: cursor });
      await expect(stream.next()).rejects.toMatchObject({ code: 'RESYNC_REQUIRED' });
    }
    const events = new StreamReader(server.subscribe(EventsDocument, { after: after.at(-1)?.cursor }));
    const { taskCreate } = await server.request(TaskCreateDocument, { input: { title: 'After the move' } });
    const [created] = await events.take(1);
    expect(created?.events).toMatchObject({ kind: 'TASK_CREATED', task: { id: taskCreate.task?.id } });
    expect((await readLog(server)).map(withoutCursor)).toEqual([
      ...before.map(withoutCursor),
      expect.objectContaining({ kind: 'TASK_CREATED' }),
    ]);
    await events.stop();
  });

  it('gives no event a number that the old one gave out, so that no old cursor can be taken for a new one', async () => {
    const source = await useTestApp();
    await seedTask(source.client());
    await seedTask(source.client());
    // The last number went to an event that was never committed.
    await source.sql(`select nextval('event_seq_seq')`);
    const [old] = await source.sql<{ last: string }>('select last_value::text as last from event_seq_seq');
    const target = await useDatabase();

    await importLines(await exported(source.databaseUrl), target);

    const rows = await query<{ seq: string; xid: string }>(target, 'select seq::text, xid::text from event order by seq');
    expect(rows).toHaveLength(2);
    for (const { seq } of rows) expect(BigInt(seq)).toBeGreaterThan(BigInt(old?.last ?? 0));
    const app = await useTestApp({}, { databaseUrl: target });
    await seedTask(app.client());
    const [newest] = await app.sql<{ seq: string; xid: string }>(
      'select seq::text, xid::text from event order by xid desc, seq desc limit 1',
    );
    expect(BigInt(newest?.seq ?? 0)).toBeGreaterThan(BigInt(rows[1]?.seq ?? 0));
    expect(BigInt(newest?.xid ?? 0)).toBeGreaterThan(BigInt(rows[1]?.xid ?? 0));
  });

  it('is resumed from the beginning by those who have seen nothing of it', async () => {
    const source = await useTestApp();
    const { eventCursor: beginning } = await source.client().request(EventCursorDocument, {});
    const task = await seedTask(source.client());
    const target = await useDatabase();

    await importLines(await exported(source.databaseUrl), target);

    const app = await useTestApp({}, { databaseUrl: target });
    await nothingHeldBack(app);
    const { events } = await app.client().request(EventLogDocument, { after: beginning });
    expect(events.nodes).toMatchObject([{ kind: 'TASK_CREATED' }]);
    expect(task.id).toBeTruthy();
  });
});

interface LoggedEvent {
  cursor: string;
  kind: string;
  data: Record<string, unknown>;
}

async function readLog(client: BatonClient): Promise<LoggedEvent[]> {
  const { events } = await client.request(EventLogDocument, { first: 100 });
  return events.nodes as LoggedEvent[];
}

const withoutCursor = ({ cursor: _cursor, ...event }: LoggedEvent) => event;

async function countClaims(app: TestApp): Promise<number> {
  return (await app.sql('select from task_attempt')).length;
}

async function exportFile(url: string): Promise<string> {
  const file = path.join(await temporaryDirectory(), 'all.jsonl');
  const { code, stderr } = await baton(['export', file], url);
  if (code !== 0) throw new Error(stderr);
  return file;
}

/** Uses up transaction ids, so that those of the cluster are far ahead of those of a new one. */
async function drawTransactionIds(url: string): Promise<void> {
  await query(url, 'do $$ begin for i in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$');
}

/** Two transactions whose events are not numbered in the order of the transactions. */
async function appendOutOfOrder(url: string): Promise<void> {
  const [first, second] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
  const append = (client: pg.Client, name: string) =>
    client.query(
      `insert into event (organization_id, type, subject_id, data)
       values ('${organizationId}', 'ProjectCreated', gen_random_uuid(), jsonb_build_object('name', $1::text))`,
      [name],
    );
  for (const client of [first, second]) {
    await client.connect();
    await client.query('begin; select pg_current_xact_id()');
  }
  await append(first, 'first transaction');
  await append(second, 'second transaction');
  await second.query('commit');
  await append(first, 'late in the first');
  await first.query('commit');
  await Promise.all([first.end(), second.end()]);
}

/** A migrated embedded database in a cluster of its own, and a server on it. */
async function useEmbeddedDatabase() {
  const env = { DATA_DIR: path.join(await temporaryDirectory(), 'data'), PORT: '0' };
  const { code, stderr } = await runCommand('baton', ['migrate'], { env });
  if (code !== 0) throw new Error(stderr);
  let url = '';
  return {
    env,
    databaseUrl: () => url,
    async serve(): Promise<BatonClient> {
      const server = startCommand('baton', ['serve'], { env });
      await server.untilStdout((text) => text.includes('Baton is ready'));
      onTestFinished(async () => {
        server.process.kill('SIGTERM');
        await server.ended;
      });
      url = (await inspectEmbeddedPostgres(env.DATA_DIR))?.running?.url ?? '';
      const ready =
        server
          .stdout()
          .split('\n')
          .find((line) => line.includes('Baton is ready')) ?? '{}';
      const client = new BatonClient({ url: JSON.parse(ready).url });
      onTestFinished(() => client.close());
      return client;
    },
  };
}

/** Resolves once the query finds a row. */
async function until(url: string, sql: string): Promise<void> {
  while ((await query(url, sql)).length === 0) await delay(20);
}

/** A row of an actor whose organization is not in the archive. */
function withOrphan(lines: string[]): string[] {
  const header = JSON.parse(lines[0] ?? '') as Header;
  const row = Object.fromEntries(
    (header.tables.find(({ name }) => name === 'actor')?.columns ?? []).map((name) => [name, null as unknown]),
  );
  const actor = {
    ...row,
    id: organizationId,
    organization_id: '00000000-0000-7000-8000-000000000009',
    kind: 'AGENT',
    name: 'Otter',
  };
  const filled = { ...actor, is_orchestrator: false, capabilities: {}, metadata: {}, status: 'ACTIVE', health: 'OFFLINE' };
  const instants = { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' };
  for (const table of header.tables) if (table.name === 'actor') table.rows += 1;
  const trailer = JSON.parse(lines.at(-1) ?? '');
  const line = JSON.stringify({ table: 'actor', row: { ...filled, ...instants } });
  return [JSON.stringify(header), ...lines.slice(1, -1), line, JSON.stringify({ ...trailer, rows: trailer.rows + 1 })];
}

async function constraintsOf(url: string): Promise<unknown[]> {
  return query(
    url,
    `select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
     where connamespace = 'public'::regnamespace order by 1, 2`,
  );
}

/** Lines without the instant of the export, and without what an import writes anew. */
function withoutWhatMayDiffer(lines: readonly string[]): string[] {
  const header = headerOf(lines);
  const numbered = header.sequences.map((sequence) =>
    sequence.name === 'event_seq_seq' ? { ...sequence, value: '-' } : sequence,
  );
  const events = (line: string) => line.replace(/^(\{"table":"event","row":\{)"seq":\d+,"xid":"\d+"/, '$1"seq":-,"xid":-');
  const horizon = (line: string) => line.replace(/"pruned_xid":"\d+","pruned_seq":\d+/, '"pruned_xid":-,"pruned_seq":-');
  return [
    JSON.stringify({ ...header, createdAt: '-', sequences: numbered }),
    ...lines.slice(1, -1).map(events).map(horizon),
    JSON.stringify({ ...JSON.parse(lines.at(-1) ?? ''), sha256: '-' }),
  ];
}

/** Every type that Postgres stores and JSON does not, and values that are easily lost. */
const oddTable = `
  create table odd (
    id bigint generated always as identity primary key,
    word text not null unique,
    length int generated always as (length(word)) stored,
    at timestamptz default '2026-01-02 03:04:05.678901+05:30',
    forever timestamptz default 'infinity',
    day date default '2026-02-28',
    span interval default '1 year 2 days 03:04:05.000006',
    amount numeric default 12345678901234567890.1234567890000,
    wide bigint default -9223372036854775808,
    half real default 'NaN',
    halves real[] default '{0.1,-0,1e-30,Infinity,NULL}',
    single double precision default 0.1,
    bytes bytea default '\\x00ff0a22',
    flags bit varying default b'10110',
    net inet default '10.0.0.0/8',
    words text[] default array['', 'null', NULL, 'a,b', 'q"uote', '{brace}', e'back\\\\slash'],
    grid int[] default '{{1,2},{3,4}}',
    nothing jsonb,
    json_null jsonb default 'null',
    inner_null jsonb default '{"a": null, "b": [null, "null"]}',
    number jsonb default '[1.50, 1e400, 12345678901234567890.000000000000001]',
    text jsonb default '"\\u2028 \\"quoted\\" \\\\ \\n 😀"',
    search tsvector default 'a:1 fat:2 cat:3',
    range tstzrange default '[2026-01-01, 2026-01-02)'
  )`;

const oddWords = [
  '',
  ' ',
  'null',
  'é\u0301',
  '😀',
  'a\nb\r\nc\td',
  '\u2028\u2029\u0085',
  '"q" \\ \\n \\u0041',
  '{"baton":"end"}',
  '\u0001',
];

/** Rows in each table: one that has only what must be and, where the constraints allow it, one that has every column set. */
async function fillEveryTable(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  for (const word of oddWords) await client.query('insert into odd (word) values ($1)', [word]);
  // More than is held at a time.
  await client.query(
    `insert into odd (word, text) select 'big' || i, to_jsonb(repeat(md5(i::text), 50000)) from generate_series(1, 8) i`,
  );
  const order = headerOf(await exported(url)).tables.map(({ name }) => name);
  for (const table of order.filter((name) => name !== 'odd' && name !== 'event_log_horizon')) {
    const columns = await columnsOf(client, table);
    const required = columns.filter(({ isNullable, hasDefault }) => !isNullable && !hasDefault);
    await insertRow(client, table, required);
    await insertRow(
      client,
      table,
      columns.filter(({ name }) => !(table === 'event' && (name === 'seq' || name === 'xid'))),
    ).catch((error) => {
      // A check wants some columns together or not at all, or there is one row of it for what it belongs to.
      if (error.code !== '23514' && error.code !== '23505') throw error;
    });
  }
  await client.query('update event_log_horizon set pruned_seq = 1, pruned_xid = $1', ['700']);
}

interface ColumnFacts {
  name: string;
  type: string;
  kind: string;
  isNullable: boolean;
  hasDefault: boolean;
  /** `table.column` that it refers to. */
  target: [string, string] | null;
}

async function columnsOf(client: pg.Client, table: string): Promise<ColumnFacts[]> {
  const { rows } = await client.query<ColumnFacts>(
    `select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as "isNullable", atthasdef as "hasDefault",
       (select typtype from pg_type where oid = coalesce(nullif((select typelem from pg_type where oid = atttypid), 0), atttypid)) as kind,
       (select array[confrelid::regclass::text, (select attname from pg_attribute where attrelid = confrelid and attnum = confkey[1])::text]
        from pg_constraint where contype = 'f' and conrelid = attrelid and conkey = array[attnum] limit 1) as target
     from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows;
}

let unique = 0;

async function insertRow(client: pg.Client, table: string, columns: readonly ColumnFacts[]): Promise<void> {
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  const values = columns.map((column) => valueIn(table, column)).join(', ');
  await client.query(`insert into "${table}" (${names}) values (${values})`);
}

/** A value in SQL that says as much as its type can. */
function valueIn(table: string, { name, type, kind, target }: ColumnFacts): string {
  unique += 1;
  const chosen: Record<string, string> = { 'task.status': "'IN_PROGRESS'", 'task.priority': '7' };
  if (chosen[`${table}.${name}`]) return chosen[`${table}.${name}`] as string;
  if (target) return `(select "${target[1]}" from "${target[0]}" order by 1 limit 1)`;
  if (name === 'organization_id') return `'${organizationId}'`;
  if (kind === 'e') return type.endsWith('[]') ? `enum_range(null::${type.slice(0, -2)})` : `enum_last(null::${type})`;
  if (type.startsWith('timestamp')) return `'2026-01-02 03:04:05.678+00'`;
  const values: Record<string, string> = {
    uuid: 'gen_random_uuid()',
    text: `e'"${unique}" \\\\ \\n \\u2028 \\U0001F600'`,
    'text[]': `array['a,b', 'q"${unique}', '', null]`,
    integer: String(unique),
    bigint: '9223372036854775807',
    boolean: 'true',
    jsonb: `jsonb_build_object('n', 12345678901234567890.5, 'nothing', null, 'unique', ${unique})`,
    'real[]': `'{0.1,-1.5e-30,NaN,Infinity}'`,
    real: '0.1',
    'double precision': '0.1',
    numeric: '1.50',
    bytea: `'\\x00ff'`,
    'bit varying': `b'10110'`,
    tsvector: `'a:1 fat:2A "q":3'`,
  };
  const value = values[type];
  if (value !== undefined) return value;
  throw new Error(`${table}.${name} has the type ${type}: say here what a value of it is`);
}
