import type { ActorStamp } from '../../auth/viewer.js';
import type { Sql } from '../../database/database.js';
import { appendEvents, type NewEvent } from '../../database/event-log.js';
import { newId } from '../../kernel/ids.js';
import type { MemoryEventData } from './memory.events.js';
import { contentHash, projectSummary } from './memory.model.js';
import { spelledWords, wordsOf } from './memory.words.js';
import { storeDocumentsStatement, storeWordsStatement } from './sql/store.sql.js';

/** Whose memory it is. */
export interface MemoryOwner {
  organizationId: string;
  projectId: string;
}

/** Keeps texts in a project's memory and tells of those that are new, within the transaction of the caller. */
export async function storeDocuments(tx: Sql, stamp: ActorStamp, owner: MemoryOwner, bodies: readonly string[]): Promise<void> {
  const documents = [...new Set(bodies)].map((body) => {
    const words = wordsOf(body);
    return { document: { id: newId(), body, hash: contentHash(body), words: words.join(' ') }, words };
  });
  const stored = await tx.query<{ id: string }>(storeDocumentsStatement, [
    owner.organizationId,
    owner.projectId,
    JSON.stringify(documents.map(({ document }) => document)),
  ]);
  const newIds = new Set(stored.map(({ id }) => id));
  const newWords = documents.filter(({ document }) => newIds.has(document.id)).flatMap(({ words }) => words);
  if (newWords.length > 0) await tx.query(storeWordsStatement, [owner.projectId, JSON.stringify(spelledWords(newWords))]);
  if (newIds.size > 0) await appendEvents(tx, [memoryEvent(stamp, owner, 'MemoryIndexed', [...newIds])]);
}

/** The memory of a project begins with what the project is about. */
export async function seedMemory(
  tx: Sql,
  stamp: ActorStamp,
  project: { id: string; organizationId: string; name: string; description: string | null },
): Promise<void> {
  const owner = { organizationId: project.organizationId, projectId: project.id };
  await storeDocuments(tx, stamp, owner, [projectSummary(project)]);
}

export function memoryEvent(
  stamp: ActorStamp,
  { organizationId, projectId }: MemoryOwner,
  type: keyof MemoryEventData,
  documentIds: string[],
): NewEvent {
  const data = { count: documentIds.length, documentIds: documentIds.sort() } satisfies MemoryEventData[typeof type];
  return { ...stamp, organizationId, type, subjectId: projectId, projectId, agentId: stamp.actorId, data };
}
