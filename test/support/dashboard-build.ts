import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const repository = path.join(import.meta.dirname, '../..');
const built = path.join(repository, 'dist/dashboard');

/** What the dashboard is built from. */
const sources = ['src/dashboard', 'src/sdk'];

let building: Promise<void> | undefined;

/** Sees to it that servers of this repository serve the dashboard as it stands in the sources. Test files may do so at once. */
export function ensureDashboardBuilt(): Promise<void> {
  building ??= buildIfStale();
  return building;
}

async function buildIfStale(): Promise<void> {
  const page = await stat(path.join(built, 'index.html')).catch(() => null);
  if (page && page.mtimeMs > (await newestChange())) return;
  await mkdir(path.join(repository, 'dist'), { recursive: true });
  const aside = await mkdtemp(path.join(repository, 'dist/dashboard-'));
  try {
    // In a process of its own: a test run is no production, and React would be another.
    const vite = path.join(repository, 'node_modules/.bin/vite');
    const env = { ...process.env, NODE_ENV: 'production' };
    await promisify(execFile)(vite, ['build', '--logLevel', 'warn', '--outDir', aside, 'src/dashboard'], {
      cwd: repository,
      env,
    });
    await putInPlace(aside);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** File by file, the page last, as others may be serving the folder or doing the same: what has a name with a hash is alike. */
async function putInPlace(aside: string): Promise<void> {
  const names = await readdir(aside, { recursive: true });
  for (const name of names.toSorted((one, other) => Number(one === 'index.html') - Number(other === 'index.html'))) {
    if ((await stat(path.join(aside, name))).isDirectory()) continue;
    const file = path.join(built, name);
    await mkdir(path.dirname(file), { recursive: true });
    await cp(path.join(aside, name), `${file}.${process.pid}`);
    await rename(`${file}.${process.pid}`, file);
  }
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
