import { comparePositions, decodeCursor, type LogPosition } from '../../src/kernel/cursor.js';
import type { ClaimOperation, EndOperation, HeartbeatOperation, History, Operation, Subscriber } from './history.js';

/** What was broken. */
export type Rule =
  /** The events of a task do not follow from one another. */
  | 'broken chain'
  /** A claim did not raise the fence by one. */
  | 'fence not rising'
  /** A task was claimed while somebody held it. */
  | 'two holders'
  /** A lease ended before its time, as the holder was told it. */
  | 'expired early'
  /** A lease was extended after it had ended. */
  | 'extended after its end'
  /** An acknowledged write is not in the database. */
  | 'lost write'
  /** One request did the same thing twice. */
  | 'doubled write'
  /** A refused request changed something all the same. */
  | 'refused write applied'
  /** A write under an old fence, or by somebody who did not hold the task, changed it. */
  | 'stale write applied'
  /** Something happened that nobody asked for. */
  | 'unasked write'
  /** A task's row says something else than its events. */
  | 'row and log differ'
  /** An attempt goes on though the holding is over, or is over though it goes on. */
  | 'attempt and row differ'
  /** A request that a server took and, although it was told to stop in time, did not answer. */
  | 'lost answer'
  /** What must be quick was not. */
  | 'too slow'
  /** A task that is neither finished nor claimable by anybody. */
  | 'stuck task'
  /** A subscriber missed an event. */
  | 'gap'
  /** A subscriber received an event twice. */
  | 'double'
  /** A subscriber received events in another order than the log's. */
  | 'disorder'
  /** A subscriber received what it had not asked for. */
  | 'stray event';

export interface Violation {
  rule: Rule;
  /** The task, operation or subscriber concerned. */
  subject: string;
  detail: string;
}

/** A task's row after the run. */
export interface TaskRow {
  id: string;
  title: string;
  status: string;
  fence: number;
  holderId: string | null;
  leaseExpiresAt: Date | null;
}

/** A row of the event log about a task. */
export interface TaskEventRow {
  cursor: string;
  type: string;
  taskId: string;
  projectId: string | null;
  actorId: string | null;
  occurredAt: Date;
  data: Record<string, unknown>;
}

/** What the database holds after the run. */
export interface Remains {
  /** In no particular order. */
  tasks: TaskRow[];
  /** All events about tasks, in the log's order. */
  events: TaskEventRow[];
  /** Claims as the table of attempts has them: `taskId fence holderId`. */
  attempts: string[];
  /** Those of them that have not ended: `taskId fence`. */
  openAttempts: string[];
  /** The database's time at the reading. */
  now: Date;
}

/** Instants are kept and answered in milliseconds. */
const roundingMs = 2;

/** Compares what was seen from outside with what the database holds. An empty answer: nothing was lost, doubled, stale or out of order. */
export function check(history: History, remains: Remains): Violation[] {
  const violations: Violation[] = [];
  const report = (rule: Rule, subject: string, detail: string) => violations.push({ rule, subject, detail });
  const eventsByTask = groupBy(remains.events, (event) => event.taskId);
  const ends = new Map<string, HoldEnd>();
  for (const task of remains.tasks) checkTask(task, eventsByTask.get(task.id) ?? [], ends, remains.now, report);
  checkAttempts(remains, report);
  checkClaims(history, remains, report);
  checkCreations(history, remains, report);
  checkEnds(history, remains, report);
  checkHeartbeats(history, ends, report);
  for (const subscriber of history.subscribers) checkSubscriber(subscriber, remains.events, report);
  return violations;
}

type Report = (rule: Rule, subject: string, detail: string) => void;

/** How a holding of a task ended. */
interface HoldEnd {
  type: string;
  at: Date;
}

const leasedStatuses = ['CLAIMED', 'IN_PROGRESS', 'REVIEW'];
const finalStatuses = ['DONE', 'FAILED', 'CANCELED'];

