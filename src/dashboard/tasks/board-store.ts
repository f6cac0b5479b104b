import type { BatonClient } from '../../sdk/baton-client.js';
import {
  BoardColumnDocument,
  BoardCountsDocument,
  LeasesDocument,
  type TaskCardFragment,
  type TaskOrder,
  type TaskStatus,
} from '../generated.js';
import type { Feed, FeedEvent } from '../live/feed.js';
import { type BoardFilter, matches, toTaskFilter } from './board-filter.js';
import { endedStatuses, statuses } from './status.js';

/** The server's largest page. */
const pageSize = 100;

/** Milliseconds between two looks at the leases on screen: heartbeats extend them without an event. */
const leaseLookMs = 5000;

/** Milliseconds from an event that a column cannot take in by itself until it is read again. */
const rereadMs = 500;

/** Milliseconds from a change until the counts are read again, and at least ten times as long as reading them takes. */
const recountMs = 1500;

export interface Column {
  /** Those that were read, in the order of the column. */
  readonly tasks: readonly TaskCardFragment[];
  /** How many there are; null until it is known. */
  readonly count: number | null;
  readonly isLoading: boolean;
  readonly hasMore: boolean;
  readonly error: Error | null;
}

interface MutableColumn extends Column {
  tasks: TaskCardFragment[];
  count: number | null;
  isLoading: boolean;
  hasMore: boolean;
  error: Error | null;
  endCursor: string | null;
  /** The last task of the last page, as it was read: what comes behind it has not been read. Null when all has. */
  boundary: TaskCardFragment | null;
  /** Raised when the column is read anew: answers to older questions are dropped. */
  reading: number;
}

/**
 * The tasks of the board. Each column reads its pages as they are scrolled to, and takes in what the feed brings, so that the
 * cost is that of what is looked at and what changes, however many tasks there are.
 */
export class BoardStore {
  #columns: Readonly<Record<TaskStatus, MutableColumn>>;
  #version = 0;
  readonly #byId = new Map<string, TaskCardFragment>();
  readonly #watchers = new Set<() => void>();
  readonly #visible = new Map<TaskStatus, readonly string[]>();
  readonly #ending = new AbortController();
  #frame: number | undefined;
  #rereadTimer: ReturnType<typeof setTimeout> | undefined;
  #recountTimer: ReturnType<typeof setTimeout> | undefined;
  #recountPauseMs = recountMs;

  constructor(
    private readonly client: BatonClient,
    private readonly feed: Feed,
    private readonly filter: BoardFilter,
  ) {
    this.#columns = Object.fromEntries(statuses.map((status) => [status, emptyColumn()])) as Record<TaskStatus, MutableColumn>;
  }

