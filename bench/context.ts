import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.js';
import { freePort } from '../src/database/embedded/server-process.js';
import { applyMigrations } from '../src/database/migration-runner.js';
import { createLogger } from '../src/kernel/logger.js';
import { alternateRounds, check, type Figures } from './benchmark.js';
import { type Child, cpuSeconds, Processes, profileFlags, type SpawnOptions } from './processes.js';

/** The operator's token of every server of ours. */
export const adminToken = 'the-token-of-all-benchmarks';

const serverEntry = path.join(import.meta.dirname, '../dist/main.js');
const template = 'baton_template';
const logger = createLogger('error');

/** The one Postgres of a run, which the databases of all sides share. */
export interface BenchPostgres {
  /** Of its main process; `cpuSeconds(pid, { children: true })` tells what all of it used. */
  pid: number;
  /** Of its own, empty database. */
  url: string;
  /** Makes a database and returns its address: with the product's tables, or empty. It is dropped after the benchmark. */
  createDatabase(name: string, options?: { migrated?: boolean }): Promise<string>;
  /** Connections of the benchmark itself, to fill a database and to look into it; closed after the benchmark. */
  openPool(url: string): pg.Pool;
}

export interface BenchRedis {
  pid: number;
  url: string;
}

export interface ServerOptions {
  /** Unset: an embedded Postgres in the DATA_DIR of `env`. */
  databaseUrl?: string;
  redisUrl?: string;
  /** Further variables of the product's configuration. */
  env?: Record<string, string>;
}

/** The product, as it is shipped, in a process of its own. */
export interface BatonServer {
  /** Without a path. */
  url: string;
  pid: number;
  stop(): Promise<void>;
}

export interface BenchOptions {
  isQuick: boolean;
  /** Where servers write their CPU profiles. */
  profileDirectory: string | undefined;
}

/** What a benchmark works with. Whatever it starts is ended, at the latest, after it. */
export class BenchContext {
  readonly isQuick: boolean;
  /** Rounds that count, of each side. */
  readonly rounds: number;
  /** How long one round of load lasts. */
  readonly roundMs: number;
  readonly #profileDirectory: string | undefined;
  /** Of the run: Postgres and Redis. */
  readonly #services = new Processes();
  /** Of one benchmark. */
  readonly #processes = new Processes();
  readonly #directory = makeEnterable(path.join(tmpdir(), 'baton-bench-'));
  readonly #databases = new Set<string>();
  readonly #pools: pg.Pool[] = [];
  #postgres: Promise<{ embedded: EmbeddedPostgres; admin: pg.Pool }> | undefined;
  readonly #redis = new Map<string, Promise<BenchRedis>>();

  constructor({ isQuick, profileDirectory }: BenchOptions) {
    this.isQuick = isQuick;
    this.rounds = isQuick ? 3 : 7;
    this.roundMs = isQuick ? 400 : 3000;
    this.#profileDirectory = profileDirectory;
  }

  /** The run's Postgres: started when first asked for, with the same settings for whoever uses it. Commits are flushed to disk. */
  async postgres(): Promise<BenchPostgres> {
    this.#postgres ??= this.#startPostgres();
    const { embedded, admin } = await this.#postgres;
    return {
      pid: embedded.pid,
      url: embedded.url,
      createDatabase: async (name, { migrated = false } = {}) => {
        await admin.query(`create database ${name} ${migrated ? `template ${template} strategy file_copy` : ''}`);
        this.#databases.add(name);
        return urlOf(embedded, name);
      },
      openPool: (url) => {
        const pool = new pg.Pool({ connectionString: url, max: 4 });
        pool.on('error', () => {});
        this.#pools.push(pool);
        return pool;
      },
    };
  }

  /**
   * A Redis of the run, which keeps nothing on disk; started when first asked for. Servers on different databases that run
   * at the same time each need one of another name, or they would wake each other.
   */
  redis(name = 'redis'): Promise<BenchRedis> {
    const redis = this.#redis.get(name) ?? this.#startRedis();
    this.#redis.set(name, redis);
    return redis;
  }

  /** Starts the product; it needs the credential `adminToken`. */
  async startServer({ databaseUrl, redisUrl, env = {} }: ServerOptions): Promise<BatonServer> {
    let url = '';
    const { pid, stop } = await this.#processes.start(
      process.execPath,
      [...profileFlags({ profileDirectory: this.#profileDirectory }), serverEntry],
      (line) => {
        const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; url?: string }) : {};
        if (entry.msg === 'Baton is ready' && entry.url) url = new URL(entry.url).origin;
        return url !== '';
      },
      {
        env: {
          PORT: '0',
          ADMIN_TOKEN: adminToken,
          ...(databaseUrl && { DATABASE_URL: databaseUrl }),
          ...(redisUrl && { REDIS_URL: redisUrl }),
          ...env,
        },
      },
    );
    return { url, pid, stop };
  }

