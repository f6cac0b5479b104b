import { type BatonClient, newIdempotencyKey, type RequestOptions } from './baton-client.js';
import { BatonCommandError, BatonRequestError, isRetriable, unwrap } from './errors.js';
import {
  AgentHeartbeatDocument,
  type EventKind,
  TaskClaimNextDocument,
  type TaskClaimNextInput,
  type TaskClaimNextMutation,
  TaskEventsDocument,
  type TaskFieldsFragment,
} from './generated.js';
import { CancelRequestedError, type Lease, LeaseLostError, type WithLeaseOptions, withLease } from './lease.js';
import { Backoff, pause, retrying } from './retry.js';

/** Milliseconds for which a claim is tried while the network or the server fails. */
const claimRetryMs = 60_000;

/** Milliseconds between two claims that got nothing, at least. */
const emptyClaimMs = 100;

/** Seconds between two heartbeats of the agent, until the server has said how many. */
const agentHeartbeatSeconds = 60;

/** What may make a task claimable that was not. */
const wakingKinds: EventKind[] = [
  'TASK_CREATED',
  'TASK_RELEASED',
  'TASK_LEASE_EXPIRED',
  'TASK_RESET',
  'TASK_STATUS_CHANGED',
  'TASK_UPDATED',
];

/** A claim that succeeded; what withLease takes. */
export interface Claim {
  task: TaskFieldsFragment;
  /** `performance.now()` of the moment at which it was asked for: the lease did not begin before. */
  askedAt: number;
}

export interface ClaimNextAnswer {
  /** Most urgent first. Empty when there was nothing that the agent may have. */
  claims: Claim[];
  /** Why there was nothing, counted by reason. */
  obstacles: TaskClaimNextMutation['taskClaimNext']['obstacles'];
}

/**
 * Claims the most urgent tasks that the agent may have; one, unless `count` asks for more. Tried again under one
 * idempotency key while the network or the server fails, for up to a minute or until the signal aborts, but never left
 * while an answer is under way: it could be a task. Throws BatonCommandError, BatonRequestError, BatonConnectionError.
 */
export async function claimNext(
  client: BatonClient,
  { signal, ...input }: TaskClaimNextInput & RequestOptions = {},
): Promise<ClaimNextAnswer> {
  const askedAt = performance.now();
  const variables = { input: { ...input, idempotencyKey: input.idempotencyKey ?? newIdempotencyKey() } };
  const answer = await retrying(() => client.request(TaskClaimNextDocument, variables), { forMs: claimRetryMs, signal });
  const { tasks, obstacles } = unwrap(answer.taskClaimNext);
  return { claims: tasks.map((task) => ({ task, askedAt })), obstacles };
}

/** How the work on one task ended: with what the handler returned, or with what withLease threw. */
export type WorkReport = { task: TaskFieldsFragment; result: unknown } | { task: TaskFieldsFragment; error: unknown };

export interface WorkOptions extends Omit<TaskClaimNextInput, 'agentId' | 'count' | 'idempotencyKey'>, WithLeaseOptions {
  /** Tasks to work on at a time. Default 1. */
  concurrency?: number;
  /** Milliseconds after which a worker that heard of nothing asks again, at most. Default 30,000. */
  pollMs?: number;
  /** Claims no more once it aborts; what has begun is finished. */
  drain?: AbortSignal;
  /** Told of every task when the work on it has ended. */
  onReport?: (report: WorkReport) => void;
}

/**
 * Works on one task after the other, as the agent: claims the most urgent that it may have, calls the handler under the
 * lease (see withLease), and waits for more when there is none, without asking again and again: events wake it. Reports the
 * agent as alive all the while.
 *
 * Ends when `drain` aborts and what has begun is finished, or when `signal` aborts and what has begun was interrupted.
 * Failures of the network or of the server are waited out; while the agent may not claim, it is asked for again every half
 * minute. Throws, after what has begun is finished, when the claims are refused otherwise, such as for a revoked
 * credential. A handler that throws time after time is given tasks ever more slowly, every 15 seconds at last.
 */
export async function work(
  client: BatonClient,
  handler: (lease: Lease) => Promise<unknown> | unknown,
  options: WorkOptions = {},
): Promise<void> {
  await new Worker(client, handler, options).run();
}

class Worker {
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #failures = new Backoff();
  /** What ends the work, besides a refused claim. */
  #failure: { error: unknown } | undefined;
  #isWoken = false;
  #wake = () => {};

