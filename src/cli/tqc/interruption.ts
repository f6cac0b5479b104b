import { constants } from 'node:os';

/** The process was told to stop, and what it did was undone. */
export class Interruption extends Error {
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Stopped by ${signal}.`);
    this.name = 'Interruption';
    this.exitCode = exitCodeOf(signal);
  }
}

/** Exit code of a process that the signal ended, as a shell tells it. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
