import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** How a command ended, and all that it wrote. `code` is null when a signal ended it. */
export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Its whole environment, beside PATH. */
  env?: Record<string, string>;
  /** Leaves its standard input open, for the test to write to. */
  keepsInputOpen?: boolean;
}

/** A command that runs beside the test. */
export interface RunningCommand {
  process: ChildProcessWithoutNullStreams;
  /** What it has written to stdout so far. */
  stdout(): string;
  /** Resolves once stdout satisfies the predicate; rejects when the command ends before. */
  untilStdout(isEnough: (stdout: string) => boolean): Promise<void>;
  /** The same of stderr. */
  untilStderr(isEnough: (stderr: string) => boolean): Promise<void>;
  ended: Promise<CommandResult>;
}

/** Starts a built command of `dist/cli`; it is killed when the test is done, if it still runs. */
export function startCommand(name: string, args: string[], options: CommandOptions = {}): RunningCommand {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, `../../dist/cli/${name}.js`), ...args], {
    env: { PATH: process.env.PATH, ...options.env },
  });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  let stdout = '';
  let stderr = '';
  const onOutput = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    for (const notify of onOutput) notify();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    for (const notify of onOutput) notify();
  });
  // A command may end before it has read all of its input.
  child.stdin.on('error', () => {});
  if (!options.keepsInputOpen) child.stdin.end();
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  const until = (isEnough: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!isEnough()) return;
        onOutput.delete(look);
        resolve();
      };
      onOutput.add(look);
      look();
      void ended.then((result) => reject(new Error(`the command ended early: ${JSON.stringify(result)}`)));
    });
  return {
    process: child,
    stdout: () => stdout,
    untilStdout: (isEnough) => until(() => isEnough(stdout)),
    untilStderr: (isEnough) => until(() => isEnough(stderr)),
    ended,
  };
}

/** Runs a built command of `dist/cli` to its end. */
export function runCommand(name: string, args: string[], options?: CommandOptions): Promise<CommandResult> {
  return startCommand(name, args, options).ended;
}
