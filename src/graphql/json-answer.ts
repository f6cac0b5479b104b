import type { ExecutionResult } from 'graphql';
import { processRegularResult } from 'graphql-yoga';

/** What an answer of one JSON document may be called. */
export type JsonMediaType = 'application/json' | 'application/graphql-response+json';

/** Names, in lower case, and values by turns. Node writes these the fastest. */
export type RawHeaders = string[];

export interface JsonAnswer {
  status: number;
  contentType: string;
  /** Those that the operation or its errors ask for besides. */
  headers: RawHeaders;
  body: string;
}

/**
 * The media type in which Yoga would answer a query: the first in the `Accept` header that it has, whatever the weights.
 * Null for whoever accepts none, or takes streams as well: that is left to Yoga.
 */
export function jsonMediaTypeFor(accept: string | undefined): JsonMediaType | null {
  if (accept === undefined || accept === 'application/json' || accept === '*/*') return 'application/json';
  const ranges = accept.replaceAll(/\s/g, '').toLowerCase().split(',');
  let found: JsonMediaType | null = null;
  for (const range of ranges) {
    const [type = '', ...params] = range.split(';');
    if (type === 'text/event-stream' || type.startsWith('multipart/')) return null;
    const charset = params.find((param) => param.includes('charset='));
    if (found === null && (charset === undefined || charset === 'charset=utf-8')) found = mediaTypeIn(type);
  }
  return found;
}

function mediaTypeIn(range: string): JsonMediaType | null {
  switch (range) {
    case 'application/graphql-response+json':
    case '*/graphql-response+json':
      return 'application/graphql-response+json';
    case 'application/json':
    case 'application/*':
    case '*/json':
    case '*/*':
      return 'application/json';
    default:
      return null;
  }
}

/** A result as it goes over HTTP, with the headers that its operation set. The status and the headers of errors are Yoga's to say. */
export function toJsonAnswer(result: ExecutionResult, mediaType: JsonMediaType, given: RawHeaders): JsonAnswer {
  const contentType = `${mediaType}; charset=utf-8`;
  if (!result.errors) return { status: 200, contentType, headers: given, body: JSON.stringify(result) };
  const { body, init } = processRegularResult(
    result,
    { Response: PlainResponse } as never,
    mediaType,
  ) as unknown as PlainResponse;
  const headers = Object.entries(init.headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
  return { status: init.status, contentType, headers: [...given, ...headers], body };
}

/** Keeps what Yoga makes a response of. */
class PlainResponse {
  constructor(
    readonly body: string,
    readonly init: { status: number; headers: Record<string, string> },
  ) {}
}
