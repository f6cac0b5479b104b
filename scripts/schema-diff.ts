import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { migrationsDirectory } from '../src/database/migration-runner.js';
import { type Schema, withSchemaEngine } from './schema-engine.js';

/** The SQL that turns the schema of the database into the one of prisma/schema.prisma; null when they are the same already. */
export async function diffToDatamodel(databaseUrl: string): Promise<string | null> {
  const schema = await readDatamodel();
  return withSchemaEngine({ databaseUrl, schema }, async (engine) => {
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files: [schema], configDir: '.' },
      to: { tag: 'schemaDatamodel', files: [schema] },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    });
    return exitCode === 0 ? null : stdout;
  });
}

/** prisma/schema.prisma. */
export async function readDatamodel(): Promise<Schema> {
  const file = path.join(migrationsDirectory(), '..', 'schema.prisma');
  return { path: path.basename(file), content: await readFile(file, 'utf8') };
}
