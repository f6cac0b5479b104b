import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from './history.js';

/** How long one attempt may take before it counts as unanswered. */
const attemptTimeoutMs = 10_000;
const retryMs = 20;

/** What came of a request after all its attempts. */
export interface Result<Payload> {
  outcome: Outcome;
  code?: string | undefined;
  /** Attempts that may have reached a server. */
  sendings: number;
  /** Of these, those that got no whole answer. */
  unanswered: number;
  /** Null unless it was acknowledged. */
  payload: Payload | null;
}

export interface Request {
  /** Addresses to try, one after the other. */
  urls: readonly string[];
  token: string;
  /** A document of one mutation. */
  query: string;
  variables: object;
  /** Tries again until there is an answer, or this time (`performance.now()`) has come; null tries once. */
  retryUntil: number | null;
}

/** Sends a mutation as an agent would: an answer counts only when it is whole; without one it is unknown what happened. */
export async function mutate<Payload>({ urls, token, query, variables, retryUntil }: Request): Promise<Result<Payload>> {
  const body = JSON.stringify({ query, variables });
  let sendings = 0;
  let unanswered = 0;
  for (let attempt = 0; ; attempt++) {
    const url = urls[attempt % urls.length] as string;
    const answer = await send(url, token, body);
    if (answer !== 'not reached') {
      sendings += 1;
      const { payload, code } = answer === 'no answer' ? nothing : readAnswer<Payload>(answer);
      if (payload) return { outcome: 'acknowledged', sendings, unanswered, payload };
      if (code) return { outcome: 'refused', code, sendings, unanswered, payload: null };
      unanswered += 1;
    }
    if (retryUntil === null ? sendings > 0 || attempt >= urls.length : performance.now() > retryUntil) {
      return { outcome: 'unknown', sendings, unanswered, payload: null };
    }
    await delay(retryMs);
  }
}

const nothing = { payload: null, code: null };

interface Answer {
  data?: Record<string, { errors: { code: string }[] } | null> | null;
  errors?: { extensions?: { code?: string } }[];
}

async function send(url: string, token: string, body: string): Promise<Answer | 'no answer' | 'not reached'> {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body,
      signal: AbortSignal.timeout(attemptTimeoutMs),
    });
    return (await response.json()) as Answer;
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code === 'ECONNREFUSED' ? 'not reached' : 'no answer';
  }
}

/** Codes that say nothing of what happened: the server was ending, or its database was away. */
const unsure = ['INTERNAL_ERROR', 'SERVICE_UNAVAILABLE'];

function readAnswer<Payload>({ data, errors }: Answer): { payload: Payload | null; code: string | null } {
  const payload = data ? Object.values(data)[0] : null;
  const [error] = payload?.errors ?? errors?.map(({ extensions }) => ({ code: extensions?.code ?? 'INTERNAL_ERROR' })) ?? [];
  if (!error) return { payload: (payload as Payload | null) ?? null, code: null };
  return { payload: null, code: unsure.includes(error.code) ? null : error.code };
}
