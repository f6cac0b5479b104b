import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../../kernel/logger.js';
import type { PostgresBinaries } from './binaries.js';
import type { OsUser } from './os-user.js';

const run = promisify(execFile);

/** The role that owns everything in an embedded cluster. */
const clusterRole = 'baton';

/** A Postgres cluster on disk: its data, and the password of `clusterRole`, which only this user and Postgres' user can read. */
export interface Cluster {
  dataDirectory: string;
  password: string;
}

/** Address of one of the cluster's databases, with its password. */
export function clusterUrl(cluster: Cluster, port: number, databaseName: string): string {
  return `postgres://${clusterRole}:${cluster.password}@127.0.0.1:${port}/${databaseName}`;
}

/** Opens the cluster in `home`, or makes it there; it then appears all at once, so a start that is killed half-way leaves none. */
export async function openCluster(options: {
  home: string;
  binaries: PostgresBinaries;
  user: OsUser | null;
  durable: boolean;
}): Promise<Cluster> {
  const existing = await readCluster(options.home);
  if (existing) return existing;
  await createCluster(options);
  const created = await readCluster(options.home);
  if (!created) throw new Error(`The embedded Postgres was just made in ${options.home}, but it is not there.`);
  return created;
}

/** The cluster of `dataDir`, wherever it lies; null when there is none. Makes nothing. */
export async function findCluster(dataDir: string): Promise<Cluster | null> {
  const directory = await realpath(dataDir).catch(() => null);
  if (!directory) return null;
  const home = path.join(directory, 'postgres');
  return readCluster(await readlink(home).catch(() => home));
}

/**
 * Where the cluster of `dataDir` lies: `dataDir`/postgres.
 *
 * Postgres runs as a user of its own when Baton runs as root. Where that user cannot enter `dataDir` (a checkout below a
 * home of mode 700), `dataDir`/postgres is a link to a directory of its own below `fallbackDirectory`; the link keeps the
 * two together, so that removing `dataDir` starts afresh and moving it takes the data along.
 */
export async function clusterHome(options: {
  dataDir: string;
  fallbackDirectory: string;
  user: OsUser | null;
  logger: Logger;
}): Promise<string> {
  await mkdir(options.dataDir, { recursive: true });
  // One name for one directory, however the caller got there: a second owner is known by it.
  const dataDir = await realpath(options.dataDir);
  const home = path.join(dataDir, 'postgres');
  const linked = await readlink(home).catch(() => null);
  if (linked) return linked;
  if (await canEnter(dataDir, options.user)) return home;

  await mkdir(options.fallbackDirectory, { recursive: true, mode: 0o755 });
  if (!(await canEnter(options.fallbackDirectory, options.user))) {
    throw new Error(
      `The user "postgres" can enter neither ${dataDir} nor ${options.fallbackDirectory}: set DATA_DIR to a directory it can enter.`,
    );
  }
  const elsewhere = await mkdtemp(path.join(options.fallbackDirectory, 'data-'));
  await chmod(elsewhere, 0o711);
  try {
    await symlink(path.join(elsewhere, 'postgres'), home);
  } catch (error) {
    await rm(elsewhere, { recursive: true });
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readlink(home);
  }
  options.logger.warn(
    { dataDir, directory: elsewhere },
    `The user "postgres" may not enter ${dataDir}, so the embedded Postgres keeps its data in ${elsewhere}, and ${home} links to it`,
  );
  return path.join(elsewhere, 'postgres');
}

async function canEnter(directory: string, user: OsUser | null): Promise<boolean> {
  if (!user) return true;
  try {
    await run('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { ...user, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

async function readCluster(home: string): Promise<Cluster | null> {
  const dataDirectory = path.join(home, 'data');
  try {
    await stat(path.join(dataDirectory, 'PG_VERSION'));
    return { dataDirectory, password: (await readFile(path.join(home, 'password'), 'utf8')).trim() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code !== 'EACCES') throw error;
    throw new Error(
      `The embedded Postgres in ${home} belongs to another user: start Baton as the one that made it, or set another DATA_DIR.`,
      { cause: error },
    );
  }
}

async function createCluster(options: {
  home: string;
  binaries: PostgresBinaries;
  user: OsUser | null;
  durable: boolean;
}): Promise<void> {
  const { home, user } = options;
  const aside = await mkdtemp(`${home}.`);
  try {
    const passwordFile = path.join(aside, 'password');
    const dataDirectory = path.join(aside, 'data');
    await writeFile(passwordFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    await mkdir(dataDirectory, { mode: 0o700 });
    if (user) {
      await chmod(aside, 0o711);
      await chown(passwordFile, user.uid, user.gid);
      await chown(dataDirectory, user.uid, user.gid);
    }
    await run(options.binaries.initdb, initdbOptions({ dataDirectory, passwordFile, durable: options.durable }), {
      ...user,
      cwd: aside,
      env: postgresEnvironment(),
    });
    await rename(aside, home).catch(ignoreExisting);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function initdbOptions(options: { dataDirectory: string; passwordFile: string; durable: boolean }): string[] {
  return [
    `--pgdata=${options.dataDirectory}`,
    `--username=${clusterRole}`,
    `--pwfile=${options.passwordFile}`,
    '--auth=scram-sha-256',
    // Stretching a password of 256 random bits gains nothing, and would cost every connection some milliseconds.
    '--set=scram_iterations=1',
    // Postgres' own collation, so that the order of text is the same on every machine and survives an upgrade of its libc.
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(options.durable ? [] : ['--no-sync']),
  ];
}

/** The environment of Postgres' programs: untouched by the caller's `PG*` variables, and with messages in English, for the log. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', TZ: 'UTC' };
}

/** Another process made the same cluster in the same moment; its one is kept. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
