/** Whom a request is made as: nobody without a token. */
export interface Caller {
  token?: string | undefined;
  organization?: string | undefined;
}

/** An answer as it came over the wire: tests that look for leaks search the text itself. */
export interface Answer {
  status: number;
  text: string;
  data: Record<string, unknown> | null;
  errors: { message: string; extensions?: { code?: string } }[];
}

/** Sends one operation over HTTP, as any client would. */
export async function call(url: string, caller: Caller, query: string, variables: object = {}): Promise<Answer> {
  return send(url, caller, JSON.stringify({ query, variables }));
}

/** Sends any body as one. */
export async function send(url: string, caller: Caller, body: string): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(caller.token && { authorization: `Bearer ${caller.token}` }),
      ...(caller.organization && { 'x-organization': caller.organization }),
    },
    body,
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text);
  return { status: response.status, text, data: data ?? null, errors: errors ?? [] };
}

/** An expected failure in the payload of a mutation. */
export interface UserError {
  code: string;
  message: string;
  path: string[] | null;
}

/** The expected failures of every mutation in the answer; empty when they all succeeded. */
export function userErrors({ data }: Answer): UserError[] {
  return Object.values(data ?? {}).flatMap((payload) => (payload as { errors?: UserError[] } | null)?.errors ?? []);
}

/** Every code in the answer, at the top and in payloads. */
export function codesOf(answer: Answer): (string | undefined)[] {
  return [...answer.errors.map((error) => error.extensions?.code), ...userErrors(answer).map((error) => error.code)];
}