/** Follows a task through its events: each must be possible after the one before. Notes when each holding ended. */
function checkTask(task: TaskRow, events: TaskEventRow[], ends: Map<string, HoldEnd>, now: Date, report: Report): void {
  let status: string | null = null;
  let fence = 0;
  let holderId: string | null = null;
  for (const event of events) {
    const { type, data } = event;
    if (type === 'TaskCreated') {
      if (status !== null) report('broken chain', task.id, 'it was created twice');
      status = String(data.after);
      continue;
    }
    if (data.before === undefined || typeof data.before === 'object') continue;
    if (data.before !== status) report('broken chain', task.id, `${type} comes from ${data.before}, but it was ${status}`);
    if (type === 'TaskClaimed') {
      if (holderId !== null) report('two holders', task.id, `${event.actorId} claimed it while ${holderId} held it`);
      if (data.fence !== fence + 1) report('fence not rising', task.id, `the fence went from ${fence} to ${data.fence}`);
      fence = Number(data.fence);
      holderId = event.actorId;
    } else {
      if (Number(data.fence) !== fence) report('stale write applied', task.id, `${type} has fence ${data.fence}, not ${fence}`);
      if (event.actorId !== null && event.actorId !== holderId) {
        report('stale write applied', task.id, `${type} by ${event.actorId}, while ${holderId ?? 'nobody'} held it`);
      }
      if (!leasedStatuses.includes(String(data.after))) {
        if (holderId !== null) ends.set(`${task.id} ${fence}`, { type, at: event.occurredAt });
        holderId = null;
      }
    }
    status = String(data.after);
  }
  if (task.status !== status || task.fence !== fence || task.holderId !== holderId) {
    const row = `${task.status}, fence ${task.fence}, held by ${task.holderId}`;
    report('row and log differ', task.id, `the row says ${row}; the events ${status}, fence ${fence}, held by ${holderId}`);
  }
  const isFree = task.status === 'READY' && task.holderId === null;
  const isHeld = task.holderId !== null && task.leaseExpiresAt !== null && task.leaseExpiresAt > now;
  if (!isFree && !isHeld && !finalStatuses.includes(task.status)) {
    report('stuck task', task.id, `${task.status}, held by ${task.holderId} until ${task.leaseExpiresAt?.toISOString()}`);
  }
}

/** A holding and its attempt end together. */
function checkAttempts({ tasks, openAttempts }: Remains, report: Report): void {
  const held = new Set(tasks.flatMap(({ id, fence, holderId }) => (holderId === null ? [] : [`${id} ${fence}`])));
  const open = new Set(openAttempts);
  for (const name of open)
    if (!held.has(name)) report('attempt and row differ', name, 'it goes on, and nobody holds the task by it');
  for (const name of held) if (!open.has(name)) report('attempt and row differ', name, 'it is over, and the task is held by it');
}

/** Every grant is a claim of the log and of the attempts; every claim of the log was asked for. */
function checkClaims(history: History, remains: Remains, report: Report): void {
  const claims = history.operations.filter((operation): operation is ClaimOperation => operation.kind === 'claim');
  const logged = new Map<string, string | null>();
  for (const event of remains.events) {
    if (event.type === 'TaskClaimed') logged.set(`${event.taskId} ${event.data.fence}`, event.actorId);
  }
  const attempts = new Set(remains.attempts);
  const granted = new Set<string>();
  for (const claim of claims) {
    for (const { taskId, fence } of claim.grants) {
      const name = `${taskId} ${fence}`;
      if (logged.get(name) !== claim.agentId) report('lost write', taskId, `the claim with fence ${fence} is not in the log`);
      if (!attempts.has(`${name} ${claim.agentId}`)) report('lost write', taskId, `the claim with fence ${fence} has no attempt`);
      // A request that was repeated under its key gets the same grant again; then there is one operation for all sendings.
      if (granted.has(name)) report('two holders', taskId, `fence ${fence} was granted twice`);
      granted.add(name);
    }
  }
  // What nobody was told of must at least have been asked for by a claim whose answer was lost, or came when the lease was over.
  const unheard = groupBy(
    [...logged].filter(([name]) => !granted.has(name)),
    ([, agentId]) => agentId ?? '',
  );
  for (const [agentId, unheardClaims] of unheard) {
    const asked = claims
      .filter((claim) => claim.agentId === agentId)
      .map(({ outcome, count, hasKey, sendings, lapsedTaskIds }) =>
        outcome === 'unknown' ? count * (hasKey ? 1 : sendings) : lapsedTaskIds.length,
      )
      .reduce((sum, most) => sum + most, 0);
    if (unheardClaims.length > asked) {
      report('unasked write', agentId, `${unheardClaims.length} claims that it was not told of; it asked for ${asked} at most`);
    }
  }
}

function checkCreations(history: History, remains: Remains, report: Report): void {
  const counts = new Map<string, number>();
  for (const { title } of remains.tasks) counts.set(title, (counts.get(title) ?? 0) + 1);
  for (const operation of history.operations) {
    if (operation.kind !== 'create') continue;
    for (const token of operation.tokens) checkCount(operation, token, counts.get(token) ?? 0, report);
    const made = operation.tokens.filter((token) => counts.has(token)).length;
    if (made > 0 && made < operation.tokens.length) report('lost write', operation.tokens[0] ?? '', 'only some were created');
  }
}

