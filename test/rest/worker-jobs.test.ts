import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../../src/sdk/baton-client.js';
import {
  EventLogDocument,
  GraphReplaceDocument,
  JobDocument,
  JobsDocument,
  NoteCreateDocument,
  type SettingKey,
  SettingsUpdateDocument,
  TaskRunsDocument,
  TicketCancelRequestDocument,
  TicketUpdateDocument,
} from '../../src/sdk/generated.js';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { nothingHeldBack } from '../support/event-horizon.js';
import { type RestRequest, rest } from '../support/rest-call.js';
import { type SeededTicket, seedJob, seedJobs, seedProject, seedTicket } from '../support/tickets.js';

const key = 'sekret';
const unknownId = '019aa1b2-0000-7000-8000-000000000000';

let app: TestApp;
let operator: BatonClient;

beforeAll(async () => {
  const variables = { TERARCHITECT_WORKER_API_KEY: key, TERARCHITECT_SECRET_KEY: 'ab'.repeat(32) };
  app = await startTestApp(variables, { runsClockwork: false });
  operator = app.client();
});
afterAll(() => app.stop());

/** As a worker process asks. */
function ask(method: string, path: string, options: RestRequest = {}) {
  return rest(app, method, path, { token: key, ...options });
}

function ticketPath({ projectId, taskId }: SeededTicket, rest: string): string {
  return `/api/projects/${projectId}/tickets/${taskId}/${rest}`;
}

async function startJob(body: unknown) {
  const { status, json } = await ask('POST', '/api/worker/jobs/start', { body });
  expect(status).toBe(200);
  return json;
}

async function statusOfJob(id: string): Promise<string | undefined> {
  return (await operator.request(JobDocument, { id })).job?.status;
}

async function readRuns({ taskId: id }: SeededTicket) {
  const { task } = await operator.request(TaskRunsDocument, { id });
  if (!task) throw new Error('no such ticket');
  return task;
}

const move = ({ taskId }: SeededTicket, columnId: string) =>
  operator.request(TicketUpdateDocument, { input: { taskId, columnId } });
const requestCancel = ({ taskId }: SeededTicket) => operator.request(TicketCancelRequestDocument, { input: { taskId } });
/** Sets the settings that have a value, and removes those that have none. */
const setSettings = (values: Partial<Record<SettingKey, string | null>>) => {
  const settings = Object.entries(values).map(([name, value]) => ({ key: name as SettingKey, value }));
  return operator.request(SettingsUpdateDocument, { input: { settings } });
};

/** What runners and coordinators call about a ticket; `isForAgents` when it takes the worker key. */
const ticketEndpoints = [
  { method: 'GET', path: 'worker-context', isForAgents: true },
  { method: 'POST', path: 'logs', body: { session_id: 's1' }, isForAgents: true },
  { method: 'GET', path: 'logs' },
  { method: 'POST', path: 'complete', body: {}, isForAgents: true },
  { method: 'GET', path: 'cancel-requested', isForAgents: true },
  { method: 'POST', path: 'review', body: { comment_body: 'c' } },
];
const jobEndpoints = ['complete', 'fail', 'heartbeat', 'release'];

const missingHeader = { error: 'Missing or invalid Authorization header (expected Bearer <token>)' };
const wrongToken = { error: 'Invalid worker API token' };

describe('the worker key', () => {
  const guarded = [
    ...ticketEndpoints.filter(({ isForAgents }) => isForAgents),
    { method: 'POST', path: '/api/worker/jobs/start', body: {} },
    ...jobEndpoints.map((path) => ({ method: 'POST', path: `/api/worker/jobs/${unknownId}/${path}`, body: undefined })),
  ];

  it.each(guarded)('is asked for before anything else: $method $path', async ({ method, path, body }) => {
    const target = path.startsWith('/') ? path : `/api/projects/${unknownId}/tickets/${unknownId}/${path}`;
    const send = (headers: Record<string, string>) => rest(app, method, target, { body, headers });

    for (const headers of [{}, { authorization: key }, { authorization: 'Bearer ' }] as Record<string, string>[]) {
      expect(await send(headers)).toMatchObject({ status: 401, json: missingHeader });
    }
    expect(await send({ authorization: 'Bearer another' })).toMatchObject({ status: 401, json: wrongToken });
    expect((await send({ authorization: `Bearer  ${key} ` })).status).not.toBe(401);
  });

  it('is that of the settings, else that of the environment, from the next request on', async () => {
    const open = await useTestApp({ TERARCHITECT_SECRET_KEY: 'ab'.repeat(32) }, { runsClockwork: false });
    const start = (token?: string) => rest(open, 'POST', '/api/worker/jobs/start', { token, body: {} });
    const setKey = (value: string | null) =>
      open.client().request(SettingsUpdateDocument, { input: { settings: [{ key: 'TERARCHITECT_WORKER_API_KEY', value }] } });

    expect((await start()).status).toBe(204);
    await setKey('stored');
    expect([(await start()).status, (await start('stored')).status]).toEqual([401, 204]);
    await setKey(null);
    expect((await start()).status).toBe(204);
  });
});

