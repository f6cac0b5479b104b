import type { AttemptOutcome, Prisma, PrismaClient, Task, TaskStatus } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { TaskSourceRef } from '../../graphql/event.js';
import { type PageQuery, pageById } from '../../graphql/keyset.js';
import { NodeRef } from '../../graphql/node.js';
import { ErrorCodeRef } from '../../graphql/user-error.js';
import { isId } from '../../kernel/ids.js';
import { ActorRef } from '../actors/actor.graphql.js';
import { AgentRef } from '../agents/agent.graphql.js';
import { InvalidCursorError } from '../invalid-cursor-error.js';
import { ProjectRef, projectField } from '../projects/project.graphql.js';
import { effectiveStatus, isLapsed, nextStatuses } from './task.model.js';
import { countTasks, heldBy, taskWhere } from './task.queries.js';
import type { Obstacle } from './task.service.js';

export const TaskStatusRef = builder.enumType('TaskStatus', {
  description:
    'Where a task stands: BACKLOG, READY, CLAIMED, IN_PROGRESS, REVIEW, DONE in this order; the others from any unfinished one.',
  values: {
    BACKLOG: { description: 'Parked: not to be claimed yet. `taskSetStatus` to READY frees it.' },
    READY: { description: 'Waits to be claimed: created so, released, unblocked, reset, or returned because its lease lapsed.' },
    CLAIMED: { description: 'Held under a lease by `taskClaim` or `taskClaimNext`; work has not begun.' },
    IN_PROGRESS: { description: 'The holder works on it.' },
    REVIEW: { description: 'The holder has finished and waits for a review; the lease runs on.' },
    DONE: { description: 'Finished, by `taskComplete`. Final, save that `taskReset` has it done again.' },
    BLOCKED: { description: 'Cannot go on for the reason in `blocker`; nobody holds it. `taskSetStatus` to READY frees it.' },
    FAILED: { description: 'Finished without success, by `taskFail`. Final, save that `taskReset` has it done again.' },
    CANCELED: { description: 'Ended before it was finished, by `taskCancel`. Final, save that `taskReset` has it done again.' },
  } satisfies Record<TaskStatus, { description: string }>,
});

const LeaseRef = builder.objectRef<Task>('Lease').implement({
  description:
    'The right of one agent to work on a task, for a time. Heartbeats extend it; without them it lapses and the task is READY again.',
  fields: (t) => ({
    holder: t.prismaField({
      type: ActorRef,
      description: 'Who holds the task.',
      resolve: (query, task, _args, context) =>
        context.prisma.actor.findUniqueOrThrow({
          ...query,
          where: { id: task.holderId ?? '', organizationId: task.organizationId },
        }),
    }),
    fence: t.exposeInt('fence', {
      description: 'Number of this claim of the task, rising with each. Send it with every write: an older one is refused.',
    }),
    ttlSeconds: t.int({
      description: 'Seconds that the lease lasts from each heartbeat.',
      resolve: (task) => task.leaseTtlSeconds ?? 0,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Time at which the lease lapses unless a heartbeat extends it.',
      resolve: (task) => task.leaseExpiresAt ?? new Date(0),
    }),
  }),
});

const AttemptOutcomeRef = builder.enumType('AttemptOutcome', {
  description: 'How a claim of a task ended.',
  values: {
    COMPLETED: { description: 'The task was done.' },
    FAILED: { description: 'The task failed.' },
    RELEASED: { description: 'The task was given back.' },
    EXPIRED: { description: 'The lease lapsed without a heartbeat.' },
    BLOCKED: { description: 'The task was blocked.' },
    CANCELED: { description: 'The task was canceled.' },
  } satisfies Record<AttemptOutcome, { description: string }>,
});

const TaskAttemptRef = builder.prismaObject('TaskAttempt', {
  description: 'One claim of a task, from the claim to whatever ended it.',
  interfaces: [NodeRef],
  fields: (t) => ({
    fence: t.exposeInt('fence', { description: 'Number of the claim.' }),
    holder: t.relation('holder', { type: ActorRef, description: 'Who claimed.' }),
    isOverride: t.exposeBoolean('isOverride', {
      description: 'Whether the claim bypassed a specialization that the holder lacked.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'Time of the claim.' }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which it ended. Null while the lease runs.',
    }),
    outcome: t.expose('outcome', {
      type: AttemptOutcomeRef,
      nullable: true,
      description: 'How it ended. Null while the lease runs.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why, as the one who ended it said. Null when nothing was said.',
    }),
  }),
});

