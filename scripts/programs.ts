import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

const repository = path.join(import.meta.dirname, '..');

/** What people and package.json start, by its place in `dist/`. */
const programs = {
  main: 'src/main.ts',
  'cli/baton': 'src/cli/baton.ts',
  'cli/tqc': 'src/cli/tqc.ts',
  'demo/demo': 'src/demo/demo.ts',
};

/** Read from `node_modules` when they are needed: data rather than code, or optional. */
const leftOutside = ['@prisma/client/runtime/query_compiler_*', '@graphql-yoga/render-graphiql', 'pg-native'];

/**
 * Writes each program to `dist/` as one file, with what it needs of `src/` and of `node_modules/`; what several share, or
 * load later, goes to `dist/chunks/`. Reading 1,400 modules one by one took two thirds of the server's start.
 */
export async function bundlePrograms(): Promise<void> {
  const outdir = path.join(repository, 'dist');
  const { outputFiles } = await build({
    absWorkingDir: repository,
    entryPoints: programs,
    outdir,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'linked',
    sourcesContent: false,
    external: leftOutside,
    // For the CommonJS packages among it.
    banner: {
      js: `import { createRequire as createRequireOf } from 'node:module';\nconst require = createRequireOf(import.meta.url);`,
    },
    write: false,
    logLevel: 'warning',
  });
  const isCommand = (file: string) => path.dirname(file) === path.join(outdir, 'cli') && file.endsWith('.js');
  for (const { path: file, contents } of outputFiles) await replace(file, contents, isCommand(file) ? 0o755 : 0o644);
  await removeOldChunks(path.join(outdir, 'chunks'), new Set(outputFiles.map((file) => path.basename(file.path))));
}

/** At once: somebody may be starting the program. */
async function replace(file: string, contents: Uint8Array, mode: number): Promise<void> {
  const aside = `${file}.${process.pid}`;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(aside, contents, { mode });
  await rename(aside, file);
}

/** Their names change with what is in them. */
async function removeOldChunks(directory: string, current: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) if (!current.has(name)) await rm(path.join(directory, name));
}
