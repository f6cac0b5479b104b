import { stampOf, type Viewer } from '../../auth/viewer.js';
import type { Transaction } from '../../database/database.js';
import { withdrawOfProjectStatement, withdrawOfTaskStatement } from './sql/withdraw.sql.js';

/**
 * Fails the jobs of a ticket, or of a whole project, that wait or run: nobody starts them any more, and a run that goes on
 * has nothing to report to. To be called in the transaction that deletes what they are for.
 */
export async function failUnfinishedJobs(
  tx: Transaction,
  viewer: Viewer,
  of: { taskId: string } | { projectId: string },
  reason: string,
): Promise<void> {
  const { actorId, actorLabel } = stampOf(viewer);
  const [statement, id] = 'taskId' in of ? [withdrawOfTaskStatement, of.taskId] : [withdrawOfProjectStatement, of.projectId];
  await tx.query(statement, [viewer.organizationId, id, reason, actorId, actorLabel]);
}
