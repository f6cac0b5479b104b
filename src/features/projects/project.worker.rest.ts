import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, jsonAnswer, listLimitMax } from '../../rest/fields.js';
import { worker } from '../../rest/worker.js';
import { boardColumns, graphEdges, graphNodes, projectCreateInput, projectUpdateInput } from './project.inputs.js';
import type { BoardColumn } from './project.model.js';
import { getProject, listProjects } from './project.queries.js';
import { projectIdIn, projectParams } from './project-path.rest.js';

const { name, description } = projectUpdateInput.shape;
const { repoUrl, projectPath } = projectCreateInput.shape;

/** Boards send an empty text for a field that is left empty. */
function blankAs<Blank, Schema extends z.ZodType>(blank: Blank, schema: Schema) {
  return z.preprocess((value) => (typeof value === 'string' && value.trim() === '' ? blank : value), schema);
}

const executionMode = z
  .string()
  .transform((mode) => (mode.trim().toLowerCase() === 'local' ? ('LOCAL' as const) : ('DOCKER' as const)))
  .openapi({ description: '`local` to run its agents on the host of the coordinator; anything else is `docker`.' });

const projectAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    project_path: z.string().nullable(),
    github_url: z.string().nullable(),
    execution_mode: z.enum(['docker', 'local']),
    is_existing_repo: z.boolean(),
    created_at: instantAnswer,
    updated_at: instantAnswer,
  })
  .openapi('WorkerProject');

const graphAnswer = z
  .object({ id: z.string(), project_id: z.string(), nodes: z.array(jsonAnswer), edges: z.array(jsonAnswer), version: z.int() })
  .openapi('WorkerGraph');

const boardAnswer = z
  .object({
    id: z.string(),
    project_id: z.string(),
    columns: z.array(z.object({ id: z.string(), title: z.string(), order: z.int() })),
  })
  .openapi('WorkerBoard');

const collection = { dialect: worker, path: '/api/projects' } as const;
const failures = { 404: 'There is no such project.' };
const one = { dialect: worker, path: '/api/projects/{projectId}', params: projectParams, failures } as const;
const graph = { ...one, path: '/api/projects/{projectId}/graph' } as const;
const board = { ...one, path: '/api/projects/{projectId}/kanban' } as const;

