import type { BatonClient } from './baton-client.js';
import { BatonCommandError, BatonConnectionError, isRetriable, unwrap } from './errors.js';
import type { EventStream } from './event-stream.js';
import {
  TaskCompleteDocument,
  TaskEventsDocument,
  type TaskEventsSubscription,
  TaskFailDocument,
  type TaskFieldsFragment,
  TaskHeartbeatDocument,
  TaskReleaseDocument,
  TaskSetStatusDocument,
} from './generated.js';
import { Backoff, retrying, withinTime } from './retry.js';

/** Milliseconds for which the first heartbeat is tried, while it is not known how long the lease lasts. */
const firstHeartbeatMs = 30_000;

/** Milliseconds that one heartbeat may take, at most. */
const heartbeatMs = 10_000;

/** Milliseconds for which the end of the work is told at least, also when the lease lapses meanwhile: the fence keeps it safe. */
const settleMs = 30_000;

/** Milliseconds of work after which the task's events are followed, to notice at once what heartbeats would tell later. */
const watchAfterMs = 1_000;

/** Characters that the reason of a release or a failure may have. */
const reasonLength = 2000;

/**
 * A task that the caller holds: what a claim answered, or who knows the task and the fence of the claim.
 *
 * `askedAt` is the `performance.now()` at which the claim was sent; when it is known and recent, no heartbeat is needed
 * before the work begins.
 */
export type HeldTask = { task: TaskFieldsFragment; askedAt: number } | TaskFieldsFragment | { taskId: string; fence: number };

/**
 * `TAKEN_AWAY`: the server says that the lease is not held any more; it lapsed, or a person gave the task back or
 * finished it. `CANCELED`: the task was canceled. `EXPIRED`: the lease must be taken to have lapsed, because no heartbeat
 * got through for its whole length. `REFUSED`: the server refuses the heartbeats for the reason in `cause`, such as a
 * revoked credential.
 */
export type LeaseLossReason = 'TAKEN_AWAY' | 'CANCELED' | 'EXPIRED' | 'REFUSED';

const lossExplanation: Record<LeaseLossReason, string> = {
  TAKEN_AWAY: 'the server says that the lease is not held any more',
  CANCELED: 'the task was canceled',
  EXPIRED: 'no heartbeat got through for the whole length of the lease',
  REFUSED: 'the server refuses the heartbeats',
};

/** The task is not the caller's any more: whatever it still writes is refused. */
export class LeaseLostError extends Error {
  constructor(
    readonly taskId: string,
    readonly fence: number,
    readonly reason: LeaseLossReason,
    cause?: unknown,
  ) {
    super(`The lease of task ${taskId} with fence ${fence} is lost: ${lossExplanation[reason]}. Stop working on it.`, { cause });
    this.name = 'LeaseLostError';
  }
}

/** Somebody asked for the work to stop. The lease is still held: what was done so far can be saved. */
export class CancelRequestedError extends Error {
  constructor(readonly taskId: string) {
    super(`Somebody asked for the work on task ${taskId} to stop.`);
    this.name = 'CancelRequestedError';
  }
}

export interface WithLeaseOptions {
  /** Id of the agent that holds the task, for people who act for it. An agent's own key says who acts. */
  agentId?: string;
  /** Interrupts the work: the signal of the lease aborts for the same reason, and the task is released when the work throws. */
  signal?: AbortSignal;
  /** What becomes of the task when the work throws: FAILED, the default, or READY again for anybody. */
  onError?: 'fail' | 'release';
}

