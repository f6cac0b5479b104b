import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { testEnvironment } from './app.js';

const entry = path.join(import.meta.dirname, '../../dist/main.js');

/** A server in a process of its own, as it is shipped. */
export interface ServerProcess {
  url: string;
  process: ChildProcess;
  logLines: string[];
  /** Sends the signal and resolves with the exit code, or null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a server process on the database; it is killed when the test is done, if it still runs. */
export function useServerProcess(databaseUrl: string, variables: Record<string, string> = {}): Promise<ServerProcess> {
  return startServerProcess({ ...testEnvironment(databaseUrl), ...variables }, onTestFinished);
}

/** The same by `npm start`. */
export function useNpmStart(databaseUrl: string): Promise<ServerProcess> {
  return startServerProcess(testEnvironment(databaseUrl), onTestFinished, ['npm', 'start']);
}

/** Starts a server process with these variables. What `onCleanUp` is given kills it, if it still runs. */
export async function startServerProcess(
  variables: Record<string, string>,
  onCleanUp: (cleanUp: () => Promise<void>) => void,
  [command, ...args]: [string, ...string[]] = [process.execPath, entry],
): Promise<ServerProcess> {
  const child = spawn(command, args, {
    cwd: path.join(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, LOG_LEVEL: 'info', ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  onCleanUp(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  const logLines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      logLines.push(line);
      // npm says what it runs before the server logs its lines of JSON.
      if (!line.startsWith('{')) return;
      const entry = JSON.parse(line) as { msg: string; url?: string };
      if (entry.msg === 'Baton is ready' && entry.url) resolve(new URL(entry.url).origin);
    });
    void exited.then(() => reject(new Error(`the server ended before it was ready:\n${logLines.join('\n')}`)));
  });
  return {
    url,
    process: child,
    logLines,
    end: async (signal) => {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}
