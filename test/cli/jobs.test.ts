import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { ExecutionLogAppendDocument, JobCompleteDocument, JobFailDocument, JobStartDocument } from '../../src/sdk/generated.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { runCommand, startCommand } from '../support/command-line.js';
import { createTestDatabase } from '../support/postgres.js';
import { useServerProcess } from '../support/server-process.js';
import { type SeededTicket, seedJob, seedProject, seedTicket } from '../support/tickets.js';

const token = 'an-admin-token-of-the-test-alone';

let app: TestApp;
let operator: BatonClient;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: token });
  operator = app.client({ token });
});
afterAll(() => app.stop());

const run = (args: string[], env: Record<string, string> = {}) =>
  runCommand('baton', ['jobs', ...args], { env: { BATON_URL: app.url, BATON_TOKEN: token, ...env } });
const start = async (projectId: string) =>
  (await operator.request(JobStartDocument, { input: { projectId } })).jobStart.job?.id ?? '';
const log = ({ taskId }: SeededTicket, step: string, fields: { summary?: string; rawOutput?: string } = {}, client = operator) =>
  client.request(ExecutionLogAppendDocument, { input: { taskId, sessionId: 's', step, ...fields } });
const complete = (jobId: string, client = operator) => client.request(JobCompleteDocument, { input: { jobId } });
const fail = (jobId: string, reason: string) => operator.request(JobFailDocument, { input: { jobId, reason } });

const linesOf = (text: string) => text.split('\n').filter(Boolean);

describe('baton jobs', () => {
  it('lists what runs, then what waits in the order in which it is started, with the last that each said', async () => {
    const projectId = await seedProject(operator);
    const [first, second, third] = [
      await seedJob(operator, projectId),
      await seedJob(operator, projectId),
      await seedJob(operator, projectId),
    ];
    await start(projectId);
    await log(first, 'plan_approved', { summary: 'Two steps.\nMore.' });
    await log(first, 'container_output', { summary: 'npm test \u001b[2J', rawOutput: 'npm test' });

    const { code, stdout } = await run(['--project', projectId]);

    expect(code).toBe(0);
    const rows = linesOf(stdout).map((line) => line.split('\t'));
    expect(rows.map(([id, status, kind, since, starts]) => [id, status, kind, since?.replace(/\d+/, 'N'), starts])).toEqual([
      [first.jobId, 'RUNNING', 'ticket', 'runs N s', '1'],
      [second.jobId, 'PENDING', 'ticket', 'waits N s', '0'],
      [third.jobId, 'PENDING', 'ticket', 'waits N s', '0'],
    ]);
    expect(rows[0]?.[6]).toBe('container_output: npm test [2J');
  });

  it('lists those of a status, with the reason of a failure, and in JSON all that is known of them', async () => {
    const { projectId, taskId, jobId } = await seedJob(operator);
    await start(projectId);
    await log({ projectId, taskId }, 'session_started');
    await fail(jobId, 'The agent ended with exit code 3. Its last words:\nno space');

    const lines = await run(['--project', projectId, '--status', 'failed,completed']);
    const json = await run(['--project', projectId, '--status', 'failed', '--json']);
    const none = await run(['--project', projectId]);

    expect(lines.stdout).toContain('The agent ended with exit code 3. Its last words:\n');
    expect(JSON.parse(json.stdout)).toMatchObject([
      {
        id: jobId,
        status: 'FAILED',
        attempts: 1,
        ticket: { id: taskId },
        project: { id: projectId },
        failureReason: expect.stringContaining('no space'),
        finishedAt: expect.stringMatching(/Z$/),
        lastLog: { step: 'session_started', summary: '' },
      },
    ]);
    expect(none).toEqual({ code: 0, stdout: '', stderr: 'There are no jobs RUNNING or PENDING here.\n' });
  });

  it('lists a queue of any length', async () => {
    const projectId = await seedProject(operator);
    const ids: string[] = [];
    for (let count = 0; count < 55; count += 1) ids.push((await seedJob(operator, projectId)).jobId);

    const { stdout } = await run(['--project', projectId]);

    expect(linesOf(stdout).map((line) => line.split('\t')[0])).toEqual(ids);
  });

  it('says what is wrong with how it is called', async () => {
    const unknown = await run(['--status', 'lost']);
    const closed = await run([], { BATON_TOKEN: 'none' });
    const away = await run(['--json'], { BATON_URL: 'http://127.0.0.1:9' });
    const worker = await run([], { BATON_URL: '', TERARCHITECT_API_URL: app.url });

    expect([unknown.code, closed.code, away.code, worker.code]).toEqual([2, 1, 1, 0]);
    expect(unknown.stderr).toContain('There is no status "lost": it may be pending, running, completed, failed.');
    expect(closed.stderr).toContain('Set BATON_TOKEN to an API key or to the admin token.');
    expect(JSON.parse(away.stderr)).toEqual({ error: expect.any(String) });
  });
});

