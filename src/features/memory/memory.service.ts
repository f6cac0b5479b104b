import { actAs } from '../../auth/acting.js';
import { requireScope, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import { requireProject } from '../projects/project.queries.js';
import type { MemoryDelete, MemoryIndex } from './memory.inputs.js';
import { contentHash } from './memory.model.js';
import { memoryEvent, storeDocuments } from './memory.store.js';
import { deleteDocumentsStatement } from './sql/store.sql.js';

/** The commands on the memory of a project. Searching it is the business of `MemorySearch`. */
export class MemoryService {
  constructor(private readonly database: Database) {}

  /**
   * Remembers texts; one that the project remembers already is left as it is. Answers the ids of all of them, in the order
   * given. They can be found by their words at once; their vectors follow.
   * Throws ProjectNotFoundError, AgentNotFoundError, ForbiddenError.
   */
  async index(viewer: Viewer, { projectId, documents, agentId }: MemoryIndex): Promise<{ documentIds: string[] }> {
    requireMemoryScope(viewer);
    const { organizationId } = viewer;
    const stamp = await actAs(this.database, viewer, agentId);
    return this.database.transaction(async (tx) => {
      await requireProject(tx.prisma, viewer, projectId);
      await storeDocuments(tx, stamp, { organizationId, projectId }, documents);
      const hashes = documents.map(contentHash);
      const stored = await tx.prisma.memoryDocument.findMany({
        where: { organizationId, projectId, contentHash: { in: hashes } },
        select: { id: true, contentHash: true },
      });
      const ids = new Map(stored.map((document) => [document.contentHash, document.id]));
      return { documentIds: [...new Set(hashes.flatMap((hash) => ids.get(hash) ?? []))] };
    });
  }

  /**
   * Forgets texts, told exactly as they were indexed; one that the project does not remember is passed over.
   * Throws ProjectNotFoundError, AgentNotFoundError, ForbiddenError.
   */
  async delete(viewer: Viewer, { projectId, documents, agentId }: MemoryDelete): Promise<{ deletedIds: string[] }> {
    requireMemoryScope(viewer);
    const { organizationId } = viewer;
    const stamp = await actAs(this.database, viewer, agentId);
    return this.database.transaction(async (tx) => {
      await requireProject(tx.prisma, viewer, projectId);
      const values = [organizationId, projectId, documents.map(contentHash)];
      const deleted = await tx.query<{ id: string }>(deleteDocumentsStatement, values);
      const deletedIds = deleted.map(({ id }) => id).sort();
      if (deletedIds.length > 0) {
        await appendEvents(tx, [memoryEvent(stamp, { organizationId, projectId }, 'MemoryDeleted', deletedIds)]);
      }
      return { deletedIds };
    });
  }
}

/** Runners remember what agents have learned, and may do nothing else with the scope WORKER alone. */
function requireMemoryScope(viewer: Viewer): void {
  if (!viewer.scopes.has('WORKER')) requireScope(viewer, 'WORK');
}
