import { request } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { type App, startApp } from '../src/app.js';
import { loadConfig } from '../src/config.js';
import { createLogger } from '../src/kernel/logger.js';
import { testEnvironment } from './support/app.js';
import { createTestDatabase } from './support/postgres.js';

async function useApp(variables: Record<string, string> = {}): Promise<App> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const app = await startApp(loadConfig(testEnvironment(database.url, variables)), { logger: createLogger('silent') });
  onTestFinished(() => app.stop());
  return app;
}

async function ask(url: string, path: string): Promise<{ status: number; connection: string | null; body: unknown }> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, connection: response.headers.get('connection'), body: await response.json() };
}

it('says that it leaves before it does, and serves everybody until then, each connection once more', async () => {
  const app = await useApp({ SHUTDOWN_DRAIN_MS: '60000' });
  const hurry = new AbortController();
  expect(await ask(app.url, '/graphql?query={__typename}')).toMatchObject({ status: 200, connection: 'keep-alive' });

  const drained = app.drain(hurry.signal);

  expect(await ask(app.url, '/readyz')).toMatchObject({ status: 503, connection: 'close', body: { status: 'draining' } });
  expect(await ask(app.url, '/livez')).toMatchObject({ status: 200, connection: 'close' });
  expect(await ask(app.url, '/graphql?query={__typename}')).toMatchObject({ status: 200, connection: 'close' });
  expect(await ask(app.url, '/health')).toMatchObject({ status: 200, connection: 'close' });
  hurry.abort();
  await drained;
  await app.stop();
  await expect(ask(app.url, '/livez')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});

// Each turn of the event loop accepts one connection: the others are in the queue of the operating system when it stops.
it('answers all who had connected when it stopped listening', async () => {
  const app = await useApp();
  const answers = Array.from({ length: 100 }, () => statusOf(`${app.url}/graphql?query={__typename}`));
  await turn();
  await turn();

  await app.stop();

  expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, () => 200));
});

/** The status of the answer over a connection of its own, or the code of what went wrong. */
function statusOf(url: string): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const call = request(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    call.end();
  });
}
