/** `npm run check:migrations`: fails when the migrations do not lead to the datamodel. */
import { diffToDatamodel } from './schema-diff.js';
import { withMigratedDatabase } from './scratch-database.js';

const sql = await withMigratedDatabase(diffToDatamodel);
if (sql !== null) {
  console.error(
    `The migrations do not lead to prisma/schema.prisma. Run \`npm run migrate:new NAME\`. What is missing:\n\n${sql}`,
  );
  process.exitCode = 1;
}