describe('what the path does not name', () => {
  it.each(ticketEndpoints)('is told apart from its project: $method $path', async ({ method, path, body }) => {
    const [own, other] = [await seedTicket(operator), await seedTicket(operator)];
    const names: [string, string, string][] = [
      [unknownId, own.taskId, 'Project not found'],
      ['not-a-uuid', own.taskId, 'Project not found'],
      [own.projectId, unknownId, 'Ticket not found'],
      [own.projectId, 'not-a-uuid', 'Ticket not found'],
      [own.projectId, other.taskId, 'Ticket not found'],
    ];

    for (const [projectId, taskId, error] of names) {
      const answer = await ask(method, ticketPath({ projectId, taskId }, path), { body });
      expect(answer, `${projectId} ${taskId}`).toMatchObject({ status: 404, json: { error } });
    }
  });

  it.each(jobEndpoints)('is no job: %s', async (path) => {
    for (const id of [unknownId, 'not-a-uuid']) {
      expect(await ask('POST', `/api/worker/jobs/${id}/${path}`)).toMatchObject({
        status: 404,
        json: { error: 'Job not found' },
      });
    }
  });

  it('is no endpoint', async () => {
    expect(await ask('GET', '/api/worker/nothing')).toMatchObject({ status: 404, json: { error: expect.any(String) } });
    expect(await ask('DELETE', '/api/worker/jobs/start')).toMatchObject({ status: 405, json: { error: expect.any(String) } });
  });
});

describe('jobs/start', () => {
  it('answers what a coordinator needs to run a ticket', async () => {
    const { projectId, taskId, jobId } = await seedJob(operator);

    const job = await startJob({ project_id: projectId.toUpperCase() });

    expect(job).toEqual({
      job_id: jobId,
      ticket_id: taskId,
      project_id: projectId,
      kind: 'ticket',
      repo_url: 'https://github.com/otters/holt.git',
      execution_mode: 'docker',
      project_path: null,
      agent_env: { WORKER_MODE: 'opencode' },
      fence: 1,
      lease_expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
      lease_seconds: 7200,
    });
  });

  it('answers the directory of a project that runs on the host', async () => {
    const projectId = await seedProject(operator, { repoUrl: null, executionMode: 'LOCAL', projectPath: '/srv/holt' });
    await seedJob(operator, projectId);

    expect(await startJob({ project_id: projectId })).toMatchObject({
      repo_url: '',
      execution_mode: 'local',
      project_path: '/srv/holt',
    });
  });

  it('answers the pull request and the comment of a review', async () => {
    const ticket = await seedTicket(operator, { columnId: 'in_review' });
    await ask('POST', ticketPath(ticket, 'complete'), { body: { pr_url: 'https://github.com/otters/holt/pull/7' } });
    const body = { comment_body: 'Please\nrename it.', github_comment_id: 3_000_000_099 };
    const requested = await rest(app, 'POST', ticketPath(ticket, 'review'), { body });

    const job = await startJob({ project_id: ticket.projectId });

    expect(job).toMatchObject({
      job_id: requested.json.job_id,
      kind: 'review',
      pr_number: 7,
      comment_body: 'Please\nrename it.',
      github_comment_id: 3_000_000_099,
    });
  });

  it('answers 204 without a body when nothing waits', async () => {
    const projectId = await seedProject(operator);

    const answer = await ask('POST', '/api/worker/jobs/start', { body: { project_id: projectId } });

    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(answer.headers.get('content-type')).toBeNull();
  });

  it.each(['', '{}', '{"project_id": null}'])('takes the oldest job of any project with the body %j', async (body) => {
    const own = await useTestApp({}, { runsClockwork: false });
    const waiting = [await seedJob(own.client()), await seedJob(own.client())];
    const start = () => rest(own, 'POST', '/api/worker/jobs/start', { body });

    const started = [await start(), await start()];

    expect(started.map(({ json }) => json.job_id)).toEqual(waiting.map(({ jobId }) => jobId));
    expect((await start()).status).toBe(204);
  });

  it.each([
    ['what is no UUID', { project_id: 'seven' }, 400, 'project_id'],
    ['what is no text', { project_id: 7 }, 400, 'project_id'],
    ['an empty text', { project_id: '' }, 400, 'project_id'],
    ['no project of ours', { project_id: unknownId }, 404, 'Project not found'],
    ['no JSON', '{"project_id":', 400, 'JSON'],
    ['a list', [], 400, 'object'],
  ])('refuses %s', async (_what, body, status, says) => {
    const answer = await ask('POST', '/api/worker/jobs/start', { body });

    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ error: expect.stringContaining(says) });
  });

  it('gives each job to exactly one of many coordinators', async () => {
    const projectId = await seedProject(operator);
    const waiting = await seedJobs(app, projectId, 20);

    const answers = await Promise.all(
      Array.from({ length: 30 }, () => ask('POST', '/api/worker/jobs/start', { body: { project_id: projectId } })),
    );

    const started = answers.flatMap(({ status, json }) => (status === 200 ? [json.job_id] : []));
    expect(started.sort()).toEqual(waiting.sort());
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(10);
  });

  it('keeps no secret with an idempotency key, and tells the job again with those of now', async () => {
    const { projectId } = await seedJob(operator);
    await setSettings({ WORKER_API_KEY: 'sk-first' });
    const start = () =>
      ask('POST', '/api/worker/jobs/start', { body: { project_id: projectId }, headers: { 'idempotency-key': projectId } });

    const first = await start();
    await setSettings({ WORKER_API_KEY: 'sk-second' });
    const again = await start();
    await setSettings({ WORKER_API_KEY: null });

    expect(first.json.agent_env.WORKER_API_KEY).toBe('sk-first');
    expect(again.json).toEqual({ ...first.json, agent_env: { ...first.json.agent_env, WORKER_API_KEY: 'sk-second' } });
    for (const table of ['idempotency_key', 'event', 'job']) {
      const rows = await app.sql<{ text: string }>(`select ${table}::text as text from ${table}`);
      expect(rows.filter(({ text }) => text.includes('sk-first'))).toEqual([]);
    }
  });

  it('passes the settings that a container needs, under the names of its environment', async () => {
    const { projectId } = await seedJob(operator);
    const values = { WORKER_LLM_URL: 'http://llm.example', GITHUB_AGENT_TOKEN: 'ghp-of-the-test', AGENT_API_KEY: 'sk-director' };
    await setSettings(values);

    const { agent_env } = await startJob({ project_id: projectId });

    await setSettings({ WORKER_LLM_URL: null, GITHUB_AGENT_TOKEN: null, AGENT_API_KEY: null });
    expect(agent_env).toEqual({ WORKER_MODE: 'opencode', WORKER_LLM_URL: 'http://llm.example', GITHUB_TOKEN: 'ghp-of-the-test' });
  });
});

