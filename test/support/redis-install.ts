import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { installDebianPackage, reportMissing } from './debian-package.js';

const run = promisify(execFile);

/** Makes sure that there is a `redis-server` to run: installs Debian's where it is missing and we may. False where it stays missing. */
export async function ensureRedisInstalled(): Promise<boolean> {
  if (await hasRedis()) return true;
  const obstacle = await installDebianPackage('redis-server');
  if (!obstacle && (await hasRedis())) return true;
  reportMissing('redis-server', obstacle, 'Every test of Redis is SKIPPED in this run.');
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
