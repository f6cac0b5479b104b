import type { Task } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { mutation } from '../../graphql/mutation.js';
import { ErrorCodeRef, errorType, UserErrorRef } from '../../graphql/user-error.js';
import { ActorRef } from '../actors/actor.graphql.js';
import { TaskRef, TaskStatusRef } from './task.graphql.js';
import {
  taskCancelInput,
  taskClaimInput,
  taskClaimNextInput,
  taskCompleteInput,
  taskCreateInput,
  taskCreateManyInput,
  taskFailInput,
  taskHeartbeatInput,
  taskReleaseInput,
  taskResetInput,
  taskSetStatusInput,
  taskUpdateInput,
} from './task.inputs.js';
import type { ObstacleCount } from './task.service.js';

type ChangedTask = { task: Task | null };

/** The payload field that most commands on a task share. */
const taskField = {
  type: TaskRef,
  nullable: true,
  description: 'The task as this command left it. Null on errors.',
  resolve: (payload: ChangedTask) => payload.task,
} as const;

mutation('taskCreate', {
  description:
    'Create a task. It is READY to be claimed unless you ask for BACKLOG. With `orchestratorId` an orchestrator owns it, its source is ORCHESTRATOR and it has a `publicId`.',
  input: taskCreateInput,
  run: (services, context, input) => services.tasks.create(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskCreateMany', {
  description: 'Create many tasks at once: all of them or, on any error, none.',
  input: taskCreateManyInput,
  run: (services, context, input) => services.tasks.createMany(context.viewer, input),
  payload: (t) => ({
    tasks: t.field({
      type: [TaskRef],
      description: 'The new tasks in the order given. Empty on errors.',
      resolve: (payload) => payload.tasks ?? [],
    }),
  }),
});

mutation('taskUpdate', {
  description:
    'Change descriptive fields of a task. What is left out stays; null clears. Status and lease have commands of their own. Send `expectedUpdatedAt` so as not to write over what somebody else has changed meanwhile.',
  input: taskUpdateInput,
  run: (services, context, input) => services.tasks.update(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskClaim', {
  description:
    'Claim one READY task under a lease. Of any number of claimants exactly one succeeds; the others learn who holds it and until when. Keep `task.lease.fence`, send heartbeats before the lease lapses, and pass the fence with every write.',
  input: taskClaimInput,
  run: (services, context, input) => services.tasks.claim(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

const ObstacleCountRef = builder.objectRef<ObstacleCount>('ClaimObstacleCount').implement({
  description: 'How many unfinished tasks an agent could not have, for one reason.',
  fields: (t) => ({
    code: t.field({
      type: ErrorCodeRef,
      description: 'The reason, as the error that claiming one would answer.',
      resolve: (obstacle) => obstacle.code,
    }),
    count: t.exposeInt('count', { description: 'Number of unfinished tasks; at most 10,000 are looked at.' }),
    message: t.exposeString('message', { description: 'The same in words.' }),
  }),
});

mutation('taskClaimNext', {
  description:
    'Claim the most urgent READY tasks that the agent may have, oldest first within a priority. When there is none, nothing is claimed, `errors` is empty and `obstacles` says why.',
  input: taskClaimNextInput,
  run: (services, context, input) => services.tasks.claimNext(context.viewer, input),
  payload: (t) => ({
    task: t.field({
      type: TaskRef,
      nullable: true,
      description: 'The first of the claimed tasks. Null when there was none, or on errors.',
      resolve: (payload) => payload.tasks?.[0] ?? null,
    }),
    tasks: t.field({
      type: [TaskRef],
      description: 'The claimed tasks, most urgent first.',
      resolve: (payload) => payload.tasks ?? [],
    }),
    obstacles: t.field({
      type: [ObstacleCountRef],
      description:
        'Why there was none, counted by reason. Empty when tasks were claimed, or when there is no unfinished task at all.',
      resolve: (payload) => payload.obstacles ?? [],
    }),
  }),
});

mutation('taskHeartbeat', {
  description:
    'Say that you still work on a task you hold: its lease lasts again its full length from now. Send one well before `lease.expiresAt`.',
  input: taskHeartbeatInput,
  run: (services, context, input) => services.tasks.heartbeat(context.viewer, input),
  payload: (t) => ({
    task: t.field(taskField),
    cancelRequested: t.boolean({
      description: 'Whether somebody asked for the work to stop: finish or release the task soon.',
      resolve: (payload) => payload.cancelRequested ?? false,
    }),
  }),
});

mutation('taskRelease', {
  description: 'Give back a task that you hold: it is READY for anybody again. People may give back a task that an agent holds.',
  input: taskReleaseInput,
  run: (services, context, input) => services.tasks.release(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskSetStatus', {
  description:
    'Move a task along the pipeline: IN_PROGRESS and REVIEW while you hold it, BLOCKED with a `blocker`, READY from BACKLOG or BLOCKED. BLOCKED ends the lease. A held task obeys its holder; people overrule it.',
  input: taskSetStatusInput,
  run: (services, context, input) => services.tasks.setStatus(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskComplete', {
  description:
    'Finish a task that you hold: it is DONE, and the lease ends. People may complete a task that an agent holds, such as after a review.',
  input: taskCompleteInput,
  run: (services, context, input) => services.tasks.complete(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskFail', {
  description: 'Finish a task that you hold without success: it is FAILED, and the lease ends.',
  input: taskFailInput,
  run: (services, context, input) => services.tasks.fail(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskCancel', {
  description:
    'End an unfinished task for good; a holder loses it at once. A task that an agent holds may be canceled by that agent, by whoever created it and by people; one that nobody holds, by anybody who works here.',
  input: taskCancelInput,
  run: (services, context, input) => services.tasks.cancel(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

mutation('taskReset', {
  description:
    'Have a task done again: from any status, also a final one, it becomes READY, its holder loses it at once, and its result is cleared. For people; an agent may reset a task that came in by the queue dialect, unless another agent holds it. Resetting a READY task changes nothing. The fence does not fall.',
  input: taskResetInput,
  run: (services, context, input) => services.tasks.reset(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField) }),
});

errorType('TASK_ALREADY_CLAIMED', 'TaskAlreadyClaimedError').implement({
  description: 'Somebody, perhaps the caller itself, holds the task under a running lease.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    holder: t.prismaField({
      type: ActorRef,
      nullable: true,
      description: 'Who holds the task.',
      resolve: (query, error, _args, { prisma, viewer }) =>
        prisma.actor.findUnique({ ...query, where: { id: String(error.facts.holderId), organizationId: viewer.organizationId } }),
    }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the lease lapses unless the holder extends it.',
      resolve: (error) => error.facts.leaseExpiresAt as Date,
    }),
  }),
});

errorType('TASK_CHANGED', 'TaskChangedError').implement({
  description: 'Somebody changed the task since it was read. Read it again, then change it from there.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    updatedAt: t.field({
      type: 'DateTime',
      description: 'Time of the last change of the task.',
      resolve: (error) => error.facts.updatedAt as Date,
    }),
  }),
});

errorType('LEASE_LOST', 'LeaseLostError').implement({
  description: 'The caller does not hold the task now. Stop working on it.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    status: t.field({
      type: TaskStatusRef,
      description: 'Where the task stands.',
      resolve: (error) => error.facts.status as Task['status'],
    }),
    holder: t.prismaField({
      type: ActorRef,
      nullable: true,
      description: 'Who holds the task now. Null when nobody does.',
      resolve: (query, error, _args, { prisma, viewer }) =>
        typeof error.facts.holderId === 'string'
          ? prisma.actor.findUnique({ ...query, where: { id: error.facts.holderId, organizationId: viewer.organizationId } })
          : null,
    }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the lease of the holder lapses. Null when nobody holds the task.',
      resolve: (error) => error.facts.leaseExpiresAt as Date | null,
    }),
  }),
});

errorType('SPECIALIZATION_MISMATCH', 'SpecializationMismatchError').implement({
  description: 'The task requires a specialization that the agent lacks.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    requiredSpecialization: t.string({
      description: 'What the task requires.',
      resolve: (error) => String(error.facts.requiredSpecialization),
    }),
    specializations: t.stringList({
      description: 'What the agent has.',
      resolve: (error) => error.facts.specializations as string[],
    }),
  }),
});

errorType('ILLEGAL_TRANSITION', 'IllegalTransitionError').implement({
  description: 'The pipeline has no way from the status of the task to the one asked for.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    from: t.field({
      type: TaskStatusRef,
      description: 'Where the task stands.',
      resolve: (error) => error.facts.from as Task['status'],
    }),
    to: t.field({
      type: TaskStatusRef,
      description: 'Where it was to go.',
      resolve: (error) => error.facts.to as Task['status'],
    }),
    allowed: t.field({
      type: [TaskStatusRef],
      description: 'Where it can go from here. CLAIMED by a claim, READY from a held one by a release.',
      resolve: (error) => error.facts.allowed as Task['status'][],
    }),
  }),
});
