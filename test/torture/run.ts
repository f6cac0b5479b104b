import { setTimeout as delay } from 'node:timers/promises';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { parse } from 'graphql';
import type pg from 'pg';
import { encodeCursor } from '../../src/kernel/cursor.js';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { Agent, type Line, Operator } from './agents.js';
import { check, type Remains, type TaskEventRow, type Violation } from './checker.js';
import { History, type Subscriber } from './history.js';
import type { Random } from './random.js';
import { adminToken, type Stage } from './stage.js';

/** What a scenario is run with. */
export interface Settings {
  /** Decides all that is random: the same seed plays the same faults. */
  random: Random;
  /** How long faults go on; what comes before and after is not counted. */
  durationMs: number;
  /** Milliseconds for which an agent rests between two claims; without rest, agents take all that the machine gives. */
  pauseMs: number;
  /** Ready tasks that are kept in store for the agents. */
  backlogSize: number;
}

export interface Scenario {
  name: string;
  /** What is done to the servers, and what must hold all the same. */
  description: string;
  /** Why it cannot be played on this machine; null when it can. */
  impossible?(): string | null;
  run(stage: Stage, settings: Settings): Promise<Findings>;
}

/** What came of a run. */
export interface Findings {
  history: History;
  /** Figures of the scenario itself: how often what was done, and what was measured. */
  counts: Record<string, number>;
  violations: Violation[];
}

export interface Play extends Settings {
  stage: Stage;
  databaseUrl: string;
  /** How agents reach the servers. */
  line: Line;
  agentCount: number;
  leaseSeconds: number;
  /** Addresses at which subscribers follow all events about tasks; one subscriber each. */
  followUrls: readonly string[];
  history?: History;
  /** Plays the faults until it is over; whatever was broken is mended when it resolves. Answers how often what was done. */
  faults: (isOver: () => boolean) => Promise<Record<string, number>>;
  /** Projects over which the tasks spread; without any, they belong to none. */
  projectIds?: readonly string[];
  /** Called with the log once everything has come to rest: subscribers of the scenario's own are waited for here. */
  atRest?: (events: readonly TaskEventRow[]) => Promise<void>;
}

/** How long what is left may take, once everything works again. */
const drainMs = 60_000;

/**
 * Has agents work while faults are played, then lets everything come to rest, and compares what was seen with what is there.
 * At rest every task is done, by whomever: one that nobody can finish any more is stuck.
 */
export async function play(plan: Play): Promise<Findings> {
  const { stage, history = new History(), line, random, leaseSeconds, projectIds, pauseMs } = plan;
  const database = await stage.database(plan.databaseUrl);
  const operator = new Operator({ line: { ...line, copies: 1 }, token: adminToken, history, projectIds });
  const after = await eventCursor(line.urls()[0] as string);
  const readers = plan.followUrls.map(
    (url, index) => new Follower(url, { name: `follower ${index + 1}`, after, receptions: [] }),
  );
  history.subscribers.push(...readers.map((reader) => reader.subscriber));
  stage.onCleanUp(() => Promise.all(readers.map((reader) => reader.stop())));

  const agents: Agent[] = [];
  for (let index = 0; index < plan.agentCount; index++) {
    const credentials = await operator.register('agent');
    agents.push(new Agent({ credentials, line, history, random: random.fork(), leaseSeconds, pauseMs }));
  }
  const deadline = performance.now() + plan.durationMs;
  let isMended = false;
  const working = Promise.all([
    feed({ operator, database, backlogSize: plan.backlogSize }, () => isMended),
    ...agents.map((agent) => agent.run(() => isMended)),
  ]);
  const counts: Record<string, number> = await plan.faults(() => performance.now() >= deadline);
  isMended = true;
  await working;

  const credentials = await operator.register('sweeper');
  await drain(database, new Agent({ credentials, line, history, random, leaseSeconds, pauseMs: 0 }));
  const remains = await readRemains(database);
  const end = remains.events.at(-1)?.cursor;
  if (end) await Promise.all([plan.atRest?.(remains.events), ...readers.map((reader) => reader.reach(end, drainMs))]);
  const violations = check(history, remains);
  for (const task of remains.tasks.filter(({ status }) => status !== 'DONE')) {
    violations.push({ rule: 'stuck task', subject: task.id, detail: `it is ${task.status} long after everything was mended` });
  }
  const lags = lagsOf(history, remains);
  return { history, counts: lags.length ? { ...counts, 'lag p99 ms': percentile(lags, 99) } : counts, violations };
}

