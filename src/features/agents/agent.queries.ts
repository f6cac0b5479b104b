import type { Viewer } from '../../auth/viewer.js';
import type { Actor, AgentHealth, AgentStatus, Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone, isId } from '../../kernel/ids.js';
import { AgentNotFoundError } from './agent.errors.js';
import type { HealthLimits } from './agent.model.js';

/** Which agents a list wants; what is left out or null does not restrict. */
export interface AgentFilter {
  agentId?: string | null;
  statuses?: AgentStatus[] | null;
  healths?: AgentHealth[] | null;
  specialization?: string | null;
  ownerId?: string | null;
  /** Owner as named by a caller who is not registered here. */
  ownerLabel?: string | null;
  isOrchestrator?: boolean | null;
  /** Whether it holds a task under a lease that still runs. */
  holdsTask?: boolean | null;
  /** In its name, external id or role, in any case; or the whole of one of its specializations. */
  text?: string | null;
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
  if (filter?.ownerLabel) where.push({ ownerLabel: filter.ownerLabel });
  if (typeof filter?.isOrchestrator === 'boolean') where.push({ isOrchestrator: filter.isOrchestrator });
  if (typeof filter?.holdsTask === 'boolean') {
    const held = { leaseExpiresAt: { gt: now } };
    where.push({ tasksHeld: filter.holdsTask ? { some: held } : { none: held } });
  }
  if (filter?.text) where.push(textWhere(filter.text));
  return { AND: where };
}

/**
 * The agent or user that goes by the given name: the id that an agent was given from outside, or else an id of ours.
 * Null when there is none.
 */
export async function findActor(prisma: Prisma.TransactionClient, viewer: Viewer, given: string): Promise<Actor | null> {
  const { organizationId } = viewer;
  const agent = await prisma.actor.findUnique({ where: { organizationId_externalId: { organizationId, externalId: given } } });
  return agent ?? (isId(given) ? prisma.actor.findUnique({ where: { id: given, organizationId } }) : null);
}

/** The agent, with the one who owns it; throws AgentNotFoundError. */
export async function getAgent(prisma: Prisma.TransactionClient, viewer: Viewer, id: string): Promise<OwnedAgent> {
  const where = { id, organizationId: viewer.organizationId, kind: 'AGENT' as const };
  const agent = await prisma.actor.findUnique({ where, include: withOwner });
  if (!agent) throw new AgentNotFoundError(id);
  return agent;
}

/** The agents that `where` wants, in the order in which they registered, with those who own them. */
export function listAgents(prisma: Prisma.TransactionClient, where: Prisma.ActorWhereInput, take: number): Promise<OwnedAgent[]> {
  return prisma.actor.findMany({ where, include: withOwner, orderBy: { id: 'asc' }, take });
}

const withOwner = { owner: true } satisfies Prisma.ActorInclude;

/** An agent with the one who owns it. */
export type OwnedAgent = Prisma.ActorGetPayload<{ include: typeof withOwner }>;

/** A page of the agents of the organization, by the id that they gave themselves. */
export function agentsByName(
  prisma: Prisma.TransactionClient,
  viewer: Viewer,
  page: { limit: number; offset: number },
): Promise<Actor[]> {
  return prisma.actor.findMany({
    where: { organizationId: viewer.organizationId, kind: 'AGENT' },
    orderBy: [{ externalId: 'asc' }, { id: 'asc' }],
    take: page.limit,
    skip: page.offset,
  });
}

function textWhere(text: string): Prisma.ActorWhereInput {
  const contains = { contains: text, mode: 'insensitive' } as const;
  return { OR: [{ name: contains }, { externalId: contains }, { role: contains }, { specializations: { has: text } }] };
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
