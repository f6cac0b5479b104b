import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { diffToDatamodel, readDatamodel } from '../../scripts/schema-diff.js';
import { withSchemaEngine } from '../../scripts/schema-engine.js';
import { DatabaseUnavailableError } from '../../src/database/connect.js';
import { applyMigrations, migrationsDirectory, readMigrations } from '../../src/database/migration-runner.js';
import { newId } from '../../src/kernel/ids.js';
import { createLogger } from '../../src/kernel/logger.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/postgres.js';

const logger = createLogger('silent');
const names = (await readMigrations()).map((migration) => migration.name);

let database: TestDatabase;
let client: pg.Client;

beforeEach(async () => {
  database = await createEmptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

const apply = (directory?: string) => applyMigrations({ databaseUrl: database.url, logger, directory });
const readLedger = async () => (await client.query('SELECT * FROM _prisma_migrations ORDER BY started_at')).rows;

/** A copy of the migrations that the test may add to. */
async function copyMigrations(added: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-migrations-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await cp(migrationsDirectory(), directory, { recursive: true });
  for (const [name, sql] of Object.entries(added)) {
    await mkdir(path.join(directory, name));
    await writeFile(path.join(directory, name, 'migration.sql'), sql);
  }
  return directory;
}

describe('applying the migrations', () => {
  it('brings an empty database up to date, and does nothing the second time', async () => {
    expect(await apply()).toEqual(names);
    expect(await apply()).toEqual([]);

    const { rows } = await client.query('SELECT id, slug, name FROM organization');
    expect(rows).toEqual([{ id: '00000000-0000-7000-8000-000000000001', slug: 'default', name: 'Default' }]);
    expect((await client.query('SELECT id FROM event_log_horizon')).rows).toEqual([{ id: 1 }]);
  });

  it('applies each once when five servers start at the same moment', async () => {
    const applied = await Promise.all(Array.from({ length: 5 }, () => apply()));

    expect(applied.flat()).toEqual(names);
    expect((await readLedger()).map((row) => row.migration_name)).toEqual(names);
  });

  it('leaves nothing of a migration that fails, names it, and can be repeated', async () => {
    const directory = await copyMigrations({ '99990101000000_broken': 'CREATE TABLE half (id int); SELECT 1 / 0;' });

    await expect(apply(directory)).rejects.toThrow('99990101000000_broken failed, and was rolled back: division by zero');

    expect((await client.query(`SELECT to_regclass('half') AS half`)).rows).toEqual([{ half: null }]);
    expect((await readLedger()).map((row) => row.migration_name)).toEqual(names);
    await expect(apply(directory)).rejects.toThrow('division by zero');
  });
});

describe('a database that does not fit is refused', () => {
  it('when a migration was changed after it was applied', async () => {
    await apply();
    await client.query(`UPDATE _prisma_migrations SET checksum = repeat('0', 64)`);

    await expect(apply()).rejects.toThrow(`The migration ${names[0]} was changed after it was applied`);
  });

  it('when it is newer than the code', async () => {
    await apply(await copyMigrations({ '99990101000000_tomorrow': 'SELECT 1' }));

    await expect(apply()).rejects.toThrow('The database is newer than this Baton: it has the migration 99990101000000_tomorrow');
  });

  it("when Prisma's own tool left a migration unfinished", async () => {
    await apply();
    await client.query('UPDATE _prisma_migrations SET finished_at = NULL, applied_steps_count = 0');

    await expect(apply()).rejects.toThrow('did not finish');
  });

  it('when it does not exist, without giving the password away', async () => {
    const url = new URL(database.url);
    url.pathname = '/nowhere';

    const outcome = applyMigrations({ databaseUrl: url.href, logger });

    await expect(outcome).rejects.toThrow(DatabaseUnavailableError);
    await expect(outcome).rejects.toThrow(
      /The database nowhere at 127\.0\.0\.1:\d+ cannot be used: database "nowhere" does not exist/,
    );
    await expect(outcome).rejects.not.toThrow(url.password);
  });
});

describe("Prisma's own tool and this runner can take turns", () => {
  it('because both keep the same records', async () => {
    const byPrisma = await createEmptyDatabase();
    onTestFinished(() => byPrisma.drop());

    await apply();
    await deployByPrisma(byPrisma.url);

    expect(await describeLedger(database.url)).toEqual(await describeLedger(byPrisma.url));
  });

  it('so it finds nothing left to do after the runner', async () => {
    await apply();

    expect(await deployByPrisma(database.url)).toEqual([]);
  });

  it('and the runner finds nothing left to do after it', async () => {
    expect(await deployByPrisma(database.url)).toEqual(names);

    expect(await apply()).toEqual([]);
  });
});

describe('the migrations', () => {
  it('lead to exactly the datamodel', async () => {
    const migrated = await createTestDatabase();
    onTestFinished(() => migrated.drop());

    expect(await diffToDatamodel(migrated.url)).toBeNull();
  });

  it('differ from the datamodel when a partial index covers other rows', async () => {
    await apply();
    await client.query(
      `DROP INDEX task_lease_check_idx; CREATE INDEX task_lease_check_idx ON task (lease_check_at) WHERE lease_check_at IS NULL`,
    );

    expect(await diffToDatamodel(database.url)).toContain('task_lease_check_idx');
  });

  const [holder, task] = [newId(), newId()];
  const lease = (values: string) => `UPDATE task SET ${values} WHERE id = '${task}'`;
  const whole = `holder_id = '${holder}', claimed_at = now(), lease_ttl_seconds = 60, lease_expires_at = now(), lease_check_at = now()`;

  it.each([
    ['half a lease', lease(`status = 'CLAIMED', holder_id = '${holder}'`), 'task_lease_whole_check'],
    ['a lease on a task that is ready', lease(`status = 'READY', ${whole}`), 'task_lease_status_check'],
    ['a lease on a task that is done', lease(`status = 'DONE', ${whole}`), 'task_lease_status_check'],
    [
      'a lease of no time',
      lease(`status = 'CLAIMED', ${whole}, lease_ttl_seconds = 0`.replace('lease_ttl_seconds = 60, ', '')),
      'task_lease_ttl_check',
    ],
    [
      'a lease that no sweep looks at before it has lapsed',
      lease(`status = 'CLAIMED', ${whole}`.replace('lease_check_at = now()', `lease_check_at = now() + interval '1 second'`)),
      'task_lease_check_at_check',
    ],
    [
      'a lease that no sweep looks at',
      lease(`status = 'CLAIMED', ${whole}`.replace(', lease_check_at = now()', '')),
      'task_lease_check_at_check',
    ],
    ['a priority of 101', lease('priority = 101'), 'task_priority_check'],
  ])('make a database that refuses %s', async (_, sql, constraint) => {
    await apply();
    await insertTask();

    await expect(client.query(sql)).rejects.toMatchObject({ constraint });
  });

  it('make a database that takes a whole lease, and work in progress without one', async () => {
    await apply();
    await insertTask();

    await client.query(lease(`status = 'IN_PROGRESS'`));
    await client.query(lease(`status = 'REVIEW', ${whole}`));
  });

  async function insertTask(): Promise<void> {
    const organizationId = '00000000-0000-7000-8000-000000000001';
    await client.query(`INSERT INTO actor (id, organization_id, kind, name) VALUES ($1, $2, 'AGENT', 'agent')`, [
      holder,
      organizationId,
    ]);
    await client.query(`INSERT INTO task (id, organization_id, title) VALUES ($1, $2, 'work')`, [task, organizationId]);
  }
});

/** What `prisma migrate deploy` does, by the same engine. */
async function deployByPrisma(databaseUrl: string): Promise<string[]> {
  const schema = await readDatamodel();
  const migrations = await readMigrations();
  return withSchemaEngine({ databaseUrl, schema }, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: {
        baseDir: migrationsDirectory(),
        lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"' },
        shadowDbInitScript: '',
        migrationDirectories: migrations.map(({ name, sql }) => ({
          path: name,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
        })),
      },
      filters: { externalTables: [], externalEnums: [] },
    });
    return appliedMigrationNames;
  });
}

/** The ledger's columns and rows, save what differs between any two runs: ids and times. */
async function describeLedger(databaseUrl: string): Promise<unknown> {
  const reader = new pg.Client({ connectionString: databaseUrl });
  await reader.connect();
  try {
    const columns = await reader.query(
      `SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
       FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`,
    );
    const rows = await reader.query(
      `SELECT length(id) AS id_length, checksum, migration_name, logs, rolled_back_at, applied_steps_count,
              finished_at >= started_at AS is_finished
       FROM _prisma_migrations ORDER BY started_at`,
    );
    return { columns: columns.rows, rows: rows.rows };
  } finally {
    await reader.end();
  }
}