  /** Reads the first pages and follows the feed, until the returned function is called. */
  start(): () => void {
    const stops = [
      this.feed.listen({ event: (event) => this.#take(event), reset: () => this.#rereadAll() }),
      this.feed.watch(this.#retry),
    ];
    const leaseTimer = setInterval(() => void this.#lookAtLeases(), leaseLookMs);
    this.#rereadAll();
    return () => {
      this.#ending.abort();
      clearInterval(leaseTimer);
      clearTimeout(this.#rereadTimer);
      clearTimeout(this.#recountTimer);
      if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
      for (const stop of stops) stop();
    };
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Rises with every change. */
  readonly version = (): number => this.#version;

  column(status: TaskStatus): Column {
    return this.#columns[status];
  }

  task(id: string): TaskCardFragment | undefined {
    return this.#byId.get(id);
  }

  /** Notes which tasks of a column are on screen: their leases are kept right. */
  show(status: TaskStatus, ids: readonly string[]): void {
    this.#visible.set(status, ids);
  }

  loadMore(status: TaskStatus): void {
    const column = this.#columns[status];
    if (!column.isLoading && column.hasMore) void this.#read(status);
  }

  /** Puts a task where the server will have it in a moment; answers how to put it back. */
  anticipate(task: TaskCardFragment, status: TaskStatus): () => void {
    const isEnded = endedStatuses.includes(status);
    const anticipated: TaskCardFragment = {
      ...task,
      status,
      nextStatuses: [],
      ...(isEnded && { completedAt: new Date().toISOString() }),
      ...(status === 'READY' && { assignee: null }),
      ...(!['CLAIMED', 'IN_PROGRESS', 'REVIEW'].includes(status) && { lease: null }),
    };
    this.#place(anticipated);
    return () => {
      // Whatever the feed has said since is truer than what was there before.
      if (this.#byId.get(task.id) === anticipated) this.#place(task);
    };
  }

  /** Takes in a task as the server has just answered it. */
  put(task: TaskCardFragment): void {
    this.#place(task);
    this.#recountSoon();
  }

  #take(event: FeedEvent): void {
    if (!('task' in event)) return;
    const { task } = event;
    const known = this.#byId.get(task.id);
    this.#recountSoon();
    // What was read since is newer than what the event brings.
    if (known && known.updatedAt > task.updatedAt) return;
    const isWanted = matches(task, this.filter);
    if (isWanted === false) this.#remove(task.id);
    else if (isWanted === undefined && !known) this.#rereadSoon();
    else {
      if (!known) this.#countMove(previousStatusOf(event), task.status);
      this.#place(task);
    }
  }

  #place(task: TaskCardFragment): void {
    const known = this.#byId.get(task.id);
    if (known) {
      this.#takeOut(known);
      this.#countMove(known.status, task.status);
    }
    const column = this.#columns[task.status];
    const compare = comparatorOf(task.status);
    if (!column.boundary || compare(task, column.boundary) <= 0) {
      column.tasks = insertInto(column.tasks, task, compare);
      this.#byId.set(task.id, task);
    }
    this.#tell();
  }

  #remove(id: string): void {
    const known = this.#byId.get(id);
    if (!known) return;
    this.#takeOut(known);
    this.#count(known.status, -1);
    this.#tell();
  }

  #takeOut(task: TaskCardFragment): void {
    const column = this.#columns[task.status];
    column.tasks = column.tasks.filter(({ id }) => id !== task.id);
    this.#byId.delete(task.id);
  }

  /** From null where there was no such task before. */
  #countMove(from: TaskStatus | null, to: TaskStatus): void {
    if (from === to) return;
    if (from) this.#count(from, -1);
    this.#count(to, 1);
  }

  /** A guess, until they are counted again. */
  #count(status: TaskStatus, change: number): void {
    const column = this.#columns[status];
    if (column.count !== null) column.count = Math.max(0, column.count + change);
  }

  async #read(status: TaskStatus): Promise<void> {
    const column = this.#columns[status];
    const { reading } = column;
    column.isLoading = true;
    column.error = null;
    this.#tell();
    try {
      const { tasks } = await this.client.request(
        BoardColumnDocument,
        {
          filter: { ...toTaskFilter(this.filter), statuses: [status] },
          orderBy: orderOf(status),
          first: pageSize,
          after: column.endCursor,
        },
        { signal: this.#ending.signal },
      );
      if (reading !== column.reading) return;
      // What was there until now stays until there is something to show instead.
      if (column.endCursor === null) for (const task of column.tasks) this.#takeOut(task);
      column.endCursor = tasks.pageInfo.endCursor ?? column.endCursor;
      column.hasMore = tasks.pageInfo.hasNextPage;
      column.boundary = column.hasMore ? (tasks.nodes.at(-1) ?? null) : null;
      const compare = comparatorOf(status);
      for (const task of tasks.nodes) {
        const known = this.#byId.get(task.id);
        if (known && known.updatedAt > task.updatedAt) continue;
        if (known) this.#takeOut(known);
        column.tasks.push(task);
        this.#byId.set(task.id, task);
      }
      column.tasks = column.tasks.toSorted(compare);
    } catch (error) {
      if (this.#ending.signal.aborted || reading !== column.reading) return;
      column.error = error as Error;
    }
    column.isLoading = false;
    this.#tell();
  }

  #rereadAll(): void {
    for (const status of statuses) {
      const column = this.#columns[status];
      column.reading += 1;
      column.endCursor = null;
      column.boundary = null;
      column.hasMore = true;
      void this.#read(status);
    }
    void this.#recount();
  }

  #rereadSoon(): void {
    this.#rereadTimer ??= setTimeout(() => {
      this.#rereadTimer = undefined;
      this.#rereadAll();
    }, rereadMs);
  }

  readonly #retry = (): void => {
    if (this.feed.state.status !== 'offline' && statuses.some((status) => this.#columns[status].error)) this.#rereadSoon();
  };

  #recountSoon(): void {
    this.#recountTimer ??= setTimeout(() => {
      this.#recountTimer = undefined;
      void this.#recount();
    }, this.#recountPauseMs);
  }

  async #recount(): Promise<void> {
    const startedAt = performance.now();
    try {
      const { taskCounts } = await this.client.request(
        BoardCountsDocument,
        { filter: toTaskFilter(this.filter) },
        { signal: this.#ending.signal },
      );
      for (const { status, count } of taskCounts) this.#columns[status].count = count;
      this.#recountPauseMs = Math.max(recountMs, 10 * (performance.now() - startedAt));
      this.#tell();
    } catch {
      // The columns say what is wrong; the counts are taken again with the next change.
    }
  }

  async #lookAtLeases(): Promise<void> {
    if (document.hidden || this.feed.state.status === 'offline') return;
    const ids = [...this.#visible.values()].flat().filter((id) => this.#byId.get(id)?.lease);
    if (ids.length === 0) return;
    const answer = await this.client
      .request(LeasesDocument, { ids: ids.slice(0, 100) }, { signal: this.#ending.signal })
      .catch(() => null);
    for (const node of answer?.nodes ?? []) {
      if (node?.__typename !== 'Task' || !node.lease) continue;
      const task = this.#byId.get(node.id);
      if (!task?.lease || task.lease.fence !== node.lease.fence || task.lease.expiresAt === node.lease.expiresAt) continue;
      const renewed = { ...task, lease: node.lease };
      this.#byId.set(task.id, renewed);
      const column = this.#columns[task.status];
      column.tasks = column.tasks.map((each) => (each.id === task.id ? renewed : each));
      this.#tell();
    }
  }

  /** At most once per frame, however many events come in it. */
  #tell(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#version += 1;
      for (const watcher of this.#watchers) watcher();
    });
  }
}

