/** `npm run migrate:new NAME`: writes the migration that takes the existing ones to the datamodel. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { migrationsDirectory } from '../src/database/migration-runner.js';
import { diffToDatamodel } from './schema-diff.js';
import { withMigratedDatabase } from './scratch-database.js';

const [name] = process.argv.slice(2);
if (!name || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Usage: npm run migrate:new NAME, where NAME is lower case with underscores, such as add_task_dependency');
  process.exit(2);
}

const directory = migrationsDirectory();
await mkdir(directory, { recursive: true });
const sql = await withMigratedDatabase(diffToDatamodel);

if (sql === null) {
  console.log('Nothing to do: the migrations and prisma/schema.prisma agree.');
} else {
  const timestamp = new Date().toISOString().slice(0, 19).replace(/\D/g, '');
  const folder = path.join(directory, `${timestamp}_${name}`);
  await mkdir(folder);
  await writeFile(path.join(folder, 'migration.sql'), sql);
  // The file that Prisma's own tools expect beside the migrations.
  await writeFile(path.join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
  console.log(`Wrote ${path.relative(process.cwd(), folder)}/migration.sql. Read it before you commit it.`);
}
