import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.join(import.meta.dirname, '..');
/** Where the product's packages are found from; those of the benchmarks would make schemas which are none to it. */
const compiled = path.join(root, 'node_modules/.cache/baton-bench');

/** Compiles the product module by module, as it is shipped but for being in one file; once for all that import from it. */
export async function compileProduct(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: ['src/**/*.ts'],
    outbase: 'src',
    outdir: compiled,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
}

/** A module of the product, named by its path below `src`, with `.js`. Its types are those of that path. */
export function importCompiled<Module>(file: string): Promise<Module> {
  return import(pathToFileURL(path.join(compiled, file)).href) as Promise<Module>;
}

/** The copy of graphql that the product loads. */
export function productGraphql(): typeof import('graphql') {
  return createRequire(path.join(root, 'package.json'))('graphql');
}
