import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { BatonClient } from '../../src/sdk/baton-client.js';
import {
  JobDocument,
  ReviewRequestDocument,
  SettingsUpdateDocument,
  TaskRunsDocument,
  TicketCancelRequestDocument,
  TicketCompleteDocument,
  TicketDeleteDocument,
} from '../../src/sdk/generated.js';
import type { Job } from '../../src/worker/api/answers.js';
import { Coordinator, type RunnerProgram } from '../../src/worker/coordinator/coordinator.js';
import { dockerRun } from '../../src/worker/coordinator/docker-command.js';
import { readEnvironment } from '../../src/worker/coordinator/environment.js';
import { linesFor } from '../../src/worker/coordinator/journal.js';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { type RunningCommand, runCommand, startCommand } from '../support/command-line.js';
import { type FakeDocker, useFakeDocker } from '../support/fake-docker.js';
import { type RecordedRequest, useRecordingServer } from '../support/recording-server.js';
import { type SeededTicket, seedJob, seedJobs, seedProject, seedTicket } from '../support/tickets.js';

const key = 'sekret-of-workers';
const secretKey = 'ab'.repeat(32);

let app: TestApp;
let operator: BatonClient;

beforeAll(async () => {
  app = await startTestApp({ TERARCHITECT_WORKER_API_KEY: key, TERARCHITECT_SECRET_KEY: secretKey });
  operator = app.client();
});
afterAll(() => app.stop());

async function useDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'coordinator-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

interface CoordinatorOptions {
  docker: FakeDocker;
  stateDir?: string;
  url?: string;
  env?: Record<string, string>;
  args?: string[];
}

/** Starts a coordinator, as it is shipped, that looks for jobs often. */
async function startCoordinator(projectId: string | null, options: CoordinatorOptions): Promise<RunningCommand> {
  const { docker, env, args = [] } = options;
  const coordinator = startCommand('baton', ['coordinator', ...args], {
    env: {
      PATH: `${docker.bin}:${process.env.PATH}`,
      TERARCHITECT_API_URL: options.url ?? app.url,
      TERARCHITECT_WORKER_API_KEY: key,
      ...(projectId !== null && { PROJECT_ID: projectId }),
      POLL_INTERVAL_SEC: '0.2',
      COORDINATOR_STATE_DIR: options.stateDir ?? (await useDirectory()),
      ...env,
    },
  });
  await coordinator.untilStdout((stdout) => stdout.includes('started'));
  return coordinator;
}

const readJob = async (id: string) => (await operator.request(JobDocument, { id })).job;
const statusOf = async (id: string) => (await readJob(id))?.status;

async function readLogs({ taskId: id }: SeededTicket) {
  const { task } = await operator.request(TaskRunsDocument, { id });
  if (!task) throw new Error('no such ticket');
  return task.logs.nodes;
}

/** Waits for what the database says of a job. */
function expectStatus(jobId: string, status: string): Promise<void> {
  return expect.poll(() => statusOf(jobId), { timeout: 15_000, interval: 50 }).toBe(status);
}

async function endOf(coordinator: RunningCommand, signal: NodeJS.Signals = 'SIGTERM') {
  coordinator.process.kill(signal);
  return coordinator.ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the environment', () => {
  const url = 'http://server:5010';
  const read = (variables: Record<string, string>) =>
    readEnvironment({ TERARCHITECT_API_URL: url, HOME: '/home/otter', ...variables });

  it('has the defaults of the contract', () => {
    const { variables: _, stateDir, repoRoot, ...rest } = read({});

    expect(rest).toEqual({
      apiUrl: url,
      projectIds: [],
      workerKey: undefined,
      image: 'terarchitect-agent',
      concurrencyMax: 1,
      pollIntervalMs: 10_000,
      graceMs: 300_000,
      cacheVolume: 'terarchitect-agent-cache',
      dockerMode: 'dind',
      mountsDockerSocket: true,
      dockerNetwork: null,
    });
    expect(stateDir).toMatch(/\/\.terarchitect\/coordinator$/);
    expect(repoRoot).toBe(path.resolve(import.meta.dirname, '../..'));
  });

  it.each([
    [{ PROJECT_ID: 'a' }, { projectIds: ['a'] }],
    [{ PROJECT_ID: 'a', PROJECT_IDS: ' b ,, c, ' }, { projectIds: ['b', 'c'] }],
    [{ PROJECT_ID: 'a', PROJECT_IDS: '' }, { projectIds: ['a'] }],
    [{ TERARCHITECT_WORKER_API_KEY: ' k ' }, { workerKey: 'k' }],
    [{ AGENT_IMAGE: 'agents:2' }, { image: 'agents:2' }],
    [{ AGENT_IMAGE: '' }, { image: 'terarchitect-agent' }],
    [{ MAX_CONCURRENT_AGENTS: ' 3 ' }, { concurrencyMax: 3 }],
    [{ MAX_CONCURRENT_AGENTS: '0' }, { concurrencyMax: 1 }],
    [{ MAX_CONCURRENT_AGENTS: '-2' }, { concurrencyMax: 1 }],
    [{ POLL_INTERVAL_SEC: '2.5' }, { pollIntervalMs: 2500 }],
    [{ POLL_INTERVAL_SEC: '0' }, { pollIntervalMs: 100 }],
    [{ COORDINATOR_GRACE_SEC: '0' }, { graceMs: 0 }],
    [{ AGENT_CACHE_VOLUME: '' }, { cacheVolume: null }],
    [{ AGENT_CACHE_VOLUME: 'other' }, { cacheVolume: 'other' }],
    [{ COORDINATOR_STATE_DIR: '/state' }, { stateDir: '/state' }],
    [{ COORDINATOR_REPO_ROOT: '/repo' }, { repoRoot: '/repo' }],
    [{ AGENT_DOCKER_MODE: 'dood' }, { dockerMode: 'dood' }],
    [{ AGENT_MOUNT_DOCKER_SOCKET: '0' }, { mountsDockerSocket: false }],
    [{ AGENT_MOUNT_DOCKER_SOCKET: '1' }, { mountsDockerSocket: true }],
    [{ DOCKER_NETWORK: 'agents' }, { dockerNetwork: 'agents' }],
  ])('%j reads as %j', (variables, expected) => {
    expect(read(variables as Record<string, string>)).toMatchObject(expected);
  });

  it.each([
    [{ TERARCHITECT_API_URL: '' }, ['TERARCHITECT_API_URL is required']],
    [{ TERARCHITECT_API_URL: 'server:5010' }, ['TERARCHITECT_API_URL must be an http or https URL']],
    [{ MAX_CONCURRENT_AGENTS: 'many' }, ['MAX_CONCURRENT_AGENTS must be a whole number, not "many"']],
    [{ MAX_CONCURRENT_AGENTS: '1.5' }, ['MAX_CONCURRENT_AGENTS must be a whole number, not "1.5"']],
    [{ POLL_INTERVAL_SEC: 'soon' }, ['POLL_INTERVAL_SEC must be a number of seconds, not "soon"']],
    [{ COORDINATOR_GRACE_SEC: '-1' }, ['COORDINATOR_GRACE_SEC must be a number of seconds, not "-1"']],
    [{ AGENT_DOCKER_MODE: 'podman' }, ['AGENT_DOCKER_MODE must be dind or dood, not "podman"']],
    [
      { TERARCHITECT_API_URL: '', MAX_CONCURRENT_AGENTS: 'x', POLL_INTERVAL_SEC: 'y' },
      [
        'TERARCHITECT_API_URL is required',
        'MAX_CONCURRENT_AGENTS must be a whole number, not "x"',
        'POLL_INTERVAL_SEC must be a number of seconds, not "y"',
      ],
    ],
  ])('%j ends it with 1 and says all that is wrong', async (variables, problems) => {
    const env = { TERARCHITECT_API_URL: url, ...(variables as Record<string, string>) };

    const { code, stdout, stderr } = await runCommand('baton', ['coordinator'], { env });

    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: problems.map((each) => `Error: ${each}\n`).join(''),
    });
  });
});

