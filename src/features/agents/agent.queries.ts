import type { Viewer } from '../../auth/viewer.js';
import type { AgentHealth, AgentStatus, Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone } from '../../kernel/ids.js';
import type { HealthLimits } from './agent.model.js';

/** Which agents a list wants; what is left out or null does not restrict. */
export interface AgentFilter {
  agentId?: string | null;
  statuses?: AgentStatus[] | null;
  healths?: AgentHealth[] | null;
  specialization?: string | null;
  ownerId?: string | null;
  isOrchestrator?: boolean | null;
}

/** The agents that the caller may see and the filter wants; health as of `now` on the database's clock. */
export function agentWhere(
  viewer: Viewer,
  filter: AgentFilter | null | undefined,
  now: Date,
  limits: HealthLimits,
): Prisma.ActorWhereInput {
  const where: Prisma.ActorWhereInput[] = [{ organizationId: viewer.organizationId, kind: 'AGENT' }];
  if (filter?.agentId) where.push({ id: idOrNone(filter.agentId) });
  if (filter?.statuses) where.push({ status: { in: filter.statuses } });
  if (filter?.healths) where.push({ OR: filter.healths.map((health) => healthWhere(health, now, limits)) });
  if (filter?.specialization) where.push({ specializations: { has: filter.specialization } });
  if (filter?.ownerId) where.push({ ownerId: idOrNone(filter.ownerId) });
  if (typeof filter?.isOrchestrator === 'boolean') where.push({ isOrchestrator: filter.isOrchestrator });
  return { AND: where };
}

/** The same rule as `healthAt`, as a condition on the last heartbeat. */
function healthWhere(health: AgentHealth, now: Date, limits: HealthLimits): Prisma.ActorWhereInput {
  const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);
  switch (health) {
    case 'ONLINE':
      return { lastHeartbeatAt: { gt: secondsAgo(limits.staleSeconds) } };
    case 'STALE':
      return { lastHeartbeatAt: { gt: secondsAgo(limits.offlineSeconds), lte: secondsAgo(limits.staleSeconds) } };
    case 'OFFLINE':
      return { OR: [{ lastHeartbeatAt: null }, { lastHeartbeatAt: { lte: secondsAgo(limits.offlineSeconds) } }] };
  }
}
