import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { JobRef } from '../jobs/job.graphql.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { executionLogAppendInput } from './execution-log.inputs.js';

const ExecutionLogRef = builder.prismaObject('ExecutionLog', {
  description: 'One entry of the log that an agent keeps of its work on a task.',
  interfaces: [NodeRef],
  // Only what is asked for is read: an output may have megabytes.
  select: { id: true },
  fields: (t) => ({
    sessionId: t.exposeString('sessionId', { description: 'Name of the run, the same for all of its entries.' }),
    step: t.exposeString('step', { description: 'What was done, as a word such as `plan_approved`.' }),
    summary: t.exposeString('summary', { description: 'What came of it. Empty when nothing was said.' }),
    rawOutput: t.exposeString('rawOutput', {
      nullable: true,
      description: 'All that was put out meanwhile; may be long. Null when it was not kept.',
    }),
    success: t.exposeBoolean('success', {
      nullable: true,
      description: 'Whether the step went well. Null when that was no question.',
    }),
    task: t.relation('task', { description: 'The task that was worked on.' }),
    job: t.relation('job', {
      nullable: true,
      description: 'The job that was running then. Null when none was.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the entry was appended.' }),
  }),
});

const logConnection = connectionOf('ExecutionLog', ExecutionLogRef);

builder.prismaObjectField(TaskRef, 'logs', (t) =>
  t.prismaConnection(
    {
      type: ExecutionLogRef,
      cursor: 'organizationId_id',
      description: 'What agents logged of their work on the task, oldest first.',
      resolve: (query, task, _args, { prisma }) =>
        prisma.executionLog.findMany(pageById(query, { taskId: task.id, organizationId: task.organizationId }, 'asc')),
    },
    ...logConnection,
  ),
);

builder.prismaObjectField(JobRef, 'logs', (t) =>
  t.prismaConnection(
    {
      type: ExecutionLogRef,
      cursor: 'organizationId_id',
      description: 'What the agent logged while the job ran, oldest first.',
      resolve: (query, job, _args, { prisma }) =>
        prisma.executionLog.findMany(pageById(query, { jobId: job.id, organizationId: job.organizationId }, 'asc')),
    },
    ...logConnection,
  ),
);

mutation('executionLogAppend', {
  description:
    'Log a step of the work on a task. The entry belongs to the job of the task that runs now, too. Everybody who follows the events sees it at once, without its output.',
  input: executionLogAppendInput,
  run: (services, context, input) => services.executionLogs.append(context.viewer, input),
  payload: (t) => ({
    log: t.prismaField({
      type: ExecutionLogRef,
      nullable: true,
      description: 'The new entry. Null on errors.',
      resolve: (query, payload, _args, { prisma, viewer }) =>
        payload.log
          ? prisma.executionLog.findUnique({ ...query, where: { id: payload.log.id, organizationId: viewer.organizationId } })
          : null,
    }),
  }),
});

eventType('ExecutionLogAppended', null, (t) => ({
  step: t.string({ description: 'What was done.', resolve: (event) => String(event.data.step) }),
  log: t.prismaField({
    type: ExecutionLogRef,
    nullable: true,
    description: 'The entry. Null once its task was deleted.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.executionLog.findUnique({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));