describe('docker run', () => {
  const ticket: Job = {
    job_id: 'j1',
    ticket_id: 't1',
    project_id: 'p1',
    kind: 'ticket',
    repo_url: 'https://github.com/otters/holt.git',
    execution_mode: 'docker',
    project_path: null,
    agent_env: {},
  };
  const command = (job: Partial<Job> = {}, variables: Record<string, string> = {}) => {
    const environment = readEnvironment({ TERARCHITECT_API_URL: 'http://localhost:5010/', PATH: '/bin', ...variables });
    return dockerRun({ ...ticket, ...job }, environment, { image: 'agent', name: 'terarchitect-j1-1' });
  };
  const wholeOf = ({ args, variables }: ReturnType<typeof command>, name: string) =>
    args.includes(name) ? variables[name] : args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);

  it('has the arguments of the contract, in their order, and secrets by name alone', () => {
    const { args, variables } = command(
      { agent_env: { WORKER_MODE: 'opencode', WORKER_API_KEY: 'model-secret' } },
      { TERARCHITECT_WORKER_API_KEY: key, GITHUB_TOKEN: 'ghp_of_the_host', UNRELATED: 'stays here' },
    );

    expect(args).toEqual([
      'run',
      '--rm',
      '-v',
      'terarchitect-agent-cache:/cache',
      '--privileged',
      '--add-host=host.docker.internal:host-gateway',
      ...['-e', 'TICKET_ID=t1'],
      ...['-e', 'PROJECT_ID=p1'],
      ...['-e', 'REPO_URL=https://github.com/otters/holt.git'],
      ...['-e', 'JOB_ID=j1'],
      ...['-e', 'JOB_KIND=ticket'],
      ...['-e', 'TERARCHITECT_API_URL=http://host.docker.internal:5010/'],
      ...['-e', 'WORKER_MODE'],
      ...['-e', 'WORKER_API_KEY'],
      ...['-e', 'TERARCHITECT_WORKER_API_KEY'],
      ...['-e', 'GITHUB_TOKEN'],
      ...['--name', 'terarchitect-j1-1'],
      'agent',
    ]);
    expect(variables).toMatchObject({
      PATH: '/bin',
      WORKER_MODE: 'opencode',
      WORKER_API_KEY: 'model-secret',
      TERARCHITECT_WORKER_API_KEY: key,
      GITHUB_TOKEN: 'ghp_of_the_host',
    });
  });

  it('of a review tells the pull request and the comment, of however many lines', () => {
    const { args, variables } = command({
      kind: 'review',
      pr_number: 7,
      comment_body: 'first\nsecond "$HOME"',
      github_comment_id: 99,
    });

    const own = args.slice(args.indexOf('JOB_KIND=review') - 1, args.indexOf('--name'));
    expect(own.filter((arg) => arg !== '-e')).toEqual([
      'JOB_KIND=review',
      'TERARCHITECT_API_URL=http://host.docker.internal:5010/',
      'PR_NUMBER=7',
      'COMMENT_BODY',
      'GITHUB_COMMENT_ID=99',
    ]);
    expect(variables.COMMENT_BODY).toBe('first\nsecond "$HOME"');
  });

  it.each([
    ['the cache volume is empty', { AGENT_CACHE_VOLUME: '' }, ['run', '--rm', '--privileged']],
    [
      'containers use the docker of the host',
      { AGENT_DOCKER_MODE: 'dood' },
      ['run', '--rm', '-v', 'terarchitect-agent-cache:/cache', '-v', '/var/run/docker.sock:/var/run/docker.sock'],
    ],
    [
      'containers use a docker elsewhere',
      { AGENT_DOCKER_MODE: 'dood', AGENT_MOUNT_DOCKER_SOCKET: '0' },
      ['run', '--rm', '-v', 'terarchitect-agent-cache:/cache'],
    ],
    [
      'containers join a network',
      { DOCKER_NETWORK: 'agents' },
      ['run', '--rm', '-v', 'terarchitect-agent-cache:/cache', '--privileged', '--network', 'agents'],
    ],
  ])('differs when %s', (_when, variables, expected) => {
    const { args } = command({}, variables);

    expect(
      args.slice(
        0,
        args.findIndex((arg) => arg.startsWith('--add-host')),
      ),
    ).toEqual(expected);
  });

  it('adds no host unless something is to be found there', () => {
    expect(command({}, { TERARCHITECT_API_URL: 'https://baton.example' }).args).not.toContainEqual(
      expect.stringContaining('--add-host'),
    );
  });

  it.each([
    ['http://localhost:5010', 'http://host.docker.internal:5010'],
    ['https://127.0.0.1/v1?x=localhost', 'https://host.docker.internal/v1?x=localhost'],
    ['http://[::1]:8080/', 'http://host.docker.internal:8080/'],
    ['http://user:pass@localhost:1/', 'http://user:pass@host.docker.internal:1/'],
    ['http://localhost.example/', 'http://localhost.example/'],
    ['see http://localhost:1', 'see http://localhost:1'],
    ['localhost', 'localhost'],
  ])('finds the host of %s', (value, expected) => {
    expect(wholeOf(command({ agent_env: { WORKER_LLM_URL: value } }), 'WORKER_LLM_URL')).toBe(expected);
  });

  it('lets agent_env go before the fields of the job and the variables of the coordinator, in their places', () => {
    const own = { JOB_KIND: 'special', GITHUB_TOKEN: 'ghp_of_the_project', TERARCHITECT_WORKER_API_KEY: 'other' };
    const made = command(
      { agent_env: own },
      { GITHUB_TOKEN: 'ghp_of_the_host', GH_TOKEN: 'gho_of_the_host', TERARCHITECT_WORKER_API_KEY: key },
    );

    const names = made.args.filter((_arg, index) => made.args[index - 1] === '-e').map((arg) => arg.split('=')[0]);
    expect(names).toEqual([
      'TICKET_ID',
      'PROJECT_ID',
      'REPO_URL',
      'JOB_ID',
      'JOB_KIND',
      'TERARCHITECT_API_URL',
      'GITHUB_TOKEN',
      'TERARCHITECT_WORKER_API_KEY',
    ]);
    expect(Object.keys(own).map((name) => wholeOf(made, name))).toEqual(Object.values(own));
  });

  it('passes nothing that is empty, no program of the host, and no address with a password in it', () => {
    const made = command(
      {
        repo_url: 'https://otter:hunter22@git.example/holt.git',
        agent_env: { EMPTY: '', GIT_ASKPASS: '/usr/bin/x', SSH_ASKPASS: '/usr/bin/y' },
      },
      { GIT_ASKPASS: '/usr/bin/x', GITHUB_TOKEN: ' ' },
    );

    const names = made.args.filter((_arg, index) => made.args[index - 1] === '-e').map((arg) => arg.split('=')[0]);
    expect(names).toEqual(['TICKET_ID', 'PROJECT_ID', 'REPO_URL', 'JOB_ID', 'JOB_KIND', 'TERARCHITECT_API_URL']);
    expect(made.args.join(' ')).not.toContain('hunter22');
  });

  it('keeps variables for the agent that mean something to docker from the docker program', () => {
    const { args, variables } = command({ agent_env: { DOCKER_HOST: 'tcp://sidecar:2375', PATH: '/opt/agent/bin' } });

    expect(args).toEqual(expect.arrayContaining(['DOCKER_HOST=tcp://sidecar:2375', 'PATH=/opt/agent/bin']));
    expect([variables.DOCKER_HOST, variables.PATH]).toEqual([undefined, '/bin']);
  });
});

