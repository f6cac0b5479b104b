import { expect, it } from 'vitest';
import { useTestApp } from './support/app.js';
import { createTestDatabase } from './support/postgres.js';
import { requireRedis } from './support/redis.js';

async function ask(url: string, path: string): Promise<{ status: number; connection: string | null; body: unknown }> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, connection: response.headers.get('connection'), body: await response.json() };
}

it('is told to anybody, with and without Redis, also where all else needs a credential', async (context) => {
  const alone = await useTestApp({ ADMIN_TOKEN: 'sixteen-characters' });
  const shared = await useTestApp({ REDIS_URL: requireRedis(context) });

  expect(await ask(alone.url, '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
  const [{ migration_name: migration } = {}] = await alone.sql<{ migration_name: string }>(
    'select migration_name from _prisma_migrations order by started_at desc limit 1',
  );
  expect(await ask(alone.url, '/readyz')).toMatchObject({
    status: 200,
    body: { status: 'ok', database: 'ok', migration, redis: 'none' },
  });
  expect(await ask(shared.url, '/readyz')).toMatchObject({ status: 200, body: { status: 'ok', database: 'ok', redis: 'ok' } });
  expect((await fetch(`${alone.url}/readyz`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${alone.url}/readyz`, { method: 'POST' })).status).toBe(405);
});

it('says not to be ready, but alive, while the database does not answer', async () => {
  const database = await createTestDatabase();
  const app = await useTestApp({}, { databaseUrl: database.url });
  expect(await ask(app.url, '/readyz')).toMatchObject({ status: 200 });

  await database.drop();

  const readiness = () => ask(app.url, '/readyz');
  await expect
    .poll(readiness, { timeout: 10_000 })
    .toMatchObject({ status: 503, body: { status: 'failing', database: 'failing' } });
  expect(await ask(app.url, '/livez')).toMatchObject({ status: 200 });
});
