import { expect, it } from 'vitest';
import { TaskCompleteDocument, TaskEventsDocument } from '../src/sdk/generated.js';
import { useTestApp } from './support/app.js';
import { call } from './support/graphql-call.js';
import { createTestDatabase } from './support/postgres.js';
import { seedAgent, seedClaim, seedTask } from './support/seed.js';
import { StreamReader } from './support/stream.js';

const adminToken = 'the-token-of-the-operator';

/** Series with their values, as Prometheus reads them. */
async function scrape(url: string, token?: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, { headers: token ? { authorization: `Bearer ${token}` } : {} });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

it('tells of claims, lapses, refused late writes, the queue and the subscribers', async () => {
  const app = await useTestApp();
  const operator = app.client();
  const agent = await seedAgent(operator);
  const client = app.client({ token: agent.apiKey });
  const events = new StreamReader(operator.subscribe(TaskEventsDocument, { filter: {} }));
  await seedTask(operator);
  const { id: taskId } = await seedTask(operator, { priority: 1 });
  const { lease } = await seedClaim(client, { taskId });
  const before = await scrape(app.url);

  await app.elapse(7200);
  await events.find(({ taskEvents }) => taskEvents.kind === 'TASK_LEASE_EXPIRED');
  await client.request(TaskCompleteDocument, { input: { taskId, fence: lease.fence } }).catch(() => {});

  const after = await scrape(app.url);
  expect(before.get('baton_tasks_leased')).toBe(1);
  expect(before.get('baton_tasks_ready')).toBe(1);
  expect(before.get('baton_tasks_overdue')).toBe(0);
  expect(after.get('baton_events_total{type="TaskClaimed"}')).toBe(1);
  expect(after.get('baton_events_total{type="TaskLeaseExpired"}')).toBe(1);
  expect(after.get('baton_refusals_total{code="LEASE_LOST"}')).toBe(1);
  expect(after.get('baton_subscribers')).toBe(1);
  expect(after.get('baton_websockets')).toBe(1);
  expect(after.get('baton_graphql_operation_seconds_count{operation="mutation taskComplete"}')).toBe(1);
  expect(after.get('baton_shared_statement_items_total{kind="task-transitions"}')).toBe(1);
  expect(after.get('baton_database_wait_seconds_count')).toBeGreaterThan(before.get('baton_database_wait_seconds_count') ?? 0);
});

it('is told to the operator and to whoever has its token, which is good for nothing else', async () => {
  const metricsToken = 'the-token-of-the-scraper';
  const app = await useTestApp({ ADMIN_TOKEN: adminToken, METRICS_TOKEN: metricsToken });
  const { apiKey } = await seedAgent(app.client({ token: adminToken }));
  const statusFor = async (headers: Record<string, string>, method = 'GET') =>
    (await fetch(`${app.url}/metrics`, { headers, method })).status;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  expect(await statusFor(bearer(adminToken))).toBe(200);
  expect(await statusFor(bearer(metricsToken))).toBe(200);
  expect(await statusFor({})).toBe(403);
  expect(await statusFor(bearer(apiKey))).toBe(403);
  expect(await statusFor(bearer('no-token-of-anybody'))).toBe(401);
  expect(await statusFor(bearer(adminToken), 'POST')).toBe(405);
  expect((await call(app.url, { token: metricsToken }, '{ viewer { scopes } }')).status).toBe(401);
  expect((await (await fetch(`${app.url}/metrics`)).text()).includes('baton_')).toBe(false);
});

it('has as many series whatever callers name their operations, ask for and do wrong', async () => {
  const app = await useTestApp();
  const hostile = async (name: string) => {
    await call(app.url, {}, `query ${name} { ${name}: tasks(first: 1) { nodes { id } } }`);
    await call(app.url, {}, `query ${name} { ${name} }`);
    await fetch(`${app.url}/tasks/${name}`);
    await fetch(`${app.url}/${name}`);
  };
  await hostile('first');
  const names = [...(await scrape(app.url)).keys()].filter((name) => name.startsWith('baton_'));

  for (const name of ['second', 'third', 'fourth']) await hostile(name);

  expect([...(await scrape(app.url)).keys()].filter((name) => name.startsWith('baton_'))).toEqual(names);
});

it('tells the rest while the database is away', async () => {
  const database = await createTestDatabase();
  const app = await useTestApp({}, { databaseUrl: database.url });
  await database.drop();

  const series = await scrape(app.url);

  expect(series.get('baton_tasks_ready')).toBeNaN();
  expect(series.get('baton_websockets')).toBe(0);
});
