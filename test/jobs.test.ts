import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { BatonClient } from '../src/sdk/baton-client.js';
import {
  EventCursorDocument,
  EventsDocument,
  ExecutionLogAppendDocument,
  JobCompleteDocument,
  JobDocument,
  JobEventsDocument,
  JobFailDocument,
  type JobFieldsFragment,
  JobHeartbeatDocument,
  JobReleaseDocument,
  JobStartDocument,
  type JobStartInput,
  JobsDocument,
  ProjectUpdateDocument,
  ReviewRequestDocument,
  type ReviewRequestInput,
  TaskRunsDocument,
  TicketCancelRequestDocument,
  TicketCompleteDocument,
  type TicketCompleteInput,
  TicketUpdateDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp, useTestApp } from './support/app.js';
import { nothingHeldBack } from './support/event-horizon.js';
import { codes, seedAgent } from './support/seed.js';
import { useServerProcess } from './support/server-process.js';
import { StreamReader } from './support/stream.js';
import { seedJob, seedJobs, seedProject, seedTicket } from './support/tickets.js';

let app: TestApp;
let coordinator: BatonClient;

beforeAll(async () => {
  app = await startTestApp({}, { runsClockwork: false });
  coordinator = app.client();
});
afterAll(() => app.stop());

async function start(input: JobStartInput, client = coordinator): Promise<JobFieldsFragment | null> {
  const { jobStart } = await client.request(JobStartDocument, { input });
  expect(jobStart.errors).toEqual([]);
  return jobStart.job;
}

/** Starts the one job of the ticket's project, and answers its fence. */
async function run({ projectId }: { projectId: string }, leaseSeconds = 60): Promise<number> {
  const job = await start({ projectId, leaseSeconds });
  if (!job) throw new Error('no job was waiting');
  return job.fence;
}

async function readJob(id: string): Promise<JobFieldsFragment | null> {
  return (await coordinator.request(JobDocument, { id })).job;
}

async function readRuns(id: string) {
  const { task } = await coordinator.request(TaskRunsDocument, { id });
  if (!task) throw new Error('no such task');
  return task;
}

/** What happens to the jobs of a project from now on. */
async function followJobs(client: BatonClient, projectId: string, on = app) {
  await nothingHeldBack(on);
  const { eventCursor: after } = await client.request(EventCursorDocument, {});
  return new StreamReader(client.subscribe(JobEventsDocument, { projectId, after }));
}

/** Every write about a run, each answering its payload. */
const runWrites = {
  heartbeat: async (jobId: string, fence?: number) =>
    (await coordinator.request(JobHeartbeatDocument, { input: { jobId, fence } })).jobHeartbeat,
  release: async (jobId: string, fence?: number) =>
    (await coordinator.request(JobReleaseDocument, { input: { jobId, fence } })).jobRelease,
  complete: async (jobId: string, fence?: number) =>
    (await coordinator.request(JobCompleteDocument, { input: { jobId, fence } })).jobComplete,
  fail: async (jobId: string, fence?: number) =>
    (await coordinator.request(JobFailDocument, { input: { jobId, fence, reason: 'exit 1' } })).jobFail,
};

