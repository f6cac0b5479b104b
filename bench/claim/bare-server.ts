/** The limit of HTTP in Node: node:http alone, which reads the request to its end and answers bytes that are ready, by the path. */
import { createServer } from 'node:http';
import { serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';
import { bareRequests } from './bare-requests.js';

const answers = new Map(
  Object.values(bareRequests).flatMap((requests) =>
    requests.map(({ path, answer }) => [path, Buffer.from(JSON.stringify(answer))] as const),
  ),
);
const server = createServer((request, response) => {
  const body = answers.get(request.url ?? '') ?? Buffer.alloc(0);
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length }).end(body);
  });
});
serveParent({ url: await listenOnLoopback(server) });
