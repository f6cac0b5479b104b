import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { excerpt } from '../excerpt.js';
import { exchange, NoAnswerError } from '../http-exchange.js';

export interface DirectorOptions {
  /** Address of an OpenAI-compatible API, with `/v1` at its end or without. */
  url: string;
  model: string;
  /** Sent as a bearer; a local model may need none. */
  apiKey?: string | undefined;
  /** Milliseconds that one answer may take. */
  timeoutMs: number;
  /** Told, in one sentence, of what is tried again. */
  warn: (message: string) => void;
  /** Told what was sent and what came back, where somebody wants to see it. */
  trace?: ((text: string) => void) | undefined;
  /** Milliseconds before the second attempt; before the third it is twice as long. Default 1000. */
  firstPauseMs?: number;
}

interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** What the Director is asked. */
export interface Question {
  /** Who it is, and what it is to answer. */
  instructions: string;
  /** What it is to decide on. */
  situation: string;
}

/** The Director's model could not be reached, refused, or answers what cannot be used. */
export class DirectorError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'DirectorError';
  }
}

const chatAnswer = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({
          content: z.union([
            z.string(),
            // Some servers answer the parts of a message.
            z.array(z.looseObject({ text: z.string().catch('') })).transform((parts) => parts.map(({ text }) => text).join('')),
          ]),
        }),
        finish_reason: z.string().nullish().catch(null),
      }),
    )
    .min(1),
});

/** Times that a model is asked which cannot be reached, or is overloaded. */
const attemptsMax = 3;

/** The model that directs the work: it reads what was done, and says what to do next. It never touches a file itself. */
export class Director {
  readonly #endpoint: string;
  readonly #options: DirectorOptions;

  constructor(options: DirectorOptions) {
    const base = options.url.trim().replace(/\/+$/, '');
    this.#endpoint = `${base.endsWith('/v1') ? base : `${base}/v1`}/chat/completions`;
    this.#options = options;
  }

  /**
   * Asks, and answers what fits `schema`. An answer that does not is sent back once, with what is wrong with it.
   * Throws DirectorError, and the reason of the signal.
   */
  async ask<Answer>(question: Question, schema: z.ZodType<Answer>, signal?: AbortSignal): Promise<Answer> {
    const messages: Message[] = [
      { role: 'system', content: question.instructions },
      { role: 'user', content: question.situation },
    ];
    const first = await this.#chat(messages, signal);
    const answer = read(first, schema);
    if (answer.success) return answer.data;
    this.#options.warn(`The Director's answer cannot be used (${answer.problem}); asking it to mend it.`);
    const repair = `Your answer cannot be used: ${answer.problem}. Answer again, with the JSON object alone, of at most 800 words.`;
    const second = await this.#chat(
      [
        ...messages,
        { role: 'assistant', content: excerpt(first.content, 4000) || '(nothing)' },
        { role: 'user', content: repair },
      ],
      signal,
    );
    const mended = read(second, schema);
    if (mended.success) return mended.data;
    throw new DirectorError(
      `The Director's answer could not be used, nor could the one that it was asked to mend: ${mended.problem}. It said: ${excerpt(second.content, 500)}`,
    );
  }

  async #chat(messages: Message[], signal: AbortSignal | undefined): Promise<Said> {
    const { model, trace } = this.#options;
    trace?.(`asks ${model}: ${messages.at(-1)?.content}`);
    const text = await this.#post({ model, messages, max_tokens: 1024, temperature: 0.2, stream: false }, signal);
    const answer = chatAnswer.safeParse(parse(text));
    const choice = answer.data?.choices[0];
    if (!choice) throw new DirectorError(`The Director's model answers what no chat API does: ${excerpt(text, 500)}`);
    trace?.(`answers: ${choice.message.content}`);
    return { content: choice.message.content, isCut: choice.finish_reason === 'length' };
  }

  /** The body of a good answer. */
  async #post(body: object, signal: AbortSignal | undefined): Promise<string> {
    const { apiKey, timeoutMs, warn, firstPauseMs = 1000 } = this.#options;
    const headers = apiKey ? { Authorization: `Bearer ${apiKey}` } : undefined;
    for (let attempt = 1; ; attempt += 1) {
      let problem: string;
      try {
        const { status, text } = await exchange({ method: 'POST', url: this.#endpoint, headers, body, timeoutMs, signal });
        if (status >= 200 && status < 300) return text;
        problem = `The Director's model answered ${status}: ${excerpt(text, 500)}`;
        if (![408, 429].includes(status) && status < 500) throw new DirectorError(problem);
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error;
        problem = `The Director's model gave no answer: ${error.message}`;
        // What has hung once for so long will hang again.
        if (error.reason === 'timeout') throw new DirectorError(problem, { cause: error });
      }
      if (attempt >= attemptsMax) throw new DirectorError(problem);
      warn(`${problem}; trying again (${attempt + 1} of ${attemptsMax}).`);
      await pause(firstPauseMs * attempt, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

interface Said {
  content: string;
  /** Whether the model ran out of tokens. */
  isCut: boolean;
}

function read<Answer>(
  { content, isCut }: Said,
  schema: z.ZodType<Answer>,
): { success: true; data: Answer } | { success: false; problem: string } {
  const found = objectsIn(content);
  if (found.length === 0) {
    const why = isCut ? 'it was cut off, being longer than 1024 tokens' : 'it holds no JSON object';
    return { success: false, problem: why };
  }
  const answers = found.map((value) => schema.safeParse(value));
  const good = answers.find(({ success }) => success);
  if (good?.success) return { success: true, data: good.data };
  const [first] = answers;
  const issues = first?.error?.issues ?? [];
  return { success: false, problem: issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') };
}

/** The JSON objects that an answer may mean: all of it, what is fenced in it, what stands between its first and last brace. */
function objectsIn(content: string): object[] {
  // What a model has thought aloud may hold braces of its own.
  const said = content.replace(/<think>[\s\S]*?<\/think>/g, '').trim();
  const fenced = [...said.matchAll(/```(?:json)?\s*\n?([\s\S]*?)```/gi)].map(([, inside = '']) => inside.trim());
  const braced = said.slice(said.indexOf('{'), said.lastIndexOf('}') + 1);
  const values = [said, ...fenced.reverse(), braced].map(parse);
  return values.filter((value): value is object => typeof value === 'object' && value !== null && !Array.isArray(value));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
