import { z } from '@hono/zod-openapi';
import { isId } from '../../kernel/ids.js';
import { type Call, endpoint } from '../../rest/endpoint.js';
import { instantAnswer } from '../../rest/fields.js';
import { worker } from '../../rest/worker.js';
import { agentEnvironment } from './agent-environment.js';
import { JobNotFoundError } from './job.errors.js';
import { jobFailInput, jobHeartbeatInput, jobStartInput } from './job.inputs.js';
import { getJobToRun, type JobToRun } from './job.queries.js';

const jobAnswer = z
  .object({
    job_id: z.string(),
    ticket_id: z.string(),
    project_id: z.string(),
    kind: z.enum(['ticket', 'review']),
    repo_url: z.string().openapi({ description: 'Repository to clone; empty when the project has none.' }),
    execution_mode: z.enum(['docker', 'local']),
    project_path: z.string().nullable().openapi({ description: 'Directory to work in, where the mode is `local`.' }),
    agent_env: z
      .record(z.string(), z.string())
      .openapi({ description: 'Environment of the container, secrets in plain text.', example: { WORKER_MODE: 'opencode' } }),
    fence: z.int().openapi({ description: 'Number of this run; send it along to be refused when it is old.' }),
    lease_expires_at: instantAnswer.openapi({ description: 'When the run counts as lost, unless a heartbeat comes.' }),
    lease_seconds: z.int().openapi({ description: 'How long the lease lasts from the start, and from each heartbeat.' }),
    pr_number: z.int().optional().openapi({ description: 'Of a review: the pull request.' }),
    comment_body: z.string().optional().openapi({ description: 'Of a review: the comment to answer.' }),
    github_comment_id: z.int().nullable().optional().openapi({ description: 'Of a review: GitHub’s id of the comment.' }),
  })
  .openapi('Job');

const { fence } = jobHeartbeatInput.shape;
const jobParams = z.object({ jobId: z.string().describe('Id of the job.') });
const runBody = z.object({ fence });
const runFailures = {
  404: 'There is no such job.',
  409: 'The job is not running, or was started again; `status` says what it is.',
};

const ending = (message: string) => ({
  200: {
    description: 'The run is over.',
    schema: z.object({ message: z.literal(message), job_id: z.string() }),
  },
});

export const jobEndpoints = [
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/worker/jobs/start',
    access: 'agent',
    summary: 'Take the oldest pending job.',
    description:
      'The job runs from now on, under a lease: send heartbeats, or it is lost when the lease lapses, and waits again. Of any number of coordinators each job goes to exactly one. Without `project_id`, a job of any project.',
    body: z.object({
      project_id: jobStartInput.shape.projectId,
      lease_seconds: jobStartInput.shape.leaseSeconds,
    }),
    answers: {
      200: { description: 'The job.', schema: jobAnswer },
      204: { description: 'No job is waiting.' },
    },
    failures: { 404: 'There is no such project.' },
    handle: async (call) => {
      const { viewer, body } = call;
      // First: a job that was taken and cannot be told would be lost until its lease lapses. And apart from the command,
      // whose answer may be kept: these are secrets.
      const environment = await agentEnvironment(call.services.settings, viewer.organizationId);
      const started = await call.run(async (services, database) => {
        const { job } = await services.jobs.start(viewer, { projectId: body.project_id, leaseSeconds: body.lease_seconds });
        return job && getJobToRun(database.prisma, viewer, job);
      });
      return started ? { status: 200, body: answerOf(started, environment) } : { status: 204 };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/worker/jobs/{jobId}/heartbeat',
    access: 'agent',
    summary: 'Say that the run of a job goes on.',
    description: 'Its lease lasts again its full length from now.',
    params: jobParams,
    body: runBody,
    answers: {
      200: {
        description: 'The lease was extended.',
        schema: z
          .object({ message: z.literal('Heartbeat recorded'), job_id: z.string(), lease_expires_at: instantAnswer })
          .openapi('JobHeartbeat'),
      },
    },
    failures: runFailures,
    handle: async (call) => {
      const jobId = jobIdOf(call);
      const { job } = await call.run((services) => services.jobs.heartbeat(call.viewer, { jobId, fence: call.body.fence }));
      const expiry = job.leaseExpiresAt?.toISOString();
      return { status: 200, body: { message: 'Heartbeat recorded', job_id: job.id, lease_expires_at: expiry } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/worker/jobs/{jobId}/release',
    access: 'agent',
    summary: 'Give a job back without a result.',
    description: 'It waits again at its old place in the queue, and the start does not count among its attempts.',
    params: jobParams,
    body: runBody,
    answers: ending('Job released'),
    failures: runFailures,
    handle: async (call) => {
      const jobId = jobIdOf(call);
      await call.run((services) => services.jobs.release(call.viewer, { jobId, fence: call.body.fence }));
      return { status: 200, body: { message: 'Job released', job_id: jobId } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/worker/jobs/{jobId}/complete',
    access: 'agent',
    summary: 'Say that the run of a job ended well.',
    description: 'What becomes of the ticket is said by the agent, not here.',
    params: jobParams,
    body: runBody,
    answers: ending('Job completed'),
    failures: runFailures,
    handle: async (call) => {
      const jobId = jobIdOf(call);
      await call.run((services) => services.jobs.complete(call.viewer, { jobId, fence: call.body.fence }));
      return { status: 200, body: { message: 'Job completed', job_id: jobId } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/worker/jobs/{jobId}/fail',
    access: 'agent',
    summary: 'Say that the run of a job ended badly.',
    description: 'The job is not tried again; the ticket stays where it is.',
    params: jobParams,
    body: z.object({ fence, reason: jobFailInput.shape.reason }),
    answers: ending('Job failed'),
    failures: runFailures,
    handle: async (call) => {
      const jobId = jobIdOf(call);
      await call.run((services) => services.jobs.fail(call.viewer, { jobId, ...call.body }));
      return { status: 200, body: { message: 'Job failed', job_id: jobId } };
    },
  }),
];

/** Throws JobNotFoundError for what cannot be an id. */
function jobIdOf({ params: { jobId } }: Pick<Call<typeof jobParams>, 'params'>): string {
  if (!isId(jobId)) throw new JobNotFoundError(jobId);
  return jobId.toLowerCase();
}

function answerOf({ job, project }: JobToRun, environment: Record<string, string>) {
  return {
    job_id: job.id,
    ticket_id: job.taskId,
    project_id: job.projectId,
    kind: job.kind === 'REVIEW' ? 'review' : 'ticket',
    repo_url: project.repoUrl ?? '',
    execution_mode: project.executionMode === 'LOCAL' ? 'local' : 'docker',
    project_path: project.projectPath,
    agent_env: environment,
    fence: job.fence,
    lease_expires_at: job.leaseExpiresAt?.toISOString(),
    lease_seconds: job.leaseTtlSeconds,
    ...(job.kind === 'REVIEW' && {
      pr_number: job.prNumber,
      comment_body: job.commentBody,
      // GitHub's ids are far below where JSON's numbers end to be exact.
      github_comment_id: job.githubCommentId === null ? null : Number(job.githubCommentId),
    }),
  };
}