const ClaimObstacleRef = builder.objectRef<Obstacle>('ClaimObstacle').implement({
  description: 'A reason why an agent could not claim a task now.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeRef, description: 'The error that the claim would answer.' }),
    message: t.exposeString('message', { description: 'The same in words.' }),
  }),
});

export const TaskRef = builder.prismaObject('Task', {
  description: 'A unit of work. An agent claims it, works on it under a lease that heartbeats keep alive, and finishes it.',
  interfaces: [NodeRef],
  fields: (t) => ({
    number: t.exposeInt('number', {
      nullable: true,
      description: 'Number of a task of the queue dialect. Null for other tasks.',
    }),
    publicId: t.exposeString('publicId', {
      nullable: true,
      description: 'Id of the task in the REST dialect of orchestrators. Null unless its source is ORCHESTRATOR.',
    }),
    source: t.expose('source', { type: TaskSourceRef, description: 'Face that the task came in by.' }),
    title: t.exposeString('title', { description: 'What is to be done, in one line.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What is to be done, in Markdown. Null when the title says it all.',
    }),
    status: t.field({
      type: TaskStatusRef,
      description: 'Where the task stands now. A task whose lease has lapsed is READY.',
      resolve: (task, _args, context) => effectiveStatus(task, context.clock.now()),
    }),
    nextStatuses: t.field({
      type: [TaskStatusRef],
      description:
        'Statuses that a person can move the task to now: READY by `taskRelease` when somebody holds it, by `taskSetStatus` from BACKLOG and BLOCKED, else by `taskReset`; the others by `taskSetStatus`. CLAIMED is not among them: an agent claims.',
      resolve: (task, _args, context) => nextStatuses(effectiveStatus(task, context.clock.now())),
    }),
    blocker: t.exposeString('blocker', { nullable: true, description: 'What blocks the task. Null unless it is BLOCKED.' }),
    releaseReason: t.exposeString('releaseReason', {
      nullable: true,
      description: 'Why the last holder gave the task back. Null when it did not, or said nothing.',
    }),
    failureReason: t.exposeString('failureReason', {
      nullable: true,
      description: 'Why the task failed. Null unless it is FAILED.',
    }),
    priority: t.exposeInt('priority', { description: 'Urgency of the task: 0 is most urgent, 100 least.' }),
    requiredSpecialization: t.exposeString('requiredSpecialization', {
      nullable: true,
      description: 'Specialization that an agent must have to claim the task. Null: every agent may.',
    }),
    kind: t.exposeString('kind', { description: 'Kind of work, by which agents may claim.' }),
    modelTier: t.exposeString('modelTier', { description: 'Size of model that the work needs.' }),
    project: t.field({ ...projectField, description: 'Project of the task. Null when it belongs to none, or it was deleted.' }),
    createdBy: t.relation('createdBy', {
      type: ActorRef,
      nullable: true,
      description: 'Who created the task. Null when it was none of the registered agents and users.',
    }),
    createdByLabel: t.exposeString('createdByLabel', {
      nullable: true,
      description: 'Who created the task, when `createdBy` is null: a name as the caller gave it, `admin` or `anonymous`.',
    }),
    // These two are found by the id that the row holds: a repeated idempotent answer has the row as it was.
    assignee: t.prismaField({
      type: ActorRef,
      nullable: true,
      description: 'Who works on the task, or did last. Null while it waits to be claimed.',
      resolve: (query, task, _args, { prisma, clock }) =>
        task.assigneeId && !isLapsed(task, clock.now())
          ? prisma.actor.findUnique({ ...query, where: { id: task.assigneeId, organizationId: task.organizationId } })
          : null,
    }),
    orchestrator: t.prismaField({
      type: AgentRef,
      nullable: true,
      description: 'Orchestrator that owns the task, from `taskCreate` or by a delegation or handoff since. Null when none does.',
      resolve: (query, task, _args, { prisma }) =>
        task.orchestratorId
          ? prisma.actor.findUnique({ ...query, where: { id: task.orchestratorId, organizationId: task.organizationId } })
          : null,
    }),
    dueAt: t.expose('dueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the task should be done. Null when it is not urgent.',
    }),
    result: t.expose('result', {
      type: 'JSON',
      nullable: true,
      description: 'What came of the work. Null until it is finished.',
    }),
    metadata: t.expose('metadata', { type: 'JSON', description: 'Anything the creator keeps with the task.' }),
    lease: t.field({
      type: LeaseRef,
      nullable: true,
      description: 'Who holds the task, and until when. Null when nobody does.',
      resolve: (task, _args, context) => (task.leaseExpiresAt && !isLapsed(task, context.clock.now()) ? task : null),
    }),
    attempts: t.prismaConnection(
      {
        type: TaskAttemptRef,
        cursor: 'organizationId_id',
        description: 'Claims of the task, oldest first.',
        resolve: (query, task, _args, { prisma }) =>
          prisma.taskAttempt.findMany(pageById(query, { taskId: task.id, organizationId: task.organizationId }, 'asc')),
      },
      ...connectionOf('TaskAttempt', TaskAttemptRef),
    ),
    whyNotClaimable: t.field({
      type: [ClaimObstacleRef],
      nullable: true,
      description:
        'Every reason why an agent could not claim the task now; empty when it could. Null, with an error, when there is no such agent.',
      args: {
        agentId: t.arg.id({
          description: 'Id of the agent. Default: the caller, if it is one; for others, the reasons for which no agent could.',
        }),
      },
      resolve: (task, { agentId }, context) => context.services.tasks.whyNotClaimable(context.viewer, task.id, agentId),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the task was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'Time of the last change, heartbeats aside.' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the task ended. Null until it has.',
    }),
  }),
});

