import { connect, type Socket } from 'node:net';

/** Bytes: `fin` and the kind of frame. */
const frames = { text: 0x81, close: 0x88, ping: 0x89, pong: 0x8a } as const;

/**
 * A websocket that speaks graphql-transport-ws and costs a third of what a library's does: a crowd of ten thousand shares its
 * cores with the servers. It takes whole messages of less than 64 kB, which is all that is sent to it.
 */
export class CrowdSocket {
  readonly #socket: Socket;
  readonly #onOpen: () => void;
  readonly #onText: (text: string) => void;
  #isOpen = false;
  #pending: Buffer = Buffer.alloc(0);

  /** Calls `onClose` once, however it ended and also when it never opened. */
  constructor(origin: string, options: { onOpen: () => void; onText: (text: string) => void; onClose: () => void }) {
    const { hostname, port, host } = new URL(origin);
    const { onOpen, onText, onClose } = options;
    this.#onOpen = onOpen;
    this.#onText = onText;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on('error', () => {});
    this.#socket.on('close', onClose);
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.write(
      `GET /graphql HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        'Sec-WebSocket-Key: dG9ydHVyZSBvZiBiYXRvbg==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    );
  }

  send(message: object): void {
    this.#write(frames.text, Buffer.from(JSON.stringify(message)));
  }

  #read(data: Buffer): void {
    let bytes = this.#pending.length > 0 ? Buffer.concat([this.#pending, data]) : data;
    if (!this.#isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        this.#isOpen = bytes.toString('latin1', 0, end).startsWith('HTTP/1.1 101');
        bytes = bytes.subarray(end + 4);
        if (this.#isOpen) this.#onOpen();
        else this.#socket.destroy();
      }
    }
    while (this.#isOpen && bytes.length >= 2) {
      const isLong = bytes[1] === 126;
      const start = isLong ? 4 : 2;
      if (bytes.length < start) break;
      const end = start + (isLong ? bytes.readUInt16BE(2) : (bytes[1] as number));
      if (bytes.length < end) break;
      this.#take(bytes[0] as number, bytes.subarray(start, end));
      bytes = bytes.subarray(end);
    }
    this.#pending = Buffer.from(bytes);
  }

  #take(kind: number, payload: Buffer): void {
    if (kind === frames.text) this.#onText(payload.toString());
    else if (kind === frames.ping) this.#write(frames.pong, payload);
    else if (kind === frames.close) {
      this.#write(frames.close, payload);
      this.#socket.end();
    } else throw new Error(`a frame of the kind ${kind}, which no server sends here`);
  }

  /** What clients send is masked; with a mask of zeros it stays as it is. */
  #write(kind: number, payload: Buffer): void {
    const isLong = payload.length > 125;
    const head = Buffer.alloc(isLong ? 8 : 6);
    head[0] = kind;
    head[1] = 0x80 | (isLong ? 126 : payload.length);
    if (isLong) head.writeUInt16BE(payload.length, 2);
    this.#socket.write(Buffer.concat([head, payload]));
  }
}