describe('starting jobs', () => {
  it('takes the oldest one first, of the project that is named', async () => {
    const projectId = await seedProject(coordinator);
    const [first, second] = [await seedJob(coordinator, projectId), await seedJob(coordinator, projectId)];

    const started = [await start({ projectId }), await start({ projectId }), await start({ projectId })];

    expect(started).toMatchObject([
      { id: first.jobId, status: 'RUNNING', attempts: 1, fence: 1, task: { id: first.taskId } },
      { id: second.jobId },
      null,
    ]);
  });

  it('takes the oldest one of all when no project is named', async () => {
    const own = await useTestApp({}, { runsClockwork: false });
    const jobIds = [];
    for (let count = 0; count < 3; count++) jobIds.push((await seedJob(own.client())).jobId);
    const client = own.client();

    const started = [await start({}, client), await start({}, client), await start({}, client), await start({}, client)];

    expect(started.map((job) => job?.id)).toEqual([...jobIds, undefined]);
  });

  it('lasts JOB_LEASE_SECONDS, unless its caller says otherwise', async () => {
    const own = await useTestApp({ JOB_LEASE_SECONDS: '100' }, { runsClockwork: false });
    const ends = async (input: JobStartInput) => {
      const ticket = await seedJob(own.client());
      const job = await start({ ...input, projectId: ticket.projectId }, own.client());
      const [row] = await own.sql<{ seconds: number }>(
        'select extract(epoch from lease_expires_at - clock_timestamp())::float8 as seconds from job where id = $1',
        [job?.id],
      );
      return row?.seconds ?? 0;
    };

    const [byDefault, asked] = [await ends({}), await ends({ leaseSeconds: 500 })];

    expect([Math.ceil(byDefault / 10) * 10, Math.ceil(asked / 10) * 10]).toEqual([100, 500]);
  });

  it('refuses a project that does not exist, and passes over the jobs of one that was deleted', async () => {
    const ticket = await seedJob(coordinator);
    await app.sql('update project set deleted_at = now() where id = $1', [ticket.projectId]);
    const ask = async (projectId: string) =>
      codes((await coordinator.request(JobStartDocument, { input: { projectId } })).jobStart);

    expect(await ask(ticket.projectId)).toEqual(['PROJECT_NOT_FOUND']);
    expect(await ask(ticket.taskId)).toEqual(['PROJECT_NOT_FOUND']);
    expect(await readJob(ticket.jobId)).toMatchObject({ status: 'PENDING' });
  });

  it('is for workers and the operator alone', async () => {
    const guarded = await useTestApp({ ADMIN_TOKEN: 'an-admin-token-of-the-test' }, { runsClockwork: false });
    const agent = await seedAgent(guarded.client({ token: 'an-admin-token-of-the-test' }));

    const { jobStart } = await guarded.client({ token: agent.apiKey }).request(JobStartDocument, { input: {} });

    expect(codes(jobStart)).toEqual(['FORBIDDEN']);
  });

  it('gives each job to exactly one of 50 coordinators over two servers', { timeout: 120_000 }, async () => {
    const seeding = await useTestApp({}, { runsClockwork: false });
    const servers = await Promise.all([1, 2].map(() => useServerProcess(seeding.databaseUrl)));
    const clients = servers.map(({ url }) => new BatonClient({ url }));
    onTestFinished(async () => void (await Promise.all(clients.map((client) => client.close()))));

    for (let round = 0; round < 5; round++) {
      const projectId = await seedProject(seeding.client());
      const waiting = await seedJobs(seeding, projectId, 40);

      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => start({ projectId }, clients[index % 2] as BatonClient)),
      );

      const started = answers.flatMap((job) => (job ? [job] : []));
      // A start that meets a job in the hands of another one passes over it: what is left is there for the next.
      const [client] = clients as [BatonClient];
      for (let job = await start({ projectId }, client); job; job = await start({ projectId }, client)) started.push(job);
      expect(started.map(({ id }) => id).sort()).toEqual(waiting.sort());
      expect(started.every(({ attempts, fence }) => attempts === 1 && fence === 1)).toBe(true);
    }
  });
});

