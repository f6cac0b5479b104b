import type { Job, JobKind, JobStatus } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { errorType, UserErrorRef } from '../../graphql/user-error.js';
import { isId } from '../../kernel/ids.js';
import { ProjectRef, projectField } from '../projects/project.graphql.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { jobCompleteInput, jobFailInput, jobHeartbeatInput, jobReleaseInput, jobStartInput } from './job.inputs.js';
import { effectiveJobStatus, hasJobLapsed, jobAttemptsMax } from './job.model.js';
import { jobWhere } from './job.queries.js';

const JobKindRef = builder.enumType('JobKind', {
  description: 'What a job is to do.',
  values: {
    TICKET: { description: 'Work on the ticket; enqueued when the ticket enters the column `in_progress`.' },
    REVIEW: { description: 'Answer a comment on the pull request of the ticket.' },
  } satisfies Record<JobKind, { description: string }>,
});

export const JobStatusRef = builder.enumType('JobStatus', {
  description: 'Where a job stands. It says nothing of the ticket: the two move independently.',
  values: {
    PENDING: { description: 'Waits to be started, oldest first: new, given back by `jobRelease`, or lost without a heartbeat.' },
    RUNNING: { description: 'Was started by `jobStart` and runs under a lease.' },
    COMPLETED: { description: 'Ended well, by `jobComplete`. Final.' },
    FAILED: {
      description: `Ended badly, by \`jobFail\`, or was lost without a heartbeat for the ${jobAttemptsMax}rd time. Final.`,
    },
  } satisfies Record<JobStatus, { description: string }>,
});

export const JobRef = builder.prismaObject('Job', {
  description:
    'A run of a ticket by an agent in a container or on a host. A coordinator starts it, keeps it alive by heartbeats, and says how it ended.',
  interfaces: [NodeRef],
  fields: (t) => ({
    kind: t.expose('kind', { type: JobKindRef, description: 'What the job is to do.' }),
    status: t.field({
      type: JobStatusRef,
      description: 'Where the job stands now. A run whose lease has lapsed is over.',
      resolve: (job, _args, { clock }) => effectiveJobStatus(job, clock.now()),
    }),
    attempts: t.exposeInt('attempts', {
      description: `How often the job was started and not given back. It fails when it is lost for the ${jobAttemptsMax}rd time.`,
    }),
    fence: t.exposeInt('fence', {
      description: 'Number of the newest run, rising with each start. Send it with every write about that run.',
    }),
    leaseSeconds: t.int({
      nullable: true,
      description: 'Seconds that the run may go on from each heartbeat. Null unless the job is RUNNING.',
      resolve: (job, _args, { clock }) => (hasJobLapsed(job, clock.now()) ? null : job.leaseTtlSeconds),
    }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the run counts as lost unless a heartbeat comes. Null unless the job is RUNNING.',
      resolve: (job, _args, { clock }) => (hasJobLapsed(job, clock.now()) ? null : job.leaseExpiresAt),
    }),
    project: t.field({ ...projectField, description: 'Project of the ticket. Null when it was deleted.' }),
    task: t.relation('task', { description: 'The ticket that the job runs.' }),
    prNumber: t.exposeInt('prNumber', {
      nullable: true,
      description: 'Number of the pull request with the comment. Null unless the job is a REVIEW.',
    }),
    commentBody: t.exposeString('commentBody', {
      nullable: true,
      description: 'The comment to answer. Null unless the job is a REVIEW.',
    }),
    githubCommentId: t.string({
      nullable: true,
      description: 'GitHub’s id of the comment, a whole number as text. Null when it was not said.',
      resolve: (job) => job.githubCommentId?.toString() ?? null,
    }),
    failureReason: t.exposeString('failureReason', {
      nullable: true,
      description: 'Why the job failed. Null unless it did, and somebody said why.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the job was put into the queue.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the newest start. Null until the first.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the job was completed or failed. Null until then.',
    }),
  }),
});

const JobFilterRef = builder.inputType('JobFilter', {
  description: 'Which jobs; every part that is given must hold.',
  fields: (t) => ({
    statuses: t.field({ type: [JobStatusRef], description: 'Any of these statuses, as of now.' }),
    kinds: t.field({ type: [JobKindRef], description: 'Any of these kinds.' }),
    projectId: t.id({ description: 'Jobs of this project.' }),
    taskId: t.id({ description: 'Jobs of this ticket.' }),
  }),
});

