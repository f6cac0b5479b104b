import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { completionScript, shells } from '../completion-script.js';
import { print } from './terminal.js';

/** Adds `completion`, which prints a script for a shell, and the hidden `complete`, by which that script asks. Call it last. */
export function addCompletion(program: Command): void {
  const name = program.name();
  tab(program, { completionCommandName: 'completion' });
  const command = program.commands.find((each) => each.name() === 'completion');
  command?.registeredArguments[0]?.choices(shells);
  command
    ?.description('Print a script that completes commands and options in your shell.')
    .addHelpText('after', `\nFor example:\n  source <(${name} completion bash)`)
    .action((shell: (typeof shells)[number]) => print(completionScript(shell, name, name)));
}