describe('a run', () => {
  /** As the coordinator sends it: with an empty body and no content type. */
  const post = (jobId: string, path: string, body?: unknown) => ask('POST', `/api/worker/jobs/${jobId}/${path}`, { body });

  it.each([
    ['complete', 'Job completed', 'COMPLETED'],
    ['fail', 'Job failed', 'FAILED'],
  ])('ends by %s, with no body at all', async (path, message, status) => {
    const { projectId, jobId } = await seedJob(operator);
    await startJob({ project_id: projectId });

    const answer = await post(jobId, path);

    expect(answer).toMatchObject({ status: 200, json: { message, job_id: jobId } });
    expect(Object.keys(answer.json)).toEqual(['message', 'job_id']);
    expect(await statusOfJob(jobId)).toBe(status);
  });

  it.each(jobEndpoints)('that does not run is a conflict with its status: %s', async (path) => {
    const { projectId, jobId } = await seedJob(operator);
    const conflict = (status: string) => ({ status: 409, json: { error: 'Job not running', status } });

    expect(await post(jobId, path)).toMatchObject(conflict('pending'));
    await startJob({ project_id: projectId });
    await post(jobId, 'complete');
    expect(await post(jobId, path)).toMatchObject(conflict('completed'));
    const other = await seedJob(operator);
    await startJob({ project_id: other.projectId });
    await post(other.jobId, 'fail', { reason: 'exit 1' });
    expect(await post(other.jobId, path)).toMatchObject(conflict('failed'));
  });

  it.each(jobEndpoints)('whose lease has lapsed is over, before any sweep: %s', async (path) => {
    const { projectId, jobId } = await seedJob(operator);
    await startJob({ project_id: projectId, lease_seconds: 60 });
    await app.elapse(61);

    expect(await post(jobId, path)).toMatchObject({ status: 409, json: { error: 'Job not running', status: 'pending' } });
  });

  it('goes on with heartbeats, and tells an old run by its fence', async () => {
    const { projectId, jobId } = await seedJob(operator);
    const first = await startJob({ project_id: projectId, lease_seconds: 60 });
    await app.elapse(50);
    const beat = await post(jobId, 'heartbeat');
    await app.elapse(50);
    expect((await post(jobId, 'heartbeat', { fence: first.fence })).status).toBe(200);
    await app.elapse(61);
    const second = await startJob({ project_id: projectId });

    expect(beat.json).toEqual({
      message: 'Heartbeat recorded',
      job_id: jobId,
      lease_expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect([first.fence, second.fence]).toEqual([1, 2]);
    expect(await post(jobId, 'complete', { fence: 1 })).toMatchObject({ status: 409, json: { status: 'running' } });
    expect(await post(jobId, 'complete', { fence: 2 })).toMatchObject({ status: 200 });
  });

  it('is given back, and waits again under its next fence', async () => {
    const { projectId, jobId } = await seedJob(operator);
    const { fence } = await startJob({ project_id: projectId });

    const released = await post(jobId, 'release', { fence });

    expect(released).toMatchObject({ status: 200, json: { message: 'Job released', job_id: jobId } });
    expect(await post(jobId, 'release')).toMatchObject({ status: 409, json: { error: 'Job not running', status: 'pending' } });
    expect(await startJob({ project_id: projectId })).toMatchObject({ job_id: jobId, fence: fence + 1 });
  });

  it('is independent of its ticket: the one may end without the other', async () => {
    const ticket = await seedJob(operator);
    await startJob({ project_id: ticket.projectId });

    await post(ticket.jobId, 'complete');

    expect(await readRuns(ticket)).toMatchObject({ status: 'IN_PROGRESS', ticket: { columnId: 'in_progress' } });
  });
});

describe('a ticket that enters in_progress', () => {
  const jobsOf = async (ticket: SeededTicket) =>
    (await operator.request(JobsDocument, { filter: { taskId: ticket.taskId } })).jobs.nodes;

  it('is run once, however often it comes and however many move it at once', async () => {
    const ticket = await seedTicket(operator);

    await Promise.all(Array.from({ length: 8 }, () => move(ticket, 'in_progress')));
    await move(ticket, 'backlog');
    await move(ticket, 'in_progress');
    expect(await jobsOf(ticket)).toMatchObject([{ kind: 'TICKET', status: 'PENDING' }]);

    const { job_id } = await startJob({ project_id: ticket.projectId });
    await move(ticket, 'backlog');
    await move(ticket, 'in_progress');
    expect(await jobsOf(ticket)).toMatchObject([{ id: job_id, status: 'RUNNING' }]);

    await ask('POST', `/api/worker/jobs/${job_id}/complete`);
    await move(ticket, 'backlog');
    await move(ticket, 'in_progress');
    expect(await jobsOf(ticket)).toMatchObject([{ status: 'PENDING' }, { id: job_id }]);
  });

  it('is run again when its last run was lost for good', async () => {
    const ticket = await seedJob(operator);
    for (const _ of [1, 2, 3]) {
      await startJob({ project_id: ticket.projectId, lease_seconds: 60 });
      await app.elapse(61);
    }
    await move(ticket, 'backlog');

    await move(ticket, 'in_progress');

    expect(await jobsOf(ticket)).toMatchObject([{ status: 'PENDING' }, { id: ticket.jobId, status: 'FAILED' }]);
  });

  it('is not told of a cancellation that was meant for the run before', async () => {
    const ticket = await seedTicket(operator);
    await requestCancel(ticket);
    const poll = async () => (await ask('GET', ticketPath(ticket, 'cancel-requested'))).json;

    expect(await poll()).toEqual({ cancel_requested: true });
    await move(ticket, 'in_progress');
    expect(await poll()).toEqual({ cancel_requested: false });
  });

  it('needs a repository to clone, or a directory to work in', async () => {
    const local = { repoUrl: 'https://github.com/otters/holt', executionMode: 'LOCAL' as const };
    for (const project of [{ repoUrl: null }, { repoUrl: null, projectPath: '/srv' }, local]) {
      const projectId = await seedProject(operator, project);
      const ticket = await seedTicket(operator, { projectId });

      const { ticketUpdate } = await move(ticket, 'in_progress');

      expect(ticketUpdate.errors).toMatchObject([{ code: 'PROJECT_NOT_RUNNABLE' }]);
      expect((await readRuns(ticket)).ticket?.columnId).toBe('backlog');
      expect(await jobsOf(ticket)).toEqual([]);
    }
  });
});

describe('POST logs', () => {
  it('answers 200 and keeps the entry, which GET lists oldest first', async () => {
    const ticket = await seedJob(operator);
    const post = (body: object) => ask('POST', ticketPath(ticket, 'logs'), { body });
    await startJob({ project_id: ticket.projectId });

    const first = await post({ session_id: 's1', step: 'context_loaded', summary: 'sum', raw_output: 'raw' });
    const second = await post({ session_id: 's1' });

    expect(first).toMatchObject({ status: 200, json: { id: expect.any(String), message: 'Logged' } });
    const { status, json } = await rest(app, 'GET', ticketPath(ticket, 'logs'));
    expect(status).toBe(200);
    expect(json).toMatchObject([
      { id: first.json.id, step: 'context_loaded', summary: 'sum', raw_output: 'raw', success: null, job_id: ticket.jobId },
      { id: second.json.id, session_id: 's1', step: 'step', summary: '', raw_output: null },
    ]);
    expect(json[0].created_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it.each([[{}], [{ session_id: '' }], [{ session_id: '  ' }], [{ session_id: null }], [{ session_id: 7 }], ['']])(
    'asks for a session: %j',
    async (body) => {
      const answer = await ask('POST', ticketPath(await seedTicket(operator), 'logs'), { body });

      expect(answer).toMatchObject({ status: 400, json: { error: 'session_id is required' } });
    },
  );

  it('cuts a long step, between characters', async () => {
    const ticket = await seedTicket(operator);

    await ask('POST', ticketPath(ticket, 'logs'), { body: { session_id: 's', step: '🦦'.repeat(150) } });

    const { logs } = await readRuns(ticket);
    expect(logs.nodes).toMatchObject([{ step: '🦦'.repeat(100) }]);
  });

  it('takes a whole transcript, and whatever characters a terminal puts out', async () => {
    const ticket = await seedTicket(operator);
    const output = `${'worker output '.repeat(400_000)}\u0000\ud800!`;

    const answer = await ask('POST', ticketPath(ticket, 'logs'), { body: { session_id: 's', raw_output: output } });

    expect(answer.status).toBe(200);
    const { json } = await rest(app, 'GET', ticketPath(ticket, 'logs'));
    expect(json[0].raw_output).toHaveLength(output.length);
    expect(json[0].raw_output.endsWith('\ufffd\ufffd!')).toBe(true);
  });

  it('refuses what is no text without losing the rest', async () => {
    const ticket = await seedTicket(operator);

    const answer = await ask('POST', ticketPath(ticket, 'logs'), { body: { session_id: 's', raw_output: { a: 1 } } });

    expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining('raw_output') } });
    expect((await readRuns(ticket)).logs.nodes).toEqual([]);
  });
});

describe('POST complete', () => {
  const complete = (ticket: SeededTicket, body?: unknown) => ask('POST', ticketPath(ticket, 'complete'), { body });

  it.each([[undefined], [{}], [{ summary: null, pr_url: null, pr_number: null, review_comment_body: null }]])(
    'needs to say nothing: %j',
    async (body) => {
      const ticket = await seedTicket(operator, { columnId: 'in_progress' });

      const answer = await complete(ticket, body);

      expect(answer).toMatchObject({ status: 200, json: { message: 'Complete', ticket_id: ticket.taskId } });
      expect(await readRuns(ticket)).toMatchObject({
        status: 'REVIEW',
        ticket: { columnId: 'in_review', status: 'completed' },
        pullRequests: { nodes: [] },
      });
    },
  );

  it.each([
    [7, 7],
    ['7', 7],
    [' 7 ', 7],
    ['seven', null],
    [7.5, null],
    [-7, null],
    [0, null],
    [true, null],
    [[7], null],
    ['99999999999', null],
    [null, null],
  ])('takes the number %j of a pull request as %j', async (pr_number, number) => {
    const ticket = await seedTicket(operator);

    const answer = await complete(ticket, { pr_url: 'https://git.example.org/changes/x', pr_number });

    expect(answer.status).toBe(200);
    expect((await readRuns(ticket)).pullRequests.nodes).toMatchObject([{ url: 'https://git.example.org/changes/x', number }]);
  });

  it('of a review keeps the pull request, and what the agent answered', async () => {
    const ticket = await seedTicket(operator, { columnId: 'in_progress' });
    await complete(ticket, { summary: 's', pr_url: 'https://github.com/o/r/pull/1', pr_number: 1 });

    await complete(ticket, { summary: 's', review_comment_body: 'rc' });
    await complete(ticket, { summary: 's', review_comment_body: 'rc' });

    const { pullRequests, result } = await readRuns(ticket);
    expect(pullRequests.nodes).toMatchObject([
      { url: 'https://github.com/o/r/pull/1', number: 1, comments: { nodes: [{ body: 'rc', isAnswer: true }] } },
    ]);
    expect(result).toEqual({ summary: 's', reviewComment: 'rc' });
  });

  it('of a review does not pull a ticket back that is done', async () => {
    const ticket = await seedTicket(operator);
    await complete(ticket, { pr_url: 'https://github.com/o/r/pull/1' });
    await move(ticket, 'done');

    await complete(ticket, { summary: 's', review_comment_body: 'rc' });

    expect(await readRuns(ticket)).toMatchObject({ status: 'DONE', ticket: { columnId: 'done', status: 'completed' } });
  });

  it('after a cancellation leaves the ticket where it is', async () => {
    const ticket = await seedTicket(operator, { columnId: 'in_progress' });
    await requestCancel(ticket);

    const answer = await complete(ticket, { pr_url: 'https://github.com/o/r/pull/1' });

    expect(answer.status).toBe(200);
    expect(await readRuns(ticket)).toMatchObject({
      ticket: { columnId: 'in_progress', status: 'todo' },
      pullRequests: { nodes: [{ number: 1 }] },
    });
  });

  it('brings a ticket back to review from whatever column it was dragged to meanwhile', async () => {
    const ticket = await seedTicket(operator, { columnId: 'a-column-of-ours' });

    await complete(ticket);

    expect((await readRuns(ticket)).ticket).toEqual({ columnId: 'in_review', status: 'completed' });
  });
});

describe('POST review', () => {
  const review = (ticket: SeededTicket, body: unknown) => rest(app, 'POST', ticketPath(ticket, 'review'), { body });

  it('puts a job into the queue, once for a comment', async () => {
    const ticket = await seedTicket(operator);
    await ask('POST', ticketPath(ticket, 'complete'), { body: { pr_url: 'https://github.com/o/r/pull/7' } });
    const body = { comment_body: 'Rename it.', github_comment_id: 99 };

    const [first, again] = [await review(ticket, body), await review(ticket, { ...body, github_comment_id: '99' })];

    expect(first.status).toBe(201);
    expect(first.json).toEqual({
      job_id: expect.any(String),
      ticket_id: ticket.taskId,
      project_id: ticket.projectId,
      kind: 'review',
      status: 'pending',
      pr_number: 7,
      comment_body: 'Rename it.',
      github_comment_id: 99,
    });
    expect(again).toMatchObject({ status: 200, json: first.json });
  });

  it('is done once its job is: the comment was addressed', async () => {
    const ticket = await seedTicket(operator);
    await ask('POST', ticketPath(ticket, 'complete'), { body: { pr_url: 'https://github.com/o/r/pull/7' } });
    await review(ticket, { comment_body: 'Rename it.', github_comment_id: 99 });
    const { job_id } = await startJob({ project_id: ticket.projectId });

    await ask('POST', ticketPath(ticket, 'complete'), { body: { summary: 's', review_comment_body: 'Renamed.' } });
    await ask('POST', `/api/worker/jobs/${job_id}/complete`);

    const [pullRequest] = (await readRuns(ticket)).pullRequests.nodes;
    expect(pullRequest?.comments.nodes).toMatchObject([
      { body: 'Rename it.', githubCommentId: '99', addressedAt: expect.any(String) },
      { body: 'Renamed.', isAnswer: true, addressedAt: null },
    ]);
  });

  it('needs a pull request and a comment', async () => {
    const ticket = await seedTicket(operator);

    expect(await review(ticket, { comment_body: 'x' })).toMatchObject({ status: 404, json: { error: 'No PR for this ticket' } });
    await ask('POST', ticketPath(ticket, 'complete'), { body: { pr_url: 'https://github.com/o/r/pull/7' } });
    expect(await review(ticket, { comment_body: 'x', pr_number: 8 })).toMatchObject({
      status: 404,
      json: { error: 'No PR for this ticket' },
    });
    for (const body of [
      {},
      { comment_body: ' ' },
      { comment_body: 'x', github_comment_id: 'x' },
      { comment_body: 'x', pr_number: -1 },
    ]) {
      expect(await review(ticket, body)).toMatchObject({ status: 400, json: { error: expect.any(String) } });
    }
  });
});

describe('GET worker-context', () => {
  const contextOf = async (ticket: SeededTicket) => {
    const { status, json } = await ask('GET', ticketPath(ticket, 'worker-context'));
    expect(status).toBe(200);
    return json;
  };

  it('tells the ticket, its project and the part of the graph that it is about', async () => {
    const projectId = await seedProject(operator, { name: 'Holt', description: 'Where otters live.' });
    const nodes = [
      { id: 'n1', type: 'box', data: { label: 'API' }, position: { x: 1, y: 2 } },
      { id: 'n2', data: { label: 'Store' } },
      { id: 'n3' },
    ];
    const edges = [
      { id: 'e1', source: 'n1', target: 'n2' },
      { id: 'e2', source: 'n2', target: 'n3' },
      { id: 'e3', source: 'n3', target: 'gone' },
    ];
    await operator.request(GraphReplaceDocument, { input: { projectId, nodes, edges } });
    await operator.request(NoteCreateDocument, { input: { projectId, title: 'Mind', content: 'the dam', nodeIds: ['n1'] } });
    const text = { title: 'Build', description: 'a dam', priority: 'high' };
    const ticket = await seedTicket(operator, { projectId, ...text, columnId: 'in_progress', nodeIds: ['n1'], edgeIds: ['e3'] });

    const context = await contextOf(ticket);

    const current = {
      id: ticket.taskId,
      title: 'Build',
      description: 'a dam',
      priority: 'high',
      column_id: 'in_progress',
      status: 'todo',
      _current_ticket: true,
      associated_node_ids: ['n1'],
    };
    expect(context).toEqual({
      project_id: projectId,
      project_name: 'Holt',
      project_description: 'Where otters live.',
      github_url: 'https://github.com/otters/holt.git',
      repo_url: 'https://github.com/otters/holt.git',
      current_ticket: {
        ...current,
        associated_nodes_labeled: ['API: n1'],
        associated_edges_labeled: ['n3 → gone: e3'],
      },
      graph: {
        nodes,
        edges: [
          { ...edges[0], source_label: 'API', target_label: 'Store' },
          { ...edges[1], source_label: 'Store', target_label: 'n3' },
          { ...edges[2], source_label: 'n3', target_label: 'gone' },
        ],
      },
      graph_relevant_to_current_ticket: {
        nodes: [{ ...nodes[0], label_and_id: 'API: n1' }],
        edges: [
          { ...edges[0], source_label: 'API', target_label: 'Store', label_and_id: 'API → Store: e1' },
          { ...edges[2], source_label: 'n3', target_label: 'gone', label_and_id: 'n3 → gone: e3' },
        ],
      },
      notes: [{ title: 'Mind', content: 'the dam', node_id: 'n1' }],
      backlog_tickets: [],
      in_progress_tickets: [current],
      done_tickets: [],
      agent_settings: { WORKER_MODE: 'opencode' },
    });
  });

  it('takes one star for the whole graph, and nothing for none of it', async () => {
    const projectId = await seedProject(operator);
    const nodes = [{ id: 'n1', data: { label: 'API' } }, { id: 'n2' }];
    const edges = [{ id: 'e1', source: 'n1', target: 'n2' }];
    await operator.request(GraphReplaceDocument, { input: { projectId, nodes, edges } });

    const all = await contextOf(await seedTicket(operator, { projectId, nodeIds: ['*'], edgeIds: ['*'] }));
    const none = await contextOf(await seedTicket(operator, { projectId }));
    const without = await contextOf(await seedTicket(operator));

    expect(all.current_ticket).toMatchObject({
      associated_node_ids: ['*'],
      associated_nodes_labeled: ['API: n1', 'n2: n2'],
      associated_edges_labeled: ['API → n2: e1'],
    });
    expect(all.graph_relevant_to_current_ticket.nodes).toHaveLength(2);
    for (const context of [none, without]) {
      expect(context.graph_relevant_to_current_ticket).toEqual({ nodes: [], edges: [] });
      expect(context.current_ticket).toMatchObject({ associated_nodes_labeled: [], associated_edges_labeled: [] });
    }
  });

  it('tells of the tickets around it, the last changed first, as many of each column as the contract says', async () => {
    const projectId = await seedProject(operator);
    const ticket = await seedTicket(operator, { projectId, columnId: 'in_progress', title: 'current' });
    for (const [columnId, count] of [
      ['backlog', 11],
      ['in_progress', 6],
      ['done', 6],
      ['ideas', 1],
    ] as const) {
      for (let index = 0; index < count; index++)
        await seedTicket(operator, { projectId, columnId, title: `${columnId} ${index}` });
    }

    const context = await contextOf(ticket);

    const titles = (list: { title: string }[]) => list.map(({ title }) => title);
    expect(titles(context.backlog_tickets)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map((index) => `backlog ${index}`));
    expect(titles(context.in_progress_tickets)).toEqual(['current', ...[5, 4, 3, 2].map((index) => `in_progress ${index}`)]);
    expect(titles(context.done_tickets)).toEqual([5, 4, 3, 2, 1].map((index) => `done ${index}`));
    expect(context.in_progress_tickets[1]).not.toHaveProperty('_current_ticket');
  });

  it('tells the settings that are set, secrets in clear, and never an empty one', async () => {
    const ticket = await seedTicket(operator);
    await setSettings({ AGENT_API_KEY: 'sk-director', WORKER_MODE: 'claude-code' });

    const { agent_settings } = await contextOf(ticket);

    await setSettings({ AGENT_API_KEY: null, WORKER_MODE: null });
    expect(agent_settings).toEqual({ AGENT_API_KEY: 'sk-director', WORKER_MODE: 'claude-code' });
  });

  it('says nothing of where a project lies on its host', async () => {
    const projectId = await seedProject(operator, { executionMode: 'LOCAL', projectPath: '/srv/holt' });

    const context = await contextOf(await seedTicket(operator, { projectId }));

    expect(context).not.toHaveProperty('project_path');
    expect(JSON.stringify(context)).not.toContain('/srv/holt');
  });
});

/** Sends exactly these bytes, as python-requests does: with `Content-Length: 0` and no content type where there is no body. */
async function asPythonRequests(url: string, method: string, path: string, body?: string) {
  const headers = {
    'User-Agent': 'python-requests/2.32.3',
    'Accept-Encoding': 'gzip, deflate',
    Accept: '*/*',
    Connection: 'keep-alive',
    Authorization: `Bearer ${key}`,
    'Content-Length': Buffer.byteLength(body ?? ''),
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
  };
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, text });
    });
    sent.on('error', reject).end(body);
  });
}

