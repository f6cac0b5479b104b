import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { CommandFailure } from '../command-failure.js';
import { shells } from '../completion-script.js';
import { printCompletionScript } from './completion.js';
import { agentList, document, type Output, taskList } from './output.js';
import { QueueClient } from './queue-client.js';
import { readSettings, type Settings } from './settings.js';

const kinds = ['general', 'code', 'email', 'research', 'browser', 'review', 'verify'];
const tiers = ['light', 'standard', 'heavy'];
const statuses = ['queued', 'claimed', 'running', 'done', 'failed'];

/** What commands work with. */
export interface CommandContext {
  output: Output;
  process: NodeJS.Process;
  /** Whether `--json` is given: one JSON document on stdout, errors as JSON on stderr. */
  wantsJson: boolean;
  /** Sets the exit code of a command that ran and has one of its own. */
  exitWith(code: number): void;
}

/**
 * The whole command line. Throws CommanderError for a wrong one, once the user is told on stderr.
 * What needs the live API is loaded by the commands that use it: the others start in half the time, which a loop feels.
 */
export function buildProgram(context: CommandContext): Command {
  const { output, wantsJson, process, exitWith } = context;
  const settings = readSettings(process.env);
  const program = new Command('tqc')
    .description('Task queue client: shared task coordination for agents.')
    .exitOverride()
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText('after', environmentHelp);
  tellErrorsOf(program, context);

  const define = (name: string, description: string) => {
    const command = program
      .command(name)
      .description(description)
      .option('--json', 'print one JSON document, and errors as JSON on stderr');
    tellErrorsOf(command, context);
    return command;
  };
  /** Prints the text for people, or the value with --json. */
  const show = (text: () => string, value: unknown) => (wantsJson ? output.printJson(value) : output.print(text()));

  define('add', 'Add a new task')
    .argument('<title>', 'title of the task')
    .option('--desc, --description <text>', 'description of the task')
    .addOption(new Option('--kind <kind>', 'kind of work').choices(kinds).default('general'))
    .option('--priority <number>', '0 most urgent to 100 least', wholeNumber, 50)
    .addOption(new Option('--tier <tier>', 'model tier').choices(tiers).default('standard'))
    .option('--metadata <json>', 'additional metadata, as JSON')
    .action(async (title: string, options: AddOptions) => {
      const client = new QueueClient(settings);
      const { description, kind, priority, tier } = options;
      const metadata = parseJson('--metadata', options.metadata);
      const task = await client.addTask({ title, kind, priority, modelTier: tier, description, metadata });
      show(() => `Task added: #${task.id}\n${document(task)}`, task);
    });

  define('list', 'List tasks, most urgent first')
    .addOption(suggest(new Option('--status <status>', 'only tasks of this status'), statuses))
    .option('--agent <id>', 'only tasks that this agent has claimed')
    .addOption(suggest(new Option('--kind <kind>', 'only tasks of this kind'), kinds))
    .option('--limit <number>', 'most tasks to list', wholeNumber, 20)
    .action(async (options: ListOptions) => {
      const tasks = await new QueueClient(settings).listTasks(options);
      show(() => taskList(tasks, output.colors), tasks);
    });

  define('get', 'Show one task')
    .addArgument(taskIdArgument())
    .action(async (taskId: string) => {
      const task = await new QueueClient(settings).getTask(taskId);
      show(() => document(task), task);
    });

  define('claim', 'Claim a task')
    .addArgument(taskIdArgument())
    .action(async (taskId: string) => {
      const task = await new QueueClient(settings).claimTask(taskId);
      show(() => `Task #${taskId} claimed successfully\n${document(task)}`, task);
    });

  define('update', 'Set the status of a task')
    .addArgument(taskIdArgument())
    .addOption(new Option('--status <status>', 'new status').choices(statuses).makeOptionMandatory())
    .action(async (taskId: string, { status }: { status: string }) => {
      const task = await new QueueClient(settings).updateStatus(taskId, status);
      show(() => `Task #${taskId} status updated to: ${status}`, task);
    });

  define('complete', 'Finish a task')
    .addArgument(taskIdArgument())
    .option('--result <text>', 'what came of the work')
    .option('--artifacts <json>', 'what it produced, as JSON')
    .action(async (taskId: string, options: { result?: string; artifacts?: string }) => {
      const client = new QueueClient(settings);
      const result = {
        ...(options.result && { description: options.result }),
        ...(options.artifacts && { artifacts: parseJson('--artifacts', options.artifacts) }),
      };
      const task = await client.completeTask(taskId, Object.keys(result).length > 0 ? result : undefined);
      show(() => `Task #${taskId} completed`, task);
    });

  define('cancel', 'Cancel a task')
    .addArgument(taskIdArgument())
    .action(async (taskId: string) => {
      await new QueueClient(settings).cancelTask(taskId);
      show(() => `Task #${taskId} cancelled`, { id: Number(taskId), status: 'cancelled' });
    });

  define('heartbeat', 'Say that an agent is alive')
    .option('--agent <id>', 'id of the agent (default: AGENT_ID)')
    .option('--capabilities <json>', 'what the agent can do, as JSON')
    .action(async (options: { agent?: string; capabilities?: string }) => {
      const client = new QueueClient(settings);
      const agentId = requireAgentId(options.agent, settings);
      const agent = await client.heartbeat(agentId, parseJson('--capabilities', options.capabilities));
      show(() => `Heartbeat registered for ${agentId}`, agent);
    });

  define('agents', 'List registered agents').action(async () => {
    const agents = await new QueueClient(settings).listAgents();
    show(() => agentList(agents, output.colors), agents);
  });

  define('config', 'Show the configuration').action(() => {
    const config = { api_url: settings.apiUrl, agent_id: settings.agentId, redis_url: settings.redisUrl };
    show(() => document(config), config);
  });

  define('watch', 'Print what happens to tasks, as it happens')
    .addOption(suggest(new Option('--kind <kind>', 'only tasks of this kind'), kinds))
    .option('--agent <id>', 'only tasks that this agent has claimed')
    .option('--after <cursor>', 'go on after this event, by the cursor that --json shows')
    .action(async ({ kind, agent, after }: { kind?: string; agent?: string; after?: string }) => {
      const [{ agentIdOf, live }, { watch }] = await Promise.all([import('./live.js'), import('./watch.js')]);
      await live(settings, process, async (client, signal) => {
        const agentId = agent === undefined ? undefined : await agentIdOf(client, agent);
        await watch(client, output, { kind, agentId, after, wantsJson, signal });
      });
    });

  define('work', 'Claim the next task and run a command for it')
    .usage('[options] -- <command...>')
    .argument('<command...>', 'command to run; it finds the task as JSON on stdin, and in TQC_TASK_ID, TQC_TASK_TITLE, ...')
    .option('--loop', 'go on with the next task, and wait for one, until stopped')
    .addOption(suggest(new Option('--kind <kind>', 'only tasks of this kind'), kinds))
    .option('--poll <seconds>', 'longest time between two looks for a task, with --loop', seconds, 30)
    .option('--grace <seconds>', 'time between SIGTERM and SIGKILL when the command is stopped', seconds, 10)
    .addHelpText('after', workHelp)
    .action(async (command: [string, ...string[]], options: RunOptions) => {
      const { loop = false, kind, poll: pollSeconds, grace: graceSeconds } = options;
      const [{ live, workingAgentId }, { work }] = await Promise.all([import('./live.js'), import('./work.js')]);
      const code = await live(settings, process, async (client, signal) => {
        const agentId = await workingAgentId(client, settings);
        const run = { command, loop, kind, pollSeconds, graceSeconds, agentId, wantsJson, signal };
        return work(client, new QueueClient(settings), output, run);
      });
      exitWith(code);
    });

  define('completion', 'Print a script that completes tqc in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices([...shells]))
    .addHelpText('after', '\nFor example:\n  source <(tqc completion bash)')
    .action(printCompletionScript);

  return program;
}

interface AddOptions {
  description?: string;
  kind: string;
  priority: number;
  tier: string;
  metadata?: string;
}

interface ListOptions {
  status?: string;
  agent?: string;
  kind?: string;
  limit: number;
}

interface RunOptions {
  loop?: boolean;
  kind?: string;
  poll: number;
  grace: number;
}

const workHelp = `
The claim is kept alive while the command runs. Exit code 0 finishes the task, with the end of what the command wrote to
stdout as its result; any other fails it. The command is stopped when the claim is lost. Stopping tqc stops the command
and gives the task back.

Ends with the exit code of the command, with 3 when there was no task, and with 130 or 143 when it was stopped.

For example:
  tqc work --loop --kind email -- ./triage.sh`;

const environmentHelp = `
Environment:
  TASK_API_URL  where the server is, such as http://127.0.0.1:4000 (required)
  AGENT_ID      id of the agent that you are, such as otter
  BATON_TOKEN   API key, where the server asks for one`;

/** The agent that a command is about. Throws CommandFailure when nothing names one. */
function requireAgentId(agentId: string | undefined, settings: Settings): string {
  const id = agentId || settings.agentId;
  if (!id) throw new CommandFailure('No agent ID specified. Use --agent or set AGENT_ID');
  return id;
}

/** Usage first, then what is wrong, as argparse did. */
function tellErrorsOf(command: Command, { wantsJson }: CommandContext): void {
  command.configureOutput({
    outputError: (text, write) => {
      const message = text.trim().replace(/^error: /, '');
      const parents = command.parent ? `${command.parent.name()} ` : '';
      const name = `${parents}${command.name()}`;
      const usage = `usage: ${name} ${command.usage()}`;
      write(wantsJson ? `${JSON.stringify({ error: message, usage })}\n` : `${usage}\n${name}: error: ${message}\n`);
    },
  });
}

/** The id of a task is a whole number, of any length. */
function taskIdArgument(): Argument {
  return new Argument('<id>', 'id of the task').argParser((text) => {
    if (!isWholeNumber(text)) throw new InvalidArgumentError('It must be a whole number.');
    return BigInt(text.trim()).toString();
  });
}

function wholeNumber(text: string): number {
  if (!isWholeNumber(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0.1 && value <= 86_400)) {
    throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 86400.');
  }
  return value;
}

function isWholeNumber(text: string): boolean {
  return /^\s*[+-]?\d+\s*$/.test(text);
}

/** Values that a shell may offer, while the server decides what it takes. */
function suggest(option: Option, values: string[]): Option {
  option.argChoices = values;
  return option;
}

/** An option that is not given, or empty, is none. Throws CommandFailure for one that is no JSON. */
function parseJson(option: string, text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`${option} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
