import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Spreads connections over servers, as a load balancer or a service of Kubernetes does. */
export interface Balancer {
  /** What clients are told. */
  url: string;
  /** Whether new connections go to this server. */
  leadsTo(url: string): boolean;
}

/**
 * Asks every server for `/readyz` every `intervalMs`, and gives each new connection to the next one that has said 200 when asked last. A
 * connection that stands stays where it is. Runs until what `onCleanUp` is given is called.
 */
export async function openBalancer(
  urls: readonly string[],
  { intervalMs }: { intervalMs: number },
  onCleanUp: (cleanUp: () => void) => void,
): Promise<Balancer> {
  const ready = new Set<string>();
  const ask = async (url: string) => {
    const status = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) }).then(
      async (response) => (await response.text()) && response.status,
      // One that takes its time is as ready as it was.
      (error) => (error.name === 'TimeoutError' ? null : 0),
    );
    if (status === 200) ready.add(url);
    else if (status !== null) ready.delete(url);
  };
  const askAll = () => Promise.all(urls.map(ask));
  await askAll();
  const asking = setInterval(() => void askAll(), intervalMs);

  const sockets = new Set<Socket>();
  let turn = 0;
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const chosen = urls.filter((url) => ready.has(url));
    const { port, hostname } = new URL(chosen[turn++ % chosen.length] ?? (urls[0] as string));
    const far = connect({ port: Number(port), host: hostname, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.resetAndDestroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onCleanUp(() => {
    clearInterval(asking);
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    leadsTo: (url) => ready.has(url),
  };
}
