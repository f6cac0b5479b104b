import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { useTestApp } from '../support/app.js';
import { requireChromium } from '../support/chromium.js';
import { repository, useConsumer } from '../support/consumer.js';

const run = promisify(execFile);

/** What a user's program does, in one go: a query, mutations, and a subscription that resumes. Prints or posts what came of it. */
const program = `
import { BatonClient, claimNext, withLease } from 'baton/sdk';
import { AgentRegisterDocument, TaskCreateDocument, TaskEventsDocument, ViewerDocument } from 'baton/sdk/documents';

export async function tryOut(url) {
  const operator = new BatonClient({ url });
  const { viewer } = await operator.request(ViewerDocument, {});
  const { apiKey } = await operator.mutate(AgentRegisterDocument, { externalId: 'otter' });
  const agent = new BatonClient({ url, token: apiKey });
  const events = agent.follow(TaskEventsDocument, { after: await agent.eventCursor() });
  await operator.mutate(TaskCreateDocument, { title: 'Try the SDK' });
  const { claims } = await claimNext(agent);
  await withLease(agent, claims[0], ({ task }) => 'did ' + task.title);
  const kinds = [];
  for await (const { taskEvents } of events) {
    kinds.push(taskEvents.kind);
    if (taskEvents.kind === 'TASK_COMPLETED') break;
  }
  await Promise.all([operator.close(), agent.close()]);
  return { viewer: viewer.kind, kinds };
}
`;

const outcome = { viewer: 'OPEN', kinds: ['TASK_CREATED', 'TASK_CLAIMED', 'TASK_COMPLETED'] };

/** The program as one file for a browser. */
async function bundle(directory: string) {
  return build({
    absWorkingDir: directory,
    entryPoints: ['page.mjs'],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
}

const page = `
import { tryOut } from './program.mjs';
const report = await tryOut(new URLSearchParams(location.search).get('baton')).catch((error) => ({ error: String(error.stack) }));
await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
`;

describe('the package', { timeout: 60_000 }, () => {
  it('is used by a program in Node, outside of the repository', async () => {
    const app = await useTestApp();
    const directory = await useConsumer({
      'program.mjs': program,
      'main.mjs': `import { tryOut } from './program.mjs'; console.log(JSON.stringify(await tryOut(process.argv[2])));`,
    });

    const { stdout } = await run(process.execPath, ['main.mjs', app.url], { cwd: directory });

    expect(JSON.parse(stdout)).toEqual(outcome);
  });

  it('brings types that hold for Node and for browsers', async () => {
    const consumer = `
import { BatonClient, type Lease, LeaseLostError, VPCoordinationClient, withLease, work } from 'baton/sdk';
import { TaskClaimDocument, TaskEventsDocument, type TaskStatus } from 'baton/sdk/documents';

const client = new BatonClient({ url: 'http://127.0.0.1:4000' });
const { task } = await client.mutate(TaskClaimDocument, { taskId: 'x' });
const status: TaskStatus | undefined = task?.status;
if (task) {
  const lines: number = await withLease(client, task, async (lease: Lease) => lease.fence);
  console.log(status, lines);
}
for await (const { taskEvents } of client.follow(TaskEventsDocument, { filter: { taskId: 'x' } })) {
  console.log(taskEvents.task.title satisfies string);
}
await work(client, (lease) => lease.signal.throwIfAborted(), { concurrency: 2, kinds: ['code'] });
await new VPCoordinationClient().delegate({ fromVpId: 'a', toVpId: 'b', taskId: 'c', priority: 'HIGH' });
console.log(new Error() instanceof LeaseLostError);
// @ts-expect-error: the id is missing.
await client.mutate(TaskClaimDocument, {});
// @ts-expect-error: no such kind.
client.follow(TaskEventsDocument, { filter: { kinds: ['TASK_EATEN'] } });
`;
    const options = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, skipLibCheck: false };
    const directory = await useConsumer({
      'consumer.ts': consumer,
      'browser.json': JSON.stringify({
        compilerOptions: { ...options, types: [], lib: ['es2023', 'dom', 'dom.iterable'] },
        files: ['consumer.ts'],
      }),
      'node.json': JSON.stringify({
        compilerOptions: {
          ...options,
          lib: ['es2023'],
          types: ['node'],
          typeRoots: [path.join(repository, 'node_modules/@types')],
        },
        files: ['consumer.ts'],
      }),
    });
    const compiler = path.join(repository, 'node_modules/.bin/tsc');

    for (const project of ['browser.json', 'node.json']) {
      const { stdout } = await run(compiler, ['-p', project], { cwd: directory }).catch((error) => error);
      expect(stdout).toBe('');
    }
  });

  it('bundles for browsers without anything of Node', async () => {
    const directory = await useConsumer({ 'program.mjs': program, 'page.mjs': page });

    const { metafile, warnings } = await bundle(directory);

    expect(warnings).toEqual([]);
    const inputs = Object.keys(metafile.inputs).filter((input) => !input.startsWith('(disabled):'));
    expect(inputs.filter((input) => /node_modules\/ws\/|^node:/.test(input))).toEqual([]);
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
  });

  it('works in a browser', async (context) => {
    const chromium = requireChromium(context);
    const directory = await useConsumer({ 'program.mjs': program, 'page.mjs': page });
    const { outputFiles } = await bundle(directory);
    let report = (_: unknown) => {};
    const reported = new Promise((resolve) => {
      report = resolve;
    });
    const pages = createServer(async (request, response) => {
      if (request.url === '/report') report(JSON.parse(await text(request)));
      const isScript = request.url === '/page.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? outputFiles[0]?.text : '<!doctype html><script type="module" src="/page.js"></script>');
    });
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    const app = await useTestApp({ CORS_ORIGINS: origin });

    const browser = spawn(
      chromium,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        `--user-data-dir=${path.join(directory, 'profile')}`,
        `${origin}/?baton=${encodeURIComponent(app.url)}`,
      ],
      { stdio: 'ignore', detached: true },
    );
    const exited = once(browser, 'exit');
    onTestFinished(async () => {
      // Its own process group: the browser has processes of its own.
      if (browser.exitCode === null && browser.pid) process.kill(-browser.pid, 'SIGKILL');
      await exited;
      pages.close();
      pages.closeAllConnections();
    });

    expect(await reported).toEqual(outcome);
  });
});
