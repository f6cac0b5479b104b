import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Finding } from '../../src/cli/baton/doctor/finding.js';
import { SettingCipher } from '../../src/features/settings/setting.cipher.js';
import { useTestApp } from '../support/app.js';
import { runCommand, startCommand } from '../support/command-line.js';
import { useOwnCluster } from '../support/own-cluster.js';
import { createEmptyDatabase, createTestDatabase } from '../support/postgres.js';
import { requireRedis } from '../support/redis.js';
import { startRedisCluster } from '../support/redis-cluster.js';

// Transactions stay open here for longer than others can wait for their events.
useOwnCluster();

// Each command is a process that loads the server's code, and some start a database of their own.
vi.setConfig({ testTimeout: 90_000 });

const organizationId = '00000000-0000-7000-8000-000000000001';

/** The findings by what was looked at, and the exit code. */
async function examine(env: Record<string, string>): Promise<{ code: number | null; findings: Record<string, Finding> }> {
  const { code, stdout, stderr } = await runCommand('baton', ['doctor', '--json'], { env: { PORT: '0', ...env } });
  if (stderr !== '') throw new Error(stderr);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Finding[] };
  expect(code).toBe(ok ? 0 : 1);
  return { code, findings: Object.fromEntries(checks.map((finding) => [finding.check, finding])) };
}

async function useDatabase(create = createTestDatabase): Promise<string> {
  const database = await create();
  onTestFinished(() => database.drop());
  return database.url;
}

async function useClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // The database is dropped under what a test has left open.
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** A directory that Postgres' own user can enter. */
async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-doctor-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  return directory;
}

/** Sets one of the database's clocks ahead: what a session calls by this name is ours. */
async function setAhead(url: string, clock: 'now' | 'clock_timestamp', interval: string): Promise<void> {
  const client = await useClient(url);
  await client.query(
    `create function public.${clock}() returns timestamptz language sql as $$ select pg_catalog.${clock}() + interval '${interval}' $$`,
  );
  await client.query(`alter database ${client.escapeIdentifier(client.database as string)} set search_path = public, pg_catalog`);
}

