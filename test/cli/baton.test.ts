import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readMigrations } from '../../src/database/migration-runner.js';
import { packageManifest } from '../../src/kernel/package.js';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { ViewerDocument } from '../../src/sdk/generated.js';
import { testEnvironment, useTestApp } from '../support/app.js';
import { type CommandResult, runCommand, startCommand } from '../support/command-line.js';
import { createEmptyDatabase, createTestDatabase } from '../support/postgres.js';
import { seedAgent } from '../support/seed.js';

// Each command is a process that loads the server's code, and some start a database of their own.
vi.setConfig({ testTimeout: 90_000 });

const repository = path.join(import.meta.dirname, '../..');
const migrations = (await readMigrations()).map(({ name }) => name);

function baton(args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
  return runCommand('baton', args, { env });
}

/** A directory that Postgres' own user can enter. */
async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-cli-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  return directory;
}

async function useDatabase(create = createTestDatabase): Promise<string> {
  const database = await create();
  onTestFinished(() => database.drop());
  return database.url;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the command line', () => {
  it('can be run by name from another directory, through the link that an installation makes', async () => {
    const directory = await temporaryDirectory();
    await chmod(path.join(repository, 'dist/cli/baton.js'), 0o755);
    await mkdir(path.join(directory, 'bin'));
    await symlink(path.join(repository, 'dist/cli/baton.js'), path.join(directory, 'bin/baton'));

    const { stdout } = await promisify(execFile)(path.join(directory, 'bin/baton'), ['--version'], { cwd: directory });

    expect(stdout).toBe(`${packageManifest().version}\n`);
  });

  it('ends with 0 after help, with 2 without a command or with a wrong one, and says so as JSON when asked to', async () => {
    const help = await baton(['--help']);
    const none = await baton([]);
    const wrong = await baton(['migrte']);
    const asJson = await baton(['migrate', '--colour', '--json']);

    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Usage: baton');
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toBe(help.stdout);
    expect(wrong).toEqual({ code: 2, stdout: '', stderr: "error: unknown command 'migrte'\n(Did you mean migrate?)\n" });
    expect(asJson).toMatchObject({ code: 2, stdout: '' });
    expect(JSON.parse(asJson.stderr)).toEqual({ error: "unknown option '--colour'" });
  });

  it('tells every problem of the configuration at once, and ends with 1', async () => {
    const { code, stdout, stderr } = await baton(['keys', 'list'], { PORT: 'http', LOG_LEVEL: 'loud' });

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('PORT must be a whole number');
    expect(stderr).toContain('LOG_LEVEL must be one of');
  });

  it('says which database it cannot reach, without giving the password away', async () => {
    const url = new URL(await useDatabase());
    url.pathname = '/nowhere';

    const { code, stderr } = await baton(['keys', 'list', '--json'], { DATABASE_URL: url.href });

    expect(code).toBe(1);
    expect(JSON.parse(stderr).error).toMatch(
      /^The database nowhere at 127\.0\.0\.1:\d+ cannot be used: .* Check DATABASE_URL\.$/,
    );
    expect(stderr).not.toContain(url.password);
  });

  it('makes no embedded database by looking for one', async () => {
    const directory = await temporaryDirectory();

    const { code, stderr } = await baton(['keys', 'list'], { DATA_DIR: path.join(directory, 'data') });

    expect(code).toBe(1);
    expect(stderr).toContain(`${directory}/data has no embedded Postgres. Set DATABASE_URL or DATA_DIR, or make one with`);
    await expect(rm(path.join(directory, 'data'), { recursive: true })).rejects.toThrow('ENOENT');
  });

  it.each(['bash', 'zsh', 'fish'])('completes itself in %s', async (shell) => {
    const script = await baton(['completion', shell]);
    const commands = await baton(['complete', '--', 'ke']);
    const options = await baton(['complete', '--', 'keys', 'create', '--wo']);

    expect(script.code).toBe(0);
    expect(script.stdout).toContain('baton complete --');
    expect(commands.stdout).toMatch(/^keys\t/);
    expect(options.stdout).toMatch(/^--worker\t/);
    expect((await baton(['completion', 'tcsh'])).code).toBe(2);
  });

  it('completes itself in bash beside another program that does so in the same way', async () => {
    const scripts = await Promise.all([baton(['completion', 'bash']), runCommand('tqc', ['completion', 'bash'])]);

    const both = scripts.map(({ stdout }) => stdout).join('\n');
    const { stderr } = await promisify(execFile)('bash', ['-c', `${both}\n${both}`]);

    expect(stderr).toBe('');
  });
});