const taskConnection = connectionOf('Task', TaskRef);

const TaskFilterRef = builder.inputType('TaskFilter', {
  description: 'Which tasks; every part that is given must hold.',
  fields: (t) => ({
    statuses: t.field({ type: [TaskStatusRef], description: 'Any of these statuses, as of now.' }),
    sources: t.field({ type: [TaskSourceRef], description: 'Came in by any of these faces.' }),
    projectId: t.id({ description: 'Tasks of this project.' }),
    requiredSpecialization: t.string({ description: 'Tasks that require this specialization.' }),
    assigneeId: t.id({ description: 'Tasks that this agent or user works on, or did last.' }),
    createdById: t.id({ description: 'Tasks that this agent or user created.' }),
    orchestratorId: t.id({ description: 'Tasks that this orchestrator owns.' }),
    kinds: t.stringList({ description: 'Any of these kinds of work.' }),
    text: t.string({ description: 'Tasks with this text in their title or description, in any case.' }),
  }),
});

const TaskOrderRef = builder.enumType('TaskOrder', {
  description: 'Order of a list of tasks.',
  values: {
    OLDEST: { description: 'By time of creation, oldest first.' },
    NEWEST: { description: 'By time of creation, newest first.' },
    LATEST_ENDED: { description: 'Of the tasks that have ended alone: by time of their end, latest first.' },
    PRIORITY: { description: 'Most urgent first, oldest first within a priority: the order in which they are claimed.' },
  },
});

builder.queryField('task', (t) =>
  t.prismaField({
    type: TaskRef,
    nullable: true,
    description: 'One task, by its id, or by the number of a task of the queue dialect. Null when there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the task.' }),
      number: t.arg.int({ description: 'Number of the task.' }),
    },
    resolve: (query, _root, { id, number }, { prisma, viewer }) => {
      const { organizationId } = viewer;
      if (id) return isId(id) ? prisma.task.findUnique({ ...query, where: { id, organizationId } }) : null;
      if (typeof number !== 'number') return null;
      return prisma.task.findUnique({ ...query, where: { organizationId_number: { organizationId, number } } });
    },
  }),
);

const listTasks = { type: TaskRef, cursor: 'organizationId_id' } as const;

/** `pageById` for the order in which tasks are claimed: the cursor's task says from which priority on. */
async function pageByPriority(
  prisma: PrismaClient,
  query: PageQuery & { cursor?: Prisma.TaskWhereUniqueInput },
  where: Prisma.TaskWhereInput,
): Promise<Task[]> {
  const { cursor, skip: _, ...page } = query;
  const last = cursor && (await prisma.task.findUnique({ where: cursor, select: { id: true, priority: true } }));
  if (last === null) throw new InvalidCursorError((query.take ?? 1) >= 0 ? 'after' : 'before');
  const compare = (query.take ?? 1) >= 0 ? 'gt' : 'lt';
  const beyond = last && {
    OR: [{ priority: { [compare]: last.priority } }, { priority: last.priority, id: { [compare]: last.id } }],
  };
  return prisma.task.findMany({ ...page, where: { AND: [where, beyond ?? {}] }, orderBy: [{ priority: 'asc' }, { id: 'asc' }] });
}