describe('a job', () => {
  it('runs in a container, and is completed when that ends well', async () => {
    const docker = await useFakeDocker({ output: ['cloning', 'done'] });
    const { projectId, taskId, jobId } = await seedJob(operator);
    const stateDir = await useDirectory();

    const coordinator = await startCoordinator(projectId, { docker, stateDir });
    await expectStatus(jobId, 'COMPLETED');
    await coordinator.untilStdout((stdout) => stdout.includes(' completed '));
    const { code, stdout, stderr } = await endOf(coordinator);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const name = `terarchitect-${jobId}-1`;
    expect(stdout.replaceAll(/\d+\.\d s/g, 'TIME').split('\n')).toEqual([
      `[coordinator] started: jobs of projects ${projectId} at ${app.url}, with a worker key; image terarchitect-agent (dind), 1 at once, every TIME`,
      `[coordinator] job ${jobId} claimed (ticket): ticket ${taskId}, project ${projectId}`,
      `[coordinator] job ${jobId} started in container ${name}`,
      `[job ${jobId}] cloning`,
      `[job ${jobId}] done`,
      `[coordinator] job ${jobId} completed (after TIME)`,
      '[coordinator] stopped',
      '',
    ]);
    const [run] = await docker.runs(1);
    expect(run?.args.slice(-3)).toEqual(['--name', name, 'terarchitect-agent']);
    expect(await readFile(path.join(stateDir, 'project_images.json'), 'utf8').then(JSON.parse)).toEqual({
      [projectId]: 'terarchitect-agent',
    });
  });

  it('has failed when its container ends badly: with the reason, told again on standard error', async () => {
    const docker = await useFakeDocker({ output: ['cloning'], errors: ['no space left on device'], exitCode: 3 });
    const ticket = await seedJob(operator);

    const coordinator = await startCoordinator(ticket.projectId, { docker });
    await expectStatus(ticket.jobId, 'FAILED');
    await coordinator.untilStdout((stdout) => stdout.includes(' failed: '));
    const { stderr } = await endOf(coordinator);

    const reason = (await readJob(ticket.jobId))?.failureReason;
    expect(reason).toMatch(/^The agent ended with exit code 3\. Its last words:\n/);
    expect(reason).toContain('no space left on device');
    expect(stderr).toContain(`job ${ticket.jobId} ----- its last 2 lines -----`);
    expect(stderr).toContain(`job ${ticket.jobId} | no space left on device`);
    const [log] = await readLogs(ticket);
    expect(log?.summary).toBe('[coordinator] The agent ended with exit code 3.');
  });

  it('has failed, in clear words, where there is no docker; the next one is not wasted at once', async () => {
    const docker = await useFakeDocker();
    const projectId = await seedProject(operator);
    const [first, second] = [await seedJob(operator, projectId), await seedJob(operator, projectId)];
    const empty = await useDirectory();

    const coordinator = await startCoordinator(projectId, { docker, env: { PATH: empty, POLL_INTERVAL_SEC: '600' } });
    await expectStatus(first.jobId, 'FAILED');
    await coordinator.untilStdout((stdout) => stdout.includes(' failed: '));
    await endOf(coordinator);

    expect((await readJob(first.jobId))?.failureReason).toBe(
      'There is no program "docker" on the PATH of the coordinator. Install Docker on its machine, or set the project to run locally.',
    );
    expect(await statusOf(second.jobId)).toBe('PENDING');
    expect((await readLogs(first)).map(({ summary }) => summary)).toEqual([
      expect.stringContaining('There is no program "docker"'),
    ]);
  });

  it('of a review is run with its pull request, and completed', async () => {
    const docker = await useFakeDocker();
    const ticket = await seedTicket(operator);
    await operator.request(TicketCompleteDocument, { input: { taskId: ticket.taskId, prNumber: 7 } });
    const input = { taskId: ticket.taskId, prNumber: 7, commentBody: 'Rename it,\nplease.', githubCommentId: '99' };
    const { reviewRequest } = await operator.request(ReviewRequestDocument, { input });

    const coordinator = await startCoordinator(ticket.projectId, { docker });
    await expectStatus(reviewRequest.job?.id ?? '', 'COMPLETED');
    await endOf(coordinator);

    const [run] = await docker.runs(1);
    expect(run?.args).toEqual(expect.arrayContaining(['JOB_KIND=review', 'PR_NUMBER=7', 'COMMENT_BODY', 'GITHUB_COMMENT_ID=99']));
    expect(run?.env.COMMENT_BODY).toBe('Rename it,\nplease.');
  });

  it('runs with the image that its project ran well with before', async () => {
    const docker = await useFakeDocker();
    const { projectId, jobId } = await seedJob(operator);
    const stateDir = await useDirectory();
    const images = path.join(stateDir, 'project_images.json');
    await writeFile(images, JSON.stringify({ [projectId]: 'image-of-the-project', other: 'kept' }));

    const coordinator = await startCoordinator(projectId, { docker, stateDir, env: { AGENT_IMAGE: 'another' } });
    await expectStatus(jobId, 'COMPLETED');
    await endOf(coordinator);

    const [run] = await docker.runs(1);
    expect(run?.args.at(-1)).toBe('image-of-the-project');
    expect(JSON.parse(await readFile(images, 'utf8'))).toEqual({ [projectId]: 'image-of-the-project', other: 'kept' });
  });

  it('runs although nothing can be kept in the state directory', async () => {
    const docker = await useFakeDocker();
    const { projectId, jobId } = await seedJob(operator);
    const file = path.join(await useDirectory(), 'file');
    await writeFile(file, '');

    const coordinator = await startCoordinator(projectId, { docker, stateDir: file });
    await expectStatus(jobId, 'COMPLETED');
    await coordinator.untilStderr((stderr) => stderr.includes('cannot remember the image'));
    const { code, stderr } = await endOf(coordinator);

    expect(code).toBe(0);
    expect(stderr).toContain(`[coordinator] cannot keep state in ${file}: `);
  });

  it('follows the one before at once, not at the next poll', async () => {
    const docker = await useFakeDocker();
    const projectId = await seedProject(operator);
    const jobIds = await seedJobs(app, projectId, 4);

    const coordinator = await startCoordinator(projectId, { docker, env: { POLL_INTERVAL_SEC: '600' } });
    for (const jobId of jobIds) await expectStatus(jobId, 'COMPLETED');
    await endOf(coordinator);

    expect((await docker.running()).most).toBe(1);
  });

  it('is told of in JSON with --json', async () => {
    const docker = await useFakeDocker({ output: ['working'], exitCode: 1 });
    const { projectId, jobId } = await seedJob(operator);

    const coordinator = await startCoordinator(projectId, { docker, args: ['--json'] });
    await coordinator.untilStdout((stdout) => stdout.includes('job_failed'));
    const { stdout, stderr } = await endOf(coordinator);

    const [out, err] = [stdout, stderr].map((text) =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    );
    expect(out?.map(({ event }) => event)).toEqual([
      'started',
      'job_claimed',
      'job_started',
      'job_output',
      'job_failed',
      'stopped',
    ]);
    expect(out?.find(({ event }) => event === 'job_output')).toEqual({
      time: expect.stringMatching(/Z$/),
      level: 'info',
      event: 'job_output',
      jobId,
      message: 'working',
    });
    expect(out?.find(({ event }) => event === 'job_failed')).toMatchObject({ jobId, durationMs: expect.any(Number) });
    expect(err?.every(({ level, jobId: id }) => level === 'warn' && id === jobId)).toBe(true);
  });
});

