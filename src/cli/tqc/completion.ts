import tabOf from '@bomb.sh/tab/commander';
import { Command } from 'commander';
import { completionScript, type shells } from '../completion-script.js';

/**
 * What a shell's completion script runs. Such scripts ask `<program> complete -- <words>`, but `tqc complete` finishes a
 * task: they are told that the program is `tqc completion`.
 */
const completer = 'tqc completion';

/** Prints the script that a shell sources to complete `tqc`. */
export function printCompletionScript(shell: (typeof shells)[number]): void {
  process.stdout.write(`${completionScript(shell, 'tqc', completer)}\n`);
}

/** Whether a shell's completion script asks: `tqc completion complete -- <words>`. */
export function isCompletionRequest([command, request, dashes]: string[]): boolean {
  return command === 'completion' && request === 'complete' && dashes === '--';
}

/** Prints what the last of the words could be. */
export function answerCompletion(program: Command, argv: string[]): void {
  // The adapter adds commands `complete` and `completion` of its own, so it is shown all but ours of that name.
  const others = new Command(program.name());
  for (const command of program.commands) {
    if (command.name() !== 'complete' && command.name() !== 'completion') others.addCommand(command);
  }
  const known = tabOf(others, { completionCommandName: 'completion' });
  const complete = program.commands.find((command) => command.name() === 'complete');
  const words = known.command('complete', complete?.description() ?? '');
  for (const { long, description } of complete?.options ?? []) {
    if (long) words.option(long.slice(2), description, () => {});
  }
  known.parse(argv.slice(3));
}