export const projectEndpoints = [
  endpoint({
    ...collection,
    method: 'get',
    summary: 'List the projects, oldest first.',
    answers: { 200: { description: 'All projects.', schema: z.array(projectAnswer) } },
    handle: async ({ database, viewer }) => {
      const projects = await listProjects(database.prisma, viewer, listLimitMax);
      return { status: 200, body: projects.map(toProject) };
    },
  }),
  endpoint({
    ...collection,
    method: 'post',
    summary: 'Create a project.',
    description:
      'With an empty graph, a board of the columns `backlog`, `in_progress`, `in_review` and `done`, and, unless it has an existing repository, a ticket that has it set up.',
    body: z.object({
      name: blankAs(undefined, projectCreateInput.shape.name.default('Untitled Project')),
      description,
      github_url: blankAs(undefined, repoUrl),
      execution_mode: executionMode.default('DOCKER'),
      project_path: blankAs(undefined, projectPath),
      is_existing_repo: z
        .unknown()
        .transform((value) => value === true)
        .optional()
        .openapi({ type: 'boolean', description: 'True leaves out the ticket that has the project set up.' }),
    }),
    answers: { 201: { description: 'The new project.', schema: projectAnswer } },
    handle: async ({ viewer, body, run }) => {
      const input = {
        name: body.name,
        description: body.description ?? undefined,
        repoUrl: body.github_url,
        executionMode: body.execution_mode,
        projectPath: body.project_path,
        isExistingRepo: body.is_existing_repo ?? false,
      };
      const { project } = await run((services) => services.projects.create(viewer, input, { hasSetupTicket: true }));
      return { status: 201, body: toProject(project) };
    },
  }),
  endpoint({
    ...one,
    method: 'get',
    summary: 'Show a project.',
    answers: { 200: { description: 'The project.', schema: projectAnswer } },
    handle: async (call) => ({
      status: 200,
      body: toProject(await getProject(call.database.prisma, call.viewer, projectIdIn(call))),
    }),
  }),
  endpoint({
    ...one,
    method: 'put',
    summary: 'Change a project.',
    description: 'What is left out stays; an empty text or null clears.',
    body: z.object({
      name,
      description,
      github_url: blankAs(null, repoUrl.nullable()),
      execution_mode: executionMode.optional(),
      project_path: blankAs(null, projectPath.nullable()),
    }),
    answers: { 200: { description: 'The project as it is now.', schema: projectAnswer } },
    handle: async (call) => {
      const { name, description, github_url, execution_mode, project_path } = call.body;
      const fields = { name, description, repoUrl: github_url, executionMode: execution_mode, projectPath: project_path };
      const projectId = projectIdIn(call);
      const { project } = await call.run((services) => services.projects.update(call.viewer, { projectId, ...fields }));
      return { status: 200, body: toProject(project) };
    },
  }),
  endpoint({
    ...one,
    method: 'delete',
    summary: 'Delete a project, with its board, graph, notes and tickets.',
    body: z.object({
      confirm_name: z.string().default('').openapi({ description: 'The name of the project, to confirm that it is meant.' }),
    }),
    answers: { 200: deleted('Project') },
    handle: async (call) => {
      const input = { projectId: projectIdIn(call), confirmName: call.body.confirm_name };
      await call.run((services) => services.projects.delete(call.viewer, input));
      return { status: 200, body: { message: 'Project deleted' } };
    },
  }),
  endpoint({
    ...graph,
    method: 'get',
    summary: 'Show the graph of a project.',
    answers: { 200: { description: 'The graph.', schema: graphAnswer } },
    handle: async (call) => {
      const project = await getProject(call.database.prisma, call.viewer, projectIdIn(call));
      const { id, graphNodes: nodes, graphEdges: edges, graphVersion: version } = project;
      return { status: 200, body: { id, project_id: id, nodes, edges, version } };
    },
  }),
  endpoint({
    ...graph,
    method: 'put',
    summary: 'Replace the graph of a project.',
    description: 'The nodes, the edges, or both; null empties. The version rises by one, whatever was changed.',
    body: z.object({
      nodes: emptied(graphNodes, 'All nodes of the graph.'),
      edges: emptied(graphEdges, 'All edges of the graph.'),
    }),
    answers: { 200: { description: 'Its new version.', schema: z.object({ version: z.int() }).openapi('WorkerGraphVersion') } },
    handle: async (call) => {
      const input = { projectId: projectIdIn(call), ...call.body };
      const { project } = await call.run((services) => services.projects.replaceGraph(call.viewer, input));
      return { status: 200, body: { version: project.graphVersion } };
    },
  }),
  endpoint({
    ...board,
    method: 'get',
    summary: 'Show the columns of the board of a project.',
    answers: { 200: { description: 'The columns.', schema: boardAnswer } },
    handle: async (call) => ({
      status: 200,
      body: toBoard(await getProject(call.database.prisma, call.viewer, projectIdIn(call))),
    }),
  }),
  endpoint({
    ...board,
    method: 'put',
    summary: 'Replace the columns of the board of a project.',
    description: 'Tickets stay in the columns they name, also in one that is gone. Null empties.',
    body: z.object({ columns: emptied(boardColumns, 'All columns of the board.') }),
    answers: { 200: { description: 'The columns as they are now.', schema: boardAnswer } },
    handle: async (call) => {
      const projectId = projectIdIn(call);
      const { columns } = call.body;
      const project = await call.run(async (services, database) => {
        if (columns === undefined) return getProject(database.prisma, call.viewer, projectId);
        return (await services.projects.replaceBoard(call.viewer, { projectId, columns })).project;
      });
      return { status: 200, body: toBoard(project) };
    },
  }),
];

/** A list for which null is an empty one, and which may be left out. */
function emptied<List extends z.ZodType<unknown[]>>(list: List, description: string) {
  return z
    .preprocess((value) => value ?? [], list)
    .optional()
    .openapi({ description });
}

/** What an endpoint that deletes answers. */
export function deleted(what: 'Project' | 'Note' | 'Ticket') {
  const schema = z.object({ message: z.literal(`${what} deleted`) }).openapi(`${what}Deleted`);
  return { description: 'It is gone.', schema };
}

type Project = Awaited<ReturnType<typeof getProject>>;

function toProject(project: Project): z.input<typeof projectAnswer> {
  return {
    id: project.id,
    name: project.name,
    description: project.description,
    project_path: project.projectPath,
    github_url: project.repoUrl,
    execution_mode: project.executionMode === 'LOCAL' ? 'local' : 'docker',
    is_existing_repo: project.isExistingRepo,
    created_at: project.createdAt.toISOString(),
    updated_at: project.updatedAt.toISOString(),
  };
}

function toBoard({ id, boardColumns: columns }: Project): z.input<typeof boardAnswer> {
  return { id, project_id: id, columns: columns as unknown as BoardColumn[] };
}
