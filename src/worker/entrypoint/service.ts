import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds that a service gets to end after SIGTERM: less than the ten seconds that `docker stop` leaves to us all. */
const endsWithinMs = 3_000;

/** Lines of its output that are kept to be told when it ends too early. */
const keptLines = 20;

/** A program that runs beside the agent for as long as that does. */
export class Service {
  /** Resolves, never rejects, with how it ended, in words: `ended with exit code 1`. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #end: string | null = null;
  #lines: string[] = [];

  /** Starts the program, found by the PATH of the environment. Each line that it writes goes to `tell`, too, where that is given. */
  constructor(
    readonly name: string,
    args: readonly string[],
    options: { env: NodeJS.ProcessEnv; tell?: (line: string) => void },
  ) {
    // A group of its own, so that what it starts ends with it, and a Ctrl-C does not end it before the runner.
    this.#child = spawn(name, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (piece: string) => {
        const lines = (rest + piece).split('\n');
        rest = (lines.pop() ?? '').slice(-4_000);
        for (const line of lines) options.tell?.(line);
        this.#lines = [...this.#lines, ...lines].slice(-keptLines);
      });
    }
    this.ended = once(this.#child, 'exit').then(
      ([code, signal]) => `ended ${signal ? `by ${signal}` : `with exit code ${code}`}`,
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? 'is not installed' : `cannot be started: ${error.message}`),
    );
    void this.ended.then((end) => {
      this.#end = end;
    });
  }

  /** The last lines that it wrote. */
  get lastWords(): string {
    return this.#lines.join('\n');
  }

  /**
   * Asks once a second whether it can be used, for so long at most. Answers null when it can, else in words why not. Throws
   * when the signal aborts.
   */
  async unreadyReason(
    isReady: () => Promise<boolean>,
    { withinMs, signal }: { withinMs: number; signal: AbortSignal },
  ): Promise<string | null> {
    for (const startedAt = performance.now(); performance.now() - startedAt < withinMs; ) {
      if (await isReady()) return null;
      await Promise.race([this.ended, pause(1000, undefined, { signal, ref: false })]);
      if (this.#end !== null) return this.#end;
    }
    return `was not ready within ${withinMs / 1000} s`;
  }

  /** Ends it, and all that it has started: SIGTERM, and SIGKILL after three seconds. */
  async end(): Promise<void> {
    this.#signal('SIGTERM');
    await Promise.race([this.ended, pause(endsWithinMs, undefined, { ref: false })]);
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
