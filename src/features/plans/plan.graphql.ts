import { type ResolveCursorConnectionArgs, resolveCursorConnection } from '@pothos/plugin-relay';
import type { PlanStatus } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventInterface, eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import type { CursorKind } from '../../graphql/page-plugin.js';
import { pageSizeDefault, pageSizeMax } from '../../graphql/page-size.js';
import { errorType, UserErrorRef } from '../../graphql/user-error.js';
import { isId } from '../../kernel/ids.js';
import { ActorRef } from '../actors/actor.graphql.js';
import { ProjectRef, projectField } from '../projects/project.graphql.js';
import type { PlanEventData } from './plan.events.js';
import { planCreateInput, planReviseInput, planSetStatusInput } from './plan.inputs.js';
import { planWhere, revisionPlace } from './plan.queries.js';

const PlanStatusRef = builder.enumType('PlanStatus', {
  description: 'Where a plan stands; people and agents set it with `planSetStatus`, in any order.',
  values: {
    DRAFT: { description: 'Is being written. Every plan begins so unless its author says otherwise.' },
    ACTIVE: { description: 'Is being followed.' },
    COMPLETED: { description: 'Was followed to its end.' },
    ARCHIVED: { description: 'Was put away, finished or not.' },
  } satisfies Record<PlanStatus, { description: string }>,
});

const PlanRef = builder.prismaObject('Plan', {
  description: 'What is to be done and how, as a text that agents and people revise. Every revision is kept.',
  interfaces: [NodeRef],
  fields: (t) => ({
    project: t.field({
      ...projectField,
      description: 'Project that the plan is for. Null when there is none, or it was deleted.',
    }),
    title: t.exposeString('title', { description: 'Name of the plan, in one line.' }),
    bodyMarkdown: t.exposeString('bodyMarkdown', { description: 'The plan itself, in Markdown, as last revised.' }),
    status: t.expose('status', { type: PlanStatusRef, description: 'Where the plan stands.' }),
    revision: t.exposeInt('revision', {
      description: 'Number of the newest revision, 1 for a new plan. Pass it to `planRevise` as `expectedRevision`.',
    }),
    author: t.relation('author', {
      type: ActorRef,
      nullable: true,
      description: 'Who wrote the first revision. Null when it was none of the registered agents and users.',
    }),
    authorLabel: t.exposeString('authorLabel', {
      nullable: true,
      description: 'Who wrote it, when `author` is null: a name as the caller gave it, `admin` or `anonymous`.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the plan was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'Time of the last revision or change of status.' }),
  }),
});

const PlanRevisionRef = builder.prismaObject('PlanRevision', {
  description: 'A plan as it was at one revision.',
  fields: (t) => ({
    revision: t.exposeInt('revision', { description: 'Number of the revision, from 1 up.' }),
    title: t.exposeString('title', { description: 'Name of the plan at that revision.' }),
    bodyMarkdown: t.exposeString('bodyMarkdown', { description: 'Text of the plan at that revision, in Markdown.' }),
    author: t.relation('author', {
      type: ActorRef,
      nullable: true,
      description: 'Who wrote the revision. Null when it was none of the registered agents and users.',
    }),
    authorLabel: t.exposeString('authorLabel', {
      nullable: true,
      description: 'Who wrote it, when `author` is null: a name as the caller gave it, `admin` or `anonymous`.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the revision was written.' }),
  }),
});

builder.prismaObjectField(PlanRef, 'revisions', (t) =>
  t.connection(
    {
      type: PlanRevisionRef,
      extensions: { cursors: 'own' satisfies CursorKind },
      description: 'Every revision of the plan with its text, oldest first; the last one equals the plan itself.',
      resolve: (plan, { first, last, after, before }, { prisma }) => {
        const revision = { gt: revisionPlace('after', after), lt: revisionPlace('before', before) };
        return resolveCursorConnection(
          {
            args: { first, last, after, before },
            defaultSize: pageSizeDefault,
            maxSize: pageSizeMax,
            toCursor: ({ revision: number }) => String(number),
          },
          ({ limit, inverted }: ResolveCursorConnectionArgs) =>
            prisma.planRevision.findMany({
              where: { planId: plan.id, revision },
              orderBy: { revision: inverted ? 'desc' : 'asc' },
              take: limit,
            }),
        );
      },
    },
    ...connectionOf('PlanRevision', PlanRevisionRef),
  ),
);

builder.queryField('plan', (t) =>
  t.prismaField({
    type: PlanRef,
    nullable: true,
    description: 'One plan. Null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Id of the plan.' }) },
    resolve: (query, _root, { id }, { prisma, viewer }) =>
      isId(id) ? prisma.plan.findUnique({ ...query, where: { id, organizationId: viewer.organizationId } }) : null,
  }),
);

