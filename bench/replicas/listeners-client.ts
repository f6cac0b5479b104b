/** Subscribers at several servers, who keep account of every claim and completion that they hear of, in the order in which it comes. */
import { createHash } from 'node:crypto';
import { childArguments, serveParent } from '../child.js';
import { EventSocket } from '../event-socket.js';

export interface ListenersArgs {
  /** One subscriber for each; a server may be named twice. */
  origins: string[];
  token: string;
  /** Where in the event log all of them begin. */
  after: string;
}

/** Waits until every subscriber has heard of so many events. */
export interface ListenersCommand {
  count: number;
}

export interface ListenersResult {
  heard: { count: number; digest: string }[];
}

const eventDocument =
  'subscription Work($filter: TaskEventFilter, $after: String) { taskEvents(filter: $filter, after: $after) { kind cursor task { id } } }';
const patienceMs = 20_000;

const { origins, token, after } = childArguments<ListenersArgs>();
const listeners = origins.map(() => ({ count: 0, hash: createHash('sha256') }));
const sockets: EventSocket[] = [];
for (const [index, origin] of origins.entries()) {
  const socket = await EventSocket.open(origin, token);
  socket.subscribe(eventDocument, { filter: { kinds: ['TASK_CLAIMED', 'TASK_COMPLETED'] }, after }, (message) => {
    const { kind, task } = (JSON.parse(message) as { payload: { data: { taskEvents: { kind: string; task: { id: string } } } } })
      .payload.data.taskEvents;
    const listener = listeners[index];
    if (!listener) return;
    listener.count += 1;
    listener.hash.update(`${kind} ${task.id}\n`);
  });
  sockets.push(socket);
}

serveParent<ListenersCommand, ListenersResult>({}, async ({ count }) => {
  const deadline = performance.now() + patienceMs;
  const broken = Promise.race(sockets.map((socket) => socket.broken));
  while (listeners.some((listener) => listener.count < count) && performance.now() < deadline)
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), broken]);
  // One that comes twice comes soon after.
  await Promise.race([new Promise((resolve) => setTimeout(resolve, 200)), broken]);
  return { heard: listeners.map((listener) => ({ count: listener.count, digest: listener.hash.copy().digest('hex') })) };
});
