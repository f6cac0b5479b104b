import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export const repository = path.join(import.meta.dirname, '../..');

/** A project of a user, outside of the repository, with the package as it is built and these files; answers its directory. */
export async function useConsumer(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-consumer-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(path.join(directory, 'node_modules'));
  await symlink(repository, path.join(directory, 'node_modules/baton'));
  const all = { 'package.json': '{"type": "module"}', ...files };
  for (const [name, content] of Object.entries(all)) await writeFile(path.join(directory, name), content);
  return directory;
}
