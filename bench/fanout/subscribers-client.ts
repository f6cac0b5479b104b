/**
 * Thousands of subscribers over graphql-transport-ws, as cheap as they can be: raw sockets, one shared buffer to read into, frames
 * that are walked and not parsed. Of every frame of every subscriber the marker is read, so a lost, doubled or misplaced event
 * is found; of one subscriber in a hundred the messages are parsed as well.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { childArguments, serveParent } from '../child.js';
import { markerDigits, markerStart } from './documents.js';

export interface SubscribersArgs {
  origin: string;
  /** What the subscribers sign in with, by turns, as it goes into `authorization`. */
  authorizations: string[];
}

/** How an event is made: a POST of JSON. */
export interface Trigger {
  url: string;
  authorization: string;
  body: object;
}

export type SubscribersCommand =
  /** Has so many subscribers, each with one subscription to one of the documents, by turns. Those that had others end them. */
  | { kind: 'subscribe'; count: number; documents: string[] }
  /** Makes one event, and says how many subscribers got it within the time. */
  | { kind: 'settle'; trigger: Trigger; number: number; waitMs: number }
  /** Makes events, the first of this number, and returns when every subscriber has got every one of them. */
  | { kind: 'burst'; trigger: Trigger; first: number; count: number };

export interface SubscribersResult {
  /** From making the events until all were received; of `burst`. */
  seconds: number;
  /** Messages that were received; of `settle`, subscribers that received it. */
  received: number;
  /** A message to a subscriber of each document, by document; of `settle`. */
  samples: { id: string; text: string }[];
}

const { origin, authorizations } = childArguments<SubscribersArgs>();
const { hostname, port, host } = new URL(origin);
const sharedBuffer = Buffer.allocUnsafeSlow(64 * 1024);
const connectingMax = 100;
const sampledEvery = 100;
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const opcodes = { text: 1, close: 8, ping: 9 } as const;

class Subscriber {
  id = '';
  /** Number of the last event; -1 before the first. */
  last = -1;
  lastText = '';
  #socket: Socket;
  #pending: Buffer | null = null;
  #isOpen = false;
  #onReady: () => void = () => {};

