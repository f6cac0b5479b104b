import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { TaskUpdateDocument } from '../../src/sdk/generated.js';
import { type TestApp, useTestApp } from '../support/app.js';
import { type RunningCommand, runCommand, startCommand } from '../support/command-line.js';
import { createTestDatabase } from '../support/postgres.js';
import { rest } from '../support/rest-call.js';
import { seedAgent, seedTask } from '../support/seed.js';
import { useServerProcess } from '../support/server-process.js';

type Server = Pick<TestApp, 'url'>;

async function addTask(server: Server, fields: object = {}): Promise<number> {
  const { status, json } = await rest(server, 'POST', '/tasks', { body: { title: 'x', ...fields } });
  expect(status).toBe(201);
  return json.id;
}

async function setStatus(server: Server, id: number, status: string, agent?: string): Promise<void> {
  const headers: Record<string, string> = agent === undefined ? {} : { 'x-agent-id': agent };
  expect((await rest(server, 'PATCH', `/tasks/${id}/status`, { headers, body: { status } })).status).toBe(200);
}

const readTask = async (server: Server, id: number) => (await rest(server, 'GET', `/tasks/${id}`)).json;

function environment(server: Server, variables: Record<string, string> = {}) {
  return { env: { TASK_API_URL: server.url, AGENT_ID: 'otter', ...variables } };
}