describe('a run', () => {
  it('goes on for its full length again with each heartbeat, and heartbeats are no events', async () => {
    const ticket = await seedJob(coordinator);
    const events = await followJobs(coordinator, ticket.projectId);
    const fence = await run(ticket);

    for (const elapsed of [50, 50, 50]) {
      await app.elapse(elapsed);
      expect(await runWrites.heartbeat(ticket.jobId, fence)).toMatchObject({ job: { status: 'RUNNING' }, errors: [] });
    }
    await runWrites.complete(ticket.jobId, fence);

    await events.find(({ jobEvents }) => jobEvents.kind === 'JOB_COMPLETED');
    expect(events.items.map(({ jobEvents }) => jobEvents.kind)).toEqual(['JOB_STARTED', 'JOB_COMPLETED']);
  });

  it.each(['complete', 'fail'] as const)('ends once: %s, whatever comes after', async (write) => {
    const ticket = await seedJob(coordinator);
    const fence = await run(ticket);
    const status = write === 'complete' ? 'COMPLETED' : 'FAILED';

    const ended = await runWrites[write](ticket.jobId, fence);

    expect(ended).toMatchObject({ job: { status, leaseExpiresAt: null }, errors: [] });
    for (const again of Object.values(runWrites)) {
      expect((await again(ticket.jobId, fence)).errors).toMatchObject([{ code: 'JOB_NOT_RUNNING', jobStatus: status }]);
    }
    expect(await readJob(ticket.jobId)).toMatchObject({ status, failureReason: write === 'fail' ? 'exit 1' : null });
  });

  it.each(Object.entries(runWrites))('that was never started is refused: %s', async (_name, write) => {
    const ticket = await seedJob(coordinator);

    expect((await write(ticket.jobId)).errors).toMatchObject([{ code: 'JOB_NOT_RUNNING', jobStatus: 'PENDING' }]);
    expect((await write(ticket.taskId)).errors).toMatchObject([{ code: 'JOB_NOT_FOUND', path: ['jobId'] }]);
  });

  describe.each(Object.entries(runWrites))('that was lost is refused: %s', (_name, write) => {
    it.each([true, false])('before any sweep has seen it (fence sent: %s)', async (sendsFence) => {
      const ticket = await seedJob(coordinator);
      const fence = await run(ticket, 60);
      await app.elapse(61);

      const { errors } = await write(ticket.jobId, sendsFence ? fence : undefined);

      expect(errors).toMatchObject([{ code: 'JOB_NOT_RUNNING', jobStatus: 'PENDING' }]);
      expect(await readJob(ticket.jobId)).toMatchObject({ status: 'PENDING', leaseExpiresAt: null });
    });

    it('when the job was started again, for the fence is old', async () => {
      const ticket = await seedJob(coordinator);
      const first = await run(ticket, 60);
      await app.elapse(61);
      const second = await run(ticket, 60);

      const { errors } = await write(ticket.jobId, first);

      expect([first, second]).toEqual([1, 2]);
      expect(errors).toMatchObject([{ code: 'JOB_NOT_RUNNING', jobStatus: 'RUNNING' }]);
      expect(await readJob(ticket.jobId)).toMatchObject({ status: 'RUNNING', attempts: 2 });
    });
  });

  it('that was lost reads as over, and can be taken again, with nobody sweeping', async () => {
    const ticket = await seedJob(coordinator);
    await run(ticket, 60);
    await app.elapse(61);
    const list = async (statuses: ('PENDING' | 'RUNNING')[]) => {
      const { jobs } = await coordinator.request(JobsDocument, { filter: { projectId: ticket.projectId, statuses } });
      return jobs.nodes.map(({ id }) => id);
    };

    expect(await readJob(ticket.jobId)).toMatchObject({ status: 'PENDING', leaseExpiresAt: null });
    expect([await list(['PENDING']), await list(['RUNNING'])]).toEqual([[ticket.jobId], []]);
    expect(await start({ projectId: ticket.projectId })).toMatchObject({ id: ticket.jobId, fence: 2, attempts: 2 });
  });

  it('that is given back waits again at its old place, and does not count among the starts', async () => {
    const ticket = await seedJob(coordinator);
    const [younger] = await seedJobs(app, ticket.projectId, 1);
    const events = await followJobs(coordinator, ticket.projectId);

    for (const fence of [1, 2, 3, 4, 5]) {
      expect(await start({ projectId: ticket.projectId })).toMatchObject({ id: ticket.jobId, fence, attempts: 1 });
      const { job, errors } = await runWrites.release(ticket.jobId, fence);
      expect([job, errors]).toMatchObject([{ status: 'PENDING', attempts: 0, fence, leaseExpiresAt: null }, []]);
    }

    const written = await events.take(10);
    expect(written.slice(0, 2).map(({ jobEvents: { kind, data } }) => [kind, data])).toMatchObject([
      ['JOB_STARTED', { fence: 1, attempts: 1 }],
      ['JOB_RELEASED', { before: 'RUNNING', after: 'PENDING', fence: 1, attempts: 0 }],
    ]);
    expect((await runWrites.complete(ticket.jobId, 5)).errors).toMatchObject([{ jobStatus: 'PENDING' }]);
    await start({ projectId: ticket.projectId });
    expect(await start({ projectId: ticket.projectId })).toMatchObject({ id: younger });
  });

  it('is given back or completed, never both', async () => {
    const tickets = await Promise.all(Array.from({ length: 10 }, () => seedJob(coordinator)));
    const fences = await Promise.all(tickets.map((ticket) => run(ticket)));

    const answers = await Promise.all(
      tickets.flatMap(({ jobId }, index) => [runWrites.release(jobId, fences[index]), runWrites.complete(jobId, fences[index])]),
    );

    expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(10);
    expect(answers.flatMap(({ errors }) => errors.map(({ code }) => code))).toEqual(Array(10).fill('JOB_NOT_RUNNING'));
  });

  it('that was lost for the third time fails the job', async () => {
    const ticket = await seedJob(coordinator);
    for (const fence of [1, 2, 3]) {
      expect(await run(ticket, 60)).toBe(fence);
      await app.elapse(61);
    }

    expect(await readJob(ticket.jobId)).toMatchObject({ status: 'FAILED', attempts: 3 });
    expect(await start({ projectId: ticket.projectId })).toBeNull();
    expect(await readJob(ticket.jobId)).toMatchObject({ status: 'FAILED', failureReason: expect.stringContaining('3 times') });
    expect((await runWrites.complete(ticket.jobId, 3)).errors).toMatchObject([{ jobStatus: 'FAILED' }]);
  });
});

