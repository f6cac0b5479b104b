import { CommanderError } from 'commander';
import { CommandFailure } from '../command-failure.js';
import { answerCompletion, isCompletionRequest } from './completion.js';
import { Interruption } from './interruption.js';
import { createOutput } from './output.js';
import { buildProgram } from './program.js';

/**
 * Runs one `tqc` command and answers its exit code: 0 when it did what was asked; 1 when the server refused, could not
 * be reached or is not set, or no command was given; 2 when the command line itself is wrong. `tqc work` has that of the
 * command it runs, 3 when there was no task, and 130 or 143 when it was told to stop.
 */
export async function run(argv: string[], process: NodeJS.Process): Promise<number> {
  const output = createOutput(process);
  const wantsJson = beforeDashes(argv).includes('--json');
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

  let exitCode = 0;
  const program = buildProgram({ output, process, wantsJson, exitWith: (code) => (exitCode = code) });
  if (isCompletionRequest(argv)) {
    answerCompletion(program, argv);
    return 0;
  }
  if (argv.length === 0) {
    program.outputHelp();
    return 1;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has told the user by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interruption) return error.exitCode;
    const { message, hint, facts } = toFailure(error);
    output.warn(wantsJson ? JSON.stringify({ error: message, ...facts }) : `Error: ${message}${hint ? `\n${hint}` : ''}`);
    return 1;
  }
}

function toFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  return new CommandFailure(error instanceof Error ? error.message : String(error), { cause: error });
}

/** What of the command line is ours: the rest belongs to the command that `tqc work` runs. */
function beforeDashes(argv: string[]): string[] {
  const dashes = argv.indexOf('--');
  return dashes < 0 ? argv : argv.slice(0, dashes);
}