  /** Runs a script of `bench/` (a peer or a client, named from there) in a process of its own; see child.ts. */
  spawn<Ready, Command, Result>(
    script: string,
    args?: unknown,
    options: SpawnOptions = {},
  ): Promise<Child<Ready, Command, Result>> {
    return this.#processes.spawn(script, args, options);
  }

  /** The same for a server, which is profiled when the run is. */
  spawnServer<Ready, Command = never, Result = never>(
    script: string,
    args?: unknown,
    options: SpawnOptions = {},
  ): Promise<Child<Ready, Command, Result>> {
    return this.#processes.spawn(script, args, { profileDirectory: this.#profileDirectory, ...options });
  }

  /** Runs another program to its end, such as pgbench, and returns what it wrote. */
  runProgram(command: string, args: string[], options?: { env?: Record<string, string>; timeoutMs?: number }): Promise<string> {
    return this.#processes.run(command, args, options);
  }

  /** Plays the rounds of this run by turns; see alternateRounds. */
  alternate<Name extends string, Side, Round extends Figures>(
    sides: Record<Name, Side>,
    playRound: (side: Side, name: Name, round: number) => Promise<Round>,
    options: { rounds?: number; warmUps?: number } = {},
  ): Promise<Record<Name, Round>> {
    return alternateRounds(sides, { rounds: this.rounds, ...options }, playRound);
  }

  readonly cpuSeconds = cpuSeconds;
  readonly check: typeof check = check;

  /** A new directory, removed after the run. */
  makeDirectory(name: string): string {
    return makeEnterable(path.join(this.#directory, `${name}-`));
  }

  /** Ends what a benchmark has started and drops its databases; the run goes on. */
  async clear(): Promise<void> {
    await this.#processes.stopAll();
    await this.#closePools();
    if (!this.#postgres) return;
    const { admin } = await this.#postgres;
    for (const name of this.#databases) await admin.query(`drop database if exists ${name} with (force)`);
    this.#databases.clear();
    // What one benchmark has written must not be flushed during the next.
    await admin.query('checkpoint');
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.#processes.stopAll();
    await this.#closePools();
    await this.#services.stopAll();
    const postgres = await this.#postgres?.catch(() => undefined);
    await postgres?.admin.end();
    await postgres?.embedded.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #closePools(): Promise<void> {
    for (const pool of this.#pools.splice(0)) await pool.end();
  }

  async #startPostgres() {
    const embedded = await startEmbeddedPostgres({
      dataDir: this.makeDirectory('postgres'),
      logger,
      settings: {
        max_connections: '400',
        shared_buffers: '512MB',
        max_wal_size: '4GB',
        // A server that has run for a while uses old segments again; to fill a new one with zeros stops everybody for 60 ms.
        wal_init_zero: 'off',
        // A checkpoint in the middle of one round would be unfair to that one.
        checkpoint_timeout: '30min',
        // To tell when a change was committed, and so how long its event took.
        track_commit_timestamp: 'on',
        // So that the statements of two sides can be compared whole.
        track_activity_query_size: '16kB',
      },
    });
    const admin = new pg.Pool({ connectionString: embedded.url, max: 1 });
    admin.on('error', () => {});
    await admin.query(`create database ${template}`);
    await applyMigrations({ databaseUrl: urlOf(embedded, template), logger });
    return { embedded, admin };
  }

  async #startRedis(): Promise<BenchRedis> {
    const port = await freePort();
    const settings = { port, bind: '127.0.0.1', dir: this.makeDirectory('redis'), save: '', appendonly: 'no' };
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const { pid } = await this.#services.start('redis-server', flags, (line) => line.includes('Ready to accept connections'));
    return { pid, url: `redis://127.0.0.1:${port}` };
  }
}

/** A new directory that Postgres' own user may enter: a Postgres that root starts would else keep its data elsewhere. */
function makeEnterable(prefix: string): string {
  const directory = mkdtempSync(prefix);
  chmodSync(directory, 0o711);
  return directory;
}

function urlOf(embedded: EmbeddedPostgres, databaseName: string): string {
  const url = new URL(embedded.url);
  url.pathname = `/${databaseName}`;
  return url.href;
}