it('takes a job back within a second of the lapse when its coordinator and the server that it asked were killed', async () => {
  const surviving = await useTestApp();
  const granting = await useServerProcess(surviving.databaseUrl);
  const killed = new BatonClient({ url: granting.url });
  const ticket = await seedJob(surviving.client());
  const operator = surviving.client();
  const events = await followJobs(operator, ticket.projectId, surviving);
  await start({ projectId: ticket.projectId, leaseSeconds: 1 }, killed);

  await killed.close();
  await granting.end('SIGKILL');
  const { jobEvents: expired } = await events.find(({ jobEvents }) => jobEvents.kind === 'JOB_LEASE_EXPIRED');

  const { leaseExpiresAt, after } = expired.data as { leaseExpiresAt: string; after: string };
  expect(after).toBe('PENDING');
  expect(expired.actorLabel).toBe('system');
  expect(Date.parse(expired.occurredAt) - Date.parse(leaseExpiresAt)).toBeLessThan(1000);
  expect(await start({ projectId: ticket.projectId }, operator)).toMatchObject({ id: ticket.jobId, fence: 2 });
});

it('tells by events that a job was lost for good', async () => {
  const sweeping = await useTestApp();
  const ticket = await seedJob(sweeping.client());
  const operator = sweeping.client();
  const events = await followJobs(operator, ticket.projectId, sweeping);

  for (const time of [1, 2, 3]) {
    await start({ projectId: ticket.projectId, leaseSeconds: 600 }, operator);
    await sweeping.elapse(601);
    await events.take(2 * time);
  }

  expect(events.items.map(({ jobEvents: { kind, data } }) => [kind, (data as { attempts: number }).attempts])).toEqual([
    ['JOB_STARTED', 1],
    ['JOB_LEASE_EXPIRED', 1],
    ['JOB_STARTED', 2],
    ['JOB_LEASE_EXPIRED', 2],
    ['JOB_STARTED', 3],
    ['JOB_FAILED', 3],
  ]);
});

