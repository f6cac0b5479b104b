import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** How an agent ended. */
export interface AgentEnd {
  /** Null when a signal ended it. */
  exitCode: number | null;
  /** The same in words. */
  how: string;
}

/** A program that runs an agent: docker, or the runner itself. */
export interface AgentProgram {
  file: string;
  args: readonly string[];
  variables: NodeJS.ProcessEnv;
  cwd?: string | undefined;
  /** Container that the program runs the agent in; null when the program is the agent. */
  container: string | null;
}

/** The program could not be started. */
export class AgentStartError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'AgentStartError';
  }
}

/** Seconds that an agent gets to end after SIGTERM, before SIGKILL. */
export const stopSeconds = 10;

/** Milliseconds after which docker itself counts as hung. */
const dockerAnswerMs = (stopSeconds + 20) * 1000;

/** Milliseconds between two tries to stop a container that docker has yet to make, or does not let go. */
const stopAgainMs = 500;

/** Milliseconds that the output of a program that has ended may still take to arrive. */
const drainMs = 2_000;

/** An agent that runs. */
export class AgentProcess {
  /** Resolves once the agent has ended and its output has come. Rejects with AgentStartError. */
  readonly ended: Promise<AgentEnd>;
  readonly #child: ChildProcess | undefined;
  #hasEnded = false;
  #stopping: Promise<void> | undefined;

  constructor(
    private readonly program: AgentProgram,
    onOutput: { stdout: (piece: Buffer) => void; stderr: (piece: Buffer) => void },
  ) {
    const { file, args, variables, cwd } = program;
    try {
      // A process group of its own: a Ctrl-C at the coordinator's terminal is the coordinator's alone, and what the agent
      // starts ends with it.
      const child = spawn(file, args, { env: variables, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      child.stdout.on('data', onOutput.stdout);
      child.stderr.on('data', onOutput.stderr);
      this.#child = child;
      this.ended = this.#end(child);
    } catch (cause) {
      this.#hasEnded = true;
      this.ended = Promise.reject(new AgentStartError(startProblem(program, cause as NodeJS.ErrnoException), { cause }));
    }
  }

  /** Process id, which is that of its group; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends the agent: SIGTERM, and SIGKILL after ten seconds. Resolves when it has ended. */
  stop(): Promise<void> {
    this.#stopping ??= this.program.container === null ? this.#stopGroup() : this.#stopContainer(this.program.container);
    return this.#stopping;
  }

  async #end(child: ChildProcess): Promise<AgentEnd> {
    const closed = once(child, 'close').catch(() => {});
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      this.#hasEnded = true;
      // What it left running may hold its output open for ever.
      await Promise.race([closed, pause(drainMs, undefined, { ref: false })]);
      if (this.program.container === null) signalGroup(child.pid, 'SIGKILL');
      return { exitCode: code, how: signal ? `was ended by ${signal}` : `ended with exit code ${code}` };
    } catch (cause) {
      this.#hasEnded = true;
      throw new AgentStartError(startProblem(this.program, cause as NodeJS.ErrnoException), { cause });
    }
  }

  async #stopGroup(): Promise<void> {
    signalGroup(this.pid, 'SIGTERM');
    await this.#endedWithin(stopSeconds * 1000);
    if (!this.#hasEnded) signalGroup(this.pid, 'SIGKILL');
    await this.#over();
  }

  /** Through docker, for to end the docker program is not to end the container. */
  async #stopContainer(container: string): Promise<void> {
    const giveUpAt = performance.now() + 2 * dockerAnswerMs;
    while (!this.#hasEnded && performance.now() < giveUpAt) {
      await stopContainer(this.program, container);
      await this.#endedWithin(stopAgainMs);
    }
    if (!this.#hasEnded) signalGroup(this.pid, 'SIGKILL');
    await this.#over();
  }

  async #endedWithin(ms: number): Promise<void> {
    await Promise.race([this.#over(), pause(ms, undefined, { ref: false })]);
  }

  #over(): Promise<void> {
    return this.ended.then(
      () => {},
      () => {},
    );
  }
}

/** Has docker stop a container. That there is none (yet, or any more) is no error; answers whether docker stopped one. */
export function stopContainer(
  { file, variables }: Pick<AgentProgram, 'file' | 'variables'>,
  container: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    const args = ['stop', '-t', String(stopSeconds), container];
    execFile(file, args, { env: variables, timeout: dockerAnswerMs, killSignal: 'SIGKILL' }, (error) => resolve(!error));
  });
}

/** Sends a signal to a process and what it has started; nothing happens when all of that has ended. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function startProblem({ file, cwd, container }: AgentProgram, { code, message }: NodeJS.ErrnoException): string {
  if (container === null) return `The runner cannot be started in ${cwd}: ${message}`;
  if (code === 'ENOENT')
    return `There is no program "${file}" on the PATH of the coordinator. Install Docker on its machine, or set the project to run locally.`;
  if (code === 'EACCES') return `The coordinator may not run the program "${file}" on its PATH.`;
  if (code === 'E2BIG') return 'The environment of the job is too large for a program to be started with it.';
  return `Docker cannot be started: ${message}`;
}
