import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';

const run = promisify(execFile);

/** A package of its own, so that whoever installs Baton does not install 180 MB of OpenCode. */
const manifest = path.join(import.meta.dirname, '../worker-e2e');

/**
 * Path of the OpenCode that the agent image has: the one on PATH if it has that version, else one that npm installs, once, into
 * the user's cache. Skips the test, loudly, where there is none for this machine or npm cannot get it; under CI=true that is
 * an error, because a suite that is silently skipped there protects nobody.
 */
export async function requireOpenCode(context: TestContext): Promise<string> {
  const { dependencies } = JSON.parse(await readFile(path.join(manifest, 'package.json'), 'utf8'));
  const [[name, version]] = Object.entries(dependencies) as [[string, string]];
  if (await hasVersion('opencode', version)) return 'opencode';
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'baton', `opencode-${version}`);
  const binary = path.join(cache, 'node_modules', name, 'bin/opencode');
  try {
    if (!existsSync(binary)) await install(cache);
    if (await hasVersion(binary, version)) return binary;
    throw new Error(`${binary} does not say that it is ${version}`);
  } catch (error) {
    const message = `There is no OpenCode ${version}, and it could not be installed: ${(error as Error).message}`;
    if (process.env.CI === 'true') throw new Error(message, { cause: error });
    console.warn(`\n${'!'.repeat(80)}\n${message}\nThe tests with a real OpenCode are SKIPPED in this run.\n${'!'.repeat(80)}\n`);
    return context.skip('no OpenCode on this machine');
  }
}

async function hasVersion(program: string, version: string): Promise<boolean> {
  try {
    return (await run(program, ['--version'])).stdout.trim() === version;
  } catch {
    return false;
  }
}

/** Beside its place first: two test runs may do this at once, and one may be interrupted. */
async function install(cache: string): Promise<void> {
  console.info('Installing OpenCode for the tests ...');
  await mkdir(path.dirname(cache), { recursive: true });
  const directory = await mkdtemp(`${cache}-`);
  try {
    await cp(manifest, directory, { recursive: true });
    // Scripts need not run: they only link the binary.
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: directory, timeout: 300_000 });
    await rename(directory, cache).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