describe('baton jobs logs', () => {
  it('prints what a job has logged, and of its ticket what every job has', async () => {
    const ticket = await seedJob(operator);
    await log(ticket, 'before', { summary: 'any job' });
    await start(ticket.projectId);
    for (let count = 0; count < 25; count += 1) await log(ticket, `step_${count}`, { summary: `done ${count}` });
    await log(ticket, 'container_output', { summary: 'two', rawOutput: 'one\ntwo' });

    const ofJob = await run(['logs', ticket.jobId]);
    const ofTicket = await run(['logs', ticket.taskId]);
    const json = await run(['logs', ticket.jobId, '--json']);

    const withoutTime = (text: string) => linesOf(text).map((line) => line.replace(/^\S+Z /, ''));
    const steps = Array.from({ length: 25 }, (_, count) => `step_${count} done ${count}`);
    expect(withoutTime(ofJob.stdout)).toEqual([...steps, '| one', '| two']);
    expect(withoutTime(ofTicket.stdout)).toEqual(['before any job', ...steps, '| one', '| two']);
    expect(linesOf(json.stdout).map((line) => JSON.parse(line))[0]).toMatchObject({
      jobId: ticket.jobId,
      step: 'step_0',
      sessionId: 's',
      rawOutput: null,
    });
    expect([ofJob.code, ofTicket.code]).toEqual([0, 0]);
  });

  it('follows a job until it ends, and ends as it did', async () => {
    const ticket = await seedJob(operator);
    const following = startCommand('baton', ['jobs', 'logs', '-f', ticket.jobId], {
      env: { BATON_URL: app.url, BATON_TOKEN: token },
    });
    await start(ticket.projectId);
    await log(ticket, 'session_started');
    await following.untilStdout((stdout) => stdout.includes('session_started'));
    await log(ticket, 'container_output', { rawOutput: 'compiling' });
    await following.untilStdout((stdout) => stdout.includes('| compiling'));
    await fail(ticket.jobId, 'The agent ended with exit code 1. Its last words:\nno');

    const { code, stdout, stderr } = await following.ended;

    expect(code).toBe(1);
    expect(linesOf(stdout)).toHaveLength(2);
    expect(stderr).toBe(`Job ${ticket.jobId} FAILED: The agent ended with exit code 1. Its last words:\n`);
  });

  it('follows a ticket through all of its jobs, and is over when none waits or runs', async () => {
    const ticket = await seedJob(operator);
    await start(ticket.projectId);
    await log(ticket, 'kept');
    const following = startCommand('baton', ['jobs', 'logs', '--follow', ticket.taskId, '--json'], {
      env: { BATON_URL: app.url, BATON_TOKEN: token },
    });
    await following.untilStdout((stdout) => stdout.includes('kept'));
    await log(ticket, 'last');
    await complete(ticket.jobId);

    const { code, stdout } = await following.ended;
    const again = await run(['logs', '-f', ticket.taskId]);

    expect(code).toBe(0);
    expect(linesOf(stdout).map((line) => JSON.parse(line).step)).toEqual(['kept', 'last']);
    expect([again.code, again.stderr]).toEqual([0, `Job ${ticket.jobId} COMPLETED\n`]);
  });

  it('tells every entry once, in order, though the server is killed and starts again', { timeout: 60_000 }, async () => {
    const database = await createTestDatabase();
    const replica = await useServerProcess(database.url);
    const first = await useServerProcess(database.url);
    const port = new URL(first.url).port;
    const client = new BatonClient({ url: replica.url });
    const ticket = await seedJob(client);
    await client.request(JobStartDocument, { input: {} });
    const following = startCommand('baton', ['jobs', 'logs', '-f', ticket.jobId], { env: { BATON_URL: first.url } });
    await log(ticket, 'one', {}, client);
    await following.untilStdout((stdout) => stdout.includes('one'));

    await first.end('SIGKILL');
    await log(ticket, 'two', {}, client);
    await following.untilStderr((stderr) => stderr.includes('Trying again.'));
    const second = await useServerProcess(database.url, { PORT: port });
    await following.untilStdout((stdout) => stdout.includes('two'));
    await log(ticket, 'three', {}, client);
    await complete(ticket.jobId, client);

    const { code, stdout } = await following.ended;
    expect(code).toBe(0);
    expect(linesOf(stdout).map((line) => line.split(' ')[1])).toEqual(['one', 'two', 'three']);
    await client.close();
    await replica.end('SIGTERM');
    await second.end('SIGTERM');
    await database.drop();
  });

  it('ends with 130 on Ctrl-C, and with 1 for what there is not', async () => {
    const ticket = await seedJob(operator);
    await start(ticket.projectId);
    await log(ticket, 'working');
    const following = startCommand('baton', ['jobs', 'logs', '-f', ticket.jobId], {
      env: { BATON_URL: app.url, BATON_TOKEN: token },
    });
    await following.untilStdout((stdout) => stdout.includes('working'));
    const idle = await seedTicket(operator);

    following.process.kill('SIGINT');
    const nothing = await run(['logs', '019aa1b2-0000-7000-8000-000000000000', '--json']);
    const jobless = await run(['logs', '-f', idle.taskId]);

    expect((await following.ended).code).toBe(130);
    expect(JSON.parse(nothing.stderr)).toEqual({
      error: 'There is no job and no ticket 019aa1b2-0000-7000-8000-000000000000 here.',
    });
    expect([nothing.code, jobless.code]).toEqual([1, 1]);
    expect(jobless.stderr).toContain('No job of this ticket has been made yet');
  });
});
