/** Websocket subscribers that wait for events, in a process of their own. */
import { childArguments, serveParent } from '../child.js';
import { EventSocket } from '../event-socket.js';

export interface SubscribersClientArgs {
  origin: string;
  token: string;
}

/** Adds subscribers until there are so many, and tells how many events each of all has received since it came. */
export interface SubscribersCommand {
  count: number;
}

export interface SubscribersResult {
  eventCounts: number[];
}

const eventDocument =
  'subscription Created($filter: TaskEventFilter) { taskEvents(filter: $filter) { kind cursor occurredAt task { id title status } } }';
const variables = { filter: { kinds: ['TASK_CREATED'] } };

const { origin, token } = childArguments<SubscribersClientArgs>();
const sockets: EventSocket[] = [];
const eventCounts: number[] = [];

serveParent<SubscribersCommand, SubscribersResult>({}, async ({ count }) => {
  while (sockets.length < count) {
    const size = Math.min(50, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: size }, () => EventSocket.open(origin, token)))));
    for (let index = eventCounts.length; index < sockets.length; index++) {
      eventCounts.push(0);
      sockets[index]?.subscribe(eventDocument, variables, () => {
        eventCounts[index] = (eventCounts[index] ?? 0) + 1;
      });
    }
  }
  await Promise.all(sockets.map((socket) => socket.settle()));
  return { eventCounts };
});