/** The right to work on a task, kept alive by heartbeats while the work runs. */
export interface Lease {
  readonly taskId: string;
  /** Number of the claim. Pass it on to whatever else the work writes to, so that it can refuse an older one. */
  readonly fence: number;
  /** The task as the server last showed it. */
  readonly task: TaskFieldsFragment;
  /**
   * Aborts when the work should stop. The reason is a LeaseLostError, after which nothing can be written any more; a
   * CancelRequestedError; or the reason of the signal in the options.
   */
  readonly signal: AbortSignal;
  /** Milliseconds for which the lease is certain to last without another heartbeat. */
  readonly remainingMs: number;
  /** Throws LeaseLostError unless the lease is certain to be held now: ask before a step that must not be done by two. */
  assertHeld(): void;
  /** Says how far the work is. */
  setStatus(status: 'IN_PROGRESS' | 'REVIEW'): Promise<TaskFieldsFragment>;
  /** Ends the work: the task is DONE. So it is by default, with what the work returns as its result. */
  complete(result?: unknown): Promise<TaskFieldsFragment>;
  /** Ends the work without success: the task is FAILED. */
  fail(reason: string, result?: unknown): Promise<TaskFieldsFragment>;
  /** Ends the work: the task is READY again, for anybody. */
  release(reason?: string): Promise<TaskFieldsFragment>;
  /** Ends the work: the task is BLOCKED until somebody sets it READY. */
  block(blocker: string): Promise<TaskFieldsFragment>;
}

/**
 * Does the work under the lease, and sees to it that the task does not stay behind, however the work ends:
 *
 * - It returns: the task is completed with what it returned, unless it has ended the work by a method of the lease.
 * - It throws: the task is failed, or released if the options say so; the error is thrown on.
 * - It throws after its signal was aborted while the lease was held: the task is released, and the reason is thrown.
 * - The lease is lost: nothing is written, and LeaseLostError is thrown once the work has ended, also if it returned.
 *
 * Heartbeats are sent at a third of the length of the lease, from the client's monotonic clock. The lease is taken to be
 * lost when that length has passed since the last heartbeat that succeeded was sent, which is before the server thinks so.
 * The work must heed its signal: it is waited for.
 */
export async function withLease<Result>(
  client: BatonClient,
  held: HeldTask,
  work: (lease: Lease) => Promise<Result> | Result,
  options: WithLeaseOptions = {},
): Promise<Result> {
  const lease = new LeaseKeeper(client, held, options);
  try {
    await lease.begin();
    try {
      lease.signal.throwIfAborted();
      const result = await work(lease);
      await lease.finish(result);
      return result;
    } catch (error) {
      throw await lease.giveUp(error);
    }
  } finally {
    lease.end();
  }
}

/** What every write of a holder says. */
interface HolderInput {
  taskId: string;
  fence: number;
  agentId: string | undefined;
}

class LeaseKeeper implements Lease {
  readonly taskId: string;
  readonly fence: number;
  readonly #client: BatonClient;
  readonly #options: WithLeaseOptions;
  readonly #abort = new AbortController();
  #task: TaskFieldsFragment | undefined;
  /** Length of the lease. */
  #leaseMs = 0;
  /** Local instants: when the last heartbeat that succeeded was sent, and until when the lease surely lasts from then. */
  #renewedAt = 0;
  #heldUntil = 0;
  #lost: LeaseLostError | undefined;
  #settlement: Promise<TaskFieldsFragment> | undefined;
  #isEnded = false;
  #expiryTimer: ReturnType<typeof setTimeout> | undefined;
  #watchTimer: ReturnType<typeof setTimeout> | undefined;
  #events: EventStream<TaskEventsSubscription> | undefined;
  #isBeatDue = false;
  #wake = () => {};

  constructor(client: BatonClient, held: HeldTask, options: WithLeaseOptions) {
    this.#client = client;
    this.#options = options;
    if ('taskId' in held) {
      this.taskId = held.taskId;
      this.fence = held.fence;
      return;
    }
    const task = 'askedAt' in held ? held.task : held;
    if (!task.lease) throw new TypeError(`Task ${task.id} has no lease: claim it first.`);
    this.taskId = task.id;
    this.fence = task.lease.fence;
    if ('askedAt' in held) this.#renew(task, held.askedAt);
  }

