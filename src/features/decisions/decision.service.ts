import { actAs } from '../../auth/acting.js';
import { requireScope, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Decision } from '../../database/generated/prisma/client.js';
import { lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { requireProject } from '../projects/project.queries.js';
import { DecisionAlreadySupersededError, DecisionNotFoundError } from './decision.errors.js';
import type { DecisionEventData } from './decision.events.js';
import type { DecisionRecord } from './decision.inputs.js';

/** The commands on decisions. */
export class DecisionService {
  constructor(private readonly database: Database) {}

  /**
   * Records a decision; the one that it supersedes becomes SUPERSEDED, and can be superseded once only.
   * Throws ProjectNotFoundError, DecisionNotFoundError, DecisionAlreadySupersededError, AgentNotFoundError, ForbiddenError.
   */
  async record(viewer: Viewer, input: DecisionRecord): Promise<{ decision: Decision }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.agentId);
    return this.database.transaction(async (tx) => {
      if (input.projectId) await requireProject(tx.prisma, viewer, input.projectId);
      const superseded = input.supersedesId ? await supersede(tx, viewer, input.supersedesId) : null;
      const decision = await tx.prisma.decision.create({
        data: {
          id: newId(),
          organizationId: viewer.organizationId,
          projectId: input.projectId ?? superseded?.projectId ?? null,
          title: input.title,
          bodyMarkdown: input.bodyMarkdown,
          supersedesId: input.supersedesId ?? null,
          authorId: stamp.actorId,
          authorLabel: stamp.actorLabel,
        },
      });
      const data: DecisionEventData['DecisionRecorded'] = { title: decision.title, supersededId: input.supersedesId };
      await appendEvents(tx, [
        {
          ...stamp,
          organizationId: decision.organizationId,
          type: 'DecisionRecorded',
          subjectId: decision.id,
          projectId: decision.projectId,
          agentId: stamp.actorId,
          data: { ...data },
        },
      ]);
      return { decision };
    });
  }
}

/** Marks a decision as superseded. Its row stays locked until the one that supersedes it is committed, so only one ever is. */
async function supersede(tx: Transaction, viewer: Viewer, decisionId: string): Promise<Decision> {
  await lockRow(tx, 'decision', viewer.organizationId, decisionId);
  const decision = await tx.prisma.decision.findUnique({
    where: { id: decisionId, organizationId: viewer.organizationId },
    include: { supersededBy: { select: { id: true } } },
  });
  if (!decision) throw new DecisionNotFoundError(decisionId);
  if (decision.supersededBy) {
    throw new DecisionAlreadySupersededError({ decisionId, supersededById: decision.supersededBy.id });
  }
  return tx.prisma.decision.update({ where: { id: decisionId }, data: { status: 'SUPERSEDED' } });
}
