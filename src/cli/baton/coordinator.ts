import { constants } from 'node:os';
import { Coordinator } from '../../worker/coordinator/coordinator.js';
import {
  type CoordinatorEnvironment,
  CoordinatorEnvironmentError,
  readEnvironment,
} from '../../worker/coordinator/environment.js';
import { jsonFor, linesFor } from '../../worker/coordinator/journal.js';
import { exitCodes } from './failure.js';
import { note } from './terminal.js';

/** Runs a coordinator until SIGTERM or SIGINT, and answers the exit code. A third signal ends the process at once. */
export async function coordinate({ json }: { json?: true }): Promise<number> {
  let environment: CoordinatorEnvironment;
  try {
    environment = readEnvironment();
  } catch (error) {
    if (!(error instanceof CoordinatorEnvironmentError)) throw error;
    // Scripts know these words.
    for (const problem of error.problems) note(json ? JSON.stringify({ error: problem }) : `Error: ${problem}`);
    return exitCodes.failed;
  }
  // Of our own options only those that say how sources are loaded; a debugger's port is taken.
  const nodeOptions = process.execArgv.filter((option) => !option.startsWith('--inspect'));
  const coordinator = new Coordinator(environment, {
    journal: (json ? jsonFor : linesFor)(process),
    runner: { file: process.execPath, args: [...nodeOptions, String(process.argv[1]), 'agent-runner'] },
  });
  let signals = 0;
  const stop = (signal: NodeJS.Signals) => {
    signals += 1;
    if (signals > 2) process.exit(128 + constants.signals[signal]);
    coordinator.stop();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  await coordinator.run();
  return exitCodes.ok;
}
