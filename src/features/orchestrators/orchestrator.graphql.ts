import type { CoordinationKind, CoordinationRecord, Task } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { errorType, UserErrorRef } from '../../graphql/user-error.js';
import { AgentRef, agentConnection } from '../agents/agent.graphql.js';
import { projectField } from '../projects/project.graphql.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { collaborationRequestInput, conflictResolveInput, taskDelegateInput, taskHandOffInput } from './orchestrator.inputs.js';
import type { ConflictType } from './orchestrator.model.js';
import { coordinationWhere, visibleOrchestrators } from './orchestrator.queries.js';

const CoordinationKindRef = builder.enumType('CoordinationKind', {
  description: 'What an orchestrator did with others.',
  values: {
    DELEGATION: { description: 'It gave a task away for good, by `taskDelegate`.' },
    COLLABORATION: { description: 'It asked others for help with a task of its own, by `collaborationRequest`.' },
    HANDOFF: { description: 'It handed over a task under work, with its context, by `taskHandOff`.' },
    CONFLICT: { description: 'A conflict between orchestrators was settled, by `conflictResolve`.' },
  } satisfies Record<CoordinationKind, { description: string }>,
});

const ConflictTypeRef = builder.enumType('ConflictType', {
  description: 'What a conflict between orchestrators was about.',
  values: {
    RESOURCE_CONFLICT: { value: 'resource_conflict', description: 'Both needed the same resource.' },
    PRIORITY_CONFLICT: { value: 'priority_conflict', description: 'They disagreed about what comes first.' },
    DEPENDENCY_CONFLICT: { value: 'dependency_conflict', description: 'The work of one waited for that of another.' },
    OWNERSHIP_CONFLICT: { value: 'ownership_conflict', description: 'They disagreed about whose task it is.' },
    DEADLINE_CONFLICT: { value: 'deadline_conflict', description: 'Their deadlines could not all be kept.' },
    OTHER: { value: 'other', description: 'Something else: see the note and the resolution.' },
  } satisfies Record<Uppercase<ConflictType>, { value: ConflictType; description: string }>,
});

const CoordinationParticipantRef = builder.prismaObject('CoordinationParticipant', {
  description: 'An orchestrator that a coordination record is about, beside the one that acted.',
  fields: (t) => ({
    orchestrator: t.relation('actor', { type: AgentRef, description: 'The new owner, the collaborator or the party.' }),
    role: t.exposeString('role', {
      nullable: true,
      description: 'What a collaborator is asked to be. Null for other kinds of record.',
    }),
  }),
});

export const CoordinationRecordRef = builder.prismaObject('CoordinationRecord', {
  description: 'One act between orchestrators: appended when it happens, never changed.',
  interfaces: [NodeRef],
  fields: (t) => ({
    kind: t.expose('kind', { type: CoordinationKindRef, description: 'What was done.' }),
    task: t.relation('task', {
      type: TaskRef,
      nullable: true,
      description: 'Task that it was about. Null for a conflict about no single task.',
    }),
    project: t.field({
      ...projectField,
      description: 'Project that it was about. Null when there was none, or it was deleted.',
    }),
    projectLabel: t.exposeString('projectLabel', {
      nullable: true,
      description: 'Workspace of a conflict as the caller named it, when it is no project here. Null otherwise.',
    }),
    orchestrator: t.relation('orchestrator', {
      type: AgentRef,
      nullable: true,
      description: 'Orchestrator that acted. Null when a person settled the conflict.',
    }),
    participants: t.relation('participants', {
      type: CoordinationParticipantRef,
      query: { orderBy: { position: 'asc' } },
      description: 'The others: the new owner, the collaborators, or the parties to the conflict, in the order given.',
    }),
    note: t.exposeString('note', { nullable: true, description: 'What was said about it. Null when nothing was.' }),
    conflictType: t.field({
      type: ConflictTypeRef,
      nullable: true,
      description: 'What the conflict was about. Null for other kinds of record.',
      resolve: (record) => record.conflictType as ConflictType | null,
    }),
    details: t.expose('details', {
      type: 'JSON',
      description: 'The context of a handoff or the resolution of a conflict, as given. Empty for other kinds of record.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which it happened.' }),
  }),
});

const recordConnection = connectionOf('CoordinationRecord', CoordinationRecordRef);

