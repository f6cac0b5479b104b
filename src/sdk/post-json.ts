import { BatonConnectionError } from './errors.js';
import { withinTime } from './retry.js';

export interface PostOptions {
  /** Sent as a bearer. */
  token?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** Milliseconds until the answer must have come. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Default: the global one. */
  fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Posts JSON. What comes back as JSON is the answer, whatever its status; what is none, as from a proxy that answers in
 * its own words, counts as `{}`. Throws BatonConnectionError when no answer came, and the reason of the signal.
 */
export async function postJson<Answer extends object>(
  url: string,
  body: unknown,
  { token, headers, timeoutMs, signal, fetch = globalThis.fetch }: PostOptions,
): Promise<{ response: Response; answer: Partial<Answer> }> {
  const text = JSON.stringify(body);
  const request = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: text,
  };
  const timeUp = () => new BatonConnectionError(`${url} did not answer within ${timeoutMs} ms.`);
  const send = async (limit: AbortSignal) => {
    try {
      const response = await fetch(url, { ...request, signal: limit });
      return { response, answer: parse<Answer>(await response.text()) };
    } catch (error) {
      // fetch calls it a TypeError, like a bug.
      const { message, cause } = error as Error;
      throw new BatonConnectionError(`${url} could not be reached: ${message}`, { cause: cause ?? error });
    }
  };
  return withinTime(send, { ms: timeoutMs, timeUp, signal });
}

function parse<Answer>(text: string): Partial<Answer> {
  try {
    return (JSON.parse(text) as Partial<Answer> | null) ?? {};
  } catch {
    return {};
  }
}