/** Cursor of the end of the log. */
export async function eventCursor(url: string): Promise<string> {
  const client = new BatonClient({ url, token: adminToken });
  try {
    return await client.eventCursor();
  } finally {
    await client.close();
  }
}

/** Milliseconds from each event to each reception of it. */
function lagsOf(history: History, remains: Remains): number[] {
  const occurredAt = new Map(remains.events.map((event) => [event.cursor, event.occurredAt.getTime()]));
  const receptions = history.subscribers.flatMap((subscriber) => subscriber.receptions);
  return receptions.flatMap(({ cursor, at }) => (at ? [at.getTime() - (occurredAt.get(cursor) ?? Number.NaN)] : []));
}

/** The value that so many of a hundred do not exceed; 0 of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}

/** Keeps a backlog for the agents. */
async function feed(
  { operator, database, backlogSize }: { operator: Operator; database: pg.Pool; backlogSize: number },
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const ready = await countTasks(database, `status = 'READY'`).catch(() => backlogSize);
    if (ready < backlogSize) await operator.create(20);
    else await delay(20);
  }
}

/** Finishes what is left; leases that nobody keeps alive lapse meanwhile. */
async function drain(database: pg.Pool, agent: Agent): Promise<void> {
  const deadline = performance.now() + drainMs;
  while ((await countTasks(database, `status <> 'DONE'`)) > 0 && performance.now() < deadline) {
    const grants = await agent.claim(50);
    await Promise.all(grants.map((grant) => agent.end('complete', grant)));
    if (grants.length === 0) await delay(50);
  }
}

async function countTasks(database: pg.Pool, condition: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int as count from task where ${condition}`);
  return rows[0]?.count ?? 0;
}

export async function readRemains(database: pg.Pool): Promise<Remains> {
  const tasks = await database.query(
    `select id, title, status::text, fence, holder_id as "holderId", lease_expires_at as "leaseExpiresAt" from task`,
  );
  const events = await database.query(
    `select xid::text, seq::text, type, task_id as "taskId", project_id as "projectId", actor_id as "actorId", occurred_at as "occurredAt", data
     from event where task_id is not null order by event.xid, event.seq`,
  );
  const attempts = await database.query<{ name: string; holder: string; isOpen: boolean }>(
    `select task_id || ' ' || fence as name, holder_id as holder, ended_at is null as "isOpen" from task_attempt`,
  );
  const now = await database.query<{ now: Date }>('select clock_timestamp() as now');
  return {
    tasks: tasks.rows,
    events: events.rows.map(({ xid, seq, ...event }) => ({
      ...event,
      cursor: encodeCursor({ xid: BigInt(xid), seq: BigInt(seq) }),
    })),
    attempts: attempts.rows.map(({ name, holder }) => `${name} ${holder}`),
    openAttempts: attempts.rows.filter(({ isOpen }) => isOpen).map(({ name }) => name),
    now: now.rows[0]?.now ?? new Date(),
  };
}

const followDocument = parse(`subscription ($after: String) {
  taskEvents(after: $after) { cursor }
}`) as TypedDocumentNode<{ taskEvents: { cursor: string } }, { after?: string | null }>;

/** Follows all events about tasks through the SDK, over any number of connections. */
class Follower {
  readonly #client: BatonClient;
  #last = '';
  #onReception = () => {};

  constructor(
    url: string,
    readonly subscriber: Subscriber,
  ) {
    this.#client = new BatonClient({ url, token: adminToken });
    void this.#read().catch(() => {});
  }

  stop(): Promise<void> {
    return this.#client.close();
  }

  /** Resolves when the event has come, or when it has not within the time: the checker tells. */
  async reach(cursor: string, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (this.#last !== cursor && performance.now() < deadline) {
      await Promise.race([new Promise<void>((resolve) => (this.#onReception = resolve)), delay(1000)]);
    }
  }

  async #read(): Promise<void> {
    const stream = this.#client.follow(followDocument, { after: this.subscriber.after });
    for await (const { taskEvents } of stream) {
      this.subscriber.receptions.push({ cursor: taskEvents.cursor, at: new Date() });
      this.#last = taskEvents.cursor;
      this.#onReception();
    }
  }
}