/** Every end of a holding that was acknowledged is an event, once; none that was refused is. */
function checkEnds(history: History, remains: Remains, report: Report): void {
  const ends = history.operations.filter((operation): operation is EndOperation => isEnd(operation));
  const events = groupBy(
    remains.events.filter((event) => tokenOf(event) !== null),
    (event) => tokenOf(event) ?? '',
  );
  for (const end of ends) {
    const found = events.get(end.token) ?? [];
    checkCount(end, end.token, found.length, report);
    for (const event of found) {
      const isAsAsked = event.taskId === end.taskId && event.data.fence === end.fence && event.actorId === end.agentId;
      if (!isAsAsked) report('stale write applied', end.token, `${event.type} of ${event.taskId} with fence ${event.data.fence}`);
    }
  }
}

function checkCount(operation: Operation, token: string, count: number, report: Report): void {
  if (operation.outcome === 'acknowledged' && count === 0) report('lost write', token, 'it was acknowledged, and is not there');
  if (operation.outcome === 'refused' && count > 0) report('refused write applied', token, `it was refused as ${operation.code}`);
  if (count > (operation.hasKey ? 1 : operation.sendings)) report('doubled write', token, `it is there ${count} times`);
}

/** A lease ends no sooner than its holder was told, unless the holder or somebody with the right to it ended it; and it is not extended afterwards. */
function checkHeartbeats(history: History, ends: Map<string, HoldEnd>, report: Report): void {
  const told = (taskId: string, fence: number, leaseExpiresAt: Date) => {
    const end = ends.get(`${taskId} ${fence}`);
    if (end?.type === 'TaskLeaseExpired' && end.at.getTime() < leaseExpiresAt.getTime() - roundingMs) {
      report('expired early', taskId, `fence ${fence} expired at ${end.at.toISOString()}, told ${leaseExpiresAt.toISOString()}`);
    }
  };
  for (const operation of history.operations) {
    if (operation.outcome !== 'acknowledged') continue;
    if (operation.kind === 'claim') for (const grant of operation.grants) told(grant.taskId, grant.fence, grant.leaseExpiresAt);
    if (operation.kind === 'heartbeat') {
      if (operation.leaseExpiresAt) told(operation.taskId, operation.fence, operation.leaseExpiresAt);
      checkExtension(operation, ends, report);
    }
  }
}

function checkExtension(heartbeat: HeartbeatOperation, ends: Map<string, HoldEnd>, report: Report): void {
  const end = ends.get(`${heartbeat.taskId} ${heartbeat.fence}`);
  if (!end || !heartbeat.leaseExpiresAt) return;
  const extendedAt = heartbeat.leaseExpiresAt.getTime() - heartbeat.leaseSeconds * 1000;
  if (extendedAt > end.at.getTime() + roundingMs) {
    report(
      'extended after its end',
      heartbeat.taskId,
      `fence ${heartbeat.fence} ended by ${end.type} before a heartbeat was taken`,
    );
  }
}

/** A subscriber of the events about tasks, of one project or of all, received what the log has behind its beginning: each once, in the log's order. */
function checkSubscriber(subscriber: Subscriber, events: TaskEventRow[], report: Report): void {
  const after = positionOf(subscriber.after);
  const wanted = events.filter(({ projectId }) => (subscriber.projectId ?? projectId) === projectId);
  const expected = wanted.filter((event) => comparePositions(positionOf(event.cursor), after) > 0).map((event) => event.cursor);
  const known = new Set(expected);
  const seen = new Set<string>();
  let last = after;
  for (const { cursor } of subscriber.receptions) {
    const position = positionOf(cursor);
    if (seen.has(cursor)) report('double', subscriber.name, `${cursor} came twice`);
    else if (!known.has(cursor)) report('stray event', subscriber.name, `${cursor} is not in the log behind ${subscriber.after}`);
    else if (comparePositions(position, last) < 0) report('disorder', subscriber.name, `${cursor} came after a later event`);
    seen.add(cursor);
    last = position;
  }
  const missing = expected.filter((cursor) => !seen.has(cursor));
  if (missing.length > 0)
    report('gap', subscriber.name, `${missing.length} of ${expected.length} did not come, first ${missing[0]}`);
}

function positionOf(cursor: string): LogPosition {
  const position = decodeCursor(cursor);
  if (!position) throw new Error(`${cursor} is no cursor`);
  return position;
}

function isEnd(operation: Operation): operation is EndOperation {
  return operation.kind === 'complete' || operation.kind === 'release';
}

/** The token of the request that an event came from; null when it carries none. */
function tokenOf({ type, data }: TaskEventRow): string | null {
  if (type === 'TaskReleased') return typeof data.reason === 'string' ? data.reason : null;
  const result = type === 'TaskCompleted' ? (data.result as { token?: unknown } | undefined) : undefined;
  return typeof result?.token === 'string' ? result.token : null;
}

function groupBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
