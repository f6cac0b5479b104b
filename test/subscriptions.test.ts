import { print } from 'graphql';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { BatonClient } from '../src/sdk/baton-client.js';
import {
  EventCursorDocument,
  EventLogDocument,
  EventsDocument,
  TaskCreateManyDocument,
  TaskEventsDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp, useTestApp } from './support/app.js';
import { nothingHeldBack } from './support/event-horizon.js';
import { requireRedis } from './support/redis.js';
import { seedAgent, seedClaim, seedTask } from './support/seed.js';
import { StreamReader } from './support/stream.js';

/** The ids of the tasks whose creation the log holds, in its order. */
async function createdTaskIds(app: TestApp): Promise<string[]> {
  const rows = await app.sql<{ id: string }>(`select subject_id as id from event where type = 'TaskCreated' order by xid, seq`);
  return rows.map((row) => row.id);
}

describe('a subscription over the websocket', () => {
  it('gives each event once and in order over 1,000 forced reconnects to either of two replicas', {
    timeout: 90_000,
  }, async (context) => {
    const REDIS_URL = requireRedis(context);
    const first = await useTestApp({ REDIS_URL });
    const second = await useTestApp({ REDIS_URL }, { databaseUrl: first.databaseUrl });
    const replicas = [first, second];
    const writer = first.client();
    const { eventCursor } = await writer.request(EventCursorDocument, {});
    const [subscriberCount, reconnectsEach] = [20, 50];
    let isWriting = true;
    let stillReading = subscriberCount;

    const writing = (async () => {
      while (stillReading > 0) {
        await Promise.all(
          [1, 2, 3].map((n) =>
            (n === 3 ? second : first)
              .client()
              .request(TaskCreateManyDocument, { input: { tasks: [{ title: 'a' }, { title: 'b' }] } }),
          ),
        );
      }
      isWriting = false;
    })();
    const subscribers = Array.from({ length: subscriberCount }, async (_, index) => {
      const seen: string[] = [];
      let cursor = eventCursor;
      const read = async (url: string, isEnough: (count: number) => boolean) => {
        const client = new BatonClient({ url });
        let count = 0;
        for await (const { taskEvents } of client.subscribe(TaskEventsDocument, { after: cursor })) {
          seen.push(taskEvents.task.id);
          cursor = taskEvents.cursor;
          count += 1;
          if (isEnough(count)) break;
        }
        await client.close();
      };
      for (let reconnect = 0; reconnect < reconnectsEach; reconnect++) {
        await read(replicas[(index + reconnect) % 2]?.url ?? '', (count) => count > (index * reconnect) % 7);
      }
      stillReading -= 1;
      await writing;
      const all = await createdTaskIds(first);
      if (seen.length < all.length) await read(first.url, () => seen.length >= all.length);
      return { seen, all };
    });

    for (const { seen, all } of await Promise.all(subscribers)) expect(seen).toEqual(all);
    expect(isWriting).toBe(false);
  });

  it('starts without a gap after a cursor that was read before the state', async () => {
    const app = await useTestApp();
    const client = app.client();
    const { eventCursor } = await client.request(EventCursorDocument, {});
    const between = await seedTask(client);

    const events = new StreamReader(client.subscribe(TaskEventsDocument, { after: eventCursor }));
    const later = await seedTask(client);

    expect((await events.take(2)).map(({ taskEvents }) => taskEvents.task.id)).toEqual([between.id, later.id]);
    await events.stop();
  });

  it('delivers only what the filter wants', async () => {
    const app = await useTestApp();
    const client = app.client();
    const agent = await seedAgent(client, { specializations: ['wanted'] });
    const { eventCursor: after } = await client.request(EventCursorDocument, {});
    const wanted = await seedTask(client, { requiredSpecialization: 'wanted' });
    const other = await seedTask(client, { requiredSpecialization: 'other' });
    await seedClaim(client, { taskId: wanted.id, agentId: agent.id });
    await seedTask(client, { title: 'the last one', requiredSpecialization: 'wanted' });

    const read = async (filter: object, count: number) => {
      const events = new StreamReader(client.subscribe(TaskEventsDocument, { filter, after }));
      const items = await events.take(count);
      await events.stop();
      return items.map(({ taskEvents }) => `${taskEvents.kind} ${taskEvents.task.id}`);
    };

    expect(await read({ specialization: 'other' }, 1)).toEqual([`TASK_CREATED ${other.id}`]);
    expect(await read({ taskId: wanted.id }, 2)).toEqual([`TASK_CREATED ${wanted.id}`, `TASK_CLAIMED ${wanted.id}`]);
    expect(await read({ kinds: ['TASK_CLAIMED'] }, 1)).toEqual([`TASK_CLAIMED ${wanted.id}`]);
    expect(await read({ agentId: agent.id }, 1)).toEqual([`TASK_CLAIMED ${wanted.id}`]);
  });

  it('ends with RESYNC_REQUIRED for one that does not read, while the others get everything', { timeout: 60_000 }, async () => {
    const app = await useTestApp({ SUBSCRIBER_BUFFER: '200' });
    const client = app.client();
    const stalled = new WebSocket(app.url.replace('http', 'ws').concat('/graphql'), 'graphql-transport-ws');
    const messages: { type: string; payload?: unknown }[] = [];
    const [acknowledged, ended] = [new Signal(), new Signal()];
    stalled.on('message', (data) => {
      const message = JSON.parse(String(data));
      messages.push(message);
      if (message.type === 'connection_ack') acknowledged.give();
      if (message.type === 'error') ended.give();
    });
    stalled.on('open', () => stalled.send(JSON.stringify({ type: 'connection_init' })));
    await acknowledged.given;
    const query = `subscription { events { cursor data ... on TaskEvent { task { id title description } } } }`;
    stalled.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
    const readers = Array.from({ length: 5 }, () => new StreamReader(app.client().subscribe(EventsDocument, {})));
    // Once a later event has come to all, the subscriptions stand; the stalled one is asked first of all.
    const probe = await untilAllSee(readers, () => seedTask(client));
    stalled.pause();

    // Large descriptions fill the socket's own buffers, after which events wait in the server. The others get time to read:
    // what a buffer holds must never come between two looks at them.
    const description = 'x'.repeat(100_000);
    const allSee = (id: string) =>
      Promise.all(readers.map((reader) => reader.find(({ events }) => 'task' in events && events.task.id === id)));
    for (let index = 0; index < 80; index++) await allSee((await seedTask(client, { title: `task ${index}`, description })).id);
    for (let index = 0; index < 6; index++) {
      const tasks = Array.from({ length: 50 }, () => ({ title: 'small' }));
      const { taskCreateMany } = await client.request(TaskCreateManyDocument, { input: { tasks } });
      await allSee(taskCreateMany.tasks.at(-1)?.id ?? '');
    }
    stalled.resume();
    await ended.given;
    stalled.terminate();

    const all = (await createdTaskIds(app)).slice((await createdTaskIds(app)).indexOf(probe));
    for (const reader of readers) {
      const seen = reader.items.flatMap(({ events }) => ('task' in events ? [events.task.id] : []));
      expect(seen.slice(seen.indexOf(probe))).toEqual(all);
      await reader.stop();
    }
    expect(messages.at(-1)).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'RESYNC_REQUIRED' } }] });
  });

  it('refuses a cursor that is older than what is kept, or none of this server', async () => {
    const app = await useTestApp();
    const client = app.client();
    const { eventCursor: old } = await client.request(EventCursorDocument, {});
    await seedTask(client);
    await app.elapse(40 * 86_400);
    await seedTask(client);
    await nothingHeldBack(app);
    // A server prunes when it starts, and has done so by the time it has stopped.
    await (await startTestApp({}, { databaseUrl: app.databaseUrl })).stop();
    const replica = await useTestApp({}, { databaseUrl: app.databaseUrl });
    const reader = replica.client();

    const answers = await Promise.all([
      reader.request(EventLogDocument, { after: old }).catch((error) => error.code),
      reader
        .subscribe(EventsDocument, { after: old })
        .next()
        .catch((error) => error.code),
      reader
        .subscribe(EventsDocument, { after: 'nonsense' })
        .next()
        .catch((error) => error.code),
      reader.request(EventLogDocument, { after: 'nonsense' }).catch((error) => error.code),
    ]);

    expect(answers).toEqual(['RESYNC_REQUIRED', 'RESYNC_REQUIRED', 'INVALID_CURSOR', 'INVALID_CURSOR']);
  });
});