  constructor(
    private readonly client: BatonClient,
    private readonly handler: (lease: Lease) => Promise<unknown> | unknown,
    private readonly options: WorkOptions,
  ) {}

  async run(): Promise<void> {
    const { signal, drain, agentId, projectId, sources } = this.options;
    const stop = () => this.#stopping.abort();
    const stopping = this.#stopping.signal;
    for (const wish of [signal, drain]) {
      wish?.addEventListener('abort', stop, { once: true });
      if (wish?.aborted) stop();
    }
    stopping.addEventListener('abort', () => this.#wakeUp(), { once: true });
    const events = this.client.follow(
      TaskEventsDocument,
      { filter: { kinds: wakingKinds, projectId, sources } },
      { onState: ({ status }) => status === 'live' && this.#wakeUp() },
    );
    const listen = async () => {
      while (!(await events.next()).done) this.#wakeUp();
    };
    listen().catch((error) => {
      // Without events for any other reason, such as a credential that may not read, it asks every now and then.
      if (error instanceof BatonRequestError && error.code === 'UNAUTHENTICATED') this.#fail(error);
    });
    const reporting = this.#reportAlive(agentId);
    try {
      while (!stopping.aborted) await this.#fill();
    } finally {
      stop();
      await Promise.all(this.#running);
      await events.return();
      await reporting;
      for (const wish of [signal, drain]) wish?.removeEventListener('abort', stop);
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Claims as much as there is room for. When there is no room, or nothing to claim, waits until that may have changed. */
  async #fill(): Promise<void> {
    const room = (this.options.concurrency ?? 1) - this.#running.size;
    this.#isWoken = false;
    const claims = room > 0 ? await this.#claim(room) : [];
    for (const claim of claims) {
      const run = this.#carryOut(claim)
        // The report was the caller's to take.
        .catch((error) => this.#fail(error))
        .finally(() => {
          this.#running.delete(run);
          this.#wakeUp();
        });
      this.#running.add(run);
    }
    if (claims.length > 0) return;
    if (room > 0) await pause(emptyClaimMs, this.#stopping.signal).catch(() => {});
    await this.#untilWoken((this.options.pollMs ?? 30_000) * (0.5 + Math.random() / 2));
  }

  async #claim(count: number): Promise<Claim[]> {
    const { agentId, projectId, kinds, modelTiers, sources, leaseSeconds } = this.options;
    try {
      const input = { agentId, projectId, kinds, modelTiers, sources, leaseSeconds, count };
      return (await claimNext(this.client, { ...input, signal: this.#stopping.signal })).claims;
    } catch (error) {
      if (this.#stopping.signal.aborted || isRetriable(error)) return [];
      // An administrator may let the agent work again.
      if (error instanceof BatonCommandError && error.code === 'AGENT_INACTIVE') return [];
      throw error;
    }
  }

  async #carryOut(claim: Claim): Promise<void> {
    const { agentId, signal, onError, onReport } = this.options;
    const report: WorkReport = await withLease(this.client, claim, this.handler, { agentId, signal, onError }).then(
      (result) => ({ task: claim.task, result }),
      (error) => ({ task: claim.task, error }),
    );
    onReport?.(report);
    if (!('error' in report)) this.#failures.reset();
    else if (!isInterruption(report.error, signal)) {
      await pause(this.#failures.nextMs(), this.#stopping.signal).catch(() => {});
    }
  }

  /** Health of the agent, for those who look at it; whoever may not claim is told so by the claims. */
  async #reportAlive(agentId: string | undefined): Promise<void> {
    const stopping = this.#stopping.signal;
    for (let seconds = agentHeartbeatSeconds; !stopping.aborted; ) {
      const beat = this.client.request(AgentHeartbeatDocument, { input: { agentId } }, { signal: stopping });
      const answer = await beat.catch(() => null);
      seconds = answer?.agentHeartbeat.nextHeartbeatSeconds ?? seconds;
      await pause(seconds * 1000, stopping).catch(() => {});
    }
  }

  /** Ends the work with the error, once what has begun is finished. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stopping.abort();
  }

  #untilWoken(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isWoken || this.#stopping.signal.aborted) this.#wake();
    });
  }

  #wakeUp(): void {
    this.#isWoken = true;
    this.#wake();
  }
}

/** Whether the work ended for no fault of its own. */
function isInterruption(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted || error instanceof LeaseLostError || error instanceof CancelRequestedError;
}