builder.queryField('job', (t) =>
  t.prismaField({
    type: JobRef,
    nullable: true,
    description: 'One job. Null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Id of the job.' }) },
    resolve: (query, _root, { id }, { prisma, viewer }) =>
      isId(id) ? prisma.job.findUnique({ ...query, where: { id, organizationId: viewer.organizationId } }) : null,
  }),
);

const listJobs = { type: JobRef, cursor: 'organizationId_id' } as const;
const jobConnection = connectionOf('Job', JobRef);

builder.queryField('jobs', (t) =>
  t.prismaConnection(
    {
      ...listJobs,
      description: 'Jobs of the organization, newest first.',
      args: { filter: t.arg({ type: JobFilterRef, description: 'Which jobs. Default: all.' }) },
      resolve: (query, _root, { filter }, { prisma, viewer, clock }) =>
        prisma.job.findMany(pageById(query, jobWhere(viewer, filter, clock.now()), 'desc')),
    },
    ...jobConnection,
  ),
);

builder.prismaObjectField(TaskRef, 'jobs', (t) =>
  t.prismaConnection(
    {
      ...listJobs,
      description: 'Runs of the task by coordinators of the worker dialect, newest first.',
      resolve: (query, task, _args, { prisma, viewer, clock }) =>
        prisma.job.findMany(pageById(query, jobWhere(viewer, { taskId: task.id }, clock.now()), 'desc')),
    },
    ...jobConnection,
  ),
);

builder.prismaObjectField(ProjectRef, 'jobs', (t) =>
  t.prismaConnection(
    {
      ...listJobs,
      description: 'Jobs of the project, newest first.',
      args: { filter: t.arg({ type: JobFilterRef, description: 'Which of them. Default: all.' }) },
      resolve: (query, project, { filter }, { prisma, viewer, clock }) => {
        const where = { AND: [jobWhere(viewer, filter, clock.now()), { projectId: project.id }] };
        return prisma.job.findMany(pageById(query, where, 'desc'));
      },
    },
    ...jobConnection,
  ),
);

/** The payload field that most commands on a job share. */
const jobField = {
  type: JobRef,
  nullable: true,
  description: 'The job as this command left it. Null on errors.',
  resolve: (payload: { job: Job | null }) => payload.job,
} as const;

mutation('jobStart', {
  description:
    'Start the oldest PENDING job: RUNNING under a lease. Of any number of coordinators each job goes to exactly one. Keep `job.fence`, send heartbeats before `job.leaseExpiresAt`, and pass the fence with every write about the run. `job` is null, without errors, when none is waiting.',
  input: jobStartInput,
  run: (services, context, input) => services.jobs.start(context.viewer, input),
  payload: (t) => ({
    job: t.field({ ...jobField, description: 'The job that runs from now on. Null when none was waiting, or on errors.' }),
  }),
});

mutation('jobHeartbeat', {
  description: `Say that a run goes on: its lease lasts again its full length from now. Without heartbeats the run is lost when the lease lapses, and the job is PENDING again, or FAILED after ${jobAttemptsMax} starts.`,
  input: jobHeartbeatInput,
  run: (services, context, input) => services.jobs.heartbeat(context.viewer, input),
  payload: (t) => ({ job: t.field(jobField) }),
});

mutation('jobRelease', {
  description:
    'Give a job back without a result, as a coordinator does that stops: PENDING again at its old place in the queue. The start does not count among its attempts.',
  input: jobReleaseInput,
  run: (services, context, input) => services.jobs.release(context.viewer, input),
  payload: (t) => ({ job: t.field(jobField) }),
});

mutation('jobComplete', {
  description:
    'Say that a run ended well. What becomes of the ticket is the business of `ticketComplete`. A REVIEW has addressed its comment.',
  input: jobCompleteInput,
  run: (services, context, input) => services.jobs.complete(context.viewer, input),
  payload: (t) => ({ job: t.field(jobField) }),
});

mutation('jobFail', {
  description: 'Say that a run ended badly. The job is not tried again; put the ticket in progress again for a new one.',
  input: jobFailInput,
  run: (services, context, input) => services.jobs.fail(context.viewer, input),
  payload: (t) => ({ job: t.field(jobField) }),
});

errorType('JOB_NOT_RUNNING', 'JobNotRunningError').implement({
  description: 'The run is over, or not the newest of its job. Stop it; its result counts no more.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    status: t.field({
      type: JobStatusRef,
      description: 'Status of the job now.',
      resolve: (error) => error.facts.status as JobStatus,
    }),
  }),
});
