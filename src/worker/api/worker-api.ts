import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { type ExchangeAnswer, exchange, NoAnswerError } from '../http-exchange.js';
import {
  acknowledged,
  cancelRequested,
  heartbeat,
  type Job,
  job,
  type MemoryResult,
  memoryResults,
  settings,
  type WorkerContext,
  workerContext,
} from './answers.js';

export interface WorkerApiOptions {
  /** Address of the server; a slash at its end does no harm. */
  url: string;
  /** Worker key. Without it no `Authorization` header is sent. */
  key?: string | undefined;
  /** Told, in one sentence, of each failure that is tried again. */
  warn: (message: string) => void;
  /** Longest first pause between two attempts, in milliseconds; each next one is twice as long. Default 500. */
  firstPauseMs?: number;
}

/** A ticket, by the path that leads to it. */
export interface TicketName {
  projectId: string;
  ticketId: string;
}

/** A step of the work on a ticket. */
export interface LogEntry {
  /** Name of the run, the same for all of its entries. */
  sessionId: string;
  /** Cut by the server at 100 characters. */
  step: string;
  summary: string;
  rawOutput?: string | undefined;
  success?: boolean | undefined;
}

/** What came of the work on a ticket; what is left out stays as it is. */
export interface Completion {
  summary?: string | undefined;
  prUrl?: string | undefined;
  prNumber?: number | undefined;
  reviewCommentBody?: string | undefined;
}

/** A job of a run: with its fence, a server refuses what comes from a run that is over. */
export type StartedJob = Pick<Job, 'job_id' | 'fence'>;

/** The server could not be asked, or would not. */
export class WorkerApiError extends Error {
  constructor(
    message: string,
    /** HTTP status of the answer; null when none came. */
    readonly status: number | null,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'WorkerApiError';
  }

  /** Whether the same request may succeed a moment later: the network or the server failed, and not what was asked. */
  get isPassing(): boolean {
    return this.status === null || [408, 425, 429, 500, 502, 503, 504].includes(this.status);
  }

