import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import { type Database, type Transaction, withinTransaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Prisma, Project } from '../../database/generated/prisma/client.js';
import { anyOrganization, lockName, lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { changedFields, pick } from '../changed-fields.js';
import { failUnfinishedJobs } from '../jobs/job.withdrawal.js';
import { seedMemory } from '../memory/memory.store.js';
import { TicketService } from '../tickets/ticket.service.js';
import { GraphConflictError, NameNotConfirmedError } from './project.errors.js';
import type { ProjectEventData } from './project.events.js';
import type { BoardReplace, GraphReplace, ProjectCreate, ProjectDelete, ProjectUpdate } from './project.inputs.js';
import { type BoardColumn, setupTicket } from './project.model.js';
import { findProjectId, getProject } from './project.queries.js';

/** What a face says of the projects that it creates, beside what their creator says. */
export interface ProjectOrigin {
  /** The project begins with a ticket that has it set up, unless its repository has been worked on before. */
  hasSetupTicket?: boolean;
}

/** The commands on projects, their graph and their board. */
export class ProjectService {
  constructor(private readonly database: Database) {}

  /** Creates a project with an empty graph and a board of four columns. */
  async create(
    viewer: Viewer,
    input: ProjectCreate,
    { hasSetupTicket = false }: ProjectOrigin = {},
  ): Promise<{ project: Project }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const { organizationId } = viewer;
      const project = await tx.prisma.project.create({ data: { ...input, id: newId(), organizationId } });
      await appendEvents(tx, [projectEvent(viewer, project, 'ProjectCreated', { name: project.name })]);
      await seedMemory(tx, stampOf(viewer), project);
      if (hasSetupTicket && !project.isExistingRepo) {
        await new TicketService(withinTransaction(tx)).create(viewer, { ...setupTicket, projectId: project.id });
      }
      return { project };
    });
  }

  /**
   * The id of the project that goes by the given id (a UUID), which is created when the organization has none: callers of
   * the coordinator dialect name projects that they have no way to create.
   * Where another organization has that id already, the project gets one of its own and still goes by the given one.
   * Throws ForbiddenError.
   */
  async ensure(viewer: Viewer, givenId: string): Promise<string> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const { organizationId } = viewer;
      await lockName(tx, anyOrganization, `project ${givenId}`);
      const existing = await findProjectId(tx.prisma, viewer, givenId);
      if (existing) return existing;
      const name = `Project ${givenId.slice(0, 8)}`;
      const isTaken = (await tx.prisma.project.count({ where: { id: givenId } })) > 0;
      const ids = isTaken ? { id: newId(), externalId: givenId } : { id: givenId };
      const project = await tx.prisma.project.create({ data: { ...ids, organizationId, name } });
      await appendEvents(tx, [projectEvent(viewer, project, 'ProjectCreated', { name })]);
      return project.id;
    });
  }

  /** Changes what is given; what is left out stays, null clears. Throws ProjectNotFoundError. */
  async update(viewer: Viewer, { projectId, ...fields }: ProjectUpdate): Promise<{ project: Project }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const before = await lockProject(tx, viewer, projectId);
      const changed = changedFields(before, fields);
      if (changed.length === 0) return { project: before };
      const project = await tx.prisma.project.update({ where: { id: projectId }, data: fields });
      const data = { before: pick(before, changed), after: pick(project, changed) };
      await appendEvents(tx, [projectEvent(viewer, project, 'ProjectUpdated', data)]);
      return { project };
    });
  }

  /**
   * Deletes a project: it is gone for every face, with its board, graph, notes and tickets, though events still name it.
   * Its jobs that wait or run have failed. Its tasks stay as they are, without a project.
   * Throws ProjectNotFoundError, and NameNotConfirmedError unless the caller says its name.
   */
  async delete(viewer: Viewer, { projectId, confirmName }: ProjectDelete): Promise<{ project: Project }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const { name } = await lockProject(tx, viewer, projectId);
      if (confirmName.trim() !== name) throw new NameNotConfirmedError(projectId);
      const project = await tx.prisma.project.update({ where: { id: projectId }, data: { deletedAt: new Date() } });
      await failUnfinishedJobs(tx, viewer, { projectId }, 'The project was deleted.');
      await appendEvents(tx, [projectEvent(viewer, project, 'ProjectDeleted', { name })]);
      return { project };
    });
  }

  /**
   * Replaces the nodes, the edges, or both; the version rises by one, whatever was changed.
   * Throws ProjectNotFoundError, and GraphConflictError when the graph is not at the version that the caller has read.
   */
  async replaceGraph(viewer: Viewer, input: GraphReplace): Promise<{ project: Project }> {
    requireScope(viewer, 'WORK');
    const { projectId, expectedVersion } = input;
    return this.database.transaction(async (tx) => {
      const before = await lockProject(tx, viewer, projectId);
      if (expectedVersion !== undefined && expectedVersion !== before.graphVersion) {
        const facts = { projectId, expectedRevision: expectedVersion, currentRevision: before.graphVersion };
        throw new GraphConflictError(facts);
      }
      const project = await tx.prisma.project.update({
        where: { id: projectId },
        data: {
          graphVersion: before.graphVersion + 1,
          graphNodes: input.nodes as Prisma.InputJsonArray | undefined,
          graphEdges: input.edges as Prisma.InputJsonArray | undefined,
        },
      });
      const data = { before: summaryOf(before), after: summaryOf(project) };
      await appendEvents(tx, [projectEvent(viewer, project, 'GraphReplaced', data)]);
      return { project };
    });
  }

  /** Replaces the columns of the board. Tickets stay in the columns they name, also in one that is gone. Throws ProjectNotFoundError. */
  async replaceBoard(viewer: Viewer, { projectId, columns }: BoardReplace): Promise<{ project: Project }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const before = await lockProject(tx, viewer, projectId);
      if (changedFields(before, { boardColumns: columns }).length === 0) return { project: before };
      const boardColumns = columns.map(({ id, title, order }) => ({ id, title, order }));
      const project = await tx.prisma.project.update({ where: { id: projectId }, data: { boardColumns } });
      const data = { before: before.boardColumns as unknown as BoardColumn[], after: columns };
      await appendEvents(tx, [projectEvent(viewer, project, 'BoardReplaced', data)]);
      return { project };
    });
  }
}

async function lockProject(tx: Transaction, viewer: Viewer, projectId: string): Promise<Project> {
  await lockRow(tx, 'project', viewer.organizationId, projectId);
  return getProject(tx.prisma, viewer, projectId);
}

function summaryOf({ graphVersion, graphNodes, graphEdges }: Project) {
  return { version: graphVersion, nodes: (graphNodes as unknown[]).length, edges: (graphEdges as unknown[]).length };
}

function projectEvent<Type extends keyof ProjectEventData>(
  viewer: Viewer,
  { id, organizationId }: Project,
  type: Type,
  data: ProjectEventData[Type],
) {
  return { ...stampOf(viewer), organizationId, type, subjectId: id, projectId: id, data: { ...data } };
}
