import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { connect } from '../../src/database/connect.js';
import { preparePostgresBinaries } from '../../src/database/embedded/binaries.js';
import { clusterHome, clusterUrl, openCluster } from '../../src/database/embedded/cluster.js';
import { postgresUser } from '../../src/database/embedded/os-user.js';
import { freePort, launchServer, type ServerProcess as PostgresProcess } from '../../src/database/embedded/server-process.js';
import { createLogger } from '../../src/kernel/logger.js';
import { type Network, openNetwork } from '../support/network.js';
import { createDatabase } from '../support/postgres.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';

export const adminToken = 'torture-admin-token';

const silent = createLogger('silent');

/** A Postgres that keeps what it has acknowledged, and that may be stopped under its users. */
export interface DurablePostgres {
  url: string;
  /** Ends it at once, without writing anything more, and starts it again on the same port. */
  crash(): Promise<void>;
}

/** One server process, which comes back under the same address however often it ends. */
export interface Replica {
  url: string;
  /** Starts it; resolves when it answers. */
  start(): Promise<void>;
  /** Sends the signal; resolves with the exit code once it has ended, null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** What a scenario plays on: real processes of its own, all of which end with it. */
export class Stage {
  readonly #cleanUps: (() => Promise<unknown> | unknown)[] = [];

  /** Ends everything, the last first. */
  async clear(): Promise<void> {
    for (const cleanUp of this.#cleanUps.splice(0).reverse()) await cleanUp();
  }

  onCleanUp = (cleanUp: () => Promise<unknown> | unknown): void => {
    this.#cleanUps.push(cleanUp);
  };

  async postgres(): Promise<DurablePostgres> {
    const user = await postgresUser();
    const directory = await this.directory('postgres');
    // Lets Postgres in, which is another user when we are root.
    await chmod(directory, 0o711);
    const binaries = await preparePostgresBinaries({ user, copiesDirectory: '/var/lib/baton' });
    const home = await clusterHome({ dataDir: directory, fallbackDirectory: '/var/lib/baton', user, logger: silent });
    const cluster = await openCluster({ home, binaries, user, durable: true });
    const port = await freePort();
    const settings = { max_connections: '200', TimeZone: 'UTC', restart_after_crash: 'off' };
    const launch = async (): Promise<PostgresProcess> => {
      const options = { program: binaries.postgres, dataDirectory: cluster.dataDirectory, port, user, logger: silent, settings };
      const server = await launchServer(options);
      await untilItAnswers(clusterUrl(cluster, port, 'postgres'), server);
      return server;
    };
    let server = await launch();
    this.onCleanUp(() => server.shutDown());
    return {
      url: await createDatabase(clusterUrl(cluster, port, 'postgres'), { name: 'baton' }),
      crash: async () => {
        process.kill(server.pid, 'SIGQUIT');
        await server.ended;
        server = await launch();
      },
    };
  }

  async redis(): Promise<RedisServer> {
    const redis = await startRedisServer();
    this.onCleanUp(() => redis.remove());
    return redis;
  }

  /** A server on the database, which is not started yet. */
  async replica(variables: Record<string, string>): Promise<Replica> {
    const port = await freePort();
    let running: ServerProcess | null = null;
    const environment = {
      LOG_LEVEL: 'info',
      ADMIN_TOKEN: adminToken,
      PORT: String(port),
      DATABASE_POOL_SIZE: '15',
      ...variables,
    };
    return {
      url: `http://127.0.0.1:${port}`,
      start: async () => {
        running = await startServerProcess(environment, this.onCleanUp);
      },
      end: async (signal) => {
        const ended = await running?.end(signal);
        running = null;
        return ended ?? null;
      },
    };
  }

  /** Servers that have started. */
  async replicas(count: number, variables: Record<string, string>): Promise<Replica[]> {
    const replicas: Replica[] = [];
    for (let index = 0; index < count; index++) replicas.push(await this.replica(variables));
    // One after the other: the first of them applies the migrations.
    for (const replica of replicas) await replica.start();
    return replicas;
  }

  network(target: string): Promise<Network> {
    return openNetwork(target, this.onCleanUp);
  }

  /** An own connection to the database, to look at what there is. */
  async database(url: string): Promise<pg.Pool> {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    pool.on('error', () => {});
    this.onCleanUp(() => pool.end());
    return pool;
  }

  /** A program of the harness in a process of its own, by its path beside this file. */
  program(script: string, args: string[], environment: Record<string, string> = {}) {
    const child = spawn(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, script), ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.onCleanUp(() => child.kill('SIGKILL'));
    return child;
  }

  async directory(name: string): Promise<string> {
    const directory = await mkdtemp(path.join(tmpdir(), `baton-torture-${name}-`));
    this.onCleanUp(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }
}

/** Recovery after a crash takes as long as it takes. */
async function untilItAnswers(databaseUrl: string, server: PostgresProcess): Promise<void> {
  while (server.isRunning()) {
    try {
      const client = await connect({ databaseUrl, logger: silent, isPatient: false });
      return await client.end();
    } catch {
      await delay(50);
    }
  }
  throw new Error(`Postgres did not start:\n${server.lastLines.join('\n')}`);
}