describe('an execution log', () => {
  const append = async (taskId: string, step: string, rest: object = {}) => {
    const input = { taskId, sessionId: 'session', step, ...rest };
    const { executionLogAppend } = await coordinator.request(ExecutionLogAppendDocument, { input });
    return executionLogAppend;
  };

  it('lists what was appended in that order, beside the job that ran then', async () => {
    const ticket = await seedJob(coordinator);
    await append(ticket.taskId, 'before');
    const fence = await run(ticket);
    await append(ticket.taskId, 'during', { summary: 'well', rawOutput: 'x'.repeat(900_000), success: true });
    await runWrites.complete(ticket.jobId, fence);
    await append(ticket.taskId, 'after');

    const { logs, jobs } = await readRuns(ticket.taskId);

    expect(logs.nodes.map(({ step, job }) => [step, job?.id ?? null])).toEqual([
      ['before', null],
      ['during', ticket.jobId],
      ['after', null],
    ]);
    expect(logs.nodes[1]).toMatchObject({ sessionId: 'session', summary: 'well', success: true });
    expect(logs.nodes[1]?.rawOutput).toHaveLength(900_000);
    expect(jobs.nodes[0]?.logs.nodes).toEqual([{ step: 'during' }]);
  });

  it('is no business of a run that was lost', async () => {
    const ticket = await seedJob(coordinator);
    await run(ticket, 60);
    await app.elapse(61);

    await append(ticket.taskId, 'late');

    expect((await readRuns(ticket.taskId)).logs.nodes).toMatchObject([{ step: 'late', job: null }]);
  });

  it('is seen live by everybody who follows the events, without its output', async () => {
    const { taskId } = await seedTicket(coordinator);
    const filter = { taskId, kinds: ['EXECUTION_LOG_APPENDED' as const] };
    const { eventCursor } = await coordinator.request(EventCursorDocument, {});
    const events = new StreamReader(coordinator.subscribe(EventsDocument, { filter, after: eventCursor }));

    const { log } = await append(taskId, 'plan_done', { summary: 's'.repeat(600), rawOutput: 'the-output' });

    const [{ events: told }] = (await events.take(1)) as [(typeof events.items)[0]];
    expect(log).toMatchObject({ step: 'plan_done' });
    expect(told.data).toEqual({ sessionId: 'session', step: 'plan_done', summary: 's'.repeat(500) });
    expect(JSON.stringify(told)).not.toContain('the-output');
  });

  it('is kept of a task that exists', async () => {
    expect(codes(await append('019aa1b2-0000-7000-8000-000000000000', 'step'))).toEqual(['TASK_NOT_FOUND']);
  });
});

