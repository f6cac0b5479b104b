import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { withDeadline } from './deadline.js';

/** How long a connection may take to send its first request, once a server that stops has accepted it. */
const silenceLimitMs = 500;

/**
 * Hears out those who have connected when a server stops listening: their requests may be there already.
 *
 * Connections wait in a queue of the operating system until they are accepted, of which Node does one in each turn of its
 * event loop: on a busy server hundreds may wait for seconds. Closing the listener resets all of them.
 */
export class Arrivals {
  readonly #silent = new Set<Socket>();
  #onSpoken = () => {};

  constructor(private readonly server: Server) {
    const forget = (socket: Socket) => {
      if (this.#silent.delete(socket) && this.#silent.size === 0) this.#onSpoken();
    };
    server.on('connection', (socket) => {
      this.#silent.add(socket);
      socket.once('close', () => forget(socket));
    });
    server.on('request', ({ socket }) => forget(socket));
    server.on('upgrade', ({ socket }) => forget(socket));
  }

  /** Stops listening when everybody who has connected before is accepted, at the latest after `deadlineMs`, and has sent something or is silent for too long. */
  async close(deadlineMs: number): Promise<void> {
    await withDeadline(deadlineMs, async (deadline) => {
      await Promise.race([this.#acceptAll(), deadline]);
      this.server.close();
      await Promise.race([this.#hearAll(), deadline]);
    });
  }

  /** The queue is served in its order: when a connection of our own comes out of it, so have all before it. */
  async #acceptAll(): Promise<void> {
    const { port, address } = this.server.address() as AddressInfo;
    const accepted = new Set<number | undefined>();
    let onAccepted = () => {};
    this.server.on('connection', ({ remotePort }) => {
      accepted.add(remotePort);
      onAccepted();
    });
    const knock = connect(port, address.replace(/^0\.0\.0\.0$/, '127.0.0.1').replace(/^::$/, '::1'));
    // It is reset when the time is up before it is accepted.
    const failed = new Promise<void>((resolve) => knock.once('error', () => resolve()));
    const isAccepted = async () => {
      await once(knock, 'connect');
      while (!accepted.has(knock.localPort)) await new Promise<void>((resolve) => (onAccepted = resolve));
    };
    await Promise.race([isAccepted(), failed]).catch(() => {});
    knock.destroy();
  }

  async #hearAll(): Promise<void> {
    await withDeadline(silenceLimitMs, (limit) => {
      const spoken = new Promise<void>((resolve) => {
        this.#onSpoken = resolve;
        if (this.#silent.size === 0) resolve();
      });
      return Promise.race([spoken, limit]);
    });
  }
}
