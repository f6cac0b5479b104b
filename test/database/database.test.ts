import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OwnedDatabase, Statement } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/pg-database.js';
import { newId } from '../../src/kernel/ids.js';
import { createLogger } from '../../src/kernel/logger.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let place: TestDatabase;
let database: OwnedDatabase;
let commits = 0;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, poolSize: 4, logger: createLogger('silent') });
  database.onCommit(() => commits++);
});

afterAll(async () => {
  await database.close();
  await place.drop();
});

const organization = (slug: string) => ({ id: newId(), slug, name: slug });
const insertOrganization: Statement = {
  name: 'test_insert_organization',
  text: 'INSERT INTO organization (id, slug, name) VALUES ($1, $2, $3) RETURNING id',
};
const findSlugs = async (slug: string) => (await database.prisma.organization.findMany({ where: { slug } })).length;

describe('a transaction', () => {
  it('keeps nothing of what Prisma and the statements wrote when it throws', async () => {
    const first = organization('rolled-back-1');
    const second = organization('rolled-back-2');

    const outcome = database.transaction(async (tx) => {
      await tx.prisma.organization.create({ data: first });
      await tx.query(insertOrganization, [second.id, second.slug, second.name]);
      throw new Error('changed my mind');
    });

    await expect(outcome).rejects.toThrow('changed my mind');
    expect(await findSlugs('rolled-back-1')).toBe(0);
    expect(await findSlugs('rolled-back-2')).toBe(0);
  });

  it('lets the statements see what Prisma wrote in it, because both use one connection', async () => {
    const data = organization('seen-within');

    const seen = await database.transaction(async (tx) => {
      await tx.prisma.organization.create({ data });
      return tx.query<{ slug: string }>({ name: 'test_find_slug', text: 'SELECT slug FROM organization WHERE id = $1' }, [
        data.id,
      ]);
    });

    expect(seen).toEqual([{ slug: 'seen-within' }]);
  });

  it('prepares a statement under its own name, as outside of one', async () => {
    const names = await database.transaction(async (tx) => {
      await tx.query({ name: 'test_prepared', text: 'SELECT 1 AS one' }, []);
      return tx.query(
        { name: 'test_list_prepared', text: `SELECT name FROM pg_prepared_statements WHERE name = 'test_prepared'` },
        [],
      );
    });

    expect(names).toEqual([{ name: 'test_prepared' }]);
  });

  it('asks one thing at a time of its connection, also for a read with several relations', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);

    await database.transaction(async ({ prisma }) => {
      const { id } = await prisma.organization.create({ data: organization('with-relations') });
      await prisma.actor.create({ data: { id: newId(), organizationId: id, kind: 'AGENT', name: 'Otter' } });
      await prisma.organization.findMany({ where: { id }, include: { actors: true, projects: true, tasks: true } });
    });
    await new Promise(setImmediate);

    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  it('tells the listeners after the commit, when others can read what it wrote', async () => {
    const data = organization('told');
    const before = commits;

    await database.transaction(async (tx) => {
      await tx.prisma.organization.create({ data });
      expect(commits).toBe(before);
    });

    expect(commits).toBe(before + 1);
    expect(await findSlugs('told')).toBe(1);
  });

  it('does not tell the listeners when it is rolled back', async () => {
    const before = commits;

    await expect(database.transaction(() => Promise.reject(new Error('no')))).rejects.toThrow('no');

    expect(commits).toBe(before);
  });

  it('does not tell the listeners when the commit itself fails', async () => {
    await database.pool.query('CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
    const before = commits;

    const outcome = database.transaction((tx) => tx.query({ name: 'test_late', text: 'INSERT INTO late VALUES (1), (1)' }, []));

    await expect(outcome).rejects.toThrow();
    expect(commits).toBe(before);
  });
});

describe('a single statement', () => {
  it('tells the listeners when it writes, and not when it only reads', async () => {
    const { id, slug, name } = organization('written');
    const before = commits;

    expect(await database.write(insertOrganization, [id, slug, name])).toEqual([{ id }]);
    expect(commits).toBe(before + 1);
    await database.query({ name: 'test_one', text: 'SELECT 1 AS one' }, []);
    expect(commits).toBe(before + 1);
  });

  it('does not tell the listeners when there was nothing to write, as its rows or their reader say', async () => {
    const before = commits;

    await database.write({ name: 'test_none', text: 'SELECT 1 AS one WHERE false' }, []);
    await database.write<{ count: number }>({ name: 'test_zero', text: 'SELECT 0 AS count' }, [], (rows) =>
      rows.some((row) => row.count > 0),
    );

    expect(commits).toBe(before);
  });

  it('does not tell the listeners when the write fails', async () => {
    const before = commits;

    await expect(database.write(insertOrganization, [newId(), 'default', 'Again'])).rejects.toThrow('organization_slug_key');

    expect(commits).toBe(before);
  });
});

describe('a statement reads the same through the pool and in a transaction', () => {
  const instant = new Date('2026-03-29T01:30:00.123Z');
  const id = newId();
  const cases: { title: string; text: string; values: unknown[]; expected: unknown }[] = [
    { title: 'int4', text: 'SELECT $1::int4 AS v', values: [-7], expected: -7 },
    { title: 'float8', text: 'SELECT $1::float8 AS v', values: [0.25], expected: 0.25 },
    { title: 'bool', text: 'SELECT $1::bool AS v', values: [true], expected: true },
    { title: 'text', text: 'SELECT $1::text AS v', values: ['ünï "x" \\ {a,b}'], expected: 'ünï "x" \\ {a,b}' },
    {
      title: 'text that looks like an instant',
      text: 'SELECT $1::text AS v',
      values: ['2026-01-01T00:00:00.000Z'],
      expected: '2026-01-01T00:00:00.000Z',
    },
    { title: 'null', text: 'SELECT $1::text AS v', values: [null], expected: null },
    { title: 'an absent value', text: 'SELECT $1::text AS v', values: [undefined], expected: null },
    { title: 'uuid', text: 'SELECT $1::uuid AS v', values: [id], expected: id },
    {
      title: 'bigint as text',
      text: 'SELECT ($1::bigint)::text AS v',
      values: ['9223372036854775807'],
      expected: '9223372036854775807',
    },
    {
      title: 'bigint from bigint',
      text: 'SELECT ($1::bigint)::text AS v',
      values: [9223372036854775807n],
      expected: '9223372036854775807',
    },
    { title: 'xid8 as text', text: `SELECT ('12'::xid8)::text AS v`, values: [], expected: '12' },
    { title: 'timestamptz', text: 'SELECT $1::timestamptz AS v', values: [instant], expected: instant },
    {
      title: 'timestamptz from text',
      text: 'SELECT $1::timestamptz AS v',
      values: ['2026-03-29T03:30:00.123+02:00'],
      expected: instant,
    },
    {
      title: 'timestamptz with microseconds',
      text: `SELECT '2026-03-29 01:30:00.123999+00'::timestamptz AS v`,
      values: [],
      expected: instant,
    },
    {
      title: 'jsonb from an object',
      text: 'SELECT $1::jsonb AS v',
      values: [{ a: [1, null, { at: '2026-01-01' }] }],
      expected: { a: [1, null, { at: '2026-01-01' }] },
    },
    {
      title: 'jsonb from text',
      text: 'SELECT $1::jsonb AS v',
      values: ['[1,"two",{"three":3}]'],
      expected: [1, 'two', { three: 3 }],
    },
    { title: 'json', text: `SELECT '{"a": "b"}'::json AS v`, values: [], expected: { a: 'b' } },
    { title: 'a scalar in jsonb', text: `SELECT '"text"'::jsonb AS v`, values: [], expected: 'text' },
    { title: 'text[]', text: 'SELECT $1::text[] AS v', values: [['a', 'b,c', '"d"', '']], expected: ['a', 'b,c', '"d"', ''] },
    { title: 'an empty text[]', text: 'SELECT $1::text[] AS v', values: [[]], expected: [] },
    { title: 'uuid[]', text: 'SELECT $1::uuid[] AS v', values: [[id, id]], expected: [id, id] },
    { title: 'int4[]', text: 'SELECT $1::int4[] AS v', values: [[1, 2]], expected: [1, 2] },
    { title: 'timestamptz[]', text: 'SELECT $1::timestamptz[] AS v', values: [[instant]], expected: [instant] },
    { title: 'an enum', text: 'SELECT $1::"TaskStatus" AS v', values: ['READY'], expected: 'READY' },
    {
      title: 'an enum[] as text[]',
      text: 'SELECT $1::"ApiKeyScope"[]::text[] AS v',
      values: [['READ', 'WORK']],
      expected: ['READ', 'WORK'],
    },
  ];

  it.each(cases)('$title', async ({ title, text, values, expected }) => {
    const statement = { name: `test_read_${title}`, text };

    const onPool = await database.query(statement, values);
    const inTransaction = await database.transaction((tx) => tx.query(statement, values));

    expect(onPool).toEqual([{ v: expected }]);
    expect(inTransaction).toEqual(onPool);
  });

  it('on a session whose time zone was not UTC by default', async () => {
    const name = new URL(place.url).pathname.slice(1);
    await database.pool.query(`ALTER DATABASE ${name} SET TimeZone = 'Asia/Kolkata'`);
    const later = openDatabase({ url: place.url, poolSize: 1, logger: createLogger('silent') });
    const data = { ...organization('elsewhere'), createdAt: instant };

    await later.prisma.organization.create({ data });
    const rows = await later.query({ name: 'test_created_at', text: 'SELECT created_at FROM organization WHERE id = $1' }, [
      data.id,
    ]);
    await later.close();

    expect(rows).toEqual([{ created_at: instant }]);
  });
});

describe('the pool', () => {
  it('survives the loss of its idle connections', async () => {
    await database.query({ name: 'test_one', text: 'SELECT 1 AS one' }, []);
    const isLost = new Promise((resolve) => database.pool.once('error', resolve));

    const other = openDatabase({ url: place.url, poolSize: 1, logger: createLogger('silent') });
    await other.pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await other.close();
    await isLost;

    expect(await database.query({ name: 'test_one', text: 'SELECT 1 AS one' }, [])).toEqual([{ one: 1 }]);
  });
});
