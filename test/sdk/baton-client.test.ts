import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { BatonCommandError, BatonConnectionError, BatonRequestError, isRetriable } from '../../src/sdk/errors.js';
import {
  TaskClaimDocument,
  TaskCreateDocument,
  TaskEventsDocument,
  TasksDocument,
  ViewerDocument,
} from '../../src/sdk/generated.js';
import { useTestApp } from '../support/app.js';
import { unusedUrl, useNetwork } from '../support/network.js';
import { seedTask } from '../support/seed.js';

/** A server that answers as it is told to, in place of Baton or of what stands before it. */
async function useServer(listener: RequestListener): Promise<BatonClient> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new BatonClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs: 200 });
  onTestFinished(async () => {
    await client.close();
    server.close();
    server.closeAllConnections();
  });
  return client;
}

describe('a request', () => {
  it('fails as BatonRequestError with the code when the server refuses it', async () => {
    const app = await useTestApp();

    const refused = app.client({ token: 'wrong' }).request(ViewerDocument, {});

    await expect(refused).rejects.toMatchObject({ name: 'BatonRequestError', code: 'UNAUTHENTICATED', status: 401 });
    expect(isRetriable(await refused.catch((error) => error))).toBe(false);
  });

  it('tells an answer that is none, and no answer, from a refusal', async () => {
    const proxy = await useServer((_, response) => response.writeHead(502).end('<html>Bad gateway</html>'));
    const silent = await useServer(() => {});
    const nowhere = new BatonClient({ url: await unusedUrl() });

    const errors = await Promise.all(
      [proxy, silent, nowhere].map((client) => client.request(ViewerDocument, {}).catch((e) => e)),
    );

    expect(errors).toMatchObject([
      { name: 'BatonRequestError', status: 502, errors: [], code: undefined },
      { name: 'BatonConnectionError', message: expect.stringContaining('did not answer within 200 ms') },
      { name: 'BatonConnectionError', cause: { code: 'ECONNREFUSED' } },
    ]);
    expect(errors.map(isRetriable)).toEqual([true, true, true]);
  });

  it('is given up with the reason of its signal', async () => {
    const silent = await useServer(() => {});
    const abort = new AbortController();
    const pending = silent.request(ViewerDocument, {}, { signal: abort.signal });

    abort.abort(new Error('nobody waits'));

    await expect(pending).rejects.toThrow('nobody waits');
    await expect(silent.mutate(TaskCreateDocument, { title: 'x' }, { signal: abort.signal })).rejects.toThrow('nobody waits');
  });
});

describe('a mutation', () => {
  it('changes things once, however often its answer is lost', async () => {
    const app = await useTestApp();
    const network = await useNetwork(app.url);
    const client = new BatonClient({ url: network.url });
    onTestFinished(() => client.close());

    network.loseNextAnswer();
    const { task } = await client.mutate(TaskCreateDocument, { title: 'only once' });

    const { tasks } = await client.request(TasksDocument, {});
    expect(tasks.nodes.map(({ id }) => id)).toEqual([task?.id]);
  });

  it('fails as BatonCommandError, with the errors of its payload, when it is refused', async () => {
    const app = await useTestApp();

    const refused = await app
      .client()
      .mutate(TaskClaimDocument, {
        taskId: '01a1fb40-f616-7000-8000-000000000000',
        agentId: '01a1fb40-f616-7000-8000-000000000001',
      })
      .catch((error) => error);

    expect(refused).toBeInstanceOf(BatonCommandError);
    expect(refused.code).toMatch(/_NOT_FOUND$/);
    expect(refused.message).toContain(refused.errors[0].message);
  });

  it('is tried no longer than it may be', async () => {
    const nowhere = new BatonClient({ url: await unusedUrl() });

    const refused = nowhere.mutate(TaskCreateDocument, { title: 'x' }, { retryForMs: 300 });

    await expect(refused).rejects.toThrow(BatonConnectionError);
  });
});

describe('a plain subscription', () => {
  it('ends with the error when its connection breaks', async () => {
    const app = await useTestApp();
    const network = await useNetwork(app.url);
    const client = new BatonClient({ url: network.url });
    onTestFinished(() => client.close());
    const events = client.subscribe(TaskEventsDocument, { after: await client.eventCursor() });
    await seedTask(app.client());
    await events.next();

    network.cut();

    await expect(events.next()).rejects.toMatchObject({ name: 'BatonConnectionError', closeCode: 1006 });
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('ends with the error when the server refuses it', async () => {
    const app = await useTestApp();

    const events = app.client().subscribe(TaskEventsDocument, { after: 'no cursor' });

    await expect(events.next()).rejects.toThrow(BatonRequestError);
  });
});