describe('completing a ticket', () => {
  const complete = async (taskId: string, input: Partial<TicketCompleteInput> = {}) =>
    (await coordinator.request(TicketCompleteDocument, { input: { taskId, ...input } })).ticketComplete;
  const move = (taskId: string, columnId: string) => coordinator.request(TicketUpdateDocument, { input: { taskId, columnId } });
  const pullRequestOf = async (taskId: string) => (await readRuns(taskId)).pullRequests.nodes;
  const columnOf = async (taskId: string) => (await readRuns(taskId)).ticket?.columnId;
  const eventsOf = async (taskId: string) =>
    (await app.sql(`select type from event where task_id = $1 and type = 'TicketCompleted'`, [taskId])).length;

  it('sends it to review with its pull request and what was done, never to done', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });

    const { task } = await complete(taskId, { summary: 'Built the dam.', prUrl: 'https://github.com/otters/holt/pull/12' });

    expect(task).toMatchObject({ status: 'REVIEW', result: { summary: 'Built the dam.' } });
    expect(await columnOf(taskId)).toBe('in_review');
    expect(await pullRequestOf(taskId)).toMatchObject([
      { url: 'https://github.com/otters/holt/pull/12', number: 12, state: 'OPEN', comments: { nodes: [] } },
    ]);
  });

  it('changes nothing when it is said again', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });
    const saying = {
      summary: 's',
      prUrl: 'https://github.com/otters/holt/pull/1',
      prNumber: 1,
      reviewCommentBody: 'Done as asked.',
    };
    await complete(taskId, saying);
    const before = await readRuns(taskId);

    const { errors } = await complete(taskId, saying);

    expect(errors).toEqual([]);
    expect(await readRuns(taskId)).toEqual(before);
    expect(await eventsOf(taskId)).toBe(1);
  });

  it('of a review keeps the pull request and adds the answer to it', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });
    await complete(taskId, { summary: 's', prUrl: 'https://github.com/otters/holt/pull/1' });

    const { task } = await complete(taskId, { summary: 'again', reviewCommentBody: 'Renamed it.' });

    expect(task?.result).toEqual({ summary: 'again', reviewComment: 'Renamed it.' });
    expect(await pullRequestOf(taskId)).toMatchObject([
      { number: 1, comments: { nodes: [{ body: 'Renamed it.', isAnswer: true, addressedAt: null }] } },
    ]);
  });

  it('leaves a ticket that is done where it is', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });
    await move(taskId, 'done');

    const { task } = await complete(taskId, { summary: 'late' });

    expect(task).toMatchObject({ status: 'DONE', result: { summary: 'late' } });
    expect(await columnOf(taskId)).toBe('done');
  });

  it('leaves a ticket whose cancellation was requested where it is, and keeps its pull request', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });
    await coordinator.request(TicketCancelRequestDocument, { input: { taskId } });

    const { task } = await complete(taskId, { prUrl: 'https://github.com/otters/holt/pull/3' });

    expect(task).toMatchObject({ status: 'IN_PROGRESS' });
    expect(await columnOf(taskId)).toBe('in_progress');
    expect(await pullRequestOf(taskId)).toMatchObject([{ number: 3 }]);
  });

  it('finds the address of a pull request that only its number is said of', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });

    await complete(taskId, { prNumber: 5 });

    expect(await pullRequestOf(taskId)).toMatchObject([{ url: 'https://github.com/otters/holt/pull/5', number: 5 }]);
  });

  it('says nothing of its job, and the job nothing of it', async () => {
    const ticket = await seedJob(coordinator);
    const fence = await run(ticket);

    await complete(ticket.taskId);
    expect(await readJob(ticket.jobId)).toMatchObject({ status: 'RUNNING' });

    const other = await seedJob(coordinator);
    await runWrites.complete(other.jobId, await run(other));
    expect((await readRuns(other.taskId)).status).toBe('IN_PROGRESS');
    expect((await runWrites.complete(ticket.jobId, fence)).errors).toEqual([]);
  });

  it('is for tickets alone', async () => {
    const { taskId } = await seedTicket(coordinator, { columnId: 'in_progress' });
    await app.sql(`update task set source = 'QUEUE' where id = $1`, [taskId]);

    expect(codes(await complete(taskId))).toEqual(['TASK_NOT_FOUND']);
  });
});