  constructor(
    private readonly index: number,
    /** Called for every event. */
    private readonly onEvent: (subscriber: Subscriber, number: number) => void,
    private readonly fail: (error: Error) => void,
  ) {
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: sharedBuffer,
        callback: (length, buffer) => {
          try {
            this.#read((buffer as Buffer).subarray(0, length));
          } catch (error) {
            this.fail(error as Error);
          }
          return true;
        },
      },
    });
    this.#socket.on('error', fail);
    this.#socket.on('close', () => fail(new Error(`the server cut subscriber ${this.index}`)));
  }

  /** Resolves when the server knows who this is. */
  open(): Promise<void> {
    const lines = [
      'GET /graphql HTTP/1.1',
      `host: ${host}`,
      'connection: Upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
      'sec-websocket-protocol: graphql-transport-ws',
    ];
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    return new Promise((resolve) => {
      this.#onReady = resolve;
    });
  }

  subscribe(document: string): void {
    if (this.id) this.#send({ id: this.id, type: 'complete' });
    this.id = randomUUID();
    this.last = -1;
    this.#send({ id: this.id, type: 'subscribe', payload: { query: document } });
  }

  #send(message: object): void {
    const body = Buffer.from(JSON.stringify(message));
    // A mask of zeros is a mask: what it does is nothing.
    const head =
      body.length < 126
        ? Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0])
        : Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 0, 0, 0, 0]);
    this.#socket.write(Buffer.concat([head, body]));
  }

  #read(fresh: Buffer): void {
    const bytes = this.#pending ? Buffer.concat([this.#pending, fresh]) : fresh;
    let at = 0;
    if (!this.#isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        const head = bytes.toString('latin1', 0, end);
        if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no websocket: ${head}`);
        this.#isOpen = true;
        at = end + 4;
        this.#send({ type: 'connection_init', payload: { authorization: authorizations[this.index % authorizations.length] } });
      }
    }
    if (this.#isOpen) at = this.#readFrames(bytes, at);
    this.#pending = at === bytes.length ? null : Buffer.from(bytes.subarray(at));
  }

  /** Returns where the first frame begins that has not come whole. */
  #readFrames(bytes: Buffer, start: number): number {
    let at = start;
    while (bytes.length >= at + 2) {
      const opcode = (bytes[at] as number) & 0x0f;
      let length = (bytes[at + 1] as number) & 0x7f;
      let bodyStart = at + 2;
      if (length === 126) {
        if (bytes.length < at + 4) break;
        length = bytes.readUInt16BE(at + 2);
        bodyStart = at + 4;
      } else if (length === 127) throw new Error('a message of more than 64 kB');
      const end = bodyStart + length;
      if (bytes.length < end) break;
      if (opcode === opcodes.text) this.#take(bytes, bodyStart, end);
      else if (opcode === opcodes.ping) this.#socket.write(pong);
      else if (opcode === opcodes.close) throw new Error(`closed: ${bytes.toString('utf8', bodyStart + 2, end)}`);
      at = end;
    }
    return at;
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const marker = bytes.indexOf(markerStart, start);
    if (marker < 0 || marker >= end) {
      this.#takeOther(bytes.toString('utf8', start, end));
      return;
    }
    let number = 0;
    for (let at = marker + 1; at <= marker + markerDigits; at++) number = number * 10 + (bytes[at] as number) - 48;
    if (this.last < 0 || this.index % sampledEvery === 0 || this.index < 64) {
      const text = bytes.toString('utf8', start, end);
      const { id, type, payload } = JSON.parse(text);
      // A subscription that was ended may have had an event on its way.
      if (id !== this.id && this.last < 0) return;
      const isWhole = id === this.id && type === 'next' && !payload.errors && payload.data.taskEvents.after === 'READY';
      if (!isWhole) throw new Error(`not the message that was wanted: ${text}`);
      this.lastText = text;
    }
    if (this.last >= 0 && number !== this.last + 1) {
      throw new Error(`subscriber ${this.index} got event ${number} after ${this.last}`);
    }
    this.last = number;
    this.onEvent(this, number);
  }

  #takeOther(text: string): void {
    const { type } = JSON.parse(text) as { type: string };
    if (type === 'connection_ack') this.#onReady();
    else if (type === 'ping') this.#send({ type: 'pong' });
    else if (type !== 'pong') throw new Error(`not expected: ${text}`);
  }
}

const subscribers: Subscriber[] = [];
let documentCount = 0;
let onEvent: (subscriber: Subscriber, number: number) => void = () => {};
let failNow: (error: Error) => void = () => {};
let failure: Error | null = null;

function fail(error: Error): void {
  failure ??= error;
  failNow(failure);
}

serveParent<SubscribersCommand, SubscribersResult>({}, (command) => {
  if (failure) throw failure;
  return Promise.race([
    perform(command),
    new Promise<never>((_resolve, reject) => {
      failNow = reject;
    }),
  ]);
});

async function perform(command: SubscribersCommand): Promise<SubscribersResult> {
  switch (command.kind) {
    case 'subscribe':
      await haveSubscribers(command.count, command.documents);
      return { seconds: 0, received: 0, samples: [] };
    case 'settle':
      return settle(command);
    case 'burst':
      return burst(command);
  }
}

async function haveSubscribers(count: number, documents: string[]): Promise<void> {
  documentCount = documents.length;
  while (subscribers.length < count) {
    const next = Array.from({ length: Math.min(connectingMax, count - subscribers.length) }, (_, offset) => {
      const subscriber = new Subscriber(subscribers.length + offset, (...event) => onEvent(...event), fail);
      return subscriber.open().then(() => subscriber);
    });
    subscribers.push(...(await Promise.all(next)));
  }
  for (const [index, subscriber] of subscribers.entries()) {
    subscriber.subscribe(documents[index % documents.length] as string);
    // Not more at once than the server takes in its stride.
    if (index % connectingMax === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function settle(command: Extract<SubscribersCommand, { kind: 'settle' }>): Promise<SubscribersResult> {
  const started = performance.now();
  const reached = () => subscribers.filter(({ last }) => last === command.number).length;
  onEvent = () => {};
  await makeEvents(command.trigger);
  while (reached() < subscribers.length && performance.now() - started < command.waitMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const samples = subscribers.slice(0, documentCount).map(({ id, lastText }) => ({ id, text: lastText }));
  return { seconds: (performance.now() - started) / 1000, received: reached(), samples };
}

async function burst({ trigger, count }: Extract<SubscribersCommand, { kind: 'burst' }>): Promise<SubscribersResult> {
  const wanted = subscribers.length * count;
  let received = 0;
  const allReceived = new Promise<number>((resolve) => {
    onEvent = () => {
      received += 1;
      if (received === wanted) resolve(performance.now());
    };
  });
  const started = performance.now();
  await makeEvents(trigger);
  const seconds = ((await allReceived) - started) / 1000;
  // What comes now is one too many, and fails the next command or this one.
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (received !== wanted) throw new Error(`${received} messages came where ${wanted} were wanted`);
  return { seconds, received, samples: [] };
}

async function makeEvents({ url, authorization, body }: Trigger): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok || !text.includes('"errors":[]')) throw new Error(`no events were made: ${response.status} ${text}`);
}
