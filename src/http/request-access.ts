import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PresentedCredentials } from '../auth/authenticator.js';
import { RequestRefusal } from './request-refusal.js';

export interface RequestAccessOptions {
  /** Origins besides the server's own whose pages may call with credentials. */
  corsOrigins: readonly string[];
  /** Nobody needs a credential: only requests that name a loopback host are served. */
  openMode: boolean;
}

/** Any of these makes a browser ask first (a preflight), which only listed origins pass. */
const csrfHeaders = ['x-graphql-yoga-csrf', 'apollo-require-preflight', 'authorization'];

const allowedHeaders = [
  'content-type',
  'authorization',
  'idempotency-key',
  'x-agent-id',
  'x-organization',
  'x-request-id',
  'x-graphql-yoga-csrf',
  'apollo-require-preflight',
].join(', ');

const exposedHeaders = 'x-request-id, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset';

/**
 * Which callers may reach the server at all, judged by the headers a browser sets and a page cannot forge.
 *
 * A page of another origin must not act with its visitor's cookie, nor, in open mode, with the mere fact that the
 * visitor's browser runs on this machine.
 */
export class RequestAccess {
  private readonly listed: ReadonlySet<string>;

  constructor(private readonly options: RequestAccessOptions) {
    this.listed = new Set(options.corsOrigins.map((origin) => (URL.canParse(origin) ? new URL(origin).origin : origin)));
  }

  /**
   * Whether the request names a host that this server answers for. In open mode that is loopback only: a page may rebind
   * its own host name to 127.0.0.1 and would then be of the same origin as the server.
   */
  isHostAllowed(request: IncomingMessage): boolean {
    if (!this.options.openMode) return true;
    return isLoopbackUrl(`http://${request.headers.host ?? ''}`);
  }

  /** Whether no browser sent the request, or a page of the server itself or of a listed origin did. */
  isOriginTrusted(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    if (origin === undefined) return true;
    return this.listed.has(origin) || (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase());
  }

  /** The credentials of the request; a cookie counts only when no foreign page could have made the browser send it. */
  credentialsOf(request: IncomingMessage): PresentedCredentials {
    const organization = request.headers['x-organization'];
    return {
      authorization: request.headers.authorization ?? null,
      cookie: this.isOriginTrusted(request) ? (request.headers.cookie ?? null) : null,
      organization: typeof organization === 'string' ? organization : null,
    };
  }

  /** Throws RequestRefusal for a host that is not ours. */
  requireHost(request: IncomingMessage): void {
    if (this.isHostAllowed(request)) return;
    throw new RequestRefusal(
      421,
      'BAD_REQUEST',
      'In open development mode this server answers for localhost only. Set ADMIN_TOKEN to serve other host names.',
    );
  }

  /**
   * Throws RequestRefusal for a GET that any page could have caused.
   *
   * Only GET needs this: mutations are refused there, and POST takes JSON alone, for which browsers ask first. A request
   * without a cookie and without the headers that browsers add comes from a program, which has no visitor to betray.
   */
  requireNoForgery(request: IncomingMessage): void {
    const { headers } = request;
    if (request.method !== 'GET' || csrfHeaders.some((name) => name in headers)) return;
    const site = headers['sec-fetch-site'];
    if (site === 'same-origin' || (headers.origin !== undefined && this.isOriginTrusted(request))) return;
    if (site === undefined && headers.origin === undefined && headers.cookie === undefined) return;
    throw new RequestRefusal(
      403,
      'BAD_REQUEST',
      'A GET from another site needs the header `x-graphql-yoga-csrf` with any value, or send a POST with JSON.',
    );
  }

  /**
   * Whether a page of the request's origin may call an older API. Where a credential is needed every page may: it has only
   * the one that it was given, since cookies do not count from there. Where none is needed, only the pages that are trusted
   * anyway, and those that are served on this machine.
   */
  isPageAllowed(request: IncomingMessage, { needsCredential }: { needsCredential: boolean }): boolean {
    const { origin } = request.headers;
    return needsCredential || this.isOriginTrusted(request) || isLoopbackUrl(origin ?? '');
  }

  /** Tells browsers what pages of other origins may do: nothing, save those listed, and where `isOpenToPages` every one without its cookies. */
  setCorsHeaders(
    request: IncomingMessage,
    response: ServerResponse,
    { methods = 'GET, POST', isOpenToPages = false }: { methods?: string; isOpenToPages?: boolean } = {},
  ): void {
    response.setHeader('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !(isOpenToPages || this.listed.has(origin))) return;
    if (this.listed.has(origin)) response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', exposedHeaders);
    if (request.method !== 'OPTIONS') return;
    response.setHeader('access-control-allow-methods', methods);
    response.setHeader('access-control-allow-headers', allowedHeaders);
    response.setHeader('access-control-max-age', '600');
  }
}

function isLoopbackUrl(url: string): boolean {
  return URL.canParse(url) && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}