  /** Whether the key is not, or no longer, good for this. */
  get isRefusal(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

interface Call<Answer> {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
  /** Seconds. Source: contracts.md 1.2, client timeouts. */
  timeoutSec: number;
  /** How often at most, the first time included. A POST that is repeated carries one idempotency key. */
  attempts: number;
  answer: z.ZodType<Answer>;
  signal?: AbortSignal | undefined;
}

/**
 * The worker dialect, as runners and coordinators speak it: the requests, timeouts and absent bodies are those of its older
 * clients. What is safe to repeat is repeated while the network or the server fails. Every method throws WorkerApiError.
 * Source: contracts.md 1.2 and 4.2 to 4.3.
 */
export class WorkerApi {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #warn: (message: string) => void;
  readonly #firstPauseMs: number;

  constructor({ url, key, warn, firstPauseMs = 500 }: WorkerApiOptions) {
    this.#url = url.replace(/\/+$/, '');
    this.#headers = key ? { Authorization: `Bearer ${key}` } : {};
    this.#warn = warn;
    this.#firstPauseMs = firstPauseMs;
  }

  /** All that an agent needs to know to work on a ticket; secrets among its settings are in plain text. */
  async context(ticket: TicketName, signal?: AbortSignal): Promise<WorkerContext> {
    const path = `${pathOf(ticket)}/worker-context`;
    return this.#call({ method: 'GET', path, timeoutSec: 60, attempts: 4, answer: workerContext, signal });
  }

  /** Logs a step. */
  async log(ticket: TicketName, { sessionId, step, summary, rawOutput, success }: LogEntry): Promise<void> {
    const body = { session_id: sessionId, step, summary, raw_output: rawOutput, success };
    await this.#call({ method: 'POST', path: `${pathOf(ticket)}/logs`, body, timeoutSec: 30, attempts: 4, answer: acknowledged });
  }

  /** Says that the work on a ticket is finished. */
  async complete(ticket: TicketName, { summary, prUrl, prNumber, reviewCommentBody }: Completion): Promise<void> {
    const body = { summary, pr_url: prUrl, pr_number: prNumber, review_comment_body: reviewCommentBody };
    const path = `${pathOf(ticket)}/complete`;
    await this.#call({ method: 'POST', path, body, timeoutSec: 30, attempts: 6, answer: acknowledged });
  }

  /** Whether somebody asked the agent to stop. Asked over and over, so once at a time. */
  async isCancelRequested(ticket: TicketName, signal?: AbortSignal): Promise<boolean> {
    const path = `${pathOf(ticket)}/cancel-requested`;
    const call = { method: 'GET', path, timeoutSec: 10, attempts: 1, answer: cancelRequested, signal } as const;
    return (await this.#call(call)).cancel_requested === true;
  }

  /** What the project remembers of each question. */
  async retrieveMemory(projectId: string, queries: string[], numToRetrieve?: number): Promise<MemoryResult[]> {
    const body = { queries, num_to_retrieve: numToRetrieve };
    const path = `/api/projects/${projectId}/memory/retrieve`;
    return (await this.#call({ method: 'POST', path, body, timeoutSec: 60, attempts: 2, answer: memoryResults })).results;
  }

  /** Lets the project remember texts; one that it remembers already changes nothing. */
  async indexMemory(projectId: string, docs: string[]): Promise<void> {
    const path = `/api/projects/${projectId}/memory/index`;
    await this.#call({ method: 'POST', path, body: { docs }, timeoutSec: 60, attempts: 4, answer: acknowledged });
  }

  /** The settings as a coordinator may see them; read anew in each cycle, so once at a time. */
  settings(): Promise<Record<string, unknown>> {
    return this.#call({ method: 'GET', path: '/api/settings', timeoutSec: 10, attempts: 1, answer: settings });
  }

  /**
   * Takes the oldest pending job, of the project or of any; null when none waits. A lost answer is asked for again with the
   * same idempotency key, so that the job it told of is not lost with it.
   */
  async startJob(projectId?: string): Promise<Job | null> {
    const body = projectId === undefined ? {} : { project_id: projectId };
    const path = '/api/worker/jobs/start';
    return this.#call({ method: 'POST', path, body, timeoutSec: 30, attempts: 2, answer: job.nullable() });
  }

  /** Says that the run goes on, and answers when it counts as lost unless this is said again; null when the server does not say. */
  async heartbeatJob(run: StartedJob): Promise<Date | null> {
    const path = `/api/worker/jobs/${run.job_id}/heartbeat`;
    const { lease_expires_at: at } = await this.#call({
      ...{ method: 'POST', path, body: fenced(run), timeoutSec: 30, attempts: 2 },
      answer: heartbeat,
    });
    const expiry = new Date(at ?? Number.NaN);
    return Number.isNaN(expiry.getTime()) ? null : expiry;
  }

  /** Gives the job back without a result: it waits again. A 409 says that it was over already. */
  async releaseJob(run: StartedJob): Promise<void> {
    const path = `/api/worker/jobs/${run.job_id}/release`;
    await this.#call({ method: 'POST', path, body: fenced(run), timeoutSec: 30, attempts: 4, answer: acknowledged });
  }

  /** Says that the run ended well. A 409 says that it was over already. */
  async completeJob(run: StartedJob): Promise<void> {
    const path = `/api/worker/jobs/${run.job_id}/complete`;
    await this.#call({ method: 'POST', path, body: fenced(run), timeoutSec: 30, attempts: 6, answer: acknowledged });
  }

  /** Says that the run ended badly. A 409 says that it was over already. */
  async failJob(run: StartedJob, reason?: string): Promise<void> {
    const path = `/api/worker/jobs/${run.job_id}/fail`;
    const body = reason === undefined ? fenced(run) : { ...fenced(run), reason };
    await this.#call({ method: 'POST', path, body, timeoutSec: 30, attempts: 6, answer: acknowledged });
  }

  async #call<Answer>(call: Call<Answer>): Promise<Answer> {
    const idempotencyKey: Record<string, string> =
      call.method === 'POST' && call.attempts > 1 ? { 'Idempotency-Key': randomUUID() } : {};
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(call, idempotencyKey);
      } catch (error) {
        const mayRepeat = error instanceof WorkerApiError && error.isPassing && attempt < call.attempts;
        if (!mayRepeat) throw error;
        this.#warn(`${error.message}; trying again (${attempt + 1} of ${call.attempts}).`);
        // Half to all of what it has doubled to, so that many workers do not come back at once.
        const pauseMs = this.#firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
        await pause(pauseMs, undefined, { signal: call.signal });
      }
    }
  }

  async #attempt<Answer>(call: Call<Answer>, headers: Record<string, string>): Promise<Answer> {
    const { method, path, body, timeoutSec, signal } = call;
    const asked = `${method} ${path}`;
    let response: ExchangeAnswer;
    try {
      response = await exchange({
        ...{ method, url: `${this.#url}${path}`, body, signal, timeoutMs: timeoutSec * 1000 },
        headers: { ...this.#headers, ...headers },
      });
    } catch (error) {
      if (error instanceof NoAnswerError) throw new WorkerApiError(error.message, null, { cause: error });
      throw error;
    }
    const { status, text } = response;
    if (status < 200 || status > 299) throw new WorkerApiError(`${asked} was answered ${status}${saidIn(text)}`, status);
    const answer = call.answer.safeParse(status === 204 ? null : parse(text));
    if (answer.success) return answer.data;
    throw new WorkerApiError(
      `${asked} was answered ${status} with what is no answer to it: ${z.prettifyError(answer.error)}`,
      status,
    );
  }
}

function pathOf({ projectId, ticketId }: TicketName): string {
  return `/api/projects/${projectId}/tickets/${ticketId}`;
}

/** No body at all to a server that told no fence: so the dialect's older coordinators have it. */
function fenced({ fence }: StartedJob): { fence: number } | undefined {
  return fence === undefined ? undefined : { fence };
}

/** What the answer says of the failure, in the dialect's envelope. */
function saidIn(text: string): string {
  const body = parse(text) as { error?: unknown; status?: unknown } | null | undefined;
  const words = [body?.error, body?.status].filter((each) => typeof each === 'string');
  return words.length === 0 ? '' : `: ${words.join(', ')}`.slice(0, 500);
}

/** Undefined when it is no JSON, as the page of some proxy. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