describe('tqc watch', () => {
  /** Starts a watch, and waits until it sees what happens. */
  async function startWatch(server: Server, args: string[] = []): Promise<RunningCommand> {
    const watch = startCommand('tqc', ['watch', ...args], environment(server));
    await watch.untilStderr((stderr) => stderr.includes('Watching the queue.'));
    return watch;
  }

  const linesOf = (stdout: string) => stdout.split('\n').filter(Boolean);

  it('prints one line for each event of the queue, and ends with 0 on Ctrl-C', async () => {
    const app = await useTestApp();
    const watch = await startWatch(app);
    await seedTask(app.client(), { title: 'none of the queue' });
    const id = await addTask(app, { title: 'Triage\nthe inbox' });
    await setStatus(app, id, 'claimed', 'otter');
    await setStatus(app, id, 'running', 'otter');
    await setStatus(app, id, 'failed', 'otter');
    await setStatus(app, id, 'queued');
    await rest(app, 'DELETE', `/tasks/${id}`);

    await watch.untilStdout((stdout) => stdout.includes('[cancelled]'));
    watch.process.kill('SIGINT');

    const { code, stdout, stderr } = await watch.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Watching the queue.\n' });
    const lines = linesOf(stdout).map((line) => line.replace(/^\S+Z /, 'TIME '));
    expect(lines).toEqual([
      `TIME #${id} [queued] Triage the inbox`,
      `TIME #${id} [claimed] Triage the inbox (otter)`,
      `TIME #${id} [running] Triage the inbox (otter)`,
      `TIME #${id} [failed] Triage the inbox (otter)`,
      `TIME #${id} [queued] Triage the inbox`,
      `TIME #${id} [cancelled] Triage the inbox`,
    ]);
  });

  it('prints JSON lines, from whose cursors another watch goes on', async () => {
    const app = await useTestApp();
    const watch = await startWatch(app, ['--json']);
    const ids = [await addTask(app, { title: 'one', kind: 'email' }), await addTask(app, { title: 'two' })];
    await watch.untilStdout((stdout) => stdout.includes('"two"'));
    watch.process.kill('SIGTERM');
    const { code, stdout } = await watch.ended;
    const events = linesOf(stdout).map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(events[0]).toEqual({
      time: expect.stringMatching(/Z$/),
      id: ids[0],
      event: 'TaskCreated',
      status: 'queued',
      title: 'one',
      kind: 'email',
      agent: null,
      cursor: expect.any(String),
    });

    const later = startCommand('tqc', ['watch', '--json', '--after', events[0].cursor], environment(app));
    await later.untilStdout((text) => text.includes('"two"'));
    later.process.kill('SIGINT');

    expect(linesOf((await later.ended).stdout).map((line) => JSON.parse(line))).toEqual(events.slice(1));
  });

  it('prints only what --kind and --agent want', async () => {
    const app = await useTestApp();
    await rest(app, 'POST', '/agents/heartbeat', { body: { agent_id: 'otter' } });
    const watch = await startWatch(app, ['--kind', 'email', '--agent', 'otter']);
    const byAnother = await addTask(app, { title: 'by another', kind: 'email' });
    const ofAnotherKind = await addTask(app, { title: 'of another kind' });
    const wanted = await addTask(app, { title: 'wanted', kind: 'email' });
    await setStatus(app, byAnother, 'claimed', 'heron');
    for (const id of [ofAnotherKind, wanted]) {
      await setStatus(app, id, 'claimed', 'otter');
      await setStatus(app, id, 'done', 'otter');
    }

    await watch.untilStdout((stdout) => stdout.includes('[done]'));
    watch.process.kill('SIGINT');

    const { stdout } = await watch.ended;
    expect(stdout.match(/#\d+ \[\w+\] .*/g)).toEqual([`#${wanted} [claimed] wanted (otter)`, `#${wanted} [done] wanted (otter)`]);
  });

  it('tells every event once, in order, though the server is killed and starts again', { timeout: 60_000 }, async () => {
    const database = await createTestDatabase();
    const port = String(await freePort());
    const replica = await useServerProcess(database.url);
    const first = await useServerProcess(database.url, { PORT: port });
    const watch = await startWatch(first);
    const titles = (from: number) => Array.from({ length: 5 }, (_, index) => `task ${from + index}`);

    for (const title of titles(0)) await addTask(first, { title });
    await first.end('SIGKILL');
    // It happens while the watch has nobody to ask.
    for (const title of titles(5)) await addTask(replica, { title });
    const second = await useServerProcess(database.url, { PORT: port });
    for (const title of titles(10)) await addTask(second, { title });

    await watch.untilStdout((stdout) => stdout.includes('task 14'));
    watch.process.kill('SIGINT');
    const { code, stdout, stderr } = await watch.ended;
    expect(code).toBe(0);
    expect(stdout.match(/task \d+/g)).toEqual([...titles(0), ...titles(5), ...titles(10)]);
    expect(stderr).toMatch(/^Watching the queue\.\nDisconnected: .* Trying again\.\nConnected again\.\n$/);
    await replica.end('SIGTERM');
    await second.end('SIGTERM');
    await database.drop();
  });

  it('fails with 1 for an agent that nobody knows, a cursor that is none, and a server that wants a token', async () => {
    const app = await useTestApp();
    const closed = await useTestApp({ ADMIN_TOKEN: 'an-admin-token-of-the-test-alone' });

    const unknown = await runCommand('tqc', ['watch', '--agent', 'nobody'], environment(app));
    const wrong = await runCommand('tqc', ['watch', '--after', 'nonsense', '--json'], environment(app));
    const shut = await runCommand('tqc', ['watch'], environment(closed));

    expect(unknown).toEqual({ code: 1, stdout: '', stderr: 'Error: No agent nobody is registered.\n' });
    expect(wrong.code).toBe(1);
    const [notice, error] = linesOf(wrong.stderr).map((line) => JSON.parse(line));
    expect(notice).toEqual({ notice: 'Watching the queue.' });
    expect(error).toEqual({ error: expect.stringContaining('cursor') });
    expect(shut.code).toBe(1);
    expect(shut.stderr).toContain('BATON_TOKEN');
  });
});

describe('tqc work', () => {
  const shell = (script: string) => ['--', 'sh', '-c', script];

  /** Says `started` and waits to be stopped, which it tells. */
  const untilStopped = 'exec 2>/dev/null; trap "echo stopped; exit 0" TERM; echo started; while :; do sleep 0.1; done';

  it('claims the most urgent task of the queue, runs the command for it and finishes it', async () => {
    const app = await useTestApp();
    await seedTask(app.client(), { title: 'none of the queue', priority: 0 });
    await addTask(app, { title: 'later', priority: 60 });
    const fields = {
      title: 'Triage',
      description: 'all of it',
      kind: 'email',
      priority: 7,
      model_tier: 'light',
      metadata: { a: [1] },
    };
    const id = await addTask(app, fields);
    const script = 'cat; echo; env | grep ^TQC_ | sort; echo said on stderr >&2; printf "All done\\n\\n"';

    const { code, stdout, stderr } = await runCommand('tqc', ['work', ...shell(script)], environment(app));

    expect({ code, stderr }).toEqual({ code: 0, stderr: `Task #${id} claimed: Triage\nsaid on stderr\nTask #${id} completed\n` });
    const [input, ...variables] = stdout.trimEnd().split('\n');
    expect(JSON.parse(input ?? '')).toMatchObject({ ...fields, id, status: 'running', claimed_by: 'otter' });
    expect(variables.slice(0, 7)).toEqual([
      'TQC_TASK_DESCRIPTION=all of it',
      `TQC_TASK_ID=${id}`,
      'TQC_TASK_KIND=email',
      'TQC_TASK_METADATA={"a":[1]}',
      'TQC_TASK_PRIORITY=7',
      'TQC_TASK_TIER=light',
      'TQC_TASK_TITLE=Triage',
    ]);
    const result = { description: 'All done', exitCode: 0, stdout };
    expect(await readTask(app, id)).toMatchObject({ status: 'done', claimed_by: 'otter', result });
    const events = await app.sql<{ type: string }>(
      `select type from event join task on task.id = event.task_id where number = $1 order by xid, seq`,
      [id],
    );
    expect(events.map(({ type }) => type)).toEqual(['TaskCreated', 'TaskClaimed', 'TaskStatusChanged', 'TaskCompleted']);
  });

  it('fails the task when the command fails, and ends as it did', async () => {
    const app = await useTestApp();
    const [first, second] = [await addTask(app), await addTask(app)];

    const failed = await runCommand('tqc', ['work', ...shell('echo half; exit 7')], environment(app));
    const killed = await runCommand('tqc', ['work', ...shell('kill -KILL $$')], environment(app));

    expect(failed).toMatchObject({ code: 7, stdout: 'half\n', stderr: expect.stringContaining('sh ended with exit code 7') });
    expect(killed.code).toBe(137);
    const result = { description: 'half', exitCode: 7, stdout: 'half\n' };
    expect(await readTask(app, first)).toMatchObject({ status: 'failed', result });
    expect(await readTask(app, second)).toMatchObject({ status: 'failed', result: { description: 'sh was ended by SIGKILL' } });
    expect(await app.sql('select failure_reason as reason from task where number = $1', [first])).toEqual([
      { reason: 'sh ended with exit code 7' },
    ]);
  });

  it('keeps the end of a long output, cut where a task can hold it', async () => {
    const app = await useTestApp();
    const id = await addTask(app);
    const script = `process.stdout.write('x'.repeat(100000) + '\\0\\u{1f9a6}'.repeat(8000) + 'y')`;

    await runCommand('tqc', ['work', '--', process.execPath, '-e', script], environment(app));

    const { status, result } = await readTask(app, id);
    expect(status).toBe('done');
    expect(result.stdout.length).toBeLessThanOrEqual(16_384);
    expect(result.stdout).toMatch(/^.?(\u{1f9a6})+y$/u);
  });

  it('ends with 3 when there is nothing of the kind', async () => {
    const app = await useTestApp();
    await addTask(app, { kind: 'code' });

    const told = await runCommand('tqc', ['work', '--kind', 'email', ...shell('true')], environment(app));
    const inJson = await runCommand('tqc', ['work', '--kind', 'email', '--json', ...shell('true')], environment(app));

    expect(told).toEqual({ code: 3, stdout: '', stderr: 'No tasks found.\n' });
    expect(inJson).toEqual({ code: 3, stdout: '{"outcome":"none"}\n', stderr: '' });
  });

  it('tells of the task in JSON, and leaves what the command says to stderr', async () => {
    const app = await useTestApp();
    const id = await addTask(app);

    const { code, stdout, stderr } = await runCommand('tqc', ['work', '--json', ...shell('echo hello')], environment(app));

    expect({ code, stderr }).toEqual({ code: 0, stderr: 'hello\n' });
    expect(JSON.parse(stdout)).toEqual({ id, title: 'x', outcome: 'done', exitCode: 0, description: 'hello' });
  });

  it('stops the command when the claim is lost, and writes nothing more', async () => {
    const app = await useTestApp();
    const id = await addTask(app);
    const work = startCommand('tqc', ['work', ...shell(untilStopped)], environment(app));
    await work.untilStdout((stdout) => stdout.includes('started'));

    await setStatus(app, id, 'queued');

    const { code, stdout, stderr } = await work.ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'started\nstopped\n' });
    expect(stderr).toContain(`Task #${id} lost\nError: The claim was lost`);
    expect(await readTask(app, id)).toMatchObject({ status: 'queued', result: null });
  });

  it('kills what does not heed SIGTERM, and all that it has started', async () => {
    const app = await useTestApp();
    const id = await addTask(app);
    const deaf = 'trap "" TERM; (trap "" TERM; while :; do sleep 0.1; done) & echo started; while :; do sleep 0.1; done';
    const work = startCommand('tqc', ['work', '--grace', '0.2', ...shell(deaf)], environment(app));
    await work.untilStdout((stdout) => stdout.includes('started'));

    await rest(app, 'DELETE', `/tasks/${id}`);

    // Its stdout closes when the last process that could write to it has ended.
    const { code, stderr } = await work.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('the task was cancelled');
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('stops the command and gives the task back on %s', async (signal, exitCode) => {
    const app = await useTestApp();
    const id = await addTask(app);
    const work = startCommand('tqc', ['work', ...shell(untilStopped)], environment(app));
    await work.untilStdout((stdout) => stdout.includes('started'));

    work.process.kill(signal);

    const { code, stdout, stderr } = await work.ended;
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: 'started\nstopped\n' });
    expect(stderr).toBe(`Task #${id} claimed: x\nTask #${id} given back\n`);
    expect(await readTask(app, id)).toMatchObject({ status: 'queued', claimed_by: null });
    expect(await app.sql('select outcome, reason from task_attempt')).toEqual([
      { outcome: 'RELEASED', reason: `Stopped by ${signal}.` },
    ]);
  });

  it('keeps the claim alive while the command runs', async () => {
    const app = await useTestApp();
    const client = app.client();
    await addTask(app);
    const [task] = await app.sql<{ id: string }>('select id from task');
    const work = startCommand('tqc', ['work', ...shell(untilStopped)], environment(app));
    await work.untilStdout((stdout) => stdout.includes('started'));
    const secondsLeft = async () => {
      const [row] = await app.sql<{ left: number }>(
        'select extract(epoch from lease_expires_at - now())::float as left from task',
      );
      return row?.left ?? 0;
    };

    // Twice most of its length: without heartbeats it would have lapsed. Every event of the task makes it send one.
    for (let round = 0; round < 2; round++) {
      await app.elapse(100);
      for (let count = 0; (await secondsLeft()) < 100; count++) {
        await client.request(TaskUpdateDocument, { input: { taskId: task?.id ?? '', title: `x ${round} ${count}` } });
      }
    }

    work.process.kill('SIGTERM');
    expect(await work.ended).toMatchObject({ code: 143 });
  });

  it('goes on with --loop as tasks come, and past one that fails, until it is stopped', async () => {
    const app = await useTestApp();
    const ids = [await addTask(app), await addTask(app)];
    const script = 'echo "ran $TQC_TASK_ID"; [ "$TQC_TASK_ID" != 2 ]';
    const work = startCommand('tqc', ['work', '--loop', '--poll', '3600', ...shell(script)], environment(app));
    await work.untilStdout((stdout) => stdout.includes(`ran ${ids[1]}`));
    ids.push(await addTask(app));
    await work.untilStdout((stdout) => stdout.includes(`ran ${ids[2]}`));
    work.process.kill('SIGTERM');

    const { code, stdout } = await work.ended;

    expect(code).toBe(143);
    expect(stdout).toBe(ids.map((id) => `ran ${id}\n`).join(''));
    expect(await readTask(app, ids[0] ?? 0)).toMatchObject({ status: 'done' });
    expect(await readTask(app, ids[1] ?? 0)).toMatchObject({ status: 'failed' });
  });

  it.each([[[]], [['--loop']]])('gives the task back and ends with 1 when the command cannot be started: %j', async (options) => {
    const app = await useTestApp();
    const id = await addTask(app);

    const { code, stderr } = await runCommand('tqc', ['work', ...options, '--', 'no-such-command'], environment(app));

    expect(code).toBe(1);
    expect(stderr).toContain('Error: Cannot run no-such-command: ');
    expect(await readTask(app, id)).toMatchObject({ status: 'queued' });
  });

  it('works by the key of an agent alone, and asks for a name or a key when it has neither', async () => {
    const adminToken = 'an-admin-token-of-the-test-alone';
    const closed = await useTestApp({ ADMIN_TOKEN: adminToken });
    const agent = await seedAgent(closed.client({ token: adminToken }), { externalId: 'heron' });
    const token = { token: adminToken };
    const { json } = await rest(closed, 'POST', '/tasks', { ...token, body: { title: 'x' } });

    const nameless = await runCommand(
      'tqc',
      ['work', ...shell('true')],
      environment(closed, { AGENT_ID: '', BATON_TOKEN: adminToken }),
    );
    const keyless = await runCommand('tqc', ['work', ...shell('true')], environment(closed, { AGENT_ID: '' }));
    const keyed = await runCommand(
      'tqc',
      ['work', ...shell('true')],
      environment(closed, { AGENT_ID: '', BATON_TOKEN: agent.apiKey }),
    );

    expect(nameless).toEqual({ code: 1, stdout: '', stderr: 'Error: No agent ID specified. Set AGENT_ID\n' });
    expect(keyless.stderr).toContain('BATON_TOKEN');
    expect(keyed.code).toBe(0);
    expect((await rest(closed, 'GET', `/tasks/${json.id}`, token)).json).toMatchObject({ status: 'done', claimed_by: 'heron' });
  });

  it.each([
    [['work']],
    [['work', '--poll', 'x', '--', 'true']],
    [['work', '--grace', '-1', '--', 'true']],
    [['work', 'ls', '-la']],
  ])('ends with 2 for the wrong command line %j', async (args) => {
    const { code, stderr } = await runCommand('tqc', args, { env: { TASK_API_URL: 'http://127.0.0.1:1' } });

    expect(code).toBe(2);
    expect(stderr).toMatch(/^usage: tqc work \[options\] -- <command\.\.\.>\n/);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
