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
  await createUser();
  const created = await findUser();
  if (!created) throw new Error(`The system has no user "${userName}", although it was just made. ${advice}`);
  return created;
}

const advice = `Postgres cannot run as root: create a user "${userName}", start Baton as another user, or set DATABASE_URL.`;

async function findUser(): Promise<OsUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', userName]), run('id', ['-g', userName])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

async function createUser(): Promise<void> {
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
      return;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `The user "${userName}" is missing and could not be made. ${advice}`);
}
