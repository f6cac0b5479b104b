import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What lies between a client and its servers, under the test's control: a load balancer, a cable, a router that forgets. */
export interface Network {
  /** What the client is told. */
  url: string;
  /** Connections made from now on go to this server. */
  leadTo(url: string): void;
  /** Resets every connection. */
  cut(): void;
  /** From now on nothing gets through, in either direction, and nobody is told. Connections made later hang. */
  freeze(): void;
  /** What was held back gets through. */
  thaw(): void;
  /** The next bytes from the server are lost, and with them the connection: it has done what it was asked, and nobody knows. */
  loseNextAnswer(): void;
  /** Connections made so far. */
  connectionCount: number;
}

/** A network for one test. */
export function useNetwork(target: string): Promise<Network> {
  return openNetwork(target, onTestFinished);
}

/** Lies before the server until what `onCleanUp` is given is called. */
export async function openNetwork(target: string, onCleanUp: (cleanUp: () => void) => void): Promise<Network> {
  const sockets = new Set<Socket>();
  let server = new URL(target);
  let isFrozen = false;
  let isAnswerLost = false;
  const listener = createServer({ pauseOnConnect: true }, (near) => {
    network.connectionCount += 1;
    const far = connect({ port: Number(server.port), host: server.hostname });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (from === far && isAnswerLost) {
          isAnswerLost = false;
          near.resetAndDestroy();
        } else to.write(data);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    if (isFrozen) far.pause();
    else near.resume();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const network: Network = {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    connectionCount: 0,
    leadTo: (url) => {
      server = new URL(url);
    },
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    freeze: () => {
      isFrozen = true;
      for (const socket of sockets) socket.pause();
    },
    loseNextAnswer: () => {
      isAnswerLost = true;
    },
    thaw: () => {
      isFrozen = false;
      for (const socket of sockets) socket.resume();
    },
  };
  onCleanUp(() => {
    network.cut();
    listener.close();
  });
  return network;
}

/** An address at which nobody listens. */
export async function unusedUrl(): Promise<string> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return `http://127.0.0.1:${port}`;
}
