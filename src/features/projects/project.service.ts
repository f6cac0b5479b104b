import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Project } from '../../database/generated/prisma/client.js';
import { anyOrganization, lockName } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { seedMemory } from '../memory/memory.store.js';
import type { ProjectEventData } from './project.events.js';
import type { ProjectCreate } from './project.inputs.js';
import { findProjectId } from './project.queries.js';

/** The commands on projects. */
export class ProjectService {
  constructor(private readonly database: Database) {}

  async create(viewer: Viewer, input: ProjectCreate): Promise<{ project: Project }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const { organizationId } = viewer;
      const project = await tx.prisma.project.create({ data: { ...input, id: newId(), organizationId } });
      const data = { name: project.name } satisfies ProjectEventData['ProjectCreated'];
      await appendEvents(tx, [
        { ...stampOf(viewer), organizationId, type: 'ProjectCreated', subjectId: project.id, projectId: project.id, data },
      ]);
      await seedMemory(tx, stampOf(viewer), project);
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
      const { id } = await tx.prisma.project.create({ data: { ...ids, organizationId, name } });
      const data = { name } satisfies ProjectEventData['ProjectCreated'];
      await appendEvents(tx, [
        { ...stampOf(viewer), organizationId, type: 'ProjectCreated', subjectId: id, projectId: id, data },
      ]);
      return id;
    });
  }
}
