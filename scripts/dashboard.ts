import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const repository = path.join(import.meta.dirname, '..');

/** What the dashboard is built from. */
const sources = ['src/dashboard', 'src/sdk'];

/** Builds the dashboard into `dist/dashboard/`, unless it is newer there than all that it is built from. */
export async function buildDashboardIfStale(): Promise<void> {
  const built = await stat(path.join(repository, 'dist/dashboard/index.html')).catch(() => null);
  if (built && built.mtimeMs > (await newestChange())) return;
  // As `npm run build` does, in a process of its own: a test run is no production, and React would be another.
  const vite = path.join(repository, 'node_modules/.bin/vite');
  const env = { ...process.env, NODE_ENV: 'production' };
  await promisify(execFile)(vite, ['build', '--logLevel', 'warn', 'src/dashboard'], { cwd: repository, env });
}

/** Milliseconds since the epoch. */
async function newestChange(): Promise<number> {
  let newest = 0;
  for (const source of sources) {
    const directory = path.join(repository, source);
    for (const name of await readdir(directory, { recursive: true })) {
      newest = Math.max(newest, (await stat(path.join(directory, name))).mtimeMs);
    }
  }
  return newest;
}
