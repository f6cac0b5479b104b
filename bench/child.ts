/** The child's side of what processes.ts starts. */
import type { ChildMessage } from './processes.js';

/** The arguments that the parent gave. */
export function childArguments<Args>(): Args {
  return JSON.parse(process.argv[2] ?? '{}') as Args;
}

/** Tells the parent that all is set up, and carries out its commands, one after the other, until it is ended. */
export function serveParent<Command, Result>(ready: unknown, carryOut?: (command: Command) => Promise<Result> | Result): void {
  process.on('message', async ({ command }: { command: Command }) => {
    try {
      tell({ kind: 'result', value: await carryOut?.(command) });
    } catch (error) {
      tell({ kind: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  // An orderly end, in which a CPU profile is written; also when the parent is gone.
  process.on('SIGTERM', () => process.exit(0));
  process.on('disconnect', () => process.exit(0));
  tell({ kind: 'ready', value: ready });
}

function tell(message: ChildMessage): void {
  process.send?.(message);
}