describe('concurrency', () => {
  it('is that of the settings, read again each cycle, else that of the environment', { timeout: 60_000 }, async () => {
    // Settings are the whole organization's: a server of its own.
    const own = await useTestApp({ TERARCHITECT_WORKER_API_KEY: key, TERARCHITECT_SECRET_KEY: secretKey });
    const client = own.client();
    const projectId = await seedProject(client);
    const set = (value: string | null) =>
      client.request(SettingsUpdateDocument, { input: { settings: [{ key: 'MAX_CONCURRENT_AGENTS', value }] } });
    const docker = await useFakeDocker({ hangs: true });
    await seedJobs(own, projectId, 9);
    const expectRunning = (count: number) =>
      expect.poll(async () => (await docker.running()).now, { timeout: 15_000, interval: 50 }).toBe(count);

    const coordinator = await startCoordinator(projectId, { docker, url: own.url, env: { MAX_CONCURRENT_AGENTS: '1' } });
    await expectRunning(1);
    await set('3');
    await expectRunning(3);
    await set('5');
    await expectRunning(5);
    await set('2');
    await docker.letEnd();
    // The last four run under the limit of two.
    await docker.runs(9);
    await set(null);

    expect((await docker.running()).most).toBe(5);
    await endOf(coordinator);
  });

  it('of two coordinators on one queue runs every job once', { timeout: 60_000 }, async () => {
    const docker = await useFakeDocker();
    const projectId = await seedProject(operator);
    const jobIds = await seedJobs(app, projectId, 12);
    const stateDir = await useDirectory();
    const env = { MAX_CONCURRENT_AGENTS: '2' };

    const both = await Promise.all([
      startCoordinator(projectId, { docker, stateDir, env }),
      startCoordinator(projectId, { docker, stateDir, env }),
    ]);
    for (const jobId of jobIds) await expectStatus(jobId, 'COMPLETED');
    await Promise.all(both.map((coordinator) => endOf(coordinator)));

    const ran = (await docker.calls()).map(
      ({ env: { JOB_ID }, args }) => args.find((arg) => arg.startsWith('JOB_ID='))?.slice(7) ?? JOB_ID,
    );
    expect(ran.sort()).toEqual([...jobIds].sort());
  });
});

