import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { RequestAccess } from './request-access.js';
import { RequestRefusal } from './request-refusal.js';

/** Below it lie the pages of the dashboard but the board itself, which is at `/`: the queue dialect has `/tasks` and `/agents`. */
const root = '/ui';

const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing from elsewhere, nothing inline, in nobody's frame, and no text ever becomes script. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

interface File {
  type: string;
  etag: string;
  /** By content coding. */
  bodies: Record<'br' | 'gzip' | 'identity', Buffer>;
}

/** The built dashboard: one page for all its addresses, and what that page loads. Open to all, as it holds no data. */
export class DashboardFiles {
  /** What never changes under its name, by that name, from when it was first asked for. */
  readonly #assets = new Map<string, File>();

  constructor(private readonly options: { directory: string; access: RequestAccess }) {}

  /** Whether the path is one of the dashboard's. */
  serves(pathname: string | undefined): boolean {
    return pathname === '/' || pathname === root || (pathname?.startsWith(`${root}/`) ?? false);
  }

  readonly handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      await this.#answer(request, response);
    } catch (failure) {
      // A file that a build takes away while it is read is none that there is.
      const { status, headers, message } = failure instanceof RequestRefusal ? failure : notBuilt();
      const plain = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
      response.writeHead(status, { ...headers, ...plain }).end(`${message}\n`);
    }
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.options.access.requireHost(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new RequestRefusal(405, 'METHOD_NOT_ALLOWED', 'The dashboard is read only: GET it.', { allow: 'GET, HEAD' });
    }
    const pathname = request.url?.split('?', 1)[0] ?? '/';
    const name = /^\/ui\/(assets\/.+|icon\.svg)$/.exec(pathname)?.[1] ?? 'index.html';
    const file = await this.#find(name);
    if (!file && name !== 'index.html')
      throw new RequestRefusal(404, 'ROUTE_NOT_FOUND', `There is no ${pathname.slice(0, 200)}.`);
    if (!file) throw notBuilt();

    response.setHeader('etag', file.etag);
    response.setHeader('vary', 'Accept-Encoding');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'same-origin');
    response.setHeader('content-security-policy', contentSecurityPolicy);
    // What a name with a hash says never changes; the page that names it is asked for anew each time.
    response.setHeader('cache-control', isAsset(name) ? 'public, max-age=31536000, immutable' : 'no-cache');
    if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304).end();
      return;
    }
    const coding = codingFor(request);
    if (coding !== 'identity') response.setHeader('content-encoding', coding);
    const body = file.bodies[coding];
    response.writeHead(200, { 'content-type': file.type, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  /** Only what the build has made is ever read: the names come from the folder, not from the caller. */
  async #find(name: string): Promise<File | null> {
    const known = this.#assets.get(name);
    if (known) return known;
    const { directory } = this.options;
    const entries = await readdir(directory, { recursive: true }).catch(() => []);
    const entry = entries.find((each) => each.replaceAll(path.sep, '/') === name);
    if (entry === undefined) return null;
    const file = await readCompressed(path.join(directory, entry));
    if (isAsset(name)) this.#assets.set(name, file);
    return file;
  }
}

function notBuilt(): RequestRefusal {
  return new RequestRefusal(503, 'INTERNAL_ERROR', 'The dashboard is not built, or is being built: run npm run build.');
}

/** Whether what the name says never changes: it has a hash in it. */
function isAsset(name: string): boolean {
  return name.startsWith('assets/');
}

async function readCompressed(file: string): Promise<File> {
  const identity = await readFile(file);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };
  const [br, gzipped] = await Promise.all([promisify(brotliCompress)(identity, quality), promisify(gzip)(identity)]);
  return {
    type: contentTypes[path.extname(file)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(identity).digest('base64url')}"`,
    bodies: { br, gzip: gzipped, identity },
  };
}

function codingFor(request: IncomingMessage): keyof File['bodies'] {
  const accepted = String(request.headers['accept-encoding'] ?? '');
  if (/\bbr\b/.test(accepted)) return 'br';
  return /\bgzip\b/.test(accepted) ? 'gzip' : 'identity';
}
