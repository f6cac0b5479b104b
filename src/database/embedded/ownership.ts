import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../../kernel/logger.js';
import { type Cluster, clusterUrl } from './cluster.js';

/**
 * Which Baton a running embedded Postgres belongs to.
 *
 * The owner holds an advisory lock on a connection of its own. The lock cannot go stale: when the owner dies, by
 * whatever signal, its connection closes and Postgres frees the lock. A server whose lock is free is abandoned.
 */
export interface Ownership {
  release(): Promise<void>;
}

/** Another living process runs the embedded Postgres on the same data. */
export class EmbeddedPostgresInUseError extends Error {
  constructor(
    readonly dataDirectory: string,
    readonly ownerPid: number,
  ) {
    super(
      `The embedded Postgres in ${dataDirectory} is in use by process ${ownerPid}. ` +
        'Stop that one, or give this one another DATA_DIR; to run several servers on the same data, set DATABASE_URL for all of them.',
    );
    this.name = 'EmbeddedPostgresInUseError';
  }
}

/** Setting of the server that names the process that started it. */
export const ownerSetting = 'baton.owner_pid';

const lockKey = 0x62_61_74_6f;
const maintenanceDatabase = 'postgres';
const pollMs = 50;
/** How long a server that its living starter has not locked yet, or that does not answer yet, is waited for. */
const patienceMs = 10_000;

/**
 * Becomes the owner of the server that was just started, and makes `databaseName` in it when missing.
 * Null when the server ended before it took a connection.
 */
export async function takeOwnership(options: {
  cluster: Cluster;
  port: number;
  databaseName: string;
  isServerRunning: () => boolean;
}): Promise<Ownership | null> {
  let client = await lockWhenReady(options);
  if (!client) return null;
  await createDatabaseIfMissing(client, options.databaseName);

  // Postgres cuts every connection when one of its processes crashes, and goes on: the lock has to be taken again.
  let isReleased = false;
  const keep = (held: pg.Client) => {
    held.once('end', async () => {
      if (isReleased) return;
      client = await lockWhenReady(options);
      if (client && isReleased) await client.end();
      else if (client) keep(client);
    });
  };
  keep(client);

  return {
    async release() {
      isReleased = true;
      await client?.end();
    },
  };
}

/**
 * Ends the server that runs on the cluster if its owner is gone, and waits for its end; nothing to do when none runs.
 * Throws EmbeddedPostgresInUseError when the owner lives.
 */
export async function endAbandonedServer(cluster: Cluster, logger: Logger): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const server = await findServer(cluster);
    if (!server) return;
    const isPatient = Date.now() < deadline;
    const state = await inspectServer(cluster, server.port);
    if (state?.isLocked) throw new EmbeddedPostgresInUseError(cluster.dataDirectory, state.ownerPid);
    if (state && !(isAlive(state.ownerPid) && isPatient)) {
      logger.warn({ pid: server.pid }, 'Stopping the embedded Postgres that a killed Baton left running');
      await endServer(cluster, server.pid);
      return;
    }
    if (!state && !isPatient) {
      throw new Error(
        `Process ${server.pid} seems to be a Postgres on ${cluster.dataDirectory}, but does not answer. End it, and start again.`,
      );
    }
    await delay(pollMs);
  }
}

/** The server that a living Baton runs on the cluster; null when none does. */
export async function findOwnedServer(cluster: Cluster): Promise<{ port: number; ownerPid: number } | null> {
  const server = await findServer(cluster);
  const state = server && (await inspectServer(cluster, server.port));
  return server && state?.isLocked ? { port: server.port, ownerPid: state.ownerPid } : null;
}

/** The server that Postgres' own lock file names, if that process is alive and a Postgres. */
async function findServer(cluster: Cluster): Promise<{ pid: number; port: number } | null> {
  const file = path.join(cluster.dataDirectory, 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const [pid, , , port] = content.split('\n').map(Number);
  if (!pid || !port || !isAlive(pid)) return null;
  if (await isSomethingElse(pid)) {
    // The number was given to another process since. Postgres itself could not tell, and would refuse to start.
    await rm(file, { force: true });
    return null;
  }
  return { pid, port };
}

/** Whether the process is surely no Postgres; false where the system does not tell. */
async function isSomethingElse(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return command !== '' && !command.startsWith('postgres');
}

/** Who owns the server on `port`, if it is the one of the cluster and takes connections; null otherwise. */
async function inspectServer(cluster: Cluster, port: number): Promise<{ isLocked: boolean; ownerPid: number } | null> {
  const client = newClient(cluster, port, maintenanceDatabase);
  try {
    await client.connect();
    // The lock taken here to learn whether it was free goes with the connection.
    const { rows } = await client.query<{ isLocked: boolean; ownerPid: number; dataDirectory: string }>(
      `SELECT NOT pg_try_advisory_lock($1) AS "isLocked",
              coalesce(nullif(current_setting($2, true), ''), '0')::int AS "ownerPid",
              current_setting('data_directory') AS "dataDirectory"`,
      [lockKey, ownerSetting],
    );
    return rows[0]?.dataDirectory === cluster.dataDirectory ? rows[0] : null;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => {});
  }
}

async function endServer(cluster: Cluster, pid: number): Promise<void> {
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + patienceMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline)
      throw new Error(`Postgres (process ${pid}) on ${cluster.dataDirectory} was told to stop, and does not.`);
    await delay(pollMs);
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A connection that holds the lock; null when the server ended before it gave one. */
async function lockWhenReady(options: {
  cluster: Cluster;
  port: number;
  isServerRunning: () => boolean;
}): Promise<pg.Client | null> {
  while (options.isServerRunning()) {
    const client = newClient(options.cluster, options.port, maintenanceDatabase);
    try {
      await client.connect();
      await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
      return client;
    } catch {
      await client.end().catch(() => {});
      await delay(pollMs);
    }
  }
  return null;
}

function newClient(cluster: Cluster, port: number, database: string): pg.Client {
  const client = new pg.Client({ connectionString: clusterUrl(cluster, port, database), application_name: 'baton-owner' });
  // A lost connection also ends the query that waits for it, or is seen as `end`.
  client.on('error', () => {});
  return client;
}

async function createDatabaseIfMissing(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (!rowCount) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
}
