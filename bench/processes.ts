import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const stopMs = 5000;
/** Of `utime` and its like in `/proc`: what the kernel counts in, on every Linux. */
const ticksPerSecond = 100;
/** The longest a child may work on one command unless it is given another time. */
const commandMs = 60_000;

/** What a child says to its parent; see child.ts. */
export type ChildMessage =
  | { kind: 'ready'; value: unknown }
  | { kind: 'result'; value: unknown }
  | { kind: 'error'; message: string };

/** A script that runs in a process of its own and takes commands, one after the other. */
export interface Child<Ready, Command, Result> {
  pid: number;
  /** What it said when it was ready. */
  ready: Ready;
  /** Has it carry out a command. Rejects when it fails, ends, or takes longer than the time given (60 s unless given). */
  request(command: Command, options?: { timeoutMs?: number }): Promise<Result>;
  stop(): Promise<void>;
}

export interface SpawnOptions {
  env?: Record<string, string>;
  /** Writes a CPU profile there when the process ends. */
  profileDirectory?: string | undefined;
}

/** Every process that a run starts; none outlives it. */
export class Processes {
  readonly #children = new Set<ChildProcess>();

  constructor() {
    process.once('exit', () => {
      for (const child of this.#children) child.kill('SIGKILL');
    });
  }

  /** Runs a TypeScript file, which speaks through child.ts, with `args` as its arguments. Returns when it is ready. */
  async spawn<Ready, Command, Result>(
    script: string,
    args: unknown = {},
    options: SpawnOptions = {},
  ): Promise<Child<Ready, Command, Result>> {
    const process = fork(path.resolve(import.meta.dirname, script), [JSON.stringify(args)], {
      cwd: root,
      env: environment(options.env),
      execArgv: ['--import', 'tsx', ...profileFlags(options)],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#track(process);
    const next = (timeoutMs: number) => nextMessage(process, script, timeoutMs);
    const ready = (await next(commandMs)) as Ready;
    return {
      pid: process.pid as number,
      ready,
      async request(command, { timeoutMs = commandMs } = {}) {
        const answer = next(timeoutMs);
        process.send({ command });
        return (await answer) as Result;
      },
      stop: () => end(process),
    };
  }

  /** Starts a program that goes on until it is stopped; `isReady` sees each line that it writes to standard output. */
  async start(
    command: string,
    args: string[],
    isReady: (line: string) => boolean,
    options: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } = {},
  ): Promise<{ pid: number; stop(): Promise<void> }> {
    const { timeoutMs = commandMs } = options;
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#track(child);
    let seen = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${command} ${what}:\n${seen}`));
      const timer = setTimeout(() => fail(`was not ready after ${timeoutMs} ms`), timeoutMs);
      child.once('error', reject);
      child.once('exit', () => fail('ended before it was ready'));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        seen += text;
        if (!seen.split('\n').slice(0, -1).some(isReady)) return;
        clearTimeout(timer);
        child.stdout.removeAllListeners('data').resume();
        resolve();
      });
    });
    child.removeAllListeners('exit');
    this.#forgetAtExit(child);
    return { pid: child.pid as number, stop: () => end(child) };
  }

  /** Runs a program to its end and returns what it wrote to standard output. Throws unless it ends with 0 in time. */
  async run(
    command: string,
    args: string[],
    options: { env?: Record<string, string>; timeoutMs?: number } = {},
  ): Promise<string> {
    const { timeoutMs = commandMs } = options;
    const child = spawn(command, args, { cwd: root, env: environment(options.env), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#track(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const [code] = await once(child, 'close');
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${command} ended with ${code ?? `a signal, after at most ${timeoutMs} ms`}:\n${errors}`);
    return output;
  }

  /** Ends all that still run, the last started first. */
  async stopAll(): Promise<void> {
    for (const child of [...this.#children].reverse()) await end(child);
  }

  #track(child: ChildProcess): void {
    this.#children.add(child);
    this.#forgetAtExit(child);
  }

  #forgetAtExit(child: ChildProcess): void {
    child.once('exit', () => this.#children.delete(child));
  }
}

/** Flags of node for a CPU profile. */
export function profileFlags({ profileDirectory }: SpawnOptions): string[] {
  return profileDirectory ? ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`] : [];
}

/** Nothing of the caller's but where programs are: no variable of theirs changes what is measured. */
function environment(variables: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...variables };
}

function nextMessage(child: ChildProcess, script: string, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      child.off('message', take);
      child.off('exit', fail);
      act();
    };
    const take = (message: ChildMessage) =>
      settle(() => (message.kind === 'error' ? reject(new Error(`${script}: ${message.message}`)) : resolve(message.value)));
    const fail = (code: number | null) => settle(() => reject(new Error(`${script} ended by itself (${code ?? 'signal'})`)));
    const timer = setTimeout(() => settle(() => reject(new Error(`${script} took longer than ${timeoutMs} ms`))), timeoutMs);
    child.on('message', take);
    child.on('exit', fail);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await exited;
  clearTimeout(impatience);
}

/**
 * Seconds of processor time that the processes have used, in user and kernel mode. With `children` also what their
 * descendants have, those that ended included: that is how to ask for all of Postgres.
 */
export function cpuSeconds(pids: number | readonly number[], { children = false } = {}): number {
  const asked = typeof pids === 'number' ? [pids] : pids;
  const all = children ? withDescendants(asked) : asked;
  let ticks = 0;
  for (const pid of all) {
    const [user, system, userOfEnded, systemOfEnded] = statOf(pid).slice(11, 15).map(Number);
    ticks += (user ?? 0) + (system ?? 0);
    if (children) ticks += (userOfEnded ?? 0) + (systemOfEnded ?? 0);
  }
  return ticks / ticksPerSecond;
}

/** The fields of `/proc/<pid>/stat` after the name, the third (the state) being the first; none when it has ended. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function withDescendants(pids: readonly number[]): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(statOf(pid)[1]);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), pid]);
  }
  const found = [...pids];
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []));
  return found;
}

/** Bytes of memory that the descendants of a process hold, pages that several processes share counted in parts. */
export function bytesOfDescendants(pid: number): number {
  const kibibytes = withDescendants([pid])
    .slice(1)
    .map((each) => Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'utf8'))?.[1]));
  return kibibytes.reduce((sum, each) => sum + each, 0) * 1024;
}

/** Bytes of memory that a process holds, pages that it shares with others included. */
export function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) * 1024;
}
