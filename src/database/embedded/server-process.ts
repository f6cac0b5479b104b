import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from '../../kernel/logger.js';
import { postgresEnvironment } from './cluster.js';
import type { OsUser } from './os-user.js';

const fastShutdownMs = 5000;
const keptLines = 20;

/** One run of the `postgres` program. */
export interface ServerProcess {
  pid: number;
  isRunning(): boolean;
  /** Resolves when it has ended, for whatever reason. */
  ended: Promise<void>;
  /** The end of what it logged, for the message of a failed start. */
  lastLines: readonly string[];
  /** Postgres' fast shutdown: cuts connections, writes everything, and leaves; an immediate one if that takes too long. */
  shutDown(): Promise<void>;
}

/** Runs `postgres` on the data, reachable over loopback only. */
export async function launchServer(options: {
  program: string;
  dataDirectory: string;
  port: number;
  user: OsUser | null;
  logger: Logger;
  settings: Readonly<Record<string, string>>;
}): Promise<ServerProcess> {
  const settings = { ...options.settings, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(options.program, ['-D', options.dataDirectory, '-p', String(options.port), ...flags], {
    ...options.user,
    // Our own working directory may be one that its user must not enter.
    cwd: path.parse(options.dataDirectory).root,
    env: postgresEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A session of its own: Ctrl-C in the terminal must not end the database before the requests in flight.
    detached: true,
  });
  await once(child, 'spawn');
  const pid = child.pid as number;

  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastLines.push(line);
    if (lastLines.length > keptLines) lastLines.shift();
    options.logger[isAlarming(line) ? 'warn' : 'debug'](`Postgres: ${line}`);
  });

  let isRunning = true;
  let isStopping = false;
  // The log's end comes with `close`, later than `exit`.
  const closed = once(child, 'close').then(([code, signal]) => {
    isRunning = false;
    process.removeListener('exit', stopAtExit);
    if (!isStopping) options.logger.error({ pid, code, signal }, 'The embedded Postgres ended by itself');
  });
  const stopAtExit = () => child.kill('SIGINT');
  process.once('exit', stopAtExit);

  return {
    pid,
    isRunning: () => isRunning,
    ended: closed,
    lastLines,
    async shutDown() {
      isStopping = true;
      child.kill('SIGINT');
      const impatience = setTimeout(() => child.kill('SIGQUIT'), fastShutdownMs);
      await closed;
      clearTimeout(impatience);
    },
  };
}

/** Whether an operator should see the line; clients refused or cut while the server starts or stops are no news. */
function isAlarming(line: string): boolean {
  return / (FATAL|PANIC): /.test(line) && !/starting up|shutting down|administrator command/.test(line);
}

/** A port of loopback that nobody uses at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return address.port;
}
