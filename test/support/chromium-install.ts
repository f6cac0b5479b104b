import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { installDebianPackage, reportMissing } from './debian-package.js';

const run = promisify(execFile);

/** Path of a Chromium to run: installs Debian's, without its windows, where there is none and we may. Null where there stays none. */
export async function ensureChromiumInstalled(): Promise<string | null> {
  const present = await findChromium();
  if (present) return present;
  const obstacle = await installDebianPackage('chromium-headless-shell');
  const installed = obstacle ? null : await findChromium();
  if (!installed) reportMissing('chromium-headless-shell', obstacle, 'Every test in a browser is SKIPPED in this run.');
  return installed;
}

/** Path of the Chromium of this machine; null when there is none. */
export async function findChromium(): Promise<string | null> {
  for (const name of ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']) {
    const found = await run('which', [name]).catch(() => null);
    if (found) return found.stdout.trim();
  }
  return null;
}
