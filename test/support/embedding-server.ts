import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface EmbeddingRequest {
  path: string;
  authorization: string | undefined;
  model: string;
  input: string[];
}

/** An OpenAI-compatible embedding service of the test's own. */
export interface EmbeddingServer {
  url: string;
  requests: EmbeddingRequest[];
  /** What a text means: a test gives texts that mean the same vectors that are alike. */
  meaning: (text: string) => number[];
  /** Makes it fail: with a status, an answer that is none, or never. Null lets it answer again. */
  fails: number | 'nonsense' | 'silence' | null;
  /** Which text it takes for what it cannot embed. */
  refuses: string | null;
  close(): Promise<void>;
}

/** Starts one; it ends with the test. */
export async function useEmbeddingServer(meaning: EmbeddingServer['meaning'], port = 0): Promise<EmbeddingServer> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { model, input } = JSON.parse(body) as { model: string; input: string[] };
    service.requests.push({ path: request.url ?? '', authorization: request.headers.authorization, model, input });
    if (service.fails === 'silence') return;
    const status = input.some((text) => text === service.refuses) ? 400 : service.fails;
    if (typeof status === 'number') {
      response.writeHead(status).end('{"error":{"message":"told to fail"}}');
      return;
    }
    if (service.fails === 'nonsense') {
      response.end('<html>');
      return;
    }
    // Backwards, as nothing but the index says which vector is whose.
    const data = input.map((text, index) => ({ object: 'embedding', index, embedding: service.meaning(text) })).reverse();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ object: 'list', data, model, usage: { prompt_tokens: 1, total_tokens: 1 } }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const service: EmbeddingServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    meaning,
    fails: null,
    refuses: null,
    close: () => close(server),
  };
  onTestFinished(() => close(server));
  return service;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
