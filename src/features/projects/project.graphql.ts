import type { ExecutionMode, Project } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventInterface, eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { isId } from '../../kernel/ids.js';
import type { ProjectEventData } from './project.events.js';
import {
  boardReplaceInput,
  graphReplaceInput,
  projectCreateInput,
  projectDeleteInput,
  projectUpdateInput,
} from './project.inputs.js';
import type { BoardColumn } from './project.model.js';
import { visibleProjects } from './project.queries.js';

const ExecutionModeRef = builder.enumType('ExecutionMode', {
  description: 'Where the agents of a project run.',
  values: {
    DOCKER: { description: 'In a container, which clones the repository of the project.' },
    LOCAL: { description: 'On the host of the coordinator, in the directory of the project.' },
  } satisfies Record<ExecutionMode, { description: string }>,
});

const BoardColumnRef = builder.objectRef<BoardColumn>('BoardColumn').implement({
  description: 'A column of a board, in which tickets stand.',
  fields: (t) => ({
    id: t.exposeString('id', { description: 'Name of the column, as `Ticket.columnId` has it.' }),
    title: t.exposeString('title', { description: 'What people call the column.' }),
    order: t.exposeInt('order', { description: 'Place of the column: lower ones stand further left.' }),
  }),
});

const ProjectGraphRef = builder.objectRef<Project>('ProjectGraph').implement({
  description: 'The architecture of a project as nodes and edges, which tickets and notes refer to.',
  fields: (t) => ({
    nodes: t.field({
      type: ['JSON'],
      description: 'The nodes, as they were drawn.',
      resolve: (project) => project.graphNodes as unknown[],
    }),
    edges: t.field({
      type: ['JSON'],
      description: 'The edges, as they were drawn.',
      resolve: (project) => project.graphEdges as unknown[],
    }),
    version: t.exposeInt('graphVersion', {
      description: 'Number that rises by one with each change. Pass it to `graphReplace` as `expectedVersion`.',
    }),
  }),
});

export const ProjectRef = builder.prismaObject('Project', {
  description: 'Something that tasks, plans, threads and decisions belong to.',
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Name of the project.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What the project is about, in Markdown. Null when nobody said.',
    }),
    repoUrl: t.exposeString('repoUrl', {
      nullable: true,
      description: 'Address of the git repository of the project. Null when it has none.',
    }),
    executionMode: t.expose('executionMode', { type: ExecutionModeRef, description: 'Where its agents run.' }),
    projectPath: t.exposeString('projectPath', {
      nullable: true,
      description: 'Directory of the project on the host of its coordinator. Null when it has none.',
    }),
    isExistingRepo: t.exposeBoolean('isExistingRepo', {
      description: 'Whether the repository had been worked on before the project was created.',
    }),
    boardColumns: t.field({
      type: [BoardColumnRef],
      description: 'Columns of the board, from left to right.',
      resolve: ({ boardColumns }) => (boardColumns as unknown as BoardColumn[]).toSorted((a, b) => a.order - b.order),
    }),
    graph: t.field({ type: ProjectGraphRef, description: 'The architecture of the project.', resolve: (project) => project }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the project was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'Time at which the project was last changed.' }),
  }),
});

/** The options of a field that names the project something belongs to: one that was deleted reads as none. */
export const projectField = {
  type: ProjectRef,
  nullable: true,
  select: { project: true },
  resolve: ({ project }: { project: Project | null }) => (project?.deletedAt ? null : project),
} as const;

builder.queryField('project', (t) =>
  t.prismaField({
    type: ProjectRef,
    nullable: true,
    description: 'One project. Null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Id of the project.' }) },
    resolve: (query, _root, { id }, { prisma, viewer }) =>
      isId(id) ? prisma.project.findUnique({ ...query, where: { id, ...visibleProjects(viewer) } }) : null,
  }),
);

builder.queryField('projects', (t) =>
  t.prismaConnection(
    {
      type: ProjectRef,
      cursor: 'organizationId_id',
      description: 'Projects of the organization, oldest first.',
      resolve: (query, _root, _args, { prisma, viewer }) =>
        prisma.project.findMany(pageById(query, visibleProjects(viewer), 'asc')),
    },
    ...connectionOf('Project', ProjectRef),
  ),
);

/** The payload field that all commands on a project share. */
const projectPayload = {
  type: ProjectRef,
  nullable: true,
  description: 'The project as this command left it. Null on errors.',
  resolve: (payload: { project: Project | null }) => payload.project,
} as const;

mutation('projectCreate', {
  description: 'Create a project, with an empty graph and a board of the columns backlog, in_progress, in_review and done.',
  input: projectCreateInput,
  run: (services, context, input) => services.projects.create(context.viewer, input),
  payload: (t) => ({ project: t.field(projectPayload) }),
});

mutation('projectUpdate', {
  description: 'Change a project. What is left out stays; null clears.',
  input: projectUpdateInput,
  run: (services, context, input) => services.projects.update(context.viewer, input),
  payload: (t) => ({ project: t.field(projectPayload) }),
});

mutation('projectDelete', {
  description:
    'Delete a project, with its board, graph, notes and tickets. Its jobs that wait or run have failed; its tasks stay, without a project.',
  input: projectDeleteInput,
  run: (services, context, input) => services.projects.delete(context.viewer, input),
  payload: (t) => ({
    deletedProjectId: t.id({
      nullable: true,
      description: 'Id of the project that is gone. Null on errors.',
      resolve: (payload) => payload.project?.id ?? null,
    }),
  }),
});

mutation('graphReplace', {
  description:
    'Replace the nodes of the graph of a project, its edges, or both. With `expectedVersion`, a graph that was changed since you read it is left as it is, and the error is a RevisionConflictError.',
  input: graphReplaceInput,
  run: (services, context, input) => services.projects.replaceGraph(context.viewer, input),
  payload: (t) => ({ project: t.field(projectPayload) }),
});

mutation('boardReplace', {
  description: 'Replace the columns of the board of a project. Tickets stay in the columns they name, also in one that is gone.',
  input: boardReplaceInput,
  run: (services, context, input) => services.projects.replaceBoard(context.viewer, input),
  payload: (t) => ({ project: t.field(projectPayload) }),
});

const ProjectEventRef = eventInterface('ProjectEvent', 'Something that happened to a project.', (t) => ({
  project: t.prismaField({
    type: ProjectRef,
    nullable: true,
    description: 'The project, as it is when the event is delivered. Null once it was deleted.',
    resolve: (query, event, _args, context) =>
      context.prisma.project.findUnique({
        ...query,
        where: { id: event.subjectId, organizationId: event.organizationId, deletedAt: null },
      }),
  }),
}));

for (const type of ['ProjectCreated', 'ProjectUpdated', 'BoardReplaced'] as const) eventType(type, ProjectEventRef);
eventType('ProjectDeleted', ProjectEventRef, (t) => ({
  name: t.string({ description: 'Name that the project had.', resolve: (event) => event.data.name as string }),
}));
eventType('GraphReplaced', ProjectEventRef, (t) => ({
  version: t.int({
    description: 'Version of the graph from then on.',
    resolve: (event) => (event.data.after as ProjectEventData['GraphReplaced']['after']).version,
  }),
}));
