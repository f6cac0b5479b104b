import type { DecisionStatus } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { errorType, UserErrorRef } from '../../graphql/user-error.js';
import { isId } from '../../kernel/ids.js';
import { ActorRef } from '../actors/actor.graphql.js';
import { ProjectRef, projectField } from '../projects/project.graphql.js';
import { decisionRecordInput } from './decision.inputs.js';
import { decisionWhere } from './decision.queries.js';

const DecisionStatusRef = builder.enumType('DecisionStatus', {
  description: 'Whether a decision holds.',
  values: {
    ACCEPTED: { description: 'Holds. Every decision begins so.' },
    SUPERSEDED: { description: 'No longer holds: another decision was recorded that supersedes it.' },
  } satisfies Record<DecisionStatus, { description: string }>,
});

const DecisionRef = builder.prismaObject('Decision', {
  description: 'Something that was decided, and why. It is never changed; a later decision may supersede it.',
  interfaces: [NodeRef],
  fields: (t) => ({
    project: t.field({
      ...projectField,
      description: 'Project that the decision is about. Null when there is none, or it was deleted.',
    }),
    title: t.exposeString('title', { description: 'What was decided, in one line.' }),
    bodyMarkdown: t.exposeString('bodyMarkdown', {
      description: 'The decision, its reasons and its consequences, in Markdown.',
    }),
    status: t.expose('status', { type: DecisionStatusRef, description: 'Whether the decision holds.' }),
    supersedes: t.relation('supersedes', {
      nullable: true,
      description: 'Decision that this one replaced. Null when it replaced none.',
    }),
    supersededBy: t.relation('supersededBy', {
      nullable: true,
      description: 'Decision that replaced this one. Null while this one holds.',
    }),
    author: t.relation('author', {
      type: ActorRef,
      nullable: true,
      description: 'Who decided. Null when it was none of the registered agents and users.',
    }),
    authorLabel: t.exposeString('authorLabel', {
      nullable: true,
      description: 'Who decided, when `author` is null: a name as the caller gave it, `admin` or `anonymous`.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the decision was recorded.' }),
  }),
});

builder.queryField('decision', (t) =>
  t.prismaField({
    type: DecisionRef,
    nullable: true,
    description: 'One decision. Null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Id of the decision.' }) },
    resolve: (query, _root, { id }, { prisma, viewer }) =>
      isId(id) ? prisma.decision.findUnique({ ...query, where: { id, organizationId: viewer.organizationId } }) : null,
  }),
);

const decisionConnection = connectionOf('Decision', DecisionRef);

builder.queryField('decisions', (t) =>
  t.prismaConnection(
    {
      type: DecisionRef,
      cursor: 'organizationId_id',
      description: 'Decisions of the organization, newest first.',
      args: {
        projectId: t.arg.id({ description: 'Decisions about this project.' }),
        status: t.arg({ type: DecisionStatusRef, description: 'Decisions of this status: ACCEPTED for those that hold.' }),
      },
      resolve: (query, _root, args, { prisma, viewer }) =>
        prisma.decision.findMany(pageById(query, decisionWhere(viewer, args), 'desc')),
    },
    ...decisionConnection,
  ),
);

builder.prismaObjectField(ProjectRef, 'decisions', (t) =>
  t.prismaConnection(
    {
      type: DecisionRef,
      cursor: 'organizationId_id',
      description: 'Decisions about the project, newest first.',
      args: {
        status: t.arg({ type: DecisionStatusRef, description: 'Decisions of this status: ACCEPTED for those that hold.' }),
      },
      resolve: (query, project, args, { prisma, viewer }) => {
        const where = decisionWhere(viewer, { projectId: project.id, status: args.status });
        return prisma.decision.findMany(pageById(query, where, 'desc'));
      },
    },
    ...decisionConnection,
  ),
);

mutation('decisionRecord', {
  description:
    'Record what was decided, and why. To change a decision, record another that supersedes it; one decision can be superseded once only.',
  input: decisionRecordInput,
  run: (services, context, input) => services.decisions.record(context.viewer, input),
  payload: (t) => ({
    decision: t.field({
      type: DecisionRef,
      nullable: true,
      description: 'The new decision. Null on errors.',
      resolve: (payload) => payload.decision,
    }),
  }),
});

errorType('DECISION_ALREADY_SUPERSEDED', 'DecisionAlreadySupersededError').implement({
  description: 'Another decision already supersedes that one. Supersede the newest instead.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    supersededBy: t.prismaField({
      type: DecisionRef,
      nullable: true,
      description: 'Decision that was faster.',
      resolve: (query, error, _args, { prisma, viewer }) =>
        prisma.decision.findUnique({
          ...query,
          where: { id: String(error.facts.supersededById), organizationId: viewer.organizationId },
        }),
    }),
  }),
});

eventType('DecisionRecorded', null, (t) => ({
  decision: t.prismaField({
    type: DecisionRef,
    description: 'The decision, as it is when the event is delivered.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.decision.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
  superseded: t.prismaField({
    type: DecisionRef,
    nullable: true,
    description: 'Decision that it replaced. Null when it replaced none.',
    resolve: (query, event, _args, { prisma }) =>
      typeof event.data.supersededId === 'string'
        ? prisma.decision.findUnique({
            ...query,
            where: { id: event.data.supersededId, organizationId: event.organizationId },
          })
        : null,
  }),
}));