  get task(): TaskFieldsFragment {
    if (!this.#task) throw new Error('the work begins when the task was seen');
    return this.#task;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get remainingMs(): number {
    return this.#lost ? 0 : Math.max(0, this.#heldUntil - performance.now());
  }

  /** Makes sure of the lease, and keeps it from now on. Throws LeaseLostError. */
  async begin(): Promise<void> {
    const isFresh = performance.now() < this.#renewedAt + this.#leaseMs / 3;
    if (!isFresh) await this.#makeSure();
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.#interrupt, { once: true });
    if (signal?.aborted) this.#interrupt();
    this.#watchTimer = setTimeout(() => this.#watch(), watchAfterMs);
    void this.#beat();
  }

  assertHeld(): void {
    if (!this.#lost && performance.now() >= this.#heldUntil) this.#lose('EXPIRED');
    if (this.#lost) throw this.#lost;
  }

  async setStatus(status: 'IN_PROGRESS' | 'REVIEW'): Promise<TaskFieldsFragment> {
    this.#task = await this.#write((input) => this.#client.mutate(TaskSetStatusDocument, { ...input, status }));
    return this.#task;
  }

  complete(result?: unknown): Promise<TaskFieldsFragment> {
    return this.#settle((input, options) => this.#client.mutate(TaskCompleteDocument, { ...input, result }, options));
  }

  fail(reason: string, result?: unknown): Promise<TaskFieldsFragment> {
    return this.#settle((input, options) => this.#client.mutate(TaskFailDocument, { ...input, reason, result }, options));
  }

  release(reason?: string): Promise<TaskFieldsFragment> {
    return this.#settle((input, options) => this.#client.mutate(TaskReleaseDocument, { ...input, reason }, options));
  }

  block(blocker: string): Promise<TaskFieldsFragment> {
    const status = 'BLOCKED';
    return this.#settle((input, options) => this.#client.mutate(TaskSetStatusDocument, { ...input, status, blocker }, options));
  }

  /** The work has returned. */
  async finish(result: unknown): Promise<void> {
    await (this.#settlement ?? this.complete(result));
  }

  /** The work has thrown, or could not be completed. Answers what to tell the caller. */
  async giveUp(error: unknown): Promise<unknown> {
    if (this.#lost) return this.#lost;
    if (this.#settlement) return error;
    const isInterrupted = this.signal.aborted;
    const cause = isInterrupted ? this.signal.reason : error;
    try {
      if (isInterrupted || this.#options.onError === 'release') await this.release(reasonOf(cause));
      else await this.fail(reasonOf(cause));
    } catch {
      // The caller wants to know why the work ended. The task comes back by itself, when the lease lapses.
    }
    return cause;
  }

  /** Keeps the lease no longer. */
  end(): void {
    this.#isEnded = true;
    this.#options.signal?.removeEventListener('abort', this.#interrupt);
    clearTimeout(this.#expiryTimer);
    clearTimeout(this.#watchTimer);
    this.#events?.close();
    this.#wake();
  }

  /** Ends the work once. A refusal leaves it as it is, so that another end can be tried. */
  #settle(
    end: (input: HolderInput, options: { retryForMs: number }) => Promise<{ task: TaskFieldsFragment | null }>,
  ): Promise<TaskFieldsFragment> {
    if (this.#settlement) return Promise.reject(new Error(`The work on task ${this.taskId} has ended already.`));
    const retryForMs = Math.max(settleMs, this.remainingMs);
    this.#settlement = this.#write((input) => end(input, { retryForMs })).then(
      (task) => {
        this.end();
        this.#task = task;
        return task;
      },
      (error) => {
        this.#settlement = undefined;
        throw error;
      },
    );
    return this.#settlement;
  }

  /** Writes as the holder. Throws LeaseLostError when it is none any more. */
  async #write(mutate: (input: HolderInput) => Promise<{ task: TaskFieldsFragment | null }>): Promise<TaskFieldsFragment> {
    if (this.#lost) throw this.#lost;
    const { agentId } = this.#options;
    try {
      const { task } = await mutate({ taskId: this.taskId, fence: this.fence, agentId });
      if (!task) throw new Error('the server changed a task and did not answer it');
      return task;
    } catch (error) {
      if (isLeaseLost(error)) this.#lose(lossReason(error), error);
      throw this.#lost ?? error;
    }
  }

  async #makeSure(): Promise<void> {
    try {
      await retrying(() => this.#heartbeat(firstHeartbeatMs), { forMs: firstHeartbeatMs, signal: this.#options.signal });
    } catch (error) {
      if (isLeaseLost(error)) this.#lose(lossReason(error), error);
      throw this.#lost ?? error;
    }
  }

  /** Sends heartbeats until the end: on time, and at once when there is a reason to doubt. */
  async #beat(): Promise<void> {
    const backoff = new Backoff({ firstMs: this.#leaseMs / 20, maxMs: Math.min(5_000, this.#leaseMs / 6) });
    let restMs = this.#renewedAt + this.#leaseMs / 3 - performance.now();
    for (;;) {
      await this.#rest(restMs);
      if (this.#isEnded || this.#lost) return;
      try {
        // A slow answer is better than none, but one that does not come must leave time for another attempt.
        await this.#heartbeat(Math.min(heartbeatMs, (this.remainingMs * 2) / 3));
        backoff.reset();
        restMs = this.#renewedAt + this.#leaseMs / 3 - performance.now();
      } catch (error) {
        restMs = backoff.nextMs();
        // While the end of the work is being told, a heartbeat may find it told already.
        if (this.#isEnded || this.#settlement) continue;
        if (isLeaseLost(error)) this.#lose(lossReason(error), error);
        else if (!isRetriable(error)) this.#lose('REFUSED', error);
      }
    }
  }

  /** Carries no idempotency key: twice does no harm, and a remembered answer would say nothing about now. */
  async #heartbeat(timeLimitMs: number): Promise<void> {
    const { agentId } = this.#options;
    const variables = { input: { taskId: this.taskId, fence: this.fence, agentId } };
    const sentAt = performance.now();
    const { taskHeartbeat } = await withinTime((signal) => this.#client.request(TaskHeartbeatDocument, variables, { signal }), {
      ms: timeLimitMs,
      timeUp: () => new BatonConnectionError(`No heartbeat got through within ${timeLimitMs} ms.`),
    });
    const { task, cancelRequested } = unwrap(taskHeartbeat);
    if (!task?.lease) throw new Error('the server took a heartbeat and did not answer the lease');
    this.#renew(task, sentAt);
    if (cancelRequested) this.#abort.abort(new CancelRequestedError(this.taskId));
  }

  #renew(task: TaskFieldsFragment, sentAt: number): void {
    this.#task = task;
    this.#leaseMs = (task.lease?.ttlSeconds ?? 0) * 1000;
    this.#renewedAt = sentAt;
    this.#heldUntil = sentAt + this.#leaseMs;
    clearTimeout(this.#expiryTimer);
    if (this.#isEnded) return;
    this.#expiryTimer = setTimeout(() => this.#lose('EXPIRED'), this.#heldUntil - performance.now());
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        this.#isBeatDue = false;
        resolve();
      };
      if (this.#isBeatDue || this.#isEnded) this.#wake();
    });
  }

  #beatNow(): void {
    this.#isBeatDue = true;
    this.#wake();
  }

  /** Any event of the task, and every new connection, is a reason to ask; the answer to the heartbeat decides. */
  #watch(): void {
    const events = this.#client.follow(
      TaskEventsDocument,
      { filter: { taskId: this.taskId } },
      { onState: ({ status }) => status === 'live' && this.#beatNow() },
    );
    this.#events = events;
    const listen = async () => {
      while (!(await events.next()).done) this.#beatNow();
    };
    // Heartbeats go on without it.
    listen().catch(() => {});
  }

  #interrupt = (): void => {
    this.#abort.abort(this.#options.signal?.reason);
  };

  #lose(reason: LeaseLossReason, cause?: unknown): void {
    if (this.#lost) return;
    this.#lost = new LeaseLostError(this.taskId, this.fence, reason, cause);
    this.#abort.abort(this.#lost);
    this.#wake();
  }
}

function isLeaseLost(error: unknown): error is BatonCommandError {
  return error instanceof BatonCommandError && error.code === 'LEASE_LOST';
}

function lossReason({ errors: [error] }: BatonCommandError): LeaseLossReason {
  return error?.__typename === 'LeaseLostError' && error.status === 'CANCELED' ? 'CANCELED' : 'TAKEN_AWAY';
}

/** What is kept with the task: well-formed text without U+0000, of limited length. */
function reasonOf(error: unknown): string {
  const text = String(error instanceof Error ? error.message || error.name : error);
  return Array.from(text.replaceAll('\0', '').trim()).slice(0, reasonLength).join('').toWellFormed() || 'unknown';
}
