import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../kernel/logger.js';
import type { PostgresBinaries } from './binaries.js';
import { type Cluster, clusterUrl } from './cluster.js';
import type { OsUser } from './os-user.js';
import { EmbeddedPostgresInUseError, endAbandonedServer, type Ownership, ownerSetting, takeOwnership } from './ownership.js';
import { freePort, launchServer, type ServerProcess } from './server-process.js';

/** The one database of an embedded Postgres. */
export const databaseName = 'baton';
const startAttempts = 40;
const retryMs = 100;
/** Longest pause between two attempts to bring a server back. */
const longestRetryMs = 2000;

/** A server that takes connections and is ours. */
export interface PostgresServer {
  url: string;
  /** Of the process that runs now: a server that ended by itself comes back as another one. */
  readonly pid: number;
  stop(): Promise<void>;
}

interface ServerOptions {
  cluster: Cluster;
  binaries: PostgresBinaries;
  user: OsUser | null;
  logger: Logger;
  settings: Readonly<Record<string, string>>;
}

/** A server process and what makes it ours. */
interface OwnedProcess {
  server: ServerProcess;
  ownership: Ownership;
}

/**
 * Starts Postgres on the cluster, once no other server runs on it. Throws EmbeddedPostgresInUseError when that one is alive.
 *
 * Until it is stopped it is brought back whenever it ends by itself (killed, out of memory, out of disk), on the same port,
 * so that those who use it only have to connect again.
 */
export async function startPostgresServer(options: ServerOptions): Promise<PostgresServer> {
  const { cluster, logger } = options;
  let port = await freePort();
  let current: OwnedProcess | null = null;
  for (let attempt = 1; !current; attempt++) {
    const started = await startOnce(options, port);
    if ('ownership' in started) current = started;
    else if (attempt === startAttempts || !started.lastLines.some(willPass)) {
      throw new Error(`The embedded Postgres did not start. Its last words:\n${started.lastLines.join('\n')}`);
    } else {
      await delay(retryMs);
      port = await freePort();
    }
  }

  let running = current;
  const stopping = new AbortController();
  const supervise = async () => {
    for (;;) {
      await running.server.ended;
      if (stopping.signal.aborted) return;
      const next = await bringBack(options, port, stopping.signal);
      if (!next) return;
      running = next;
      logger.info({ pid: running.server.pid }, 'The embedded Postgres is running again');
    }
  };
  const supervised = supervise();
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    stopping.abort();
    await end(running);
    await supervised;
  };
  return {
    url: clusterUrl(cluster, port, databaseName),
    get pid() {
      return running.server.pid;
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** One attempt; answers the last lines of a server that ended before it took a connection. */
async function startOnce(
  { cluster, binaries, user, logger, settings }: ServerOptions,
  port: number,
): Promise<OwnedProcess | { lastLines: readonly string[] }> {
  await endAbandonedServer(cluster, logger);
  const server = await launchServer({
    program: binaries.postgres,
    dataDirectory: cluster.dataDirectory,
    port,
    user,
    logger,
    settings: { ...settings, [ownerSetting]: String(process.pid) },
  });
  const ownership = await takeOwnership({ cluster, port, databaseName, isServerRunning: server.isRunning });
  return ownership ? { server, ownership } : { lastLines: server.lastLines };
}

/** Tries until the server is back; null when it is not wanted any more, or somebody else has its data by now. */
async function bringBack(options: ServerOptions, port: number, signal: AbortSignal): Promise<OwnedProcess | null> {
  const { logger } = options;
  for (let pauseMs = retryMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestRetryMs)) {
    await delay(pauseMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    try {
      const started = await startOnce(options, port);
      if (!('ownership' in started))
        logger.warn({ lastLines: started.lastLines }, 'The embedded Postgres does not come back yet');
      else if (signal.aborted) await end(started);
      else return started;
    } catch (error) {
      if (error instanceof EmbeddedPostgresInUseError) {
        logger.fatal({ err: error }, 'The embedded Postgres ended, and another Baton has its data now');
        return null;
      }
      logger.warn({ err: error }, 'The embedded Postgres does not come back yet');
    }
  }
  return null;
}

async function end({ server, ownership }: OwnedProcess): Promise<void> {
  await ownership.release();
  await server.shutDown();
}

/** Whether the line names a cause that passes: a port lost to someone else, a faster start elsewhere, leavers of a killed server. */
function willPass(line: string): boolean {
  return /could not bind|lock file ".*" already exists|shared memory block .* still in use/.test(line);
}
