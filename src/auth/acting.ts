import type { Database } from '../database/database.js';
import { AgentNotFoundError } from '../features/agents/agent.errors.js';
import { ForbiddenError } from './auth.errors.js';
import { type ActorStamp, isOperator, stampOf, type Viewer } from './viewer.js';

/**
 * On whose behalf the call acts.
 *
 * Without `agentId` the caller acts as itself (the operator as nobody). With it: an agent may only name itself; a member
 * only agents it owns; an administrator and the operator any agent of the organization.
 * Throws AgentNotFoundError (also for another organization's agent) and ForbiddenError, at the input's `field`.
 * Source: contracts.md, "humans may assign tasks only to agents they own".
 */
export async function actAs(
  database: Database,
  viewer: Viewer,
  agentId: string | null | undefined,
  field = 'agentId',
): Promise<ActorStamp> {
  if (!agentId || agentId === viewer.actor?.id) return stampOf(viewer);
  if (viewer.actor?.kind === 'AGENT') {
    throw new ForbiddenError(`Agent ${viewer.actor.name} may act only as itself: its key says already who acts.`, {
      path: [field],
    });
  }
  const agent = await database.prisma.actor.findFirst({
    // Nobody but the operator speaks for another person.
    where: { id: agentId, organizationId: viewer.organizationId, ...(isOperator(viewer) ? {} : { kind: 'AGENT' as const }) },
    select: { ownerId: true },
  });
  if (!agent) throw new AgentNotFoundError(agentId, field);
  const mayAct = isOperator(viewer) || viewer.scopes.has('ADMIN') || agent.ownerId === viewer.actor?.id;
  if (!mayAct) {
    throw new ForbiddenError(`You do not own agent ${agentId}: only its owner or an administrator may act for it.`, {
      path: [field],
    });
  }
  return { actorId: agentId, actorLabel: null };
}
