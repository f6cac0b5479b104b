import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** What the containers of a fake docker do, from the next one on. */
export interface ContainerPlan {
  /** Lines on standard output. */
  output?: string[];
  /** Lines on standard error. */
  errors?: string[];
  exitCode?: number;
  /** Goes on until it is stopped, or the test lets it end. */
  hangs?: boolean;
  ignoresSigterm?: boolean;
  /** Seconds between the two signals of `docker stop`, in the place of those that it is told. */
  stopSeconds?: number;
}

/** One call of docker. */
export interface DockerCall {
  args: string[];
  /** The variables that the docker program was given. */
  env: Record<string, string>;
  pid: number;
}

/** A `docker` for the PATH of a program under test: it writes down how it is called, and plays a container. */
export interface FakeDocker {
  /** Directory to put first on PATH. */
  bin: string;
  calls(): Promise<DockerCall[]>;
  /** The `docker run`s so far, once there are this many. */
  runs(count: number): Promise<DockerCall[]>;
  plan(plan: ContainerPlan): Promise<void>;
  /** Lets containers that hang end with their exit code. */
  letEnd(): Promise<void>;
  /** How many containers run now, and the most that ever did at once. */
  running(): Promise<{ now: number; most: number }>;
}

export async function useFakeDocker(plan: ContainerPlan = {}): Promise<FakeDocker> {
  const home = await mkdtemp(path.join(tmpdir(), 'fake-docker-'));
  const bin = path.join(home, 'bin');
  await mkdir(bin);
  await mkdir(path.join(home, 'containers'));
  const program = path.join(bin, 'docker');
  const script = path.join(import.meta.dirname, 'fake-docker.mjs');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' '${home}' "$@"\n`);
  await chmod(program, 0o755);
  const docker: FakeDocker = {
    bin,
    calls: async () => (await linesOf(path.join(home, 'calls'))).map((line) => JSON.parse(line)),
    runs: (count) =>
      vi.waitFor(
        async () => {
          const runs = (await docker.calls()).filter(({ args }) => args[0] === 'run');
          if (runs.length < count) throw new Error(`${runs.length} of ${count} containers were started`);
          return runs;
        },
        { timeout: 15_000, interval: 50 },
      ),
    plan: (next) => writeFile(path.join(home, 'plan.json'), JSON.stringify(next)),
    letEnd: () => writeFile(path.join(home, 'may-end'), ''),
    running: async () => {
      const changes = (await linesOf(path.join(home, 'running'))).map(Number);
      let [now, most] = [0, 0];
      for (const change of changes) {
        now += change;
        most = Math.max(most, now);
      }
      return { now, most };
    },
  };
  await docker.plan(plan);
  onTestFinished(async () => {
    for (const { pid } of await docker.calls()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended, as it should.
      }
    }
    await rm(home, { recursive: true, force: true });
  });
  return docker;
}

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean);
}
