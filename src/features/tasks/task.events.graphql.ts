import type { LoggedEvent } from '../../database/event-log.js';
import type { TaskStatus } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import {
  afterEventDescription,
  EventKindRef,
  eventInterface,
  eventPage,
  eventType,
  kindsAmong,
  subscribeToEvents,
  TaskSourceRef,
} from '../../graphql/event.js';
import type { CursorKind } from '../../graphql/page-plugin.js';
import { ActorRef } from '../actors/actor.graphql.js';
import type { EventType } from '../domain-event.js';
import { taskReads } from './sql/read.sql.js';
import { TaskRef, TaskStatusRef } from './task.graphql.js';

export const TaskEventRef = eventInterface('TaskEvent', 'Something that happened to a task.', (t) => ({
  task: t.field({
    type: TaskRef,
    description: 'The task, as it is when the event is delivered; what it was at the event is in the facts.',
    async resolve({ organizationId, subjectId }, _args, { database }) {
      const task = await database.share(taskReads, { organizationId, taskId: subjectId });
      if (!task) throw new Error(`an event tells of the task ${subjectId}, which is not there`);
      return task;
    },
  }),
}));

type EventFieldBuilder = Parameters<NonNullable<Parameters<typeof eventType>[2]>>[0];

const statusFact = (t: EventFieldBuilder, name: 'before' | 'after', description: string) =>
  t.field({ type: TaskStatusRef, description, resolve: (event) => event.data[name] as TaskStatus });

const fenceFact = (t: EventFieldBuilder) =>
  t.int({ description: 'Fence of the claim that this concerns.', resolve: (event) => Number(event.data.fence) });

const holderFact = (t: EventFieldBuilder) =>
  t.prismaField({
    type: ActorRef,
    nullable: true,
    description: 'Who held the task until then. Null when nobody did.',
    resolve: (query, event, _args, { prisma }) =>
      typeof event.data.holderId === 'string'
        ? prisma.actor.findUnique({ ...query, where: { id: event.data.holderId, organizationId: event.organizationId } })
        : null,
  });

const reasonFact = (t: EventFieldBuilder) =>
  t.string({
    nullable: true,
    description: 'Why, as the one who did it said. Null when nothing was said.',
    resolve: (event) => (event.data.reason as string | undefined) ?? null,
  });

const leaseEnd = (t: EventFieldBuilder, description: string) =>
  t.field({ type: 'DateTime', description, resolve: (event: LoggedEvent) => new Date(String(event.data.leaseExpiresAt)) });

/** From where to where, whose it was until then, and why. */
const transitionFacts = (t: EventFieldBuilder) => ({
  before: statusFact(t, 'before', 'Status until then.'),
  after: statusFact(t, 'after', 'Status from then on.'),
  fence: fenceFact(t),
  formerHolder: holderFact(t),
  reason: reasonFact(t),
});

eventType('TaskCreated', TaskEventRef, (t) => ({ after: statusFact(t, 'after', 'Status that the task began with.') }));
eventType('TaskUpdated', TaskEventRef);
eventType('TaskClaimed', TaskEventRef, (t) => ({
  fence: fenceFact(t),
  leaseExpiresAt: leaseEnd(t, 'Time at which the lease lapses unless heartbeats extend it.'),
  isOverride: t.boolean({
    description: 'Whether the claim bypassed a specialization that the agent lacks.',
    resolve: (event) => event.data.isOverride === true,
  }),
}));
eventType('TaskLeaseExpired', TaskEventRef, (t) => ({
  before: statusFact(t, 'before', 'Status until then.'),
  fence: fenceFact(t),
  formerHolder: holderFact(t),
  leaseExpiresAt: leaseEnd(t, 'Time at which the lease lapsed.'),
}));
eventType('TicketCompleted', TaskEventRef, (t) => ({
  before: statusFact(t, 'before', 'Status until then.'),
  after: statusFact(t, 'after', 'Status from then on; the same when the ticket stayed where it was.'),
  summary: t.string({
    nullable: true,
    description: 'What was done, cut at 500 characters. Null when the agent said nothing.',
    resolve: (event) => (event.data.summary as string | undefined) ?? null,
  }),
}));
for (const type of ['TaskReleased', 'TaskStatusChanged', 'TaskCompleted', 'TaskFailed', 'TaskCanceled', 'TaskReset'] as const) {
  eventType(type, TaskEventRef, transitionFacts);
}

eventType('TaskCancelRequested', TaskEventRef);

const taskEventTypes = [
  'TaskCreated',
  'TaskUpdated',
  'TaskClaimed',
  'TaskReleased',
  'TaskLeaseExpired',
  'TaskStatusChanged',
  'TaskCompleted',
  'TaskFailed',
  'TaskCanceled',
  'TaskReset',
  'TaskDelegated',
  'TaskHandedOff',
  'CollaborationRequested',
  'ConflictResolved',
  'TicketCompleted',
  'TaskCancelRequested',
] as const satisfies EventType[];

const TaskEventFilterRef = builder.inputType('TaskEventFilter', {
  description: 'Which events of tasks; every part that is given must hold.',
  fields: (t) => ({
    taskId: t.id({ description: 'Events of this task.' }),
    projectId: t.id({ description: 'Events of the tasks of this project.' }),
    agentId: t.id({
      description:
        'Events of tasks that this agent holds, or held until the event; delegations and handoffs to this orchestrator.',
    }),
    specialization: t.string({ description: 'Events of tasks that require this specialization.' }),
    sources: t.field({ type: [TaskSourceRef], description: 'Events of tasks that came in by these faces.' }),
    kinds: t.field({ type: [EventKindRef], description: 'Events of these kinds.' }),
  }),
});

builder.subscriptionField('taskEvents', (t) =>
  t.field({
    type: TaskEventRef,
    description: 'What happens to tasks, each event once and in order. Heartbeats are not events.',
    args: {
      filter: t.arg({ type: TaskEventFilterRef, description: 'Which events. Default: of all tasks of the organization.' }),
      after: t.arg.string({ description: afterEventDescription }),
    },
    subscribe: (_root, { filter, after }, context) => {
      const { kinds, ...rest } = filter ?? {};
      return subscribeToEvents(context, { ...rest, types: kindsAmong(taskEventTypes, kinds) }, after);
    },
    resolve: (event) => event,
  }),
);

builder.prismaObjectField(TaskRef, 'history', (t) =>
  t.connection(
    {
      type: TaskEventRef,
      extensions: { cursors: 'own' satisfies CursorKind },
      description: 'Everything that happened to the task and is still kept, oldest first.',
      resolve: (task, page, context) => eventPage(context, { taskId: task.id, types: taskEventTypes }, page),
    },
    ...connectionOf('TaskEvent', TaskEventRef),
  ),
);
