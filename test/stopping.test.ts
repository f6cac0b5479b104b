import { once } from 'node:events';
import { request } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type App, startApp } from '../src/app.js';
import { loadConfig } from '../src/config.js';
import { collectGarbage } from '../src/kernel/collect-garbage.js';
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

it('leaves nothing behind in a process that starts one server after another', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const startAndStop = async () => {
    const app = await startApp(loadConfig(testEnvironment(database.url)), { logger: createLogger('silent') });
    await ask(app.url, '/graphql?query={tasks{nodes{id}}}');
    await app.stop();
  };
  const usedMegabytes = async () => {
    await collectGarbage();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  // What is loaded and kept for the next server counts once.
  await startAndStop();
  const before = await usedMegabytes();

  for (let count = 0; count < 4; count++) await startAndStop();

  // One server has some 7 MB.
  expect((await usedMegabytes()) - before).toBeLessThan(4);
});

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

it('sends websockets away one after another, each when it is answered, and serves who comes meanwhile', async () => {
  const drainMs = 2000;
  const app = await useApp({ SHUTDOWN_DRAIN_MS: String(drainMs) });
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(app.url)));

  const drained = app.drain(new AbortController().signal);
  for (const socket of sockets) socket.ask();
  await sockets[0]?.closed;
  const latecomer = await openSocket(app.url);
  await drained;

  const closings = await Promise.all(sockets.map(({ closed }) => closed));
  expect(closings.map(({ code, answers }) => [code, answers])).toEqual(sockets.map(() => [1012, 1]));
  const times = closings.map(({ at }) => at);
  // A quarter of the time is for load balancers; the rest is divided among the clients.
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(drainMs / 2);
  latecomer.ask();
  await app.stop();
  expect(await latecomer.closed).toMatchObject({ code: 1012, answers: 1 });
});

it('sends websockets away at once when there is a hurry', async () => {
  const app = await useApp({ SHUTDOWN_DRAIN_MS: '60000' });
  const sockets = await Promise.all(Array.from({ length: 5 }, () => openSocket(app.url)));
  const hurry = new AbortController();

  const drained = app.drain(hurry.signal);
  hurry.abort();
  await drained;
  await app.stop();

  expect((await Promise.all(sockets.map(({ closed }) => closed))).map(({ code }) => code)).toEqual(sockets.map(() => 1012));
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

/** A websocket that has signed in. `ask` sends a query; `closed` tells the code, when, and how many were answered. */
async function openSocket(url: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const send = (message: object) => socket.send(JSON.stringify(message));
  const next = () => once(socket, 'message').then(([data]) => JSON.parse(String(data)) as { type: string });
  let answers = 0;
  const closed = once(socket, 'close').then(([code]) => ({ code: code as number, at: performance.now(), answers }));
  await once(socket, 'open');
  send({ type: 'connection_init' });
  expect(await next()).toMatchObject({ type: 'connection_ack' });
  socket.on('message', (data) => {
    if (JSON.parse(String(data)).type === 'next') answers += 1;
  });
  return { closed, ask: () => send({ id: '1', type: 'subscribe', payload: { query: '{ tasks(first: 1) { nodes { id } } }' } }) };
}
