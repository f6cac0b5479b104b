import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Any text that is safe in a header and in a log line, so that a caller's own id can be followed through both. */
const requestIdPattern = /^[\w.:-]{1,128}$/;

/** The id that the caller gave its request (`X-Request-Id`), or a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
}
