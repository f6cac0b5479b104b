import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { useTestApp } from '../support/app.js';
import { repository, useConsumer } from '../support/consumer.js';
import { rest } from '../support/rest-call.js';
import { seedAgent, seedTask } from '../support/seed.js';

const run = promisify(execFile);
const documentation = readFileSync(path.join(repository, 'docs/sdk.md'), 'utf8');

/** The examples of the page, by the heading that they stand under. */
const examples = new Map(
  documentation.split('\n## ').flatMap((section): [string, string][] => {
    const [heading = ''] = section.split('\n', 1);
    const [, code] = /```ts\n(.*?)```/s.exec(section) ?? [];
    return code ? [[heading, code]] : [];
  }),
);

/** Runs an example against a server until it ends, or until the test does. */
async function useExample(heading: string, environment: Record<string, string>) {
  const source = examples.get(heading) ?? expect.unreachable();
  const { code } = await transform(source.replaceAll('http://127.0.0.1:4000', environment.BATON_URL ?? ''), { loader: 'ts' });
  const directory = await useConsumer({ 'example.js': code });
  const child = spawn(process.execPath, ['example.js'], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines: string[] = [];
  const printed = createInterface({ input: child.stdout });
  let wake = () => {};
  printed.on('line', (line) => {
    lines.push(line);
    wake();
  });
  printed.on('close', () => wake());
  return {
    child,
    exited,
    lines,
    /** Resolves when it has printed such a line; rejects when it ends without. */
    async printed(pattern: RegExp): Promise<void> {
      while (!lines.some((line) => pattern.test(line))) {
        if (child.exitCode !== null) throw new Error(`it ended without having printed ${pattern}:\n${lines.join('\n')}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

describe('every example of docs/sdk.md', { timeout: 60_000 }, () => {
  it('has correct types', async () => {
    const files = Object.fromEntries([...examples].map(([heading, code]) => [`${heading.replaceAll(' ', '-')}.ts`, code]));
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [path.join(repository, 'node_modules/@types')],
    };
    const directory = await useConsumer({
      ...files,
      'tsconfig.json': JSON.stringify({ compilerOptions, files: Object.keys(files) }),
    });

    const { stdout } = await run(path.join(repository, 'node_modules/.bin/tsc'), [], { cwd: directory }).catch((error) => error);

    expect(stdout).toBe('');
    expect([...examples.keys()]).toEqual([
      'Connect',
      'Change things',
      'Follow events',
      'Work under a lease',
      'Work through the queue',
      'Coordinate orchestrators',
    ]);
  });

  it('runs: connecting, and changing things', async () => {
    const app = await useTestApp();
    const agent = await seedAgent(app.client());
    const environment = { BATON_URL: app.url, BATON_TOKEN: agent.apiKey };

    const connecting = await useExample('Connect', environment);
    const changing = await useExample('Change things', environment);

    expect(await Promise.all([connecting.exited, changing.exited])).toEqual([0, 0]);
    expect(connecting.lines).toEqual(['acting in default']);
    expect(changing.lines).toEqual(['TASK_NOT_READY']);
  });

  it('runs: following events', async () => {
    const app = await useTestApp();
    await seedTask(app.client());
    const following = await useExample('Follow events', { BATON_URL: app.url });
    await following.printed(/^1 tasks$/);
    await following.printed(/^live since /);

    const task = await seedTask(app.client());

    await following.printed(new RegExp(`^TASK_CREATED ${task.title} \\w+`));
  });

  it('runs: working under a lease', async () => {
    const app = await useTestApp();
    const agent = await seedAgent(app.client());
    await seedTask(app.client());
    const environment = { BATON_URL: app.url, BATON_TOKEN: agent.apiKey };

    const first = await useExample('Work under a lease', environment);
    expect(await first.exited).toBe(0);
    const second = await useExample('Work under a lease', environment);
    expect(await second.exited).toBe(0);

    expect(first.lines).toEqual(['done: { words: 1, fence: 1 }']);
    expect(second.lines).toEqual(['There is nothing to do.']);
  });

  it('runs: working through the queue', async () => {
    const app = await useTestApp();
    const agent = await seedAgent(app.client());
    await seedTask(app.client(), { title: 'the first' });
    const working = await useExample('Work through the queue', { BATON_URL: app.url, BATON_TOKEN: agent.apiKey });
    await working.printed(/^the first did the first$/);
    await seedTask(app.client(), { title: 'the second' });
    await working.printed(/^the second did the second$/);

    working.child.kill('SIGTERM');

    expect(await working.exited).toBe(0);
  });

  it('runs: coordinating orchestrators', async () => {
    const app = await useTestApp();
    for (const externalId of ['vp_123', 'vp_456']) {
      await rest(app, 'POST', '/api/orchestrators', { body: { externalId, name: externalId, role: 'Engineer' } });
    }
    const { json } = await rest(app, 'POST', '/api/orchestrators/vp_123/tasks', { body: { title: 'Build' } });

    const delegating = await useExample('Coordinate orchestrators', { BATON_URL: app.url, TASK: json.data.id });
    const refused = await useExample('Coordinate orchestrators', { BATON_URL: app.url });

    expect(await Promise.all([delegating.exited, refused.exited])).toEqual([0, 0]);
    expect(delegating.lines).toEqual(['Task successfully delegated from Engineer to Engineer']);
    expect(refused.lines).toEqual([expect.stringContaining('404 TASK_NOT_FOUND')]);
  });
});
