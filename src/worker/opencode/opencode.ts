import { z } from 'zod';
import { excerpt } from '../excerpt.js';
import { type ExchangeAnswer, exchange, NoAnswerError } from '../http-exchange.js';
import { modelIdOf, providerId } from './model.js';

export interface OpenCodeOptions {
  /** Address of `opencode serve`. */
  url: string;
  username: string;
  /** Basic authentication, only where there is a password. */
  password?: string | undefined;
  /** Where it is to work. */
  directory: string;
  /** The worker's model, as the settings name it. */
  model: string;
  /** Milliseconds that one turn may take. */
  timeoutMs: number;
  /** Told, in one sentence, of what went wrong and does no harm. */
  warn: (message: string) => void;
}

/** OpenCode cannot be reached, refuses, or did not finish in time: the run cannot go on. */
export class WorkerUnavailableError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'WorkerUnavailableError';
  }
}

/** Turns after which the session is summarized, so that its context does not overflow. Source: contracts.md 4.5. */
const turnsBetweenSummaries = 30;

const session = z.looseObject({ id: z.string().catch(''), sessionID: z.string().catch('') });

const message = z.looseObject({
  info: z
    .looseObject({
      error: z
        .looseObject({
          name: z.string().catch('error'),
          data: z.looseObject({ message: z.string().catch('') }).catch({ message: '' }),
        })
        .optional()
        .catch(undefined),
    })
    .catch({}),
  parts: z.array(z.looseObject({ type: z.string().catch(''), text: z.string().catch('') })).catch([]),
});

/**
 * One session of OpenCode, which reads and writes files and runs commands in the directory. Every method throws
 * WorkerUnavailableError. Source: contracts.md 4.5.
 */
export class OpenCodeSession {
  #turns = 0;

  private constructor(
    private readonly id: string,
    private readonly options: OpenCodeOptions,
  ) {}

  /** Starts a session; `name` says in OpenCode's own list which run it belongs to. */
  static async start(name: string, options: OpenCodeOptions, signal?: AbortSignal): Promise<OpenCodeSession> {
    const path = `/session?directory=${encodeURIComponent(options.directory)}`;
    const answer = await ask(options, { path, body: { title: `terarchitect-${name}` }, timeoutMs: 30_000, signal });
    const { data } = session.safeParse(answer);
    const id = data?.id || data?.sessionID;
    if (!id) throw new WorkerUnavailableError('OpenCode started a session without an id.');
    return new OpenCodeSession(id, options);
  }

  /**
   * Has one turn done, and answers what was said in it. When the signal aborts, and when the time is up, OpenCode is told
   * to stop first: else it would go on changing files.
   */
  async send(text: string, signal?: AbortSignal): Promise<string> {
    if (this.#turns > 0 && this.#turns % turnsBetweenSummaries === 0) await this.#summarize(signal);
    const model = { providerID: providerId, modelID: modelIdOf(this.options.model) };
    const body = { parts: [{ type: 'text', text }], model };
    const { timeoutMs } = this.options;
    try {
      const answer = await ask(this.options, { path: this.#path('message'), body, timeoutMs, signal });
      this.#turns += 1;
      return said(answer);
    } catch (error) {
      const isStillWorking = signal?.aborted || (error as Error).cause instanceof NoAnswerError;
      if (isStillWorking) await this.#abort();
      throw error;
    }
  }

  async #summarize(signal: AbortSignal | undefined): Promise<void> {
    const body = { providerID: providerId, modelID: modelIdOf(this.options.model) };
    await ask(this.options, { path: this.#path('summarize'), body, timeoutMs: 120_000, signal });
  }

  async #abort(): Promise<void> {
    try {
      await ask(this.options, { path: this.#path('abort'), timeoutMs: 10_000 });
    } catch (error) {
      this.options.warn(`OpenCode could not be told to stop: ${(error as Error).message}`);
    }
  }

  #path(what: string): string {
    return `/session/${encodeURIComponent(this.id)}/${what}`;
  }
}

interface Asked {
  path: string;
  body?: unknown;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

async function ask(options: OpenCodeOptions, { path, body, timeoutMs, signal }: Asked): Promise<unknown> {
  const { url, username, password, directory } = options;
  const basic = password && { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  let answer: ExchangeAnswer;
  try {
    answer = await exchange({
      ...{ method: 'POST', url: `${url.replace(/\/+$/, '')}${path}`, body, timeoutMs, signal },
      headers: { 'x-opencode-directory': headerOf(directory), ...basic },
    });
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    throw new WorkerUnavailableError(`OpenCode is not available: ${error.message}`, { cause: error });
  }
  const { status, text } = answer;
  if (status < 200 || status > 299) {
    throw new WorkerUnavailableError(`OpenCode answered POST ${path.split('?')[0]} with ${status}: ${excerpt(text, 500)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WorkerUnavailableError(`OpenCode answered POST ${path.split('?')[0]} with what is no JSON.`, { cause: error });
  }
}

/** A header holds ASCII only; OpenCode decodes what is written as in a URL. */
function headerOf(directory: string): string {
  return /^[\x20-\x7e]*$/.test(directory) ? directory : encodeURIComponent(directory);
}

/** What was said and thought in a turn. Of a list of messages, in the last one. */
function said(answer: unknown): string {
  const { data } = message.safeParse(Array.isArray(answer) ? answer.at(-1) : answer);
  if (!data) throw new WorkerUnavailableError('OpenCode answered a turn with no message.');
  const { error } = data.info;
  if (error)
    throw new WorkerUnavailableError(`The worker's model failed: ${[error.name, error.data.message].filter(Boolean).join(': ')}`);
  const spoken = data.parts.filter(({ type, text }) => ['text', 'reasoning'].includes(type) && text.trim() !== '');
  return spoken.map(({ text }) => text).join('\n');
}