describe('output', () => {
  it('goes line by line to the log of the coordinator and to that of the ticket, without secrets', async () => {
    const own = await useTestApp({ TERARCHITECT_WORKER_API_KEY: key, TERARCHITECT_SECRET_KEY: secretKey });
    const client = own.client();
    await client.request(SettingsUpdateDocument, { input: { settings: [{ key: 'WORKER_API_KEY', value: 'model-secret-1' }] } });
    const secrets = [key, 'model-secret-1', 'ghp_of_the_host'];
    const docker = await useFakeDocker({
      output: [
        'one',
        `two ${secrets[0]} ${secrets[1]} x${secrets[2]}x`,
        encodeURIComponent(secrets[1] ?? ''),
        '\u001b[31mred\u001b[0m \u0007bell',
      ],
      errors: [`Authorization: Bearer ${key}`],
      exitCode: 1,
    });
    const ticket = await seedJob(client);

    const coordinator = await startCoordinator(ticket.projectId, {
      docker,
      url: own.url,
      env: { GITHUB_TOKEN: 'ghp_of_the_host' },
    });
    await coordinator.untilStdout((stdout) => stdout.includes(' failed: '));
    const { stdout, stderr } = await endOf(coordinator);

    const { task } = await client.request(TaskRunsDocument, { id: ticket.taskId });
    const { job } = await client.request(JobDocument, { id: ticket.jobId });
    const logged = task?.logs.nodes.map(({ rawOutput }) => rawOutput).join('\n');
    expect(logged).toContain('two [secret] [secret] x[secret]x');
    expect(task?.logs.nodes[0]).toMatchObject({ sessionId: ticket.jobId, step: 'container_output', job: { id: ticket.jobId } });
    expect(stdout).toContain(`[job ${ticket.jobId}] two [secret] [secret] x[secret]x\n`);
    expect(stdout).toContain('\u001b[31mred\u001b[0m  bell\n');
    const args = (await docker.calls()).map((call) => call.args.join(' '));
    for (const secret of secrets) {
      for (const text of [stdout, stderr, JSON.stringify(task), JSON.stringify(job), ...args, ...own.logLines])
        expect(text).not.toContain(secret);
    }
    const [run] = await docker.runs(1);
    expect(run?.env).toMatchObject({
      WORKER_API_KEY: 'model-secret-1',
      GITHUB_TOKEN: 'ghp_of_the_host',
      TERARCHITECT_WORKER_API_KEY: key,
    });
  });

  it('is kept while the agent still works, many lines in one entry', async () => {
    const docker = await useFakeDocker({ output: Array.from({ length: 500 }, (_, index) => `line ${index}`), hangs: true });
    const ticket = await seedJob(operator);

    const coordinator = await startCoordinator(ticket.projectId, { docker });
    await expect.poll(async () => (await readLogs(ticket)).at(-1)?.summary, { timeout: 15_000, interval: 100 }).toBe('line 499');
    const logs = await readLogs(ticket);
    await docker.letEnd();
    await expectStatus(ticket.jobId, 'COMPLETED');
    await endOf(coordinator);

    expect(logs.length).toBeLessThan(5);
    expect(
      logs
        .map(({ rawOutput }) => rawOutput)
        .join('\n')
        .split('\n'),
    ).toHaveLength(500);
  });
});

describe('a run that is not to go on', () => {
  const cancel = ({ taskId }: SeededTicket) => operator.request(TicketCancelRequestDocument, { input: { taskId } });

  it('because it was canceled: the container is stopped, and the job has failed as canceled', async () => {
    const docker = await useFakeDocker({ hangs: true, output: ['working'] });
    const ticket = await seedJob(operator);
    const coordinator = await startCoordinator(ticket.projectId, { docker });
    await docker.runs(1);

    await cancel(ticket);
    await expectStatus(ticket.jobId, 'FAILED');
    await coordinator.untilStdout((stdout) => stdout.includes(' canceled (after'));
    const { stdout, stderr } = await endOf(coordinator);

    expect((await readJob(ticket.jobId))?.failureReason).toBe('canceled');
    expect(stdout).toContain(`job ${ticket.jobId} is to be canceled: stopping its agent`);
    expect(stderr).toBe('');
    expect((await docker.running()).now).toBe(0);
    expect((await docker.calls()).map(({ args }) => args)).toContainEqual(['stop', '-t', '10', `terarchitect-${ticket.jobId}-1`]);
  });

  it('is killed when it does not stop by itself', async () => {
    const docker = await useFakeDocker({ hangs: true, ignoresSigterm: true, stopSeconds: 0.2 });
    const ticket = await seedJob(operator);
    const coordinator = await startCoordinator(ticket.projectId, { docker });
    await docker.runs(1);

    await cancel(ticket);
    await expectStatus(ticket.jobId, 'FAILED');
    await endOf(coordinator);

    expect((await docker.running()).now).toBe(0);
  });

  it('because the job was lost, and runs elsewhere: the container is stopped, and nothing is reported', {
    timeout: 60_000,
  }, async () => {
    const own = await useTestApp({ JOB_LEASE_SECONDS: '2' });
    const docker = await useFakeDocker({ hangs: true });
    const ticket = await seedJob(own.client());
    const coordinator = await startCoordinator(ticket.projectId, { docker, url: own.url });
    const [run] = await docker.runs(1);

    // As if a lease had lapsed while nobody could reach the server, and another coordinator had taken the job since.
    await own.sql('update job set fence = fence + 1 where id = $1', [ticket.jobId]);
    await coordinator.untilStderr((stderr) => stderr.includes('was lost'));
    await expect.poll(async () => (await docker.running()).now, { timeout: 15_000, interval: 50 }).toBe(0);
    const { stderr } = await endOf(coordinator);

    expect(stderr).toContain(
      `job ${ticket.jobId} was lost: POST /api/worker/jobs/${ticket.jobId}/heartbeat was answered 409: Job not running`,
    );
    const { job } = await own.client().request(JobDocument, { id: ticket.jobId });
    expect([job?.fence, job?.failureReason]).toEqual([2, null]);
    expect(run?.args).toContain(`terarchitect-${ticket.jobId}-1`);
  });

  it('because its ticket was deleted', async () => {
    const docker = await useFakeDocker({ hangs: true });
    const ticket = await seedJob(operator);
    const coordinator = await startCoordinator(ticket.projectId, { docker });
    await docker.runs(1);

    await operator.request(TicketDeleteDocument, { input: { taskId: ticket.taskId } });
    await coordinator.untilStderr((stderr) => stderr.includes('was lost'));
    await expect.poll(async () => (await docker.running()).now, { timeout: 15_000, interval: 50 }).toBe(0);

    await endOf(coordinator);
  });
});

