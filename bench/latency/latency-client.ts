/** Agents that claim, and subscribers that hear of it, in one process: as fast as the server answers, or at a fixed rate. */
import { childArguments, serveParent } from '../child.js';
import { EventSocket } from '../event-socket.js';
import { encodeRequest, HttpConnection, type LoadResult, loadAtRate, loadClosed } from '../http-load.js';

export interface LatencyClientArgs {
  origin: string;
  /** One for each connection. */
  tokens: string[];
  subscriberCount: number;
}

export interface LatencyCommand {
  durationMs: number;
  perSecond?: number;
}

export type LatencyResult = LoadResult & {
  /** Claims that got no task although some were ready: others were taking them. */
  emptyClaims: number;
  /** Of each task that was claimed, when its event came to each subscriber: microseconds since 1970. */
  receivedAt: Record<string, number[]>;
};

const claimDocument =
  'mutation Claim($input: TaskClaimNextInput!) { taskClaimNext(input: $input) { task { id title lease { fence } } errors { code message } } }';
const eventDocument =
  'subscription Claims($filter: TaskEventFilter) { taskEvents(filter: $filter) { kind cursor occurredAt task { id title status } } }';
const noTask = '{"data":{"taskClaimNext":{"task":null,"errors":[]}}}';
/** How long after the load the last event may come. */
const patienceMs = 10_000;

interface Received {
  taskId: string;
  at: number;
}

const { origin, tokens, subscriberCount } = childArguments<LatencyClientArgs>();
const requests = tokens.map((token) =>
  encodeRequest(origin, {
    path: '/graphql',
    headers: { authorization: `Bearer ${token}` },
    body: { query: claimDocument, variables: { input: { leaseSeconds: 3600 } } },
  }),
);
let epochOffset = 0;
let onReceived = () => {};
const inboxes: Received[][] = [];
const sockets: EventSocket[] = [];
for (let index = 0; index < subscriberCount; index++) {
  const socket = await EventSocket.open(origin, tokens[index % tokens.length] ?? '');
  const inbox: Received[] = [];
  socket.subscribe(eventDocument, { filter: { kinds: ['TASK_CLAIMED'] } }, (message) => {
    const at = performance.now() + epochOffset;
    const taskId = /"task":\{"id":"([^"]+)"/.exec(message)?.[1];
    if (!taskId) throw new Error(`an event without its task: ${message}`);
    inbox.push({ taskId, at: Math.round(at * 1000) });
    onReceived();
  });
  sockets.push(socket);
  inboxes.push(inbox);
}

serveParent<LatencyCommand, LatencyResult>({}, async ({ durationMs, perSecond }) => {
  await hearFirstEvent();
  epochOffset = measureEpochOffset();
  const claimed = new Set<string>();
  let emptyClaims = 0;
  const options = {
    origin,
    connections: tokens.length,
    durationMs,
    next: (connection: number) => requests[connection] ?? null,
    onAnswer: (_connection: number, status: number, body: Buffer) => {
      const id = claimedId(status, body);
      if (id === null) {
        emptyClaims += 1;
        return;
      }
      if (claimed.has(id)) throw new Error(`task ${id} was claimed twice`);
      claimed.add(id);
    },
  };
  const load = perSecond === undefined ? loadClosed(options) : loadAtRate({ ...options, perSecond });
  const broken = sockets.map((socket) => socket.broken);
  const result = await Promise.race([load, ...broken]);
  await Promise.race([waitFor(() => inboxes.every((inbox) => inbox.length >= claimed.size), patienceMs), ...broken]);
  return { ...result, emptyClaims, receivedAt: collect(claimed) };
});

/** The id of the task that was claimed; null when there was none to claim. */
function claimedId(status: number, body: Buffer): string | null {
  const text = body.toString();
  const id = status === 200 ? /"task":\{"id":"([^"]+)"/.exec(text)?.[1] : undefined;
  if (id === undefined && text === noTask) return null;
  if (id === undefined) throw new Error(`a claim was answered ${status}: ${text.slice(0, 1000)}`);
  return id;
}

/** Claims a task now and then until every subscriber has heard of one, and so of all from then on; forgets what came so far. */
async function hearFirstEvent(): Promise<void> {
  const connection = await HttpConnection.open(origin);
  let claims = 0;
  const isHeard = () => inboxes.every((inbox) => inbox.length > 0);
  while (!isHeard()) {
    if (claims === 50) throw new Error('the subscribers hear nothing');
    claims += 1;
    await new Promise<void>((resolve, reject) => {
      connection.broken.catch(reject);
      connection.send(requests[0] as Buffer, (status, body) => {
        claimedId(status, body);
        resolve();
      });
    });
    await waitFor(isHeard, 300).catch(() => {});
  }
  connection.close();
  // What else was claimed here must have come before it is forgotten.
  await waitFor(() => inboxes.every((inbox) => inbox.length === inboxes[0]?.length), 2000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const inbox of inboxes) inbox.length = 0;
}

/** Milliseconds to add to `performance.now()` to get the time since 1970, found at the moment when the clock moves on. */
function measureEpochOffset(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now - performance.now();
}

/** Checks that each subscriber heard of each claim once, all in one order. */
function collect(claimed: Set<string>): Record<string, number[]> {
  const receivedAt: Record<string, number[]> = {};
  const order = inboxes[0]?.map(({ taskId }) => taskId).join();
  for (const inbox of inboxes) {
    for (const { taskId, at } of inbox) {
      if (!claimed.has(taskId)) throw new Error(`an event came of task ${taskId}, which was not claimed`);
      receivedAt[taskId] ??= [];
      receivedAt[taskId].push(at);
    }
    if (inbox.length !== claimed.size || inbox.map(({ taskId }) => taskId).join() !== order)
      throw new Error(`of ${claimed.size} claims a subscriber heard ${inbox.length} times, or in another order than the others`);
    inbox.length = 0;
  }
  return receivedAt;
}

/** Rejects when the condition does not come true in time; it is looked at after each event. */
function waitFor(condition: () => boolean, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void) => {
      clearTimeout(timer);
      onReceived = () => {};
      act();
    };
    const timer = setTimeout(() => finish(() => reject(new Error('events are missing'))), timeoutMs);
    onReceived = () => {
      if (condition()) finish(resolve);
    };
    onReceived();
  });
}