describe.runIf(process.platform === 'linux')('on a terminal', () => {
  /** Runs a command with a terminal of its own; answers all that it shows. */
  async function onTerminal(args: string[], env: Record<string, string>): Promise<string> {
    const command = [process.execPath, path.join(repository, 'dist/cli/baton.js'), ...args].join(' ');
    const { stdout } = await promisify(execFile)('script', ['-qec', `stty cols 120; ${command}`, '/dev/null'], {
      env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
    });
    return stdout;
  }

  it('draws a table, in colours unless NO_COLOR says otherwise', async () => {
    const env = { DATABASE_URL: await useDatabase(), PORT: '0' };

    const coloured = await onTerminal(['doctor'], env);
    const plain = await onTerminal(['doctor'], { ...env, NO_COLOR: '1' });

    expect(coloured).toContain('│ \x1b[32mok\x1b[39m');
    expect(plain).toMatch(/│ node +│ ok +│ Node /);
    expect(plain).not.toContain('\x1b');
  });

  it('draws a progress bar', async () => {
    const file = path.join(await temporaryDirectory(), 'all.jsonl');

    const shown = await onTerminal(['export', file], { DATABASE_URL: await useDatabase() });

    expect(shown).toMatch(/exported █+ 100% \| 2 of 2 rows \| \d+ rows\/s \| \S+ left/);
    expect(shown).toContain('Exported 2 rows');
  });
});

describe('baton serve', () => {
  it('runs a server whose flags go before the environment, and ends with 0 when it is told to stop', async () => {
    const env = testEnvironment(await useDatabase(), { LOG_LEVEL: 'info', PORT: '1', HOST: '127.0.0.9' });
    const server = startCommand('baton', ['serve', '--port', '0', '--host', '127.0.0.1'], { env });
    await server.untilStdout((text) => text.includes('Baton is ready'));
    const ready =
      server
        .stdout()
        .split('\n')
        .find((line) => line.includes('Baton is ready')) ?? '{}';
    const { url } = JSON.parse(ready) as { url: string };

    const answer = await fetch(new URL('/health', url));
    server.process.kill('SIGTERM');

    expect(new URL(url).hostname).toBe('127.0.0.1');
    expect(answer.status).toBe(200);
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('says why it cannot start, and ends with 1', async () => {
    const env = testEnvironment(await useDatabase());

    const { code, stderr } = await baton(['serve', '--host', '0.0.0.0'], env);

    expect(code).toBe(1);
    expect(stderr).toContain('HOST is 0.0.0.0, which others can reach, but ADMIN_TOKEN is not set');
  });
});

describe('baton migrate', () => {
  it('applies what is pending, once, and tells before and after how things stand', async () => {
    const env = { DATABASE_URL: await useDatabase(createEmptyDatabase) };

    const before = await baton(['migrate', '--status'], env);
    const first = await baton(['migrate'], env);
    const second = await baton(['migrate'], env);
    const after = await baton(['migrate', '--status', '--json'], env);

    expect(before.code).toBe(1);
    expect(before.stdout).toBe(migrations.map((name) => `${name}\tpending\t-\n`).join(''));
    expect(before.stderr).toContain(`${migrations.length} of ${migrations.length} migrations are pending. Apply them with`);
    expect(first).toEqual({ code: 0, stdout: migrations.map((name) => `Applied ${name}\n`).join(''), stderr: '' });
    expect(second).toEqual({ code: 0, stdout: 'The database is up to date.\n', stderr: '' });
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout).migrations).toMatchObject(
      migrations.map((name) => ({ name, state: 'applied', problem: null })),
    );
  });

  it('names a migration that was changed after it was applied, and changes nothing', async () => {
    const url = await useDatabase();
    await query(url, `update _prisma_migrations set checksum = repeat('0', 64)`);

    const applying = await baton(['migrate'], { DATABASE_URL: url });
    const status = await baton(['migrate', '--status'], { DATABASE_URL: url });

    for (const { code, stderr } of [applying, status]) {
      expect(code).toBe(1);
      expect(stderr).toContain(`The migration ${migrations[0]} was changed after it was applied`);
    }
    expect(status.stdout).toContain(`${migrations[0]}\tchanged\t`);
  });

  it('makes the embedded database where none is configured, and stops it again', async () => {
    const env = { DATA_DIR: path.join(await temporaryDirectory(), 'data') };

    const before = await baton(['migrate', '--status'], env);
    const applied = await baton(['migrate', '--json'], env);
    const after = await baton(['migrate', '--status'], env);

    expect(before).toMatchObject({ code: 1, stdout: expect.stringContaining('\tpending\t') });
    expect(applied).toEqual({ code: 0, stdout: expect.any(String), stderr: '' });
    expect(JSON.parse(applied.stdout)).toEqual({ applied: migrations });
    expect(after.code).toBe(0);
  });
});

