import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What went wrong is said loudly; under CI=true it is an error, because a suite that is silently skipped there protects nobody. */
export function reportMissing(program: string, obstacle: string | null, consequence: string): void {
  const message = `There is no ${program}, and it could not be installed: ${obstacle ?? 'its package brought none'}.`;
  if (process.env.CI === 'true') throw new Error(`${message} Install it to run the tests that need it.`);
  console.warn(`\n${'!'.repeat(80)}\n${message}\n${consequence}\n${'!'.repeat(80)}\n`);
}

/** A package may start a system service, which a test run must not leave behind: the policy forbids the start. */
const installScript = (name: string) => `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends ${name}
if [ -d /run/systemd/system ] && systemctl cat --quiet ${name} >/dev/null 2>&1; then systemctl disable --quiet ${name}; fi
`;

/** Installs a package of Debian where we may. What stood in the way; null when the installation went well. */
export async function installDebianPackage(name: string): Promise<string | null> {
  const isRoot = process.getuid?.() === 0;
  const [command, ...prefix] = isRoot ? ['sh'] : ['sudo', '-n', 'sh'];
  try {
    await run('apt-get', ['--version']);
  } catch {
    return 'this system has no apt-get';
  }
  console.info(`Installing ${name} for the tests ...`);
  try {
    await run(command as string, [...prefix, '-c', installScript(name)]);
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    return isRoot ? reason : `not root, and sudo without a password did not do it (${reason})`;
  }
}