describe('a lease', () => {
  it('is kept by heartbeats for as long as the container runs', { timeout: 60_000 }, async () => {
    const own = await useTestApp({ JOB_LEASE_SECONDS: '1' });
    const docker = await useFakeDocker({ hangs: true });
    const ticket = await seedJob(own.client());
    const read = async () => (await own.client().request(JobDocument, { id: ticket.jobId })).job;
    const coordinator = await startCoordinator(ticket.projectId, { docker, url: own.url });
    await docker.runs(1);
    const startedAt = Date.now();

    // Several leases long.
    await expect
      .poll(async () => Date.parse((await read())?.leaseExpiresAt ?? '') - startedAt, { timeout: 20_000, interval: 100 })
      .toBeGreaterThan(4000);
    await docker.letEnd();
    await expect.poll(async () => (await read())?.status, { timeout: 15_000, interval: 50 }).toBe('COMPLETED');
    await endOf(coordinator);

    expect(await read()).toMatchObject({ attempts: 1, fence: 1 });
  });

  it('gives the job of a killed coordinator back, and the next one stops what it has left running', {
    timeout: 60_000,
  }, async () => {
    const docker = await useFakeDocker({ hangs: true });
    const { projectId, jobId } = await seedJob(operator);
    const stateDir = await useDirectory();
    const killed = await startCoordinator(projectId, { docker, stateDir });
    await docker.runs(1);

    await endOf(killed, 'SIGKILL');
    expect((await docker.running()).now).toBe(1);
    const next = await startCoordinator(projectId, { docker, stateDir });
    await docker.runs(2);
    await docker.letEnd();
    await expectStatus(jobId, 'COMPLETED');
    const { stdout } = await endOf(next);

    expect(stdout).toContain(`job ${jobId} was left behind by a coordinator that is gone: it was stopped`);
    expect(stdout).toContain(`job ${jobId} given back: it waits again`);
    expect(stdout).toContain(`started in container terarchitect-${jobId}-2`);
    expect((await docker.running()).most).toBe(1);
    // The run of the killed one counts for nothing.
    expect(await readJob(jobId)).toMatchObject({ attempts: 1, fence: 2 });
  });

  it('gives the job of a killed coordinator to another machine once it lapses', { timeout: 60_000 }, async () => {
    const own = await useTestApp({ JOB_LEASE_SECONDS: '1' });
    const client = own.client();
    const { projectId, jobId } = await seedJob(client);
    const [here, there] = [await useFakeDocker({ hangs: true }), await useFakeDocker()];
    const killed = await startCoordinator(projectId, { docker: here, url: own.url });
    await here.runs(1);

    await endOf(killed, 'SIGKILL');
    const other = await startCoordinator(projectId, { docker: there, url: own.url });
    await expect
      .poll(async () => (await client.request(JobDocument, { id: jobId })).job?.status, { timeout: 15_000, interval: 50 })
      .toBe('COMPLETED');
    await endOf(other);

    expect((await client.request(JobDocument, { id: jobId })).job).toMatchObject({ attempts: 2, fence: 2 });
  });

  it('leaves what runs under a living coordinator alone', async () => {
    const docker = await useFakeDocker({ hangs: true });
    const projectId = await seedProject(operator);
    const { jobId } = await seedJob(operator, projectId);
    const stateDir = await useDirectory();
    const first = await startCoordinator(projectId, { docker, stateDir });
    await docker.runs(1);

    const second = await startCoordinator(projectId, { docker, stateDir });
    await endOf(second);
    expect((await docker.running()).now).toBe(1);
    await docker.letEnd();
    await expectStatus(jobId, 'COMPLETED');
    await endOf(first);

    expect((await docker.calls()).map(({ args }) => args[0])).toEqual(['run']);
  });
});

