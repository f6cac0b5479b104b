import { spawn } from 'node:child_process';

export interface CommandOptions {
  cwd?: string | undefined;
  /** Its whole environment. */
  env: NodeJS.ProcessEnv;
  /** Milliseconds after which it is killed. */
  timeoutMs: number;
  /** Has it killed, too; the reason is then thrown. */
  signal?: AbortSignal | undefined;
  /** Takes what it writes to standard output piece by piece; then nothing of it is kept. */
  onStdout?: (piece: string) => void;
}

/** What a command wrote. */
export interface CommandOutput {
  stdout: string;
  stderr: string;
}

/** A command could not be started, ended with another code than 0, or took too long. The message ends with its last words. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly output: CommandOutput,
    /** Null when it could not be started or was killed. */
    readonly code: number | null,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'CommandError';
  }
}

/** Characters of its output that are kept of a command. */
const keptLength = 16 * 1024 * 1024;

/** Runs a command, found by PATH, to its end, without a terminal or input. Throws CommandError, and the reason of the signal. */
export function runCommand(program: string, args: readonly string[], options: CommandOptions): Promise<CommandOutput> {
  const { cwd, env, timeoutMs, onStdout, signal } = options;
  const name = [program, args.find((arg) => !arg.startsWith('-'))].join(' ');
  const output: CommandOutput = { stdout: '', stderr: '' };
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    // A group of its own, so that what it starts ends with it.
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const kill = () => {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, timeoutMs);
    signal?.addEventListener('abort', kill, { once: true });
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    };
    const keep = (stream: keyof CommandOutput) => (piece: string) => {
      output[stream] = (output[stream] + piece).slice(-keptLength);
    };
    child.stdout.setEncoding('utf8').on('data', onStdout ?? keep('stdout'));
    child.stderr.setEncoding('utf8').on('data', keep('stderr'));
    child.on('error', (cause: NodeJS.ErrnoException) => {
      settle();
      const reason = cause.code === 'ENOENT' ? `${program} is not installed` : cause.message;
      reject(new CommandError(`${name} could not be started: ${reason}`, output, null, { cause }));
    });
    child.on('close', (code, endSignal) => {
      settle();
      if (code === 0) return resolve(output);
      if (signal?.aborted) return reject(signal.reason);
      const how = isLate ? `took longer than ${timeoutMs / 1000} s` : `ended with ${code ?? endSignal}`;
      const words = lastWords(output.stderr) || lastWords(output.stdout);
      reject(new CommandError(`${name} ${how}${words && `: ${words}`}`, output, code));
    });
  });
}

/** The end of what it wrote, on one line. */
function lastWords(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .slice(-6)
    .join(' | ')
    .slice(-1000);
}
