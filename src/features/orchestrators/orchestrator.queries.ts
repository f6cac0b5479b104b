import { isOperator, type Viewer } from '../../auth/viewer.js';
import type { Actor, CoordinationKind, Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone, isId } from '../../kernel/ids.js';
import { OrchestratorNotFoundError } from './orchestrator.errors.js';

/** The agents of the caller's organization that coordinate others. */
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
