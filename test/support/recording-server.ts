import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request as it came over the wire. */
export interface RecordedRequest {
  line: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface CannedAnswer {
  status: number;
  /** Sent as JSON; without it the answer has no body. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** A server that writes down what it is sent and answers what it is told to; it ends with the test. */
export async function useRecordingServer(answer: (request: RecordedRequest) => CannedAnswer) {
  const requests: RecordedRequest[] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk;
    const request = { line: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body };
    requests.push(request);
    const { status, body: answerBody, headers } = answer(request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(answerBody === undefined ? undefined : JSON.stringify(answerBody));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
