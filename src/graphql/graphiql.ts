import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { graphiqlTabs } from './graphiql-tabs.js';

/** Whether a person opened the endpoint in a browser. */
export function isGraphiqlRequest(request: IncomingMessage): boolean {
  return request.method === 'GET' && (request.headers.accept?.includes('text/html') ?? false);
}

/**
 * GraphiQL from the installed package, so that it works without a network.
 *
 * The page is some nine megabytes of script: made on the first request only, and kept compressed.
 */
export class GraphiqlPage {
  private page: Promise<{ compressed: Buffer; etag: string }> | undefined;

  constructor(private readonly openMode: boolean) {}

  async send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.page ??= renderPage(this.openMode);
    const { compressed, etag } = await this.page;
    response.setHeader('etag', etag);
    response.setHeader('cache-control', 'no-cache');
    response.setHeader('content-security-policy', contentSecurityPolicy);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'same-origin');
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return;
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.appendHeader('vary', 'Accept-Encoding');
    if (request.headers['accept-encoding']?.includes('gzip')) {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(compressed);
    } else {
      response.writeHead(200).end(await promisify(gunzip)(compressed));
    }
  }
}

/** Nothing from elsewhere, and in nobody's frame: a click there could run a mutation. */
const contentSecurityPolicy = [
  "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * With several tabs at the start, GraphiQL's animation leaves each one shifted, which shows as soon as a tab is pressed:
 * it jumps away from under the mouse, and the click is lost.
 */
const stayingTabs = '.graphiql-tab { transform: none !important; }';

async function renderPage(openMode: boolean) {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Baton',
    defaultTabs: graphiqlTabs.map(({ query, variables }) => ({ query, variables: variables ?? null, headers: null })),
    // Over websockets the package sends what stands in the headers editor only after the handshake, in which a server
    // that asks for credentials would have wanted it; with server-sent events it is a header like any other.
    subscriptionsProtocol: openMode ? 'WS' : 'SSE',
    isHeadersEditorEnabled: true,
    // Credentials are typed into the headers editor; they do not belong into the browser's storage.
    shouldPersistHeaders: false,
  });
  const compressed = await promisify(gzip)(html.replace('</head>', `<style>${stayingTabs}</style></head>`));
  return { compressed, etag: `"${createHash('sha256').update(compressed).digest('base64url')}"` };
}
