import { Command, InvalidArgumentError } from 'commander';
import { ApiKeyScope, JobStatus } from '../../database/generated/prisma/enums.js';
import { packageManifest } from '../../kernel/package.js';
import { addCompletion } from './completion.js';
import { report } from './failure.js';

/** Runs one command line, and sets the exit code of the process. */
export async function run(argv: readonly string[]): Promise<void> {
  // Whoever reads our output may leave early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const wantsJson = argv.includes('--json');
  const program = buildProgram();
  if (wantsJson) for (const command of commandsOf(program)) command.configureOutput({ outputError: tellAsJson });
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error, { asJson: wantsJson });
  }
}

/** The command itself, and all below it. */
function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

function tellAsJson(text: string, write: (text: string) => void): void {
  write(`${JSON.stringify({ error: text.trim().replace(/^error: /, '') })}\n`);
}

/**
 * Every command with its options. What a command does is loaded only when it runs, so that help and completions come at once.
 */
export function buildProgram(): Command {
  const program = new Command('baton')
    .description('Run and look after a Baton server. Configured by the same environment variables as the server: see README.')
    .version(packageManifest().version, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError();

  program
    .command('serve')
    .description('Run a server, as `npm start` does, until SIGTERM or SIGINT.')
    .option('--host <address>', 'Address to listen on; goes before HOST.')
    .option('--port <number>', 'TCP port to listen on, 0 for a free one; goes before PORT.')
    .action(async (options: { host?: string; port?: string }) => {
      const [{ loadConfig }, { serve }] = await Promise.all([import('../../config.js'), import('../../serve.js')]);
      const { host, port } = options;
      await serve(
        loadConfig(undefined, { ...(host !== undefined && { HOST: host }), ...(port !== undefined && { PORT: port }) }),
      );
    });

  program
    .command('migrate')
    .description('Apply the migrations that the database lacks. A server does the same when it starts.')
    .option('--status', 'Only list what is applied and what is pending; exit code 1 unless all is applied.')
    .option('--json', 'Answer in JSON.')
    .action(async (options) => {
      const { migrate } = await import('./migrate.js');
      process.exitCode = await migrate(options);
    });

  addKeys(program);

  program
    .command('doctor')
    .description('Look at everything that a server needs, and say what to do; exit code 1 when something fails.')
    .option('--json', 'Answer in JSON.')
    .action(async (options) => {
      const { doctor } = await import('./doctor.js');
      process.exitCode = await doctor(options);
    });

  program
    .command('export')
    .description('Write everything that the database holds, as it is in one instant, as JSON Lines. A server may run meanwhile.')
    .argument('<file>', 'File to write, compressed when its name ends in .gz; - for standard output.')
    .option('--force', 'Replace the file if it is there.')
    .option('--json', 'Answer in JSON.')
    .action(async (file: string, options) => {
      const { exportDatabase } = await import('./export.js');
      await exportDatabase(file, options);
    });

  program
    .command('import')
    .description('Put an export into a database that is migrated and empty: all of it, or nothing. No server may run on it.')
    .argument('<file>', 'File that the export wrote, compressed or not; - for standard input.')
    .option('--json', 'Answer in JSON.')
    .action(async (file: string, options) => {
      const { importDatabase } = await import('./import.js');
      await importDatabase(file, options);
    });

  program
    .command('agent-runner')
    .description('Work on one ticket, or answer one comment on its pull request, as the environment says: see docs/worker.md.')
    // Coordinators read the exit code: 1 for whatever is wrong, also with the arguments.
    .argument('[kind...]', 'ticket or review.')
    .allowUnknownOption()
    .action(async (kind: string[]) => {
      const { agentRunner } = await import('../../worker/runner/agent-runner.js');
      process.exitCode = await agentRunner(kind);
    });

  program
    .command('coordinator')
    .description(
      'Take jobs and run an agent for each, in a container or on this machine, until SIGTERM or SIGINT. See docs/worker.md.',
    )
    .option('--json', 'Tell what happens in JSON, one object a line.')
    .action(async (options) => {
      const { coordinate } = await import('./coordinator.js');
      process.exitCode = await coordinate(options);
    });

  program
    .command('agent-entrypoint')
    .description('Start what an agent needs in its container, Docker and OpenCode, and run it. See docs/worker.md.')
    .action(async () => {
      const { agentEntrypoint } = await import('../../worker/entrypoint/entrypoint.js');
      process.exitCode = await agentEntrypoint();
    });

  addJobs(program);
  addCompletion(program);
  return program;
}

function addJobs(program: Command): void {
  const jobs = program
    .command('jobs')
    .description('List what runs and what waits to be run, with the last that each said. Asks the server at BATON_URL.')
    .option('--project <id>', 'Only jobs of this project.')
    .option('--status <list>', 'Jobs of these instead: pending, running, completed, failed, separated by commas.', jobStatuses)
    .option('--json', 'Answer in JSON.')
    .helpCommand(false)
    .action(async (options) => {
      const { listJobs } = await import('./jobs.js');
      await listJobs(options);
    });

  jobs
    .command('logs')
    .description('Print what a job, or all jobs of a ticket, have logged.')
    .argument('<id>', 'Id of the job or of the ticket.')
    .option('-f, --follow', 'Go on with what is logged from now on, until the job ends; exit code 1 when it fails.')
    .option('--json', 'One JSON object a line.')
    .action(async (id: string, _options, command: Command) => {
      const { printLogs } = await import('./job-logs.js');
      process.exitCode = await printLogs(id, command.optsWithGlobals());
    });
}

function jobStatuses(text: string): JobStatus[] {
  return text.split(',').map((word) => {
    const status = Object.values(JobStatus).find((each) => each === word.trim().toUpperCase());
    if (status) return status;
    const known = Object.values(JobStatus).join(', ').toLowerCase();
    throw new InvalidArgumentError(`There is no status "${word.trim()}": it may be ${known}.`);
  });
}

function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('Create, list and revoke API keys, straight in the database: for the operator on the server’s machine.')
    .helpCommand(false);
  const organization = ['--organization <slug>', 'Organization to act in; the default one unless given.'] as const;
  const json = ['--json', 'Answer in JSON.'] as const;

  keys
    .command('create')
    .description('Create an API key, and print it: alone on standard output, this once.')
    .requiredOption('--name <text>', 'What the key is for, so that people know which one to revoke.')
    .option('--agent <external id>', 'Agent that the key speaks for.')
    .option('--worker', 'A key for worker processes, which speaks for no agent.')
    .option(
      '--scopes <list>',
      'What the key allows: READ, WORK, WORKER, ADMIN, separated by commas. Default READ,WORK for an agent, READ,WORKER for workers.',
      scopes,
    )
    .option('--expires <days>', 'Days after which the key is no longer valid, 1 to 3650. Never unless given.', days)
    .option(...organization)
    .option(...json)
    .action(async (options) => {
      const { createKey } = await import('./keys.js');
      await createKey(options);
    });

  keys
    .command('list')
    .description('List API keys, oldest first, also those that are revoked or expired. Secrets are not kept, so not shown.')
    .option('--agent <external id>', 'Only keys of this agent.')
    .option(...organization)
    .option(...json)
    .action(async (options) => {
      const { listKeys } = await import('./keys.js');
      await listKeys(options);
    });

  keys
    .command('revoke')
    .description('End an API key. Servers refuse it within two seconds, and close what is open under it.')
    .argument('<id>', 'Id of the key, as the list shows it.')
    .option(...organization)
    .option(...json)
    .action(async (id: string, options) => {
      const { revokeKey } = await import('./keys.js');
      await revokeKey(id, options);
    });
}

function scopes(text: string): ApiKeyScope[] {
  return text.split(',').map((word) => {
    const scope = Object.values(ApiKeyScope).find((each) => each === word.trim().toUpperCase());
    if (scope) return scope;
    throw new InvalidArgumentError(`There is no scope "${word.trim()}": it may be ${Object.values(ApiKeyScope).join(', ')}.`);
  });
}

function days(text: string): number {
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 3650) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 3650.');
}
