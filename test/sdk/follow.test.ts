import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { BatonRequestError, ResyncRequiredError } from '../../src/sdk/errors.js';
import type { StreamState } from '../../src/sdk/event-stream.js';
import {
  ApiKeyCreateDocument,
  ApiKeyRevokeDocument,
  TaskCreateManyDocument,
  TaskEventsDocument,
  type TaskEventsSubscription,
} from '../../src/sdk/generated.js';
import { useTestApp } from '../support/app.js';
import { nothingHeldBack } from '../support/event-horizon.js';
import { unusedUrl, useNetwork } from '../support/network.js';
import { createTestDatabase } from '../support/postgres.js';
import { requireRedis } from '../support/redis.js';
import { seedAgent, seedTask } from '../support/seed.js';
import { useServerProcess } from '../support/server-process.js';
import { StreamReader } from '../support/stream.js';

function useClient(url: string, options: Partial<ConstructorParameters<typeof BatonClient>[0]> = {}): BatonClient {
  const client = new BatonClient({ url, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Creates tasks, two at a time, until it is stopped; whatever happens to the server, each title once. */
class Writer {
  readonly titles: string[] = [];
  #isStopped = false;
  readonly #running: Promise<void>;

  constructor(client: BatonClient, name: string) {
    this.#running = this.#run(client, name);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(client: BatonClient, name: string): Promise<void> {
    while (!this.#isStopped) {
      const titles = [`${name} ${this.titles.length}`, `${name} ${this.titles.length + 1}`];
      await client.mutate(TaskCreateManyDocument, { tasks: titles.map((title) => ({ title })) });
      this.titles.push(...titles);
    }
  }
}

const titleOf = ({ taskEvents }: TaskEventsSubscription) => taskEvents.task.title;

const loggedTitles = `select data ->> 'title' as title from event where type = 'TaskCreated' order by xid, seq`;

/** Notes every state of a stream, and lets a test wait for one. */
function watchStates() {
  const states: StreamState[] = [];
  let wake = () => {};
  return {
    states,
    onState: (state: StreamState) => {
      states.push(state);
      wake();
    },
    /** Resolves when the stream is, or next becomes, so. */
    async reach(status: StreamState['status'], from = 0): Promise<StreamState> {
      for (;;) {
        const found = states.slice(from).find((state) => state.status === status);
        if (found) return found;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

describe('a followed subscription', () => {
  it('gives each event once and in order while the server is killed and started 8 times under load', {
    timeout: 300_000,
  }, async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    let server = await useServerProcess(database.url);
    const { url } = server;
    const client = useClient(url);
    const events = new StreamReader(client.follow(TaskEventsDocument, { after: await client.eventCursor() }));
    const writers = ['a', 'b', 'c'].map((name) => new Writer(useClient(url), name));

    for (let kill = 0; kill < 8; kill++) {
      const seen = events.items.length;
      await events.find(() => events.items.length >= seen + 10);
      await server.end('SIGKILL');
      server = await useServerProcess(database.url, { PORT: new URL(url).port });
    }
    await Promise.all(writers.map((writer) => writer.stop()));

    const written = writers.flatMap((writer) => writer.titles);
    const received = (await events.take(written.length)).map(titleOf);
    const log = new pg.Client({ connectionString: database.url });
    await log.connect();
    const { rows } = await log.query<{ title: string }>(loggedTitles);
    await log.end();
    expect(received).toEqual(rows.map(({ title }) => title));
    expect([...received].sort()).toEqual([...written].sort());
    expect(events.items).toHaveLength(written.length);
  });

  it('gives each event once and in order while it is switched between two replicas 50 times', {
    timeout: 90_000,
  }, async (context) => {
    const REDIS_URL = requireRedis(context);
    const first = await useTestApp({ REDIS_URL });
    const second = await useTestApp({ REDIS_URL }, { databaseUrl: first.databaseUrl });
    const network = await useNetwork(first.url);
    const client = useClient(network.url);
    const events = new StreamReader(client.follow(TaskEventsDocument, { after: await client.eventCursor() }));
    const writers = [first, second].map((app, index) => new Writer(app.client(), `writer ${index}`));

    for (let round = 0; round < 50; round++) {
      const seen = events.items.length;
      network.leadTo(round % 2 ? first.url : second.url);
      network.cut();
      await events.find(() => events.items.length > seen);
    }
    await Promise.all(writers.map((writer) => writer.stop()));

    const written = writers.flatMap((writer) => writer.titles);
    const received = (await events.take(written.length)).map(titleOf);
    expect(received).toEqual((await first.sql<{ title: string }>(loggedTitles)).map(({ title }) => title));
    expect(new Set(received).size).toBe(written.length);
  });

  it('begins where it was when it was opened, although the connection breaks before the first event', async () => {
    const app = await useTestApp();
    const network = await useNetwork(app.url);
    const watch = watchStates();
    const events = new StreamReader(useClient(network.url).follow(TaskEventsDocument, {}, watch));
    await watch.reach('live');
    network.leadTo(await unusedUrl());
    network.cut();
    await watch.reach('offline');

    const task = await seedTask(app.client());
    network.leadTo(app.url);

    expect((await events.take(1)).map(titleOf)).toEqual([task.title]);
  });

  it('says since when it is offline, catching up or live', async () => {
    const app = await useTestApp();
    const network = await useNetwork(app.url);
    const watch = watchStates();
    const startedAt = Date.now();
    const stream = useClient(network.url).follow(TaskEventsDocument, {}, watch);
    expect(stream.state).toMatchObject({ status: 'offline', error: null });
    await watch.reach('live');
    network.leadTo(await unusedUrl());
    network.cut();
    const dropped = await watch.reach('offline');
    network.leadTo(app.url);
    await watch.reach('live', watch.states.indexOf(dropped));

    const statuses = watch.states.map(({ status }) => status);
    expect(statuses.filter((status, index) => status !== statuses[index - 1])).toEqual([
      'catching-up',
      'live',
      'offline',
      'catching-up',
      'live',
    ]);
    expect(dropped.error).toMatchObject({ name: 'BatonConnectionError' });
    const times = watch.states.map(({ since }) => since.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(startedAt);
    expect(stream.state).toBe(watch.states.at(-1));
  });

  it('finds out that a connection is dead although nobody closed it', async () => {
    const app = await useTestApp();
    const network = await useNetwork(app.url);
    const watch = watchStates();
    const client = useClient(network.url, { keepAliveMs: 100 });
    const events = new StreamReader(client.follow(TaskEventsDocument, {}, watch));
    await watch.reach('live');

    network.freeze();
    const task = await seedTask(app.client());
    const { error } = await watch.reach('offline');
    network.cut();
    network.thaw();

    expect(error).toMatchObject({ closeCode: 4499 });
    expect((await events.take(1)).map(titleOf)).toEqual([task.title]);
  });

  it('receives no more than its buffer ahead of a reader that is slow, and loses nothing', async () => {
    const app = await useTestApp();
    const writer = app.client();
    const after = await writer.eventCursor();
    const titles = Array.from({ length: 1000 }, (_, index) => `task ${index}`);
    for (let from = 0; from < titles.length; from += 100) {
      const tasks = titles.slice(from, from + 100).map((title) => ({ title }));
      await writer.mutate(TaskCreateManyDocument, { tasks });
    }
    let received = 0;
    const cursorOf = ({ taskEvents }: TaskEventsSubscription) => {
      received += 1;
      return taskEvents.cursor;
    };
    const stream = app.client().follow(TaskEventsDocument, { after }, { bufferSize: 50, cursorOf });

    const read: string[] = [];
    for await (const event of stream) {
      read.push(titleOf(event));
      // Each event is asked for its cursor when it is received and when it is handed over.
      expect(received - 2 * read.length).toBeLessThanOrEqual(50);
      if (read.length === titles.length) break;
    }

    expect(read).toEqual(titles);
  });

  it('goes on in another process after the cursor that it was left at', async () => {
    const app = await useTestApp();
    const client = app.client();
    const after = await client.eventCursor();
    const tasks = [await seedTask(client), await seedTask(client), await seedTask(client)];
    const stream = client.follow(TaskEventsDocument, { after });
    expect(stream.cursor).toBe(after);
    await stream.next();
    await stream.next();
    await stream.return();

    const events = new StreamReader(app.client().follow(TaskEventsDocument, { after: stream.cursor }));

    expect((await events.take(1)).map(titleOf)).toEqual([tasks[2]?.title]);
  });

  it('ends at once by return(), by its signal and with its client, also while an event is awaited', async () => {
    const app = await useTestApp();
    const client = app.client();
    const returned = client.follow(TaskEventsDocument, {});
    const abort = new AbortController();
    const aborted = client.follow(TaskEventsDocument, {}, { signal: abort.signal });
    const closed = client.follow(TaskEventsDocument, {});
    const pending = [returned.next(), aborted.next().catch((error) => error), closed.next()];

    await returned.return();
    abort.abort(new Error('enough'));
    await client.close();

    expect(await Promise.all(pending)).toEqual([
      { done: true, value: undefined },
      new Error('enough'),
      { done: true, value: undefined },
    ]);
    expect(await returned.next()).toEqual({ done: true, value: undefined });
    const late = client.follow(TaskEventsDocument, {}, { signal: abort.signal });
    await expect(late.next()).rejects.toThrow('enough');
  });

  it('ends with ResyncRequiredError when its place is lost', async () => {
    const app = await useTestApp();
    const other = await useTestApp();
    await seedTask(other.client());
    await nothingHeldBack(other);
    const cursorOfAnotherLog = await other.client().eventCursor();

    const stream = app.client().follow(TaskEventsDocument, { after: cursorOfAnotherLog });

    await expect(stream.next()).rejects.toThrow(ResyncRequiredError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('survives being too slow for the server', { timeout: 60_000 }, async () => {
    const app = await useTestApp({ SUBSCRIBER_BUFFER: '10' });
    const network = await useNetwork(app.url);
    const writer = app.client();
    const watch = watchStates();
    const events = new StreamReader(useClient(network.url).follow(TaskEventsDocument, {}, watch));
    await watch.reach('live');
    network.freeze();
    // More than the buffers of the sockets between the two hold.
    const padding = 'x'.repeat(450);
    const count = 2000;
    for (let made = 0; made < count; made += 100) {
      const tasks = Array.from({ length: 100 }, (_, index) => ({ title: `${made + index} ${padding}` }));
      await writer.mutate(TaskCreateManyDocument, { tasks });
    }

    network.thaw();

    const received = (await events.take(count)).map((event) => Number(titleOf(event).split(' ')[0]));
    expect(received).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  it('ends with the error when the document or the credential is bad, before and after a revocation', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: 'an-admin-token-of-32-characters!' });
    const admin = app.client({ token: 'an-admin-token-of-32-characters!' });
    const agent = await seedAgent(admin);
    const { apiKey, secret } = await admin.mutate(ApiKeyCreateDocument, { agentId: agent.id, name: 'second' });
    const watch = watchStates();
    const stream = app.client({ token: secret ?? '' }).follow(TaskEventsDocument, {}, watch);
    const pending = stream.next();
    await watch.reach('live');

    await admin.mutate(ApiKeyRevokeDocument, { apiKeyId: apiKey?.id ?? '' });

    await expect(pending).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    const stranger = app.client({ token: 'wrong' });
    await expect(stranger.follow(TaskEventsDocument, {}).next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(stranger.follow(TaskEventsDocument, { after: 'x' }).next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(admin.follow(TaskEventsDocument, { after: 'no cursor' }).next()).rejects.toThrow(BatonRequestError);
  });
});