/** `pageById` for the order in which tasks ended: the cursor's task says since when. */
async function pageByEnd(
  prisma: PrismaClient,
  query: PageQuery & { cursor?: Prisma.TaskWhereUniqueInput },
  where: Prisma.TaskWhereInput,
): Promise<Task[]> {
  const { cursor, skip: _, ...page } = query;
  const last = cursor && (await prisma.task.findUnique({ where: cursor, select: { id: true, completedAt: true } }));
  // A task that was reset meanwhile has no place in this order any more.
  if (last === null || last?.completedAt === null) throw new InvalidCursorError((query.take ?? 1) >= 0 ? 'after' : 'before');
  const compare = (query.take ?? 1) >= 0 ? 'lt' : 'gt';
  const beyond = last && {
    OR: [{ completedAt: { [compare]: last.completedAt } }, { completedAt: last.completedAt, id: { [compare]: last.id } }],
  };
  return prisma.task.findMany({
    ...page,
    where: { AND: [where, { completedAt: { not: null } }, beyond ?? {}] },
    orderBy: [{ completedAt: 'desc' }, { id: 'desc' }],
  });
}

builder.queryField('tasks', (t) =>
  t.prismaConnection(
    {
      ...listTasks,
      description: 'Tasks of the organization.',
      args: {
        filter: t.arg({ type: TaskFilterRef, description: 'Which tasks. Default: all.' }),
        orderBy: t.arg({ type: TaskOrderRef, defaultValue: 'OLDEST', description: 'Order of the list.' }),
      },
      resolve: (query, _root, args, { prisma, viewer, clock }) => {
        const where = taskWhere(viewer, args.filter, clock.now());
        if (args.orderBy === 'LATEST_ENDED') return pageByEnd(prisma, query, where);
        if (args.orderBy === 'PRIORITY') return pageByPriority(prisma, query, where);
        return prisma.task.findMany(pageById(query, where, args.orderBy === 'NEWEST' ? 'desc' : 'asc'));
      },
    },
    ...taskConnection,
  ),
);

builder.prismaObjectField(ProjectRef, 'tasks', (t) =>
  t.prismaConnection(
    {
      ...listTasks,
      description: 'Tasks of the project, oldest first.',
      args: { filter: t.arg({ type: TaskFilterRef, description: 'Which of them. Default: all.' }) },
      resolve: (query, project, args, { prisma, viewer, clock }) => {
        const where = { AND: [taskWhere(viewer, args.filter, clock.now()), { projectId: project.id }] };
        return prisma.task.findMany(pageById(query, where, 'asc'));
      },
    },
    ...taskConnection,
  ),
);

builder.prismaObjectField(AgentRef, 'claimedTasks', (t) =>
  t.prismaConnection(
    {
      ...listTasks,
      description: 'Tasks that the agent holds now, oldest first.',
      resolve: (query, agent, _args, { prisma, viewer, clock }) =>
        prisma.task.findMany(pageById(query, heldBy(viewer, agent.id, clock.now()), 'asc')),
    },
    ...taskConnection,
  ),
);

const TaskCountRef = builder.objectRef<{ status: TaskStatus; count: number }>('TaskCount').implement({
  description: 'How many tasks have a status.',
  fields: (t) => ({
    status: t.expose('status', { type: TaskStatusRef, description: 'The status.' }),
    count: t.exposeInt('count', { description: 'Number of tasks that have it.' }),
  }),
});

builder.queryField('taskCounts', (t) =>
  t.field({
    type: [TaskCountRef],
    description: 'Number of tasks per status, as of now; every status is listed.',
    args: { filter: t.arg({ type: TaskFilterRef, description: 'Which tasks. Default: all.' }) },
    resolve: (_root, { filter }, { prisma, viewer, clock }) => countTasks(prisma, viewer, filter, clock.now()),
  }),
);
