import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../../../config.js';
import { type Finding, fail, ok } from './finding.js';

const timeoutMs = 3000;

/** Whether a server could listen, or does so already. */
export async function checkPort({ HOST, PORT }: Config): Promise<Finding> {
  if (PORT === 0) return ok('port', 'A server takes a free one.');
  const code = await tryListening(HOST, PORT);
  switch (code) {
    case null:
      return ok('port', `${HOST}:${PORT} is free.`);
    case 'EADDRINUSE':
      return askWhoever(HOST, PORT);
    case 'EACCES':
      return fail('port', `Not allowed to listen on port ${PORT}.`, 'Set PORT to 1024 or more, and let a proxy take the other.');
    default:
      return fail(
        'port',
        `Cannot listen on ${HOST}: ${code}.`,
        'Set HOST to an address of this machine, or 0.0.0.0 for all of them.',
      );
  }
}

/** The error code that stands in the way; null when nothing does. */
async function tryListening(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  server.close();
  await once(server, 'close');
  return null;
}

async function askWhoever(host: string, port: number): Promise<Finding> {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  const health = (await fetch(`http://${address}:${port}/health`, { signal: AbortSignal.timeout(timeoutMs) })
    .then((response) => response.json())
    .catch(() => null)) as { status?: unknown; time?: unknown } | null;
  if (health?.status === 'ok' && typeof health.time === 'string') {
    return ok('port', `${host}:${port} is served by a Baton that is well.`);
  }
  return fail(
    'port',
    `${host}:${port} is taken by another program, or by a Baton that does not answer.`,
    'End that one, or set PORT to another port.',
  );
}