describe('baton keys', () => {
  it('creates a key that is good at once: alone on standard output, kept as a hash only', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: 'sixteen-characters' });
    const agent = await seedAgent(app.client({ token: 'sixteen-characters' }), { externalId: 'otter' });

    const { code, stdout, stderr } = await baton(['keys', 'create', '--agent', 'otter', '--name', 'laptop', '--expires', '30'], {
      DATABASE_URL: app.databaseUrl,
    });

    expect(code).toBe(0);
    expect(stdout).toMatch(/^baton_[0-9a-f]{32}_[\w-]{43}\n$/);
    expect(stderr).toMatch(/Created key \S+ \(laptop\) for agent otter, with READ and WORK, until 20/);
    expect(stderr).not.toContain(stdout.trim());
    const { viewer } = await app.client({ token: stdout.trim() }).request(ViewerDocument, {});
    expect(viewer).toMatchObject({ scopes: ['READ', 'WORK'], actor: { id: agent.id } });
    expect(JSON.stringify(await app.sql('select * from api_key'))).not.toContain(stdout.trim().slice(-43));
  });

  it('creates a key for worker processes, as JSON when asked to', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: 'sixteen-characters' });

    const { stdout } = await baton(['keys', 'create', '--worker', '--name', 'runner', '--json'], {
      DATABASE_URL: app.databaseUrl,
    });

    const created = JSON.parse(stdout);
    expect(created).toMatchObject({ name: 'runner', agent: null, scopes: ['READ', 'WORKER'], state: 'active', expiresAt: null });
    const { viewer } = await app.client({ token: created.key }).request(ViewerDocument, {});
    expect(viewer).toMatchObject({ scopes: ['READ', 'WORKER'], actor: null });
  });

  it('lists keys without their secrets, and ends one: servers refuse it, and the log says who it was', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: 'sixteen-characters' });
    const env = { DATABASE_URL: app.databaseUrl };
    const operator = app.client({ token: 'sixteen-characters' });
    const agent = await seedAgent(operator, { externalId: 'heron' });
    const created = JSON.parse((await baton(['keys', 'create', '--worker', '--name', 'runner', '--json'], env)).stdout);

    const before = await baton(['keys', 'list'], env);
    const revoked = await baton(['keys', 'revoke', created.id], env);
    const after = await baton(['keys', 'list', '--json'], env);
    const ofAgent = await baton(['keys', 'list', '--agent', 'heron', '--json'], env);

    expect(before.stdout.split('\n')).toEqual([
      expect.stringMatching(/\theron\tREAD,WORK\tactive\t/),
      expect.stringMatching(new RegExp(`^${created.id}\trunner\t\\(worker\\)\tREAD,WORKER\tactive\t\\S+\tnever$`)),
      '',
    ]);
    expect(before.stdout + after.stdout).not.toContain(created.key.slice(-43));
    expect(before.stdout + after.stdout).not.toContain(agent.apiKey.slice(-43));
    expect(revoked).toMatchObject({
      code: 0,
      stdout: `Revoked key ${created.id} (runner). Servers refuse it within two seconds.\n`,
    });
    expect(JSON.parse(after.stdout)).toMatchObject([{ state: 'active' }, { id: created.id, state: 'revoked' }]);
    expect(JSON.parse(ofAgent.stdout)).toMatchObject([{ agent: 'heron' }]);
    await expect(app.client({ token: created.key }).request(ViewerDocument, {})).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    const events = await app.sql(`select actor_label, subject_id from event where type = 'ApiKeyRevoked'`);
    expect(events).toEqual([{ actor_label: 'admin', subject_id: created.id }]);
  });

  it('works in the organization that is named, and finds nothing of another', async () => {
    const app = await useTestApp();
    await app.sql(`insert into organization (id, slug, name) values (gen_random_uuid(), 'acme', 'Acme')`);
    const env = { DATABASE_URL: app.databaseUrl };
    const { stdout } = await baton(['keys', 'create', '--worker', '--name', 'theirs', '--organization', 'acme', '--json'], env);

    const ours = await baton(['keys', 'list', '--json'], env);
    const theirs = await baton(['keys', 'list', '--json', '--organization', 'acme'], env);
    const notOurs = await baton(['keys', 'revoke', JSON.parse(stdout).id], env);
    const nobodys = await baton(['keys', 'list', '--organization', 'nobody'], env);

    expect(JSON.parse(ours.stdout)).toEqual([]);
    expect(JSON.parse(theirs.stdout)).toMatchObject([{ name: 'theirs' }]);
    expect(notOurs).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no API key') });
    expect(nobodys).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no organization "nobody"') });
  });

  it.each<[string, string[], number, string]>([
    ['nobody', ['--name', 'k'], 2, 'Say whom the key is for'],
    ['two at once', ['--name', 'k', '--worker', '--agent', 'otter'], 2, 'Say whom the key is for'],
    ['an agent that is not there', ['--name', 'k', '--agent', 'nobody'], 1, 'There is no agent "nobody"'],
    ['no purpose', ['--worker'], 2, "required option '--name <text>' not specified"],
    ['a blank purpose', ['--worker', '--name', ' '], 2, '--name must not be empty'],
    ['a scope that is not there', ['--worker', '--name', 'k', '--scopes', 'read,root'], 2, 'There is no scope "root"'],
    ['a scope that workers may not have', ['--worker', '--name', 'k', '--scopes', 'admin'], 1, 'may have READ and WORKER only'],
    ['no time at all', ['--worker', '--name', 'k', '--expires', '0'], 2, 'must be a whole number from 1 to 3650'],
  ])('refuses a key for %s', async (_what, args, code, message) => {
    const url = await useDatabase();

    const result = await baton(['keys', 'create', ...args], { DATABASE_URL: url });

    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(await query(url, 'select from api_key')).toEqual([]);
  });

  it('asks for the migrations first', async () => {
    const result = await baton(['keys', 'list'], { DATABASE_URL: await useDatabase(createEmptyDatabase) });

    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('Bring it up to date first: `baton migrate`.') });
  });

  it('uses the embedded database of a running server beside it', async () => {
    const env = {
      DATA_DIR: path.join(await temporaryDirectory(), 'data'),
      PORT: '0',
      ADMIN_TOKEN: 'sixteen-characters',
      SHUTDOWN_DRAIN_MS: '0',
    };
    const server = startCommand('baton', ['serve'], { env });
    await server.untilStdout((text) => text.includes('Baton is ready'));

    const { stdout } = await baton(['keys', 'create', '--worker', '--name', 'runner'], env);

    const ready =
      server
        .stdout()
        .split('\n')
        .find((line) => line.includes('Baton is ready')) ?? '{}';
    const client = new BatonClient({ url: JSON.parse(ready).url, token: stdout.trim() });
    expect((await client.request(ViewerDocument, {})).viewer.scopes).toEqual(['READ', 'WORKER']);
    server.process.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });
  });
});