it('serves one whole run of a ticket, request by request as real clients send them', async () => {
  const ticket = await seedTicket(operator, { columnId: 'in_progress' });
  const { projectId, taskId } = ticket;
  const send = (method: string, path: string, body?: string) => asPythonRequests(app.url, method, path, body);
  const about = (method: string, path: string, body?: string) => send(method, ticketPath(ticket, path), body);
  const log = async (step: string, raw?: string) => {
    const entry = { session_id: 's1', step, summary: 'sum', ...(raw !== undefined && { raw_output: raw }) };
    expect((await about('POST', 'logs', JSON.stringify(entry))).status).toBe(200);
  };
  const isCancelled = async () => JSON.parse((await about('GET', 'cancel-requested')).text);

  const retrieve = async (body: string, count: number) => {
    const { status, text } = await send('POST', `/api/projects/${projectId}/memory/retrieve`, body);
    expect(status).toBe(200);
    expect(JSON.parse(text).results).toHaveLength(count);
  };

  expect((await send('GET', '/api/settings')).status).toBe(200);
  const started = await send('POST', '/api/worker/jobs/start', `{"project_id": "${projectId}"}`);
  expect(started.status).toBe(200);
  const job = JSON.parse(started.text);
  expect(job).toMatchObject({ ticket_id: taskId, kind: 'ticket' });

  const context = JSON.parse((await about('GET', 'worker-context')).text);
  expect(context.current_ticket).toMatchObject({ id: taskId });
  await log('session_started');
  await log('context_loaded');
  expect(await isCancelled()).toEqual({ cancel_requested: false });
  await log('branch_created');
  await retrieve('{"queries": ["q1", "q2"], "num_to_retrieve": 5}', 2);
  await log('worker_research_prompt');
  await log('worker_research_done', 'raw');
  expect(await isCancelled()).toEqual({ cancel_requested: false });
  await log('worker_plan_prompt');
  await log('worker_plan_done', 'raw');
  expect(await isCancelled()).toEqual({ cancel_requested: false });
  await retrieve('{"queries": ["q"]}', 1);
  await log('plan_approved');
  for (const turn of [0, 1]) {
    expect(await isCancelled()).toEqual({ cancel_requested: false });
    await retrieve('{"queries": ["q"]}', 1);
    await log(`worker_turn_${turn}_prompt`);
    await log(`worker_turn_${turn}`, 'raw');
  }
  const indexed = await send('POST', `/api/projects/${projectId}/memory/index`, '{"docs": ["d1"]}');
  expect(JSON.parse(indexed.text)).toEqual({ message: 'Indexed', count: 1 });
  for (const step of ['memory_indexed', 'task_complete', 'finalize']) await log(step);
  const said = '{"summary": "s", "pr_url": "https://github.com/o/r/pull/1", "pr_number": 1}';
  const completed = await about('POST', 'complete', said);
  expect(JSON.parse(completed.text)).toEqual({ message: 'Complete', ticket_id: taskId });
  const ended = await send('POST', `/api/worker/jobs/${job.job_id}/complete`);
  expect(JSON.parse(ended.text)).toEqual({ message: 'Job completed', job_id: job.job_id });
  expect(await send('POST', '/api/worker/jobs/start', `{"project_id": "${projectId}"}`)).toEqual({ status: 204, text: '' });

  const after = await readRuns(ticket);
  expect(after).toMatchObject({
    status: 'REVIEW',
    result: { summary: 's' },
    ticket: { columnId: 'in_review', status: 'completed' },
    jobs: { nodes: [{ status: 'COMPLETED' }] },
    pullRequests: { nodes: [{ url: 'https://github.com/o/r/pull/1', number: 1, state: 'OPEN' }] },
  });
  expect(after.jobs.nodes[0]?.logs.nodes).toHaveLength(15);

  await nothingHeldBack(app);
  const { events } = await operator.request(EventLogDocument, { filter: { taskId }, first: 100 });
  expect(events.nodes.map(({ kind }) => kind)).toEqual([
    'TASK_CREATED',
    'JOB_ENQUEUED',
    'JOB_STARTED',
    ...Array.from({ length: 15 }, () => 'EXECUTION_LOG_APPENDED'),
    'TICKET_COMPLETED',
    'JOB_COMPLETED',
  ]);
});

