/** The limit: node:http alone, which reads the request and answers the right bytes. */
import { createServer } from 'node:http';
import { serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';
import { answer } from './tasks.js';

const body = Buffer.from(answer);
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length };
const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, headers).end(body));
});
serveParent({ url: await listenOnLoopback(server) });