builder.prismaObjectField(TaskRef, 'coordination', (t) =>
  t.prismaConnection(
    {
      type: CoordinationRecordRef,
      cursor: 'organizationId_id',
      description: 'What orchestrators did with the task: delegations, collaborations, handoffs and conflicts, oldest first.',
      args: { kinds: t.arg({ type: [CoordinationKindRef], description: 'Only these kinds. Default: all.' }) },
      resolve: (query, task, { kinds }, { prisma, viewer }) =>
        prisma.coordinationRecord.findMany(pageById(query, coordinationWhere(viewer, { taskId: task.id, kinds }), 'asc')),
    },
    ...recordConnection,
  ),
);

builder.queryField('orchestrators', (t) =>
  t.prismaConnection(
    {
      type: AgentRef,
      cursor: 'organizationId_id',
      description: 'Agents that delegate and coordinate, in the order in which they first registered.',
      resolve: (query, _root, _args, { prisma, viewer }) =>
        prisma.actor.findMany(pageById(query, visibleOrchestrators(viewer), 'asc')),
    },
    ...agentConnection,
  ),
);

builder.queryField('coordinationHistory', (t) =>
  t.prismaConnection(
    {
      type: CoordinationRecordRef,
      cursor: 'organizationId_id',
      description: 'What orchestrators did with one another, oldest first: delegations, collaborations, handoffs, conflicts.',
      args: {
        taskId: t.arg.id({ description: 'Records about this task.' }),
        orchestratorId: t.arg.id({
          description: 'Records of this orchestrator: it acted, was given the task, was asked for help, or was party.',
        }),
        kinds: t.arg({ type: [CoordinationKindRef], description: 'Only these kinds. Default: all.' }),
      },
      resolve: (query, _root, args, { prisma, viewer }) =>
        prisma.coordinationRecord.findMany(pageById(query, coordinationWhere(viewer, args), 'asc')),
    },
    ...recordConnection,
  ),
);

/** The payload fields that the commands share. */
const taskField = {
  type: TaskRef,
  nullable: true,
  description: 'The task as this command left it. Null on errors.',
  resolve: (payload: { task: Task | null }) => payload.task,
} as const;

const recordField = {
  type: CoordinationRecordRef,
  nullable: true,
  description: 'What is kept of it, for good. Null on errors.',
  resolve: (payload: { record: CoordinationRecord | null }) => payload.record,
} as const;

mutation('taskDelegate', {
  description:
    'Give a task that an orchestrator owns to another one for good, and perhaps set its priority and due time anew. Status, holder and lease of the task stay as they are. Of two delegations at once exactly one succeeds; the other is INVALID_OWNERSHIP.',
  input: taskDelegateInput,
  run: (services, context, input) => services.orchestrators.delegate(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField), record: t.field(recordField) }),
});

mutation('collaborationRequest', {
  description:
    'Ask other orchestrators for help with a task that an orchestrator owns. It goes on owning the task; the others are told by the event CollaborationRequested.',
  input: collaborationRequestInput,
  run: (services, context, input) => services.orchestrators.requestCollaboration(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField), record: t.field(recordField) }),
});

mutation('taskHandOff', {
  description:
    'Hand a task under work to another orchestrator, with what it needs to know to go on. Status, holder and lease of the task stay as they are.',
  input: taskHandOffInput,
  run: (services, context, input) => services.orchestrators.handOff(context.viewer, input),
  payload: (t) => ({ task: t.field(taskField), record: t.field(recordField) }),
});

mutation('conflictResolve', {
  description:
    'Record how a conflict between orchestrators was settled, so that everybody can read what was decided and why. It changes no task: delegate or update the tasks as decided.',
  input: conflictResolveInput,
  run: (services, context, input) => services.orchestrators.resolveConflict(context.viewer, input),
  payload: (t) => ({ record: t.field(recordField) }),
});

errorType('INVALID_OWNERSHIP', 'InvalidOwnershipError').implement({
  description: 'The task does not belong to the orchestrator that acts; perhaps it was given away meanwhile.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    owner: t.prismaField({
      type: AgentRef,
      nullable: true,
      description: 'Orchestrator that owns the task. Null when none does.',
      resolve: (query, error, _args, { prisma, viewer }) =>
        typeof error.facts.ownerId === 'string'
          ? prisma.actor.findUnique({ ...query, where: { id: error.facts.ownerId, organizationId: viewer.organizationId } })
          : null,
    }),
  }),
});
