/**
 * The limit: ws alone, which sends to each subscriber the bytes that the product sends, with the subscriber's id and the marker of
 * the event in their places. It takes the messages of graphql-transport-ws so far that the same client can speak to it.
 */
import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';
import { markerOf } from './documents.js';

export interface BareTrigger {
  /** Number of the first event. */
  first: number;
  count: number;
  /** A message of the product for each document. */
  samples: Sample[];
}

export interface Sample {
  document: string;
  /** Of the subscription that the message was for. */
  id: string;
  text: string;
}

const subscriptions = new Map<WebSocket, { id: string; document: string }>();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const trigger = JSON.parse(Buffer.concat(chunks).toString()) as BareTrigger;
    response.end('{"errors":[]}');
    for (let number = trigger.first; number < trigger.first + trigger.count; number++)
      sendToAll(markerOf(number), trigger.samples);
  });
});
const sockets = new WebSocketServer({ server, path: '/graphql', perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.type === 'connection_init') socket.send('{"type":"connection_ack"}');
    else if (message.type === 'subscribe') subscriptions.set(socket, { id: message.id, document: message.payload.query });
    else if (message.type === 'complete') subscriptions.delete(socket);
  });
});
serveParent({ url: await listenOnLoopback(server) });

function sendToAll(marker: string, samples: Sample[]): void {
  const messages = new Map(samples.map((sample) => [sample.document, cut(sample, marker)]));
  for (const [socket, { id, document }] of subscriptions) {
    const message = messages.get(document);
    if (!message) throw new Error('a subscriber sent a document that has no sample');
    socket.send(message.beforeId + id + message.afterId);
  }
}

/** What comes before the subscriber's id, and what after it, with the marker of the event. */
function cut({ id, text }: Sample, marker: string): { beforeId: string; afterId: string } {
  const idAt = text.indexOf(id);
  const withMarker = text.replace(/~\d+/, marker);
  return { beforeId: text.slice(0, idAt), afterId: withMarker.slice(idAt + id.length) };
}
