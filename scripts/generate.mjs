/** `npm run generate`: writes the Prisma client and the Pothos types from prisma/schema.prisma. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const prismaPackage = require.resolve('prisma/package.json');
const cli = path.join(path.dirname(prismaPackage), require(prismaPackage).bin.prisma);

const { status, error } = spawnSync(process.execPath, [cli, 'generate'], {
  cwd: path.join(import.meta.dirname, '..'),
  stdio: 'inherit',
  env: {
    ...process.env,
    // Generating needs no schema engine, but downloads one unless it is given any program. Only here: with it set,
    // `prisma migrate deploy` does nothing and reports success.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  },
});
if (error) throw error;
process.exitCode = status ?? 1;
