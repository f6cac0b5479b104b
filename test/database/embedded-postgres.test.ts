import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { EmbeddedPostgresInUseError } from '../../src/database/embedded/ownership.js';
import { createLogger } from '../../src/kernel/logger.js';

const isRoot = process.getuid?.() === 0;

describe('the embedded Postgres', () => {
  it('keeps its data over a restart', async () => {
    const dataDir = await temporaryDirectory();
    const first = await start(dataDir);
    await query(first.url, `CREATE TABLE kept AS SELECT 'still here' AS word`);
    await first.stop();

    const second = await start(dataDir);

    expect(await query(second.url, 'SELECT word FROM kept')).toEqual([{ word: 'still here' }]);
  });

  it('flushes what it commits to disk, takes 100 connections, and speaks UTC', async () => {
    const { url } = await start(await temporaryDirectory());

    const rows = await query(
      url,
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'max_connections', 'TimeZone')`,
    );

    expect(Object.fromEntries(rows.map((row) => [row.name, row.setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      max_connections: '100',
      TimeZone: 'UTC',
    });
  });

  it('lets nobody in without its password, which only its user can read', async () => {
    const dataDir = await temporaryDirectory();
    const postgres = await start(dataDir);
    const url = new URL(postgres.url);
    url.password = 'guess';

    await expect(query(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    const { mode } = await stat(path.join(postgres.dataDirectory, '..', 'password'));
    expect(mode & 0o777).toBe(0o600);
    expect(url.hostname).toBe('127.0.0.1');
  });

  it('comes back by itself under the same address when it was killed, with its data and its owner', async () => {
    const dataDir = await temporaryDirectory();
    const postgres = await start(dataDir);
    await query(postgres.url, 'CREATE TABLE kept AS SELECT 1 AS one');

    process.kill(postgres.pid, 'SIGKILL');

    await expect
      .poll(() => query(postgres.url, 'SELECT one FROM kept').catch(() => null), { timeout: 20_000 })
      .toEqual([{ one: 1 }]);
    await expect(start(dataDir)).rejects.toThrow(EmbeddedPostgresInUseError);
    await postgres.stop();
    await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('starts again after Postgres itself was killed', async () => {
    const dataDir = await temporaryDirectory();
    const first = await start(dataDir);
    await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS one');
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    // The lock file of the killed server, which would keep the next one from starting were it believed.
    await expect(readFile(path.join(first.dataDirectory, 'postmaster.pid'), 'utf8')).resolves.toContain(String(first.pid));

    const second = await start(dataDir);

    expect(await query(second.url, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  });

  it.runIf(process.platform === 'linux')(
    'starts when another program got the process id that a killed Postgres had',
    async () => {
      const dataDir = await temporaryDirectory();
      const first = await start(dataDir);
      const lockFile = path.join(first.dataDirectory, 'postmaster.pid');
      const lock = await readFile(lockFile, 'utf8');
      await first.stop();
      await writeFile(lockFile, lock.replace(String(first.pid), String(process.pid)));

      const second = await start(dataDir);

      expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    },
  );

  it('ends the server that a killed owner left behind, and keeps its data', async () => {
    const dataDir = await temporaryDirectory();
    const owner = await startOwner(dataDir);
    await query(owner.url, 'CREATE TABLE kept AS SELECT 1 AS one');
    owner.process.kill('SIGKILL');
    await once(owner.process, 'exit');

    const next = await start(dataDir);

    expect(await query(next.url, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    expect(next.pid).not.toBe(owner.pid);
    expect(() => process.kill(owner.pid, 0)).toThrow('ESRCH');
  });

  it('refuses a second owner of the same data, by whatever name, and names the first', async () => {
    const dataDir = await temporaryDirectory();
    const owner = await startOwner(dataDir);

    const outcome = startEmbeddedPostgres({
      dataDir: path.join(dataDir, '..', path.basename(dataDir)),
      logger: createLogger('silent'),
    });

    await expect(outcome).rejects.toThrow(EmbeddedPostgresInUseError);
    await expect(outcome).rejects.toThrow(`is in use by process ${owner.process.pid}`);
    expect(await query(owner.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await interrupt(owner);
  });

  it('stays with its owner when one of its processes crashes, which cuts every connection', async () => {
    const dataDir = await temporaryDirectory();
    const first = await start(dataDir);
    await crashOneProcess(first.url);

    await expect(start(dataDir)).rejects.toThrow(EmbeddedPostgresInUseError);
  });

  it('has one owner when two start on an empty directory in the same moment', async () => {
    const dataDir = await temporaryDirectory();

    const outcomes = await Promise.allSettled([start(dataDir), start(dataDir)]);

    const [winner] = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const losses = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(losses).toEqual([expect.any(EmbeddedPostgresInUseError)]);
    expect(await query(winner?.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('outlives Ctrl-C in the terminal until its owner stops it', async () => {
    const owner = await startOwner(await temporaryDirectory());

    const answer = await interrupt(owner);

    expect(answer).toEqual({ answer: 42 });
    expect(() => process.kill(owner.pid, 0)).toThrow('ESRCH');
  });

  it.runIf(isRoot)('starts for root from a directory that only root can enter, twice on the same data', async () => {
    const home = await temporaryDirectory();
    await chmod(home, 0o700);
    const dataDir = path.join(home, 'checkout', '.baton');
    const first = await start(dataDir);
    onTestFinished(() => rm(path.join(first.dataDirectory, '..', '..'), { recursive: true }));
    await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS one');
    await first.stop();

    const second = await start(dataDir);

    expect(await query(second.url, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    expect(second.dataDirectory).toBe(first.dataDirectory);
    expect((await lstat(path.join(dataDir, 'postgres'))).isSymbolicLink()).toBe(true);
  });
});

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-embedded-'));
  await chmod(directory, 0o755);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, logger: createLogger('silent') });
  onTestFinished(() => postgres.stop());
  return postgres;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Kills the process that serves a connection, and returns when Postgres has cut that connection. */
async function crashOneProcess(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const isCut = new Promise((resolve) => client.once('end', resolve));
  process.kill(rows[0]?.pid as number, 'SIGKILL');
  await isCut;
}

/** Runs `embedded-owner.ts` as the leader of a process group of its own, as a shell would. */
async function startOwner(dataDir: string) {
  const script = fileURLToPath(new URL('../support/embedded-owner.ts', import.meta.url));
  const owner = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface({ input: owner.stdout })[Symbol.asyncIterator]();
  const nextMessage = async () => JSON.parse((await lines.next()).value);
  const { url, pid } = (await nextMessage()) as { url: string; pid: number };
  onTestFinished(async () => {
    if (owner.exitCode !== null || owner.signalCode !== null) return;
    owner.kill('SIGKILL');
    process.kill(pid, 'SIGINT');
  });
  return { process: owner, url, pid, nextMessage };
}

/** What Ctrl-C does: the signal goes to the whole group. Returns what the owner says then, once it has ended. */
async function interrupt(owner: Awaited<ReturnType<typeof startOwner>>): Promise<unknown> {
  const exited = once(owner.process, 'exit');
  process.kill(-(owner.process.pid as number), 'SIGINT');
  const message = await owner.nextMessage();
  await exited;
  return message;
}