it('streams over SSE as well, and resumes there', async () => {
  const app = await useTestApp();
  const client = app.client();
  const { eventCursor: after } = await client.request(EventCursorDocument, {});
  const tasks = [await seedTask(client), await seedTask(client)];
  const readOne = async (cursor: string) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: print(TaskEventsDocument), variables: { after: cursor } }),
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const data = /^data: (\{.*\})$/m.exec(text)?.[1];
      if (data) return JSON.parse(data).data.taskEvents as { cursor: string; task: { id: string } };
    }
    throw new Error(`the stream ended: ${text}`);
  };

  const first = await readOne(after);
  const second = await readOne(first.cursor);

  expect([first.task.id, second.task.id]).toEqual(tasks.map((task) => task.id));
});

/** Something that happens once. */
class Signal {
  give = () => {};
  readonly given = new Promise<void>((resolve) => {
    this.give = resolve;
  });
}

/** Makes events until each reader has seen one of them; answers the id of the first that all have seen. */
async function untilAllSee(readers: StreamReader<{ events: object }>[], make: () => Promise<{ id: string }>): Promise<string> {
  for (;;) {
    const { id } = await make();
    const sees = readers.map((reader) =>
      Promise.race([
        reader.find(({ events }) => 'task' in events && (events.task as { id: string }).id === id).then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 200)),
      ]),
    );
    if ((await Promise.all(sees)).every(Boolean)) return id;
  }
}