it('passes the documented test of its first phase: a job put in by hand is run and closed', async () => {
  const ticket = await seedTicket(operator);
  const { projectId, taskId } = ticket;
  await app.sql(
    `insert into job (id, organization_id, task_id, project_id, kind, status)
     select gen_random_uuid(), organization_id, id, project_id, 'TICKET', 'PENDING' from task where id = $1`,
    [taskId],
  );

  const job = await startJob({ project_id: projectId });
  expect(job).toMatchObject({ job_id: expect.any(String), ticket_id: taskId, project_id: projectId, kind: 'ticket' });
  const context = await ask('GET', ticketPath(ticket, 'worker-context'));
  expect(context.json).toMatchObject({ current_ticket: { id: taskId }, agent_settings: { WORKER_MODE: 'opencode' } });
  const completion = await ask('POST', ticketPath(ticket, 'complete'), { body: { summary: 'done' } });
  expect(completion.json).toEqual({ message: 'Complete', ticket_id: taskId });
  const ending = await ask('POST', `/api/worker/jobs/${job.job_id}/complete`);
  expect(ending.json).toEqual({ message: 'Job completed', job_id: job.job_id });
  expect(await statusOfJob(job.job_id)).toBe('COMPLETED');
});

it('was no fault of the server, in all of these tests', () => {
  expect(app.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});