describe('a review', () => {
  async function seedPullRequest() {
    const ticket = await seedTicket(coordinator, { columnId: 'in_review' });
    const input = { taskId: ticket.taskId, prUrl: 'https://github.com/otters/holt/pull/7' };
    await coordinator.request(TicketCompleteDocument, { input });
    return ticket;
  }
  const request = async (input: ReviewRequestInput) =>
    (await coordinator.request(ReviewRequestDocument, { input })).reviewRequest;
  const commentsOf = async (taskId: string) => (await readRuns(taskId)).pullRequests.nodes[0]?.comments.nodes;

  it('is asked for once for each comment, however many ask at once', async () => {
    const { taskId, projectId } = await seedPullRequest();
    const input = { taskId, commentBody: 'Please rename it.', githubCommentId: '5000000000' };

    const answers = await Promise.all(Array.from({ length: 10 }, () => request(input)));

    expect(answers.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(answers.map(({ job }) => job?.id)).size).toBe(1);
    expect(await start({ projectId })).toMatchObject({
      kind: 'REVIEW',
      prNumber: 7,
      commentBody: 'Please rename it.',
      githubCommentId: '5000000000',
    });
    expect(await start({ projectId })).toBeNull();
  });

  it('that is completed has addressed its comment, which is not answered again', async () => {
    const ticket = await seedPullRequest();
    const { taskId } = ticket;
    const input = { taskId, commentBody: 'Please rename it.', githubCommentId: '99' };
    const { job } = await request(input);
    await request({ taskId, commentBody: 'And this.', githubCommentId: '100' });

    await runWrites.complete(job?.id ?? '', await run(ticket));

    expect(await commentsOf(taskId)).toMatchObject([
      { githubCommentId: '99', addressedAt: expect.any(String) },
      { githubCommentId: '100', addressedAt: null },
    ]);
    expect(await request(input)).toMatchObject({ isNew: false, job: { id: job?.id } });
  });

  it('that failed may be asked for again', async () => {
    const ticket = await seedPullRequest();
    const input = { taskId: ticket.taskId, commentBody: 'Please rename it.', githubCommentId: '99' };
    const { job } = await request(input);
    await runWrites.fail(job?.id ?? '', await run(ticket));

    const again = await request(input);

    expect(again.isNew).toBe(true);
    expect(again.job?.id).not.toBe(job?.id);
    expect(await commentsOf(ticket.taskId)).toHaveLength(1);
  });

  it('is not told of a cancellation that was meant for the run before', async () => {
    const ticket = await seedPullRequest();
    const input = { taskId: ticket.taskId, commentBody: 'Please rename it.' };
    const isCanceled = async () => {
      const [row] = await app.sql<{ at: Date | null }>('select cancel_requested_at as at from task where id = $1', [
        ticket.taskId,
      ]);
      return row?.at !== null;
    };
    const cancel = () => coordinator.request(TicketCancelRequestDocument, { input: { taskId: ticket.taskId } });
    await cancel();

    const { job } = await request({ ...input, githubCommentId: '1' });
    expect(await isCanceled()).toBe(false);
    await cancel();
    await request({ ...input, githubCommentId: '2' });
    // The first one still waits, and is who is meant.
    expect(await isCanceled()).toBe(true);
    expect(job).toMatchObject({ status: 'PENDING' });
  });

  it('of a comment without an id is asked for once at a time', async () => {
    const ticket = await seedPullRequest();
    const input = { taskId: ticket.taskId, commentBody: 'Once more, please.' };
    const { job } = await request(input);

    expect(await request(input)).toMatchObject({ isNew: false, job: { id: job?.id } });
    await runWrites.complete(job?.id ?? '', await run(ticket));
    expect(await commentsOf(ticket.taskId)).toMatchObject([{ addressedAt: expect.any(String) }]);
    expect(await request(input)).toMatchObject({ isNew: true });
  });

  it('needs a pull request, and a repository to clone', async () => {
    const bare = await seedTicket(coordinator, { columnId: 'in_progress' });
    const ticket = await seedPullRequest();
    await coordinator.request(ProjectUpdateDocument, { input: { projectId: ticket.projectId, repoUrl: null } });

    const refusals = [
      await request({ taskId: bare.taskId, commentBody: 'x' }),
      await request({ taskId: ticket.taskId, commentBody: 'x', prNumber: 8 }),
      await request({ taskId: ticket.taskId, commentBody: 'x' }),
    ];

    expect(refusals.map(codes)).toEqual([['PULL_REQUEST_NOT_FOUND'], ['PULL_REQUEST_NOT_FOUND'], ['PROJECT_NOT_RUNNABLE']]);
    expect(await start({ projectId: ticket.projectId })).toBeNull();
  });
});

it('gives a repeated start with an idempotency key the same job again', async () => {
  const projectId = await seedProject(coordinator);
  await seedJob(coordinator, projectId);
  await seedJob(coordinator, projectId);
  const input = { projectId, idempotencyKey: 'cycle-1' };

  const [first, again] = [await start(input), await start(input)];

  expect(first).not.toBeNull();
  expect(again).toEqual(first);
});
