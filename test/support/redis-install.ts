import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes sure that there is a `redis-server` to run: installs Debian's where it is missing and we may.
 *
 * Where it stays missing: false, with a message that says what is not tested; under CI=true an error, because a suite
 * that is silently skipped there protects nobody.
 */
export async function ensureRedisInstalled(): Promise<boolean> {
  if (await hasRedis()) return true;
  const obstacle = await installRedis();
  if (!obstacle && (await hasRedis())) return true;
  const message = `There is no redis-server, and it could not be installed: ${obstacle ?? 'its package brought none'}. Install Redis 7 to run the tests that need it.`;
  if (process.env.CI === 'true') throw new Error(message);
  console.warn(`\n${'!'.repeat(80)}\n${message}\nEvery test of Redis is SKIPPED in this run.\n${'!'.repeat(80)}\n`);
  return false;
}

async function hasRedis(): Promise<boolean> {
  try {
    await run('redis-server', ['--version']);
    return true;
  } catch {
    return false;
  }
}

/** The package starts and enables a system service, which a test run must not leave behind: the policy forbids the start. */
const installScript = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends redis-server
if [ -d /run/systemd/system ]; then systemctl disable --quiet redis-server; fi
`;

/** What stood in the way; null when the installation went well. */
async function installRedis(): Promise<string | null> {
  const isRoot = process.getuid?.() === 0;
  const [command, ...prefix] = isRoot ? ['sh'] : ['sudo', '-n', 'sh'];
  try {
    await run('apt-get', ['--version']);
  } catch {
    return 'this system has no apt-get';
  }
  console.info('Installing redis-server for the tests ...');
  try {
    await run(command as string, [...prefix, '-c', installScript]);
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    return isRoot ? reason : `not root, and sudo without a password did not do it (${reason})`;
  }
}
