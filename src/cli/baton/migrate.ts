import { loadConfig } from '../../config.js';
import { connect } from '../../database/connect.js';
import { inspectEmbeddedPostgres } from '../../database/embedded/embedded-postgres.js';
import { applyMigrations, inspectMigrations, type MigrationState, readMigrations } from '../../database/migration-runner.js';
import { withCleanup } from './cleanup.js';
import { withConfiguredDatabase } from './configured-database.js';
import { exitCodes } from './failure.js';
import { colors, note, print, printJson, printRows } from './terminal.js';

export interface MigrateOptions {
  status?: true;
  json?: true;
}

/** Applies what is pending; with `status`, only tells. Answers the exit code: 1 when the status is not up to date. */
export async function migrate(options: MigrateOptions): Promise<number> {
  return options.status ? tellStatus(options) : applyPending(options);
}

async function applyPending({ json }: MigrateOptions): Promise<number> {
  const applied = await withConfiguredDatabase({ config: loadConfig(), mayCreate: true }, ({ url, logger }) =>
    applyMigrations({ databaseUrl: url, logger }),
  );
  if (json) printJson({ applied });
  else for (const name of applied) print(`Applied ${name}`);
  if (!json && applied.length === 0) print('The database is up to date.');
  return exitCodes.ok;
}

async function tellStatus({ json }: MigrateOptions): Promise<number> {
  const states = await readStatus();
  if (json) printJson({ migrations: states });
  else {
    printRows<MigrationState>(
      [
        { title: 'Migration', value: ({ name }) => name },
        { title: 'State', value: ({ state }) => (state === 'applied' ? state : colors.yellow(state)) },
        { title: 'Applied at', value: ({ appliedAt }) => appliedAt?.toISOString() ?? '-' },
      ],
      states,
    );
  }
  for (const { problem } of states) if (problem) note(problem);
  const pending = states.filter(({ state }) => state === 'pending');
  if (pending.length > 0)
    note(`${pending.length} of ${states.length} migrations are pending. Apply them with \`baton migrate\`.`);
  return states.every(({ state }) => state === 'applied') ? exitCodes.ok : exitCodes.failed;
}

async function readStatus(): Promise<MigrationState[]> {
  const config = loadConfig();
  if (!config.DATABASE_URL && !(await inspectEmbeddedPostgres(config.DATA_DIR))) {
    // Looking must not make a database: everything is still to be done.
    const migrations = await readMigrations();
    return migrations.map(({ name }) => ({ name, state: 'pending', appliedAt: null, problem: null }));
  }
  return withConfiguredDatabase({ config }, async ({ url, logger }) => {
    const client = await connect({ databaseUrl: url, logger });
    return withCleanup(
      () => client.end(),
      () => inspectMigrations(client),
    );
  });
}
