import { isOperator, type Viewer } from '../../auth/viewer.js';
import type { Actor, CoordinationKind, Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone, isId } from '../../kernel/ids.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';
import { OrchestratorNotFoundError } from './orchestrator.errors.js';

/** An agent that coordinates others. */
export type Orchestrator = Actor;

/** The orchestrators of the caller's organization. */
export function visibleOrchestrators(viewer: Viewer) {
  return { organizationId: viewer.organizationId, kind: 'AGENT', isOrchestrator: true } as const satisfies Prisma.ActorWhereInput;
}

/**
 * The orchestrators that the references name, by reference; one that names none is left out.
 *
 * A reference is a public id, an id, or the id given from outside, tried in this order. Only the operator finds those of
 * other organizations, and by an id of ours only: what a name from outside means is each organization's own affair.
 */
export async function findOrchestrators(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  references: readonly string[],
): Promise<Map<string, Actor>> {
  const scope = isOperator(viewer) ? {} : { organizationId: viewer.organizationId };
  const rows = await prisma.actor.findMany({
    where: {
      kind: 'AGENT',
      isOrchestrator: true,
      OR: [
        { ...scope, publicId: { in: [...references] } },
        { ...scope, id: { in: references.filter(isId) } },
        { organizationId: viewer.organizationId, externalId: { in: [...references] } },
      ],
    },
  });
  const isNamed = (row: Actor, reference: string) => row.organizationId === viewer.organizationId && row.externalId === reference;
  return new Map(
    references.flatMap((reference) => {
      const found =
        rows.find((row) => row.publicId === reference) ??
        rows.find((row) => row.id === reference.toLowerCase()) ??
        rows.find((row) => isNamed(row, reference));
      return found ? [[reference, found]] : [];
    }),
  );
}

/** The orchestrator of the organization that the reference names. Throws OrchestratorNotFoundError. */
export async function getOrchestrator(prisma: Prisma.TransactionClient, viewer: Viewer, reference: string): Promise<Actor> {
  const found = (await findOrchestrators(prisma, viewer, [reference])).get(reference);
  if (found?.organizationId === viewer.organizationId) return found;
  throw new OrchestratorNotFoundError(reference, ['orchestratorId'], { isActing: true });
}

/** The orchestrators of the organization, in the order in which they first registered. */
export function listOrchestrators(prisma: Prisma.TransactionClient, viewer: Viewer, page: Page): Promise<Actor[]> {
  const { limit: take, offset: skip } = page;
  return prisma.actor.findMany({ where: visibleOrchestrators(viewer), orderBy: { id: 'asc' }, take, skip });
}

interface Page {
  limit: number;
  offset: number;
}

const withCoordination = {
  orchestrator: true,
  coordination: {
    orderBy: { id: 'asc' },
    include: { orchestrator: true, participants: { orderBy: { position: 'asc' }, include: { actor: true } } },
  },
} satisfies Prisma.TaskInclude;

/** A task with its owner, and everything that orchestrators did with it, oldest first. */
export type CoordinatedTask = Prisma.TaskGetPayload<{ include: typeof withCoordination }>;

/** The tasks of an orchestrator that are of its dialect, most urgent first, oldest first within a priority. */
export function listOwnedTasks(
  prisma: Prisma.TransactionClient,
  { id, organizationId }: Actor,
  page: Page,
): Promise<CoordinatedTask[]> {
  return prisma.task.findMany({
    where: { organizationId, orchestratorId: id, source: 'ORCHESTRATOR' },
    include: withCoordination,
    orderBy: [{ priority: 'asc' }, { id: 'asc' }],
    take: page.limit,
    skip: page.offset,
  });
}

/** The task of the dialect that the reference, a public id or an id, names. Throws TaskNotFoundError. */
export async function getCoordinatedTask(
  prisma: Prisma.TransactionClient,
  { organizationId }: Viewer,
  reference: string,
): Promise<CoordinatedTask> {
  const named = isId(reference) ? { id: reference } : { publicId: reference };
  const where = { ...named, organizationId, source: 'ORCHESTRATOR' } as const;
  const task = await prisma.task.findFirst({ where, include: withCoordination });
  if (!task) throw new TaskNotFoundError(reference);
  return task;
}

/** Throws OrchestratorNotFoundError, at the input's `field`, unless the organization has this orchestrator. */
export async function requireOrchestrator(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  orchestratorId: string,
  field: string,
): Promise<void> {
  const where = { id: idOrNone(orchestratorId), ...visibleOrchestrators(viewer) };
  if (!(await prisma.actor.findFirst({ where, select: { id: true } }))) {
    throw new OrchestratorNotFoundError(orchestratorId, [field]);
  }
}

/** Which coordination records a list wants; what is left out or null does not restrict. */
export interface CoordinationFilter {
  taskId?: string | null;
  /** Who acted, or was asked, given the task or party to the conflict. */
  orchestratorId?: string | null;
  kinds?: CoordinationKind[] | null;
}

/** The coordination records that the caller may see and a list wants. */
export function coordinationWhere(viewer: Viewer, filter: CoordinationFilter): Prisma.CoordinationRecordWhereInput {
  const where: Prisma.CoordinationRecordWhereInput = { organizationId: viewer.organizationId };
  if (filter.taskId) where.taskId = idOrNone(filter.taskId);
  if (filter.kinds) where.kind = { in: filter.kinds };
  if (filter.orchestratorId) {
    const orchestratorId = idOrNone(filter.orchestratorId);
    where.OR = [{ orchestratorId }, { participants: { some: { actorId: orchestratorId } } }];
  }
  return where;
}
