import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.join(import.meta.dirname, '..');

/** A module of the product as it is shipped, named by its path below `dist`. Its types are those of the same path below `src`. */
export function importShipped<Module>(file: string): Promise<Module> {
  return import(pathToFileURL(path.join(root, 'dist', file)).href) as Promise<Module>;
}

/** The copy of graphql that the product loads; the one that peers load makes schemas which are none to it. */
export function productGraphql(): typeof import('graphql') {
  return createRequire(path.join(root, 'package.json'))('graphql');
}