const planConnection = connectionOf('Plan', PlanRef);

builder.queryField('plans', (t) =>
  t.prismaConnection(
    {
      type: PlanRef,
      cursor: 'organizationId_id',
      description: 'Plans of the organization, newest first.',
      args: {
        projectId: t.arg.id({ description: 'Plans for this project.' }),
        status: t.arg({ type: PlanStatusRef, description: 'Plans of this status.' }),
      },
      resolve: (query, _root, args, { prisma, viewer }) => prisma.plan.findMany(pageById(query, planWhere(viewer, args), 'desc')),
    },
    ...planConnection,
  ),
);

builder.prismaObjectField(ProjectRef, 'plans', (t) =>
  t.prismaConnection(
    {
      type: PlanRef,
      cursor: 'organizationId_id',
      description: 'Plans for the project, newest first.',
      args: { status: t.arg({ type: PlanStatusRef, description: 'Plans of this status.' }) },
      resolve: (query, project, args, { prisma, viewer }) => {
        const where = planWhere(viewer, { projectId: project.id, status: args.status });
        return prisma.plan.findMany(pageById(query, where, 'desc'));
      },
    },
    ...planConnection,
  ),
);

mutation('planCreate', {
  description: 'Write a plan: its first revision. It is a DRAFT unless you say otherwise.',
  input: planCreateInput,
  run: (services, context, input) => services.plans.create(context.viewer, input),
  payload: (t) => ({
    plan: t.field({
      type: PlanRef,
      nullable: true,
      description: 'The new plan. Null on errors.',
      resolve: (payload) => payload.plan,
    }),
  }),
});

mutation('planRevise', {
  description:
    'Change the title or the text of a plan, from the revision that you have read; what is left out stays. When somebody revised it meanwhile, nothing is written and the error is a RevisionConflictError. A change that changes nothing makes no revision.',
  input: planReviseInput,
  run: (services, context, input) => services.plans.revise(context.viewer, input),
  payload: (t) => ({
    plan: t.field({
      type: PlanRef,
      nullable: true,
      description: 'The plan at its newest revision. Null on errors.',
      resolve: (payload) => payload.plan,
    }),
  }),
});

mutation('planSetStatus', {
  description: 'Say where a plan stands. This is no revision.',
  input: planSetStatusInput,
  run: (services, context, input) => services.plans.setStatus(context.viewer, input),
  payload: (t) => ({
    plan: t.field({
      type: PlanRef,
      nullable: true,
      description: 'The plan as it is now. Null on errors.',
      resolve: (payload) => payload.plan,
    }),
  }),
});

errorType('REVISION_CONFLICT', 'RevisionConflictError').implement({
  description: 'Somebody changed the plan, or the graph, since it was read. Read it again, then change it from there.',
  interfaces: [UserErrorRef],
  fields: (t) => ({
    currentRevision: t.int({
      description: 'Newest revision of the plan, or version of the graph.',
      resolve: (error) => Number(error.facts.currentRevision),
    }),
  }),
});

const PlanEventRef = eventInterface('PlanEvent', 'Something that happened to a plan.', (t) => ({
  plan: t.prismaField({
    type: PlanRef,
    description: 'The plan, as it is when the event is delivered.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.plan.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));

eventType('PlanCreated', PlanEventRef, (t) => ({
  after: t.field({
    type: PlanStatusRef,
    description: 'Status that the plan began with.',
    resolve: (event) => event.data.after as PlanStatus,
  }),
}));
eventType('PlanRevised', PlanEventRef, (t) => ({
  revision: t.int({
    description: 'Number of the revision that was written.',
    resolve: (event) => (event.data.after as PlanEventData['PlanRevised']['after']).revision,
  }),
}));
eventType('PlanStatusChanged', PlanEventRef, (t) => ({
  before: t.field({
    type: PlanStatusRef,
    description: 'Status until then.',
    resolve: (event) => event.data.before as PlanStatus,
  }),
  after: t.field({
    type: PlanStatusRef,
    description: 'Status from then on.',
    resolve: (event) => event.data.after as PlanStatus,
  }),
}));
