import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../kernel/logger.js';
import type { PostgresBinaries } from './binaries.js';
import { type Cluster, clusterUrl } from './cluster.js';
import type { OsUser } from './os-user.js';
import { endAbandonedServer, ownerSetting, takeOwnership } from './ownership.js';
import { freePort, launchServer } from './server-process.js';

/** The one database of an embedded Postgres. */
export const databaseName = 'baton';
const startAttempts = 40;
const retryMs = 100;

/** A server that takes connections and is ours. */
export interface PostgresServer {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** Starts Postgres on the cluster, once no other server runs on it. Throws EmbeddedPostgresInUseError when that one is alive. */
export async function startPostgresServer(options: {
  cluster: Cluster;
  binaries: PostgresBinaries;
  user: OsUser | null;
  logger: Logger;
  settings: Readonly<Record<string, string>>;
}): Promise<PostgresServer> {
  const { cluster, binaries, user, logger } = options;
  const settings = { ...options.settings, [ownerSetting]: String(process.pid) };
  for (let attempt = 1; ; attempt++) {
    await endAbandonedServer(cluster, logger);
    const port = await freePort();
    const server = await launchServer({
      program: binaries.postgres,
      dataDirectory: cluster.dataDirectory,
      port,
      user,
      logger,
      settings,
    });
    const ownership = await takeOwnership({ cluster, port, databaseName, isServerRunning: server.isRunning });
    if (ownership) {
      let stopped: Promise<void> | undefined;
      const stop = async () => {
        await ownership.release();
        await server.shutDown();
      };
      return {
        url: clusterUrl(cluster, port, databaseName),
        pid: server.pid,
        stop() {
          stopped ??= stop();
          return stopped;
        },
      };
    }
    if (attempt === startAttempts || !server.lastLines.some(willPass)) {
      throw new Error(`The embedded Postgres did not start. Its last words:\n${server.lastLines.join('\n')}`);
    }
    await delay(retryMs);
  }
}

/** Whether the line names a cause that passes: a port lost to someone else, a faster start elsewhere, leavers of a killed server. */
function willPass(line: string): boolean {
  return /could not bind|lock file ".*" already exists|shared memory block .* still in use/.test(line);
}
