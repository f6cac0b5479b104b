import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this package, found from the sources as well as from the build. */
export function packageDirectory(): string {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(directory, 'package.json'))) {
    const parent = path.dirname(directory);
    if (parent === directory) throw new Error('The package that this file belongs to has no package.json.');
    directory = parent;
  }
  return directory;
}

/** What the package says of itself. */
export function packageManifest(): { version: string; engines: { node: string } } {
  return JSON.parse(readFileSync(path.join(packageDirectory(), 'package.json'), 'utf8'));
}
