import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The operating system's user that Postgres runs as, as `child_process.spawn` takes it. */
export interface OsUser {
  uid: number;
  gid: number;
}

const userName = 'postgres';

/**
 * The user to run Postgres as; null means the user of this process.
 *
 * Postgres refuses to run as root, so root hands it to the user `postgres`, which is made where it is missing.
 * Throws when root can neither find nor make that user.
 */
export async function postgresUser(): Promise<OsUser | null> {
  if (process.getuid?.() !== 0) return null;
  const existing = await findUser();
  if (existing) return existing;
  const failure = await createUser();
  // Looked up also after a failure: another process may have made it in the same moment.
  const created = await findUser();
  if (created) return created;
  throw new Error(
    `The user "${userName}" is missing and could not be made. Postgres cannot run as root: ` +
      'create that user, start Baton as another one, or set DATABASE_URL.',
    { cause: failure },
  );
}

async function findUser(): Promise<OsUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', userName]), run('id', ['-g', userName])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/** Null when it went well; otherwise what stood in the way. */
async function createUser(): Promise<unknown> {
  // The first is what Debian, Fedora and their kin have; the second is BusyBox's, as on Alpine.
  const commands: [string, string[]][] = [
    [
      'useradd',
      ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/false', userName],
    ],
    ['adduser', ['-S', '-D', '-H', '-s', '/bin/false', userName]],
  ];
  const failures: unknown[] = [];
  for (const [command, options] of commands) {
    try {
      await run(command, options);
      return null;
    } catch (error) {
      failures.push(error);
    }
  }
  return new AggregateError(failures, 'Neither useradd nor adduser made the user.');
}