describe('a coordinator that is told to stop', () => {
  it('takes no more jobs, and lets what runs end within its grace time', async () => {
    const docker = await useFakeDocker({ hangs: true });
    const projectId = await seedProject(operator);
    const [running, waiting] = await seedJobs(app, projectId, 2);
    const coordinator = await startCoordinator(projectId, { docker });
    await docker.runs(1);

    coordinator.process.kill('SIGTERM');
    await coordinator.untilStdout((stdout) => stdout.includes('stopping: 1 running job may go on for 300 s'));
    await docker.letEnd();
    const { code, stdout } = await coordinator.ended;

    expect(code).toBe(0);
    expect(stdout).toMatch(/completed \(after .*\)\n\[coordinator\] stopped\n$/);
    expect([await statusOf(running ?? ''), await statusOf(waiting ?? '')]).toEqual(['COMPLETED', 'PENDING']);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops containers after its grace time and gives the jobs back: %s', async (signal) => {
    const docker = await useFakeDocker({ hangs: true });
    const projectId = await seedProject(operator);
    const jobIds = await seedJobs(app, projectId, 2);
    const env = { COORDINATOR_GRACE_SEC: '0.3', MAX_CONCURRENT_AGENTS: '2' };
    const coordinator = await startCoordinator(projectId, { docker, env });
    await docker.runs(2);

    const { code, stdout, stderr } = await endOf(coordinator, signal);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('stopping 2 running jobs and giving the work back');
    for (const jobId of jobIds) {
      expect(stdout).toContain(`job ${jobId} given back`);
      expect(await readJob(jobId)).toMatchObject({ status: 'PENDING', attempts: 0, fence: 1 });
    }
    expect((await docker.running()).now).toBe(0);
  });

  it('stops at once on a second signal', async () => {
    const docker = await useFakeDocker({ hangs: true });
    const { projectId, jobId } = await seedJob(operator);
    const coordinator = await startCoordinator(projectId, { docker });
    await docker.runs(1);

    coordinator.process.kill('SIGTERM');
    await coordinator.untilStdout((stdout) => stdout.includes('a second signal stops at once'));
    const { code } = await endOf(coordinator);

    expect([code, await statusOf(jobId)]).toEqual([0, 'PENDING']);
    expect((await docker.running()).now).toBe(0);
  });
});

describe('the server', () => {
  it('may be away and come back: the coordinator goes on', { timeout: 60_000 }, async () => {
    const docker = await useFakeDocker();
    const port = await freePort();
    const coordinator = await startCoordinator(null, { docker, url: `http://127.0.0.1:${port}` });
    await coordinator.untilStderr((stderr) => stderr.includes('[coordinator] claim job error: '));

    const own = await useTestApp({ PORT: String(port) });
    const client = own.client();
    const { jobId } = await seedJob(client);
    await expect
      .poll(async () => (await client.request(JobDocument, { id: jobId })).job?.status, { timeout: 20_000, interval: 50 })
      .toBe('COMPLETED');
    await endOf(coordinator);
  });

  it.each([
    [401, { error: 'Invalid worker API token' }, 'was answered 401: Invalid worker API token'],
    [404, { error: 'Project not found' }, 'was answered 404: Project not found'],
    [500, { error: 'broken' }, 'was answered 500: broken'],
    [200, { nothing: 'of a job' }, 'with what is no answer to it'],
  ])('that answers %s has no job', async (status, body, words) => {
    const docker = await useFakeDocker();
    const server = await useRecordingServer(({ line }) =>
      line === 'GET /api/settings' ? { status: 200, body: {} } : { status, body },
    );

    const coordinator = await startCoordinator('p1', { docker, url: server.url });
    await coordinator.untilStderr((stderr) => stderr.split('claim job error').length > 2);
    const { code, stderr } = await endOf(coordinator);

    expect(code).toBe(0);
    expect(stderr).toContain('[coordinator] claim job error: ');
    expect(stderr).toContain(words);
  });

  it('is asked as the first coordinator asked it', async () => {
    const docker = await useFakeDocker();
    const job = { job_id: 'j1', ticket_id: 't1', project_id: 'p1', kind: 'ticket', repo_url: '' };
    let jobs = 1;
    const server = await useRecordingServer(({ line }) => {
      if (line !== 'POST /api/worker/jobs/start') return { status: 200, body: {} };
      return jobs-- > 0 ? { status: 200, body: job } : { status: 204 };
    });

    const coordinator = await startCoordinator(null, { docker, url: `${server.url}/` });
    await coordinator.untilStdout((stdout) => stdout.includes(' completed '));
    await endOf(coordinator);

    const ofDialect = ({ line }: RecordedRequest) => !line.includes('/tickets/');
    const asked = server.requests.filter(ofDialect).slice(0, 4);
    expect(asked.map(({ line, body }) => [line, body])).toEqual([
      ['GET /api/settings', ''],
      ['GET /api/settings', ''],
      ['POST /api/worker/jobs/start', '{}'],
      // What waits is asked for while the job runs, or after it: both are right.
      expect.anything(),
    ]);
    const completed = server.requests.find(({ line }) => line === 'POST /api/worker/jobs/j1/complete');
    expect(completed).toMatchObject({ body: '', headers: { authorization: `Bearer ${key}`, 'content-length': '0' } });
    expect(completed?.headers['content-type']).toBeUndefined();
  });

  it('is told how a run ended once it is back', async () => {
    const docker = await useFakeDocker();
    const job = { job_id: 'j1', ticket_id: 't1', project_id: 'p1', kind: 'ticket', repo_url: '', fence: 4, lease_seconds: 60 };
    let [jobs, refusals] = [1, 2];
    const server = await useRecordingServer(({ line }) => {
      if (line.endsWith('/start')) return jobs-- > 0 ? { status: 200, body: job } : { status: 204 };
      if (line.endsWith('/complete')) return { status: refusals-- > 0 ? 503 : 200, body: {} };
      return { status: 200, body: {} };
    });

    const coordinator = await startCoordinator(null, { docker, url: server.url });
    await coordinator.untilStdout((stdout) => stdout.includes(' completed '));
    await endOf(coordinator);

    const said = server.requests.filter(({ line }) => line === 'POST /api/worker/jobs/j1/complete');
    expect(said.map(({ body }) => JSON.parse(body))).toEqual(Array(3).fill({ fence: 4 }));
  });

  it('that has revoked the worker key keeps no run from going on, and gets nothing of it said', { timeout: 60_000 }, async () => {
    const own = await useTestApp({ TERARCHITECT_SECRET_KEY: secretKey, JOB_LEASE_SECONDS: '3' });
    const client = own.client();
    const setKey = (value: string) =>
      client.request(SettingsUpdateDocument, { input: { settings: [{ key: 'TERARCHITECT_WORKER_API_KEY', value }] } });
    await setKey(key);
    const docker = await useFakeDocker({ hangs: true });
    const { projectId, jobId } = await seedJob(client);
    const coordinator = await startCoordinator(projectId, { docker, url: own.url });
    await docker.runs(1);

    await setKey('another-key');
    await coordinator.untilStderr((stderr) => stderr.includes('Is TERARCHITECT_WORKER_API_KEY still right?'));
    await docker.letEnd();
    await coordinator.untilStderr((stderr) => stderr.includes('which could not be said'));
    const { code, stderr } = await endOf(coordinator);

    expect(code).toBe(0);
    expect(stderr).toMatch(/job \S+ heartbeat error: .* was answered 401: Invalid worker API token/);
    expect(stderr).toContain(`job ${jobId} completed, which could not be said`);
    expect(stderr).toContain('It waits again when its lease lapses.');
    await expect
      .poll(async () => (await client.request(JobDocument, { id: jobId })).job?.status, { timeout: 15_000, interval: 50 })
      .toBe('PENDING');
  });
});

