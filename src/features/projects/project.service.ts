import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Project } from '../../database/generated/prisma/client.js';
import { newId } from '../../kernel/ids.js';
import type { ProjectEventData } from './project.events.js';
import type { ProjectCreate } from './project.inputs.js';

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
      return { project };
    });
  }
}
