import type { TestApp } from './app.js';

/** An answer as it came over the wire. */
export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined when it is empty or none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its expectations what it is.
  json: any;
}

export interface RestRequest {
  token?: string | undefined;
  headers?: Record<string, string>;
  /** Sent as JSON; a text is sent as it is, without a content type. */
  body?: unknown;
}

/** Sends one request to a REST dialect, as any client would. */
export async function rest(
  app: Pick<TestApp, 'url'>,
  method: string,
  path: string,
  request: RestRequest = {},
): Promise<RestAnswer> {
  const { token, headers, body } = request;
  const isText = typeof body === 'string';
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && !isText && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
    redirect: 'manual',
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, text, json: isJson && text ? JSON.parse(text) : undefined };
}
