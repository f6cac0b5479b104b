import { type ChildProcess, spawn } from 'node:child_process';
import { CommandFailure } from '../command-failure.js';
import { exitCodeOf } from './interruption.js';

export interface ChildOptions {
  /** Added to the environment of this process. */
  variables: Record<string, string>;
  /** What it can read from stdin; it need not. */
  input: string;
  /** Told of what it writes to stdout, as it comes; stderr is this process's own. */
  onOutput: (text: string) => void;
  /** Stops it: SIGTERM to it and whatever it has started, then SIGKILL. */
  signal: AbortSignal;
  /** Milliseconds between the two. */
  graceMs: number;
}

/** How a command ended. */
export interface ChildEnd {
  /** As a shell tells it: 128 and the number of the signal when one ended it. */
  exitCode: number;
  /** The same in words. */
  how: string;
}

/** Runs a command to its end. Throws CommandFailure when it cannot be started. */
export async function runChild([name, ...args]: [string, ...string[]], options: ChildOptions): Promise<ChildEnd> {
  const { variables, input, onOutput, signal, graceMs } = options;
  // A process group of its own, so that whatever it starts is stopped with it.
  const child = spawn(name, args, { env: { ...process.env, ...variables }, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.once('error', (cause) => reject(new CommandFailure(`Cannot run ${name}: ${cause.message}`, { cause })));
    child.once('close', (code, endedBy) => resolve(endOf(code, endedBy)));
  });
  // Whoever does not read its input closes it.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.stdout.setEncoding('utf8').on('data', onOutput);

  let killTimer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    sendToGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => sendToGroup(child, 'SIGKILL'), graceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', stop);
    clearTimeout(killTimer);
  }
}

function endOf(code: number | null, signal: NodeJS.Signals | null): ChildEnd {
  if (signal) return { exitCode: exitCodeOf(signal), how: `was ended by ${signal}` };
  return { exitCode: code ?? 1, how: `ended with exit code ${code}` };
}

function sendToGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The whole group has ended by now.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