describe('baton doctor', () => {
  it('finds nothing wrong where nothing is, and tells so in lines', async (context) => {
    const env = { DATABASE_URL: await useDatabase(), REDIS_URL: requireRedis(context), PORT: '0' };

    const { code, stdout, stderr } = await runCommand('baton', ['doctor'], { env });

    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    // The Postgres of the tests does not flush to disk, and other tests may keep a transaction open in it.
    const found = lines.map(([check, status]) => `${check} ${status}`).filter((line) => !line.startsWith('writers'));
    expect(found).toEqual(
      'node ok,configuration ok,access ok,database warn,rights ok,migrations ok,clock ok,events ok,secrets ok,redis ok,port ok'.split(
        ',',
      ),
    );
    expect(lines[3]).toMatchObject([
      'database',
      'warn',
      expect.stringMatching(/^Postgres 18\S*, with fsync off/),
      'Turn fsync on.',
    ]);
    expect(stderr).toMatch(/^0 failed, \d with a warning\.\n$/);
  });

  it('tells every problem of the configuration at once, and looks no further', async () => {
    const { code, findings } = await examine({ PORT: 'http', TERARCHITECT_SECRET_KEY: 'short', HOST: '0.0.0.0' });

    expect(code).toBe(1);
    expect(findings.configuration?.detail.split('\n')).toEqual([
      expect.stringContaining('PORT must be a whole number'),
      'TERARCHITECT_SECRET_KEY must be 64 hexadecimal digits.',
      expect.stringContaining('HOST is 0.0.0.0, which others can reach, but ADMIN_TOKEN is not set'),
    ]);
    expect(findings.database).toMatchObject({ status: 'skip' });
  });

  it('warns of a queue that is open to whoever reaches it', async () => {
    const exposed = { ADMIN_TOKEN: 'sixteen-characters', HOST: '0.0.0.0', DATABASE_URL: await useDatabase() };

    const open = await examine({ ...exposed, QUEUE_AUTH: 'off' });
    const closed = await examine(exposed);

    expect(open.findings.access).toMatchObject({ status: 'warn', detail: expect.stringContaining('QUEUE_AUTH is off') });
    expect(closed.findings.access).toMatchObject({ status: 'ok', detail: expect.stringContaining('put TLS in front') });
  });

  it('says which database it cannot reach, without giving the password away', async () => {
    const url = new URL(await useDatabase());
    url.pathname = '/nowhere';

    const { code, findings } = await examine({ DATABASE_URL: url.href });

    expect(code).toBe(1);
    expect(findings.database).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('The database nowhere at 127.0.0.1'),
    });
    expect(JSON.stringify(findings)).not.toContain(url.password);
  });

  it('finds that the role may not create tables, or does not own those that are there', async () => {
    const url = new URL(await useDatabase());
    const owner = await useClient(url.href);
    const role = `limited_${process.pid}`;
    await owner.query(`create role ${role} login password 'limited'; grant select on all tables in schema public to ${role}`);
    onTestFinished(async () => {
      await owner.query(`drop owned by ${role}; drop role ${role}`);
    });
    url.username = role;
    url.password = 'limited';

    const readOnly = await examine({ DATABASE_URL: url.href });
    await owner.query(`grant create on schema public to ${role}`);
    const noOwner = await examine({ DATABASE_URL: url.href });

    expect(readOnly.findings.rights).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('permission denied for schema public'),
    });
    expect(noOwner.findings.rights).toMatchObject({ status: 'fail', detail: expect.stringContaining('Other roles own') });
  });

  it('finds migrations that are pending, or were changed', async () => {
    const url = await useDatabase();
    const client = await useClient(url);
    await client.query(`update _prisma_migrations set checksum = repeat('0', 64)`);

    const pending = await examine({ DATABASE_URL: await useDatabase(createEmptyDatabase) });
    const changed = await examine({ DATABASE_URL: url });

    expect(pending.code).toBe(0);
    expect(pending.findings.migrations).toMatchObject({ status: 'warn', advice: expect.stringContaining('`baton migrate`') });
    expect(pending.findings.events).toMatchObject({ status: 'skip' });
    expect(changed.findings.migrations).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('was changed after it was applied'),
    });
  });

  it('finds a clock that is not the database’s', async () => {
    const url = await useDatabase();
    await setAhead(url, 'clock_timestamp', '1 minute');

    const { code, findings } = await examine({ DATABASE_URL: url });

    expect(code).toBe(0);
    expect(findings.clock).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching(/^The database's clock is (59|60)\.\d s ahead/),
    });
  });

  it.each([
    ['1 minute', 'warn', 0],
    ['10 minutes', 'fail', 1],
  ])('finds a writing transaction that has been open for %s', async (age, status, code) => {
    const url = await useDatabase();
    await setAhead(url, 'now', age);
    const writer = await useClient(url);
    const [{ pid } = { pid: 0 }] =
      (
        (await writer.query('begin; select pg_current_xact_id(); select pg_backend_pid() as pid')) as unknown as pg.QueryResult[]
      )[2]?.rows ?? [];

    const result = await examine({ DATABASE_URL: url });

    expect(result.code).toBe(code);
    expect(result.findings.writers).toMatchObject({
      status,
      detail: expect.stringContaining(`process ${pid} `),
      advice: expect.stringContaining('pg_terminate_backend('),
    });
  });

  it.each([
    ['30 seconds', 'warn'],
    ['2 minutes', 'fail'],
  ])('finds events that have waited for %s', async (age, status) => {
    const url = await useDatabase();
    const writer = await useClient(url);
    await writer.query('begin; select pg_current_xact_id()');
    const other = await useClient(url);
    await other.query(
      `insert into event (organization_id, type, subject_id, occurred_at)
       values ('${organizationId}', 'TaskCreated', gen_random_uuid(), clock_timestamp() - interval '${age}')`,
    );

    const { findings } = await examine({ DATABASE_URL: url });

    expect(findings.events).toMatchObject({ status, detail: expect.stringContaining('for an older transaction to end') });
  });

  it('finds an event log that was copied from another cluster', async () => {
    const url = await useDatabase();
    const client = await useClient(url);
    await client.query(
      `insert into event (xid, organization_id, type, subject_id) values ('9000000000', '${organizationId}', 'TaskCreated', gen_random_uuid())`,
    );

    const { code, findings } = await examine({ DATABASE_URL: url });

    expect(code).toBe(1);
    expect(findings.events).toMatchObject({ status: 'fail', advice: expect.stringContaining('`baton import`') });
  });

  it('finds secret settings that the key of the configuration does not read', async () => {
    const url = await useDatabase();
    const client = await useClient(url);
    const place = { organizationId, key: 'AGENT_API_KEY' } as const;
    const stored = new SettingCipher('ab'.repeat(32)).encrypt('hunter2', place);
    await client.query('insert into setting (organization_id, key, value, is_encrypted) values ($1, $2, $3, true)', [
      organizationId,
      place.key,
      stored,
    ]);

    const without = await examine({ DATABASE_URL: url });
    const other = await examine({ DATABASE_URL: url, TERARCHITECT_SECRET_KEY: 'cd'.repeat(32) });
    const right = await examine({ DATABASE_URL: url, TERARCHITECT_SECRET_KEY: 'ab'.repeat(32) });

    expect(without.findings.secrets).toMatchObject({ status: 'fail', detail: expect.stringContaining('is not set') });
    expect(other.findings.secrets).toMatchObject({ status: 'fail', detail: expect.stringContaining('such as AGENT_API_KEY') });
    expect(right.findings.secrets).toMatchObject({ status: 'ok' });
  });

  it('finds a Redis that does not answer, or refuses us, without giving the password away', async (context) => {
    const url = new URL(requireRedis(context));
    url.username = 'nobody';
    url.password = 'hunter2-of-redis';
    const env = { DATABASE_URL: await useDatabase() };

    const away = await examine({ ...env, REDIS_URL: 'redis://:hunter2-of-redis@127.0.0.1:1' });
    const refused = await examine({ ...env, REDIS_URL: url.href });

    expect(away.code).toBe(1);
    for (const { findings } of [away, refused]) {
      expect(findings.redis).toMatchObject({ status: 'fail', detail: expect.stringContaining('does not carry messages') });
      expect(JSON.stringify(findings)).not.toContain('hunter2');
    }
  });

  it('sends a message by way of each node that is named of a Redis Cluster', async (context) => {
    requireRedis(context);
    const redis = await startRedisCluster();
    onTestFinished(() => redis.remove());
    const env = { DATABASE_URL: await useDatabase(), REDIS_CLUSTER: 'on' };

    const whole = await examine({ ...env, REDIS_URL: redis.urls.join() });
    const away = await examine({ ...env, REDIS_URL: [...redis.urls, 'redis://127.0.0.1:1'].join() });

    const times = redis.urls.map((url) => `${new URL(url).host} carries a message in [\\d.]+ ms\\.`);
    expect(whole.findings.redis).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(new RegExp(`^${times.join(' ')}$`)),
    });
    expect(away.findings.redis).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('127.0.0.1:1 does not carry messages'),
    });
  });

  it('tells a port that a Baton serves from one that is taken', async () => {
    const app = await useTestApp();
    const other = createServer((socket) => socket.end('hello\n')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const env = { DATABASE_URL: app.databaseUrl };

    const served = await examine({ ...env, PORT: new URL(app.url).port });
    const taken = await examine({ ...env, PORT: String((other.address() as AddressInfo).port) });

    expect(served.findings.port).toMatchObject({ status: 'ok', detail: expect.stringContaining('is served by a Baton') });
    expect(taken.findings.port).toMatchObject({ status: 'fail', advice: expect.stringContaining('set PORT') });
  });

  it('makes no embedded database by looking for one, and looks at the one of a running server beside it', async () => {
    const env = { DATA_DIR: path.join(await temporaryDirectory(), 'data'), PORT: '0' };

    const before = await examine(env);
    const server = startCommand('baton', ['serve'], { env });
    await server.untilStdout((text) => text.includes('Baton is ready'));
    const beside = await examine(env);
    server.process.kill('SIGTERM');

    expect(before.code).toBe(0);
    expect(before.findings).toMatchObject({
      data: { detail: expect.stringContaining('No data in') },
      database: { status: 'skip' },
    });
    expect(beside.findings.data?.detail).toContain(`used by process ${server.process.pid};`);
    expect(Object.values(beside.findings).filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(await server.ended).toMatchObject({ code: 0 });
  });

  it('finds data of another Postgres than the one that comes along', async () => {
    const dataDir = await temporaryDirectory();
    await mkdir(path.join(dataDir, 'postgres/data'), { recursive: true });
    await writeFile(path.join(dataDir, 'postgres/data/PG_VERSION'), '17\n');
    await writeFile(path.join(dataDir, 'postgres/password'), 'hunter2\n');

    const { code, findings } = await examine({ DATA_DIR: dataDir });

    expect(code).toBe(1);
    expect(findings.data).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('is of Postgres 17, and this Baton brings Postgres 18'),
    });
    expect(findings.database).toMatchObject({ status: 'skip' });
  });
});
