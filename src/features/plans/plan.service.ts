import { actAs } from '../../auth/acting.js';
import { type ActorStamp, requireScope, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents, type NewEvent } from '../../database/event-log.js';
import type { Plan, Prisma } from '../../database/generated/prisma/client.js';
import { lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { requireProject } from '../projects/project.queries.js';
import { PlanNotFoundError, RevisionConflictError } from './plan.errors.js';
import type { PlanEventData } from './plan.events.js';
import type { PlanCreate, PlanRevise, PlanSetStatus } from './plan.inputs.js';

/** The commands on plans. */
export class PlanService {
  constructor(private readonly database: Database) {}

  /** Throws ProjectNotFoundError, AgentNotFoundError, ForbiddenError. */
  async create(viewer: Viewer, input: PlanCreate): Promise<{ plan: Plan }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.agentId);
    return this.database.transaction(async (tx) => {
      if (input.projectId) await requireProject(tx.prisma, viewer, input.projectId);
      const plan = await tx.prisma.plan.create({
        data: {
          id: newId(),
          organizationId: viewer.organizationId,
          projectId: input.projectId ?? null,
          title: input.title,
          bodyMarkdown: input.bodyMarkdown,
          status: input.status,
          authorId: stamp.actorId,
          authorLabel: stamp.actorLabel,
        },
      });
      await keepRevision(tx.prisma, plan, stamp);
      await appendEvents(tx, [planEvent(stamp, plan, 'PlanCreated', { after: plan.status, title: plan.title })]);
      return { plan };
    });
  }

  /**
   * Changes title or text; what is left out stays. The former text is kept as its revision.
   * Changing nothing makes no revision. Throws PlanNotFoundError, RevisionConflictError when the plan is not at the
   * revision that the caller has read, AgentNotFoundError, ForbiddenError.
   */
  async revise(viewer: Viewer, input: PlanRevise): Promise<{ plan: Plan }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.agentId);
    return this.database.transaction(async (tx) => {
      const before = await lockPlan(tx, viewer, input.planId);
      const { planId, expectedRevision, title = before.title, bodyMarkdown = before.bodyMarkdown } = input;
      if (before.revision !== expectedRevision) {
        throw new RevisionConflictError({ planId, expectedRevision, currentRevision: before.revision });
      }
      if (title === before.title && bodyMarkdown === before.bodyMarkdown) return { plan: before };
      const plan = await tx.prisma.plan.update({
        where: { id: planId },
        data: { title, bodyMarkdown, revision: before.revision + 1 },
      });
      await keepRevision(tx.prisma, plan, stamp);
      await appendEvents(tx, [
        planEvent(stamp, plan, 'PlanRevised', {
          before: { revision: before.revision, title: before.title },
          after: { revision: plan.revision, title },
        }),
      ]);
      return { plan };
    });
  }

  /** Setting the status that the plan has changes nothing. Throws PlanNotFoundError, AgentNotFoundError, ForbiddenError. */
  async setStatus(viewer: Viewer, input: PlanSetStatus): Promise<{ plan: Plan }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.agentId);
    return this.database.transaction(async (tx) => {
      const before = await lockPlan(tx, viewer, input.planId);
      if (before.status === input.status) return { plan: before };
      const plan = await tx.prisma.plan.update({ where: { id: input.planId }, data: { status: input.status } });
      await appendEvents(tx, [planEvent(stamp, plan, 'PlanStatusChanged', { before: before.status, after: plan.status })]);
      return { plan };
    });
  }
}

async function lockPlan(tx: Transaction, viewer: Viewer, planId: string): Promise<Plan> {
  await lockRow(tx, 'plan', viewer.organizationId, planId);
  const plan = await tx.prisma.plan.findUnique({ where: { id: planId, organizationId: viewer.organizationId } });
  if (!plan) throw new PlanNotFoundError(planId);
  return plan;
}

async function keepRevision(prisma: Prisma.TransactionClient, plan: Plan, author: ActorStamp): Promise<void> {
  await prisma.planRevision.create({
    data: {
      planId: plan.id,
      revision: plan.revision,
      title: plan.title,
      bodyMarkdown: plan.bodyMarkdown,
      authorId: author.actorId,
      authorLabel: author.actorLabel,
    },
  });
}

function planEvent<Type extends keyof PlanEventData>(
  stamp: ActorStamp,
  plan: Plan,
  type: Type,
  data: PlanEventData[Type],
): NewEvent {
  return {
    ...stamp,
    organizationId: plan.organizationId,
    type,
    subjectId: plan.id,
    projectId: plan.projectId,
    agentId: stamp.actorId,
    data: { ...data },
  };
}