/** Where the event says that its task was before; null for a new one. */
function previousStatusOf(event: Extract<FeedEvent, { task: unknown }>): TaskStatus | null {
  if (event.__typename === 'TaskCreated') return null;
  if (event.__typename === 'TaskClaimed') return 'READY';
  return 'previousStatus' in event ? event.previousStatus : event.task.status;
}

function emptyColumn(): MutableColumn {
  return { tasks: [], count: null, isLoading: false, hasMore: true, error: null, endCursor: null, boundary: null, reading: 0 };
}

function orderOf(status: TaskStatus): TaskOrder {
  return endedStatuses.includes(status) ? 'LATEST_ENDED' : 'PRIORITY';
}

type Comparator = (one: TaskCardFragment, other: TaskCardFragment) => number;

/** As the server orders them. */
function comparatorOf(status: TaskStatus): Comparator {
  return orderOf(status) === 'PRIORITY'
    ? (one, other) => one.priority - other.priority || compareText(one.id, other.id)
    : (one, other) => compareText(other.completedAt ?? '', one.completedAt ?? '') || compareText(other.id, one.id);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** A copy of the sorted list with the task in its place. */
function insertInto(tasks: readonly TaskCardFragment[], task: TaskCardFragment, compare: Comparator): TaskCardFragment[] {
  let [low, high] = [0, tasks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = tasks[middle];
    if (there && compare(there, task) < 0) low = middle + 1;
    else high = middle;
  }
  return tasks.toSpliced(low, 0, task);
}