describe('a job on the host', () => {
  /** What runs in the place of the runner: it notes how it was started, and does what the test says. */
  async function useRunner(then: string) {
    const directory = await useDirectory();
    const [file, noted] = [path.join(directory, 'runner.mjs'), path.join(directory, 'noted.json')];
    const note = `fs.writeFileSync(${JSON.stringify(noted)}, JSON.stringify({ args: process.argv.slice(2), env: process.env, cwd: process.cwd(), pid: process.pid }));`;
    await writeFile(file, `import fs from 'node:fs';\nimport { spawn } from 'node:child_process';\n${note}\n${then}\n`);
    const read = async () => JSON.parse(await readFile(noted, 'utf8'));
    return { program: { file: process.execPath, args: [file] }, directory, read };
  }

  /** A coordinator in this process, whose runner is the test's own. */
  async function useCoordinator(projectId: string, runner: RunnerProgram, variables: Record<string, string> = {}) {
    const lines: string[] = [];
    const keep = { write: (line: string) => lines.push(line) > 0 };
    const environment = readEnvironment({
      PATH: process.env.PATH,
      TERARCHITECT_API_URL: app.url,
      TERARCHITECT_WORKER_API_KEY: key,
      PROJECT_ID: projectId,
      POLL_INTERVAL_SEC: '0.2',
      COORDINATOR_STATE_DIR: await useDirectory(),
      ...variables,
    });
    const coordinator = new Coordinator(environment, { journal: linesFor({ stdout: keep, stderr: keep }), runner });
    const ended = coordinator.run();
    onTestFinished(async () => {
      coordinator.stop();
      coordinator.stop();
      await ended;
    });
    return { lines, stop: () => coordinator.stop(), ended };
  }

  const seedLocalJob = async (projectPath: string) =>
    seedJob(operator, await seedProject(operator, { executionMode: 'LOCAL', projectPath }));

  it('runs the runner with the whole environment, the fields of the job and its directory, and no docker', async () => {
    const { program, directory, read } = await useRunner(`console.log('at work');`);
    const { projectId, taskId, jobId } = await seedLocalJob('/srv/holt');

    const { lines } = await useCoordinator(projectId, program, {
      OWN: 'kept',
      GIT_ASKPASS: '/x',
      COORDINATOR_REPO_ROOT: directory,
    });
    await expectStatus(jobId, 'COMPLETED');

    const { args, env, cwd } = await read();
    expect([args, cwd]).toEqual([['ticket'], directory]);
    expect(env).toMatchObject({
      OWN: 'kept',
      TICKET_ID: taskId,
      PROJECT_ID: projectId,
      JOB_ID: jobId,
      JOB_KIND: 'ticket',
      REPO_URL: 'https://github.com/otters/holt.git',
      TERARCHITECT_API_URL: app.url,
      TERARCHITECT_WORKER_API_KEY: key,
      AGENT_WORKSPACE: '/srv/holt',
      WORKER_MODE: 'opencode',
    });
    expect(env).not.toHaveProperty('GIT_ASKPASS');
    expect(lines).toContain(`[coordinator] job ${jobId} started on this machine, in /srv/holt\n`);
    expect(lines).toContain(`[job ${jobId}] at work\n`);
  });

  it('has failed when the runner ends badly', async () => {
    const { program } = await useRunner(`console.error('Error: REPO_URL is required'); process.exit(1);`);
    const { projectId, jobId } = await seedLocalJob('/srv/holt');

    await useCoordinator(projectId, program);
    await expectStatus(jobId, 'FAILED');

    expect((await readJob(jobId))?.failureReason).toBe(
      'The agent ended with exit code 1. Its last words:\nError: REPO_URL is required',
    );
  });

  it('is run by the runner that is shipped beside the coordinator', { timeout: 60_000 }, async () => {
    const docker = await useFakeDocker();
    const directory = await useDirectory();
    await writeFile(path.join(directory, 'not-a-checkout'), '');
    const { projectId, jobId } = await seedLocalJob(directory);

    const coordinator = await startCoordinator(projectId, { docker });
    await expectStatus(jobId, 'FAILED');
    await endOf(coordinator);

    const reason = (await readJob(jobId))?.failureReason;
    expect(reason).toMatch(/^The agent ended with exit code 1\. Its last words:\n/);
    expect(reason).toContain(directory);
    expect(await docker.calls()).toEqual([]);
  });

  it('is stopped with whatever it has started, and given back', async () => {
    const child = `spawn(process.execPath, ['-e', 'console.log("child", process.pid); setInterval(() => {}, 1000)'], { stdio: 'inherit' });`;
    const { program, read } = await useRunner(`${child}\nsetInterval(() => {}, 1000);`);
    const { projectId, jobId } = await seedLocalJob('/srv/holt');
    const { lines, stop, ended } = await useCoordinator(projectId, program);
    const childPid = () => Number(lines.join('').match(/child (\d+)/)?.[1]);
    await expect.poll(childPid, { timeout: 15_000, interval: 20 }).toBeGreaterThan(0);

    stop();
    stop();
    await ended;

    expect(await readJob(jobId)).toMatchObject({ status: 'PENDING', attempts: 0 });
    for (const pid of [(await read()).pid, childPid()]) {
      await expect.poll(() => isAlive(pid), { timeout: 5_000, interval: 20 }).toBe(false);
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended and that nobody has asked for yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
