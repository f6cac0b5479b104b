import type { Config } from '../../config.js';
import { connect } from '../../database/connect.js';
import { type EmbeddedPostgresState, inspectEmbeddedPostgres } from '../../database/embedded/embedded-postgres.js';
import { withCleanup } from './cleanup.js';
import { withConfiguredDatabase } from './configured-database.js';
import { checkDataDirectory } from './doctor/data-directory-check.js';
import { checkDatabase } from './doctor/database-checks.js';
import { type Finding, fail, skip } from './doctor/finding.js';
import { checkPort } from './doctor/port-check.js';
import { checkAccess, checkConfiguration, checkNode } from './doctor/process-checks.js';
import { checkRedis } from './doctor/redis-check.js';
import { exitCodes } from './failure.js';
import { colors, note, printJson, printRows } from './terminal.js';

/** Looks at everything that a server needs, and says what to do. Answers the exit code: 1 when something fails. */
export async function doctor({ json }: { json?: true }): Promise<number> {
  const findings = await examine();
  const failed = findings.filter(({ status }) => status === 'fail').length;
  const warned = findings.filter(({ status }) => status === 'warn').length;
  if (json) printJson({ ok: failed === 0, checks: findings });
  else {
    printRows<Finding>(
      [
        { title: 'Check', value: ({ check }) => check },
        { title: '', value: ({ status }) => paint[status](status) },
        { title: 'What is', value: ({ detail }) => detail, share: 0.5 },
        { title: 'What to do', value: ({ advice }) => advice ?? '', share: 0.5 },
      ],
      findings,
    );
    note(failed + warned === 0 ? 'All is well.' : `${failed} failed, ${warned} with a warning.`);
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed;
}

const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red, skip: colors.dim };

async function examine(): Promise<Finding[]> {
  const { config, finding } = checkConfiguration();
  if (!config) return [checkNode(), finding, skip('database', 'Not looked at before the configuration can be used.')];
  return [
    checkNode(),
    finding,
    checkAccess(config),
    ...(await examineDatabase(config)),
    await checkRedis(config),
    await checkPort(config),
  ];
}

async function examineDatabase(config: Config): Promise<Finding[]> {
  if (config.DATABASE_URL) return examineServer(config);
  let state: EmbeddedPostgresState | null;
  try {
    state = await inspectEmbeddedPostgres(config.DATA_DIR);
  } catch (error) {
    return [fail('data', messageOf(error), 'Run Baton as the user that made the data, or set DATA_DIR to another directory.')];
  }
  const data = await checkDataDirectory(config, state);
  if (!state) return [data, skip('database', 'There is none yet: the first start makes it.')];
  if (data.status === 'fail') return [data, skip('database', 'Not started before the data is in order.')];
  return [data, ...(await examineServer(config))];
}

async function examineServer(config: Config): Promise<Finding[]> {
  try {
    return await withConfiguredDatabase({ config }, async ({ url, logger }) => {
      const client = await connect({ databaseUrl: url, logger, isPatient: false });
      return withCleanup(
        () => client.end(),
        () => checkDatabase(client, config),
      );
    });
  } catch (error) {
    return [fail('database', messageOf(error), 'Start Postgres, or correct DATABASE_URL; without it, Baton brings its own.')];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
