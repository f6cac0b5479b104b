/** `npm run check:migrations`: fails when the migrations do not lead to the datamodel. */
import path from 'node:path';
import { migrationsDirectory } from '../src/database/migration-runner.js';
import { diffToDatamodel } from './schema-diff.js';
import { withMigratedDatabase } from './scratch-database.js';

const datamodel = path.join(migrationsDirectory(), '..', 'schema.prisma');
const sql = await withMigratedDatabase((url) => diffToDatamodel(url, datamodel));
if (sql !== null) {
  console.error(
    `The migrations do not lead to prisma/schema.prisma. Run \`npm run migrate:new NAME\`. What is missing:\n\n${sql}`,
  );
  process.exitCode = 1;
}
