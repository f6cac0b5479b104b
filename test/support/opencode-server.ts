import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { openCodeConfig, type WorkerModel } from '../../src/worker/opencode/server-config.js';
import { useDirectory } from './agent-run.js';

/** Starts the real `opencode serve`, as whoever runs a coordinator on their machine does; it ends with the test. */
export async function useOpenCode(binary: string, model: WorkerModel & { password: string }) {
  const child = spawn(binary, ['serve', '--port', '0', '--hostname', '127.0.0.1'], {
    env: {
      ...(await openCodeSurroundings()),
      PATH: process.env.PATH,
      OPENCODE_CONFIG_CONTENT: openCodeConfig(model),
      OPENCODE_SERVER_PASSWORD: model.password,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL');
    await exited;
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (address) resolve(address);
    });
    void exited.then(([code]) => reject(new Error(`opencode ended with ${code}`)));
  });
  const headers = { authorization: `Basic ${Buffer.from(`opencode:${model.password}`).toString('base64')}` };
  const health = () =>
    fetch(`${url}/global/health`, { headers, signal: AbortSignal.timeout(1_000) }).then(({ status }) => status);
  await expect.poll(() => health().catch(() => 0), { timeout: 30_000 }).toBe(200);
  return { url };
}

/** Directories of its own, and no way to look for what is newer. */
export async function openCodeSurroundings(): Promise<Record<string, string>> {
  const home = await useDirectory('baton-opencode-');
  return {
    ...{ HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_STATE_HOME: home },
    ...{ OPENCODE_DISABLE_MODELS_FETCH: '1', npm_config_registry: 'http://127.0.0.1:9/' },
  };
}
