import type { Project } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { isId } from '../../kernel/ids.js';
import { projectCreateInput } from './project.inputs.js';
import { visibleProjects } from './project.queries.js';

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

mutation('projectCreate', {
  description: 'Create a project.',
  input: projectCreateInput,
  run: (services, context, input) => services.projects.create(context.viewer, input),
  payload: (t) => ({
    project: t.field({
      type: ProjectRef,
      nullable: true,
      description: 'The new project. Null on errors.',
      resolve: (payload) => payload.project,
    }),
  }),
});

eventType('ProjectCreated', null, (t) => ({
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
