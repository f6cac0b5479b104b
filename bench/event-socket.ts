/** A websocket that speaks graphql-transport-ws, with no more around it than a load client needs. */
import WebSocket from 'ws';

/** Subscriptions are for servers on this machine. */
export class EventSocket {
  readonly #socket: WebSocket;
  readonly #subscribers = new Map<string, (payload: string) => void>();
  #fail: (error: Error) => void = () => {};
  /** Rejects when the socket closes before its owner closes it, or the server refuses a subscription. */
  readonly broken = new Promise<never>((_resolve, reject) => {
    this.#fail = reject;
  });

  private constructor(origin: string) {
    const url = new URL('/graphql', origin);
    if (url.hostname !== '127.0.0.1') throw new Error(`load goes to this machine only, not to ${url.hostname}`);
    url.protocol = 'ws:';
    this.broken.catch(() => {});
    this.#socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', (code, reason) => this.#fail(new Error(`the server closed a websocket: ${code} ${reason}`)));
  }

  /** Connects and signs in. */
  static async open(origin: string, token: string): Promise<EventSocket> {
    const connection = new EventSocket(origin);
    const socket = connection.#socket;
    const acknowledged = new Promise<void>((resolve) => {
      socket.once('open', () => {
        socket.once('message', () => {
          socket.on('message', (data: Buffer) => connection.#take(data.toString()));
          resolve();
        });
        socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
      });
    });
    await Promise.race([acknowledged, connection.broken]);
    return connection;
  }

  /** Has `onEvent` see the whole text of every message that comes for the subscription. */
  subscribe(query: string, variables: object, onEvent: (message: string) => void): void {
    const id = String(this.#subscribers.size + 1);
    this.#subscribers.set(id, onEvent);
    this.#socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }));
  }

  /** Resolves when the server has answered a ping, and so has seen whatever was sent before it. */
  async settle(): Promise<void> {
    const pong = new Promise<void>((resolve) => {
      this.#socket.once('pong', () => resolve());
    });
    this.#socket.ping();
    await Promise.race([pong, this.broken]);
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(message: string): void {
    // Servers order the members of a message as they like, and only a few kinds have an id.
    if (message.includes('"type":"next"')) {
      const id = /"id":"(\d+)"/.exec(message)?.[1] ?? '';
      this.#subscribers.get(id)?.(message);
    } else if (message.includes('"type":"ping"')) this.#socket.send('{"type":"pong"}');
    else if (!message.includes('"type":"pong"')) this.#fail(new Error(`a subscription ended: ${message.slice(0, 1000)}`));
  }
}
