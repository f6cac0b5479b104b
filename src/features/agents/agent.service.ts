import { actAs } from '../../auth/acting.js';
import { issueApiKey } from '../../auth/api-key.js';
import { ForbiddenError } from '../../auth/auth.errors.js';
import { type ActorStamp, isOperator, isPerson, requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents, type NewEvent } from '../../database/event-log.js';
import type { Actor, AgentStatus, Prisma } from '../../database/generated/prisma/client.js';
import { lockName, lockRow } from '../../database/row-lock.js';
import { newId, newPublicId } from '../../kernel/ids.js';
import type { Secret } from '../../kernel/secret.js';
import { changedFields, pick } from '../changed-fields.js';
import { ValidationError } from '../validation-error.js';
import { AgentNotFoundError } from './agent.errors.js';
import type { AgentEventData } from './agent.events.js';
import type { AgentCheckIn, AgentHeartbeat, AgentRegister, AgentSetStatus } from './agent.inputs.js';
import { isOwnStatus, nextHeartbeatSeconds } from './agent.model.js';
import { checkInStatement } from './sql/check-in.sql.js';
import { agentHeartbeat, agentHeartbeats } from './sql/health.sql.js';

/** The commands on agents. */
export class AgentService {
  constructor(private readonly database: Database) {}

  /**
   * Creates the agent that the external id names, with its first API key, or updates its profile: what is left out stays,
   * and neither status nor key change.
   * An agent may register only itself; a member new agents and those it owns; administrators and the operator any.
   * Whoever becomes an orchestrator gets `publicId`, minted unless given, and keeps it.
   * `ownerLabel` names an owner who is not registered here, as the coordinator dialect's callers do.
   * Throws ForbiddenError, AgentNotFoundError (for the owner).
   */
  async register(
    viewer: Viewer,
    input: AgentRegister,
    { ownerLabel, publicId = newPublicId() }: { ownerLabel?: string; publicId?: string } = {},
  ): Promise<{ agent: Actor; apiKey: Secret | null }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const organizationId = viewer.organizationId;
      await lockName(tx, organizationId, `agent ${input.externalId}`);
      const where = { organizationId_externalId: { organizationId, externalId: input.externalId } };
      const existing = await tx.prisma.actor.findUnique({ where });
      requireMayRegister(viewer, existing, { externalId: input.externalId, owner: input.ownerId ?? ownerLabel });
      const ownerId = input.ownerId ?? (existing || viewer.actor?.kind !== 'USER' ? undefined : viewer.actor.id);
      if (ownerId) await requireOwner(tx.prisma, viewer, ownerId);
      const { externalId, capabilities, metadata, ...profile } = input;
      const fields = {
        ...profile,
        ownerId: ownerLabel === undefined ? ownerId : null,
        ownerLabel: input.ownerId === undefined ? ownerLabel : null,
        publicId: input.isOrchestrator && !existing?.publicId ? publicId : undefined,
        capabilities: capabilities as Prisma.InputJsonObject | undefined,
        metadata: metadata as Prisma.InputJsonObject | undefined,
      };
      if (existing) return { agent: await this.#update(tx, viewer, existing, fields), apiKey: null };

      const agent = await tx.prisma.actor.create({
        data: { ...fields, id: newId(), organizationId, kind: 'AGENT', externalId, name: input.name ?? externalId },
      });
      const { secret } = await issueApiKey(tx.prisma, {
        organizationId,
        agentId: agent.id,
        name: 'first key',
        scopes: ['READ', 'WORK'],
      });
      const { name, specializations } = agent;
      await appendEvents(tx, [agentEvent(stampOf(viewer), agent, 'AgentRegistered', { externalId, name, specializations })]);
      return { agent, apiKey: secret };
    });
  }

  /**
   * Records that the agent is alive. A change of health or status is an event; a heartbeat is not.
   * Throws AgentNotFoundError, ForbiddenError.
   */
  async heartbeat(viewer: Viewer, input: AgentHeartbeat): Promise<{ agent: Actor; nextHeartbeatSeconds: number }> {
    requireScope(viewer, 'WORK');
    const actorId = await this.#acting(viewer, input.agentId);
    if (input.status) await this.#requireMaySetStatus(viewer, actorId, input.status);
    const { status = null, metadata = null } = input;
    const sign = { organizationId: viewer.organizationId, agentId: actorId, status, metadata };
    const agent = (await this.database.share(agentHeartbeats, sign)) ?? (await agentHeartbeat(this.database, sign));
    if (!agent) throw new AgentNotFoundError(actorId);
    return { agent, nextHeartbeatSeconds };
  }

  /** Throws AgentNotFoundError, ForbiddenError. */
  async setStatus(viewer: Viewer, input: AgentSetStatus): Promise<{ agent: Actor }> {
    requireScope(viewer, 'WORK');
    const actorId = await this.#acting(viewer, input.agentId);
    await this.#requireMaySetStatus(viewer, actorId, input.status);
    return this.database.transaction(async (tx) => {
      await lockRow(tx, 'actor', viewer.organizationId, actorId);
      const before = await tx.prisma.actor.findFirst({
        where: { id: actorId, organizationId: viewer.organizationId, kind: 'AGENT' },
      });
      if (!before) throw new AgentNotFoundError(actorId);
      if (before.status === input.status) return { agent: before };
      const agent = await tx.prisma.actor.update({ where: { id: actorId }, data: { status: input.status } });
      await appendEvents(tx, [
        agentEvent(stampOf(viewer), agent, 'AgentStatusChanged', { before: before.status, after: agent.status }),
      ]);
      return { agent };
    });
  }

  /**
   * The id of the agent that the caller names. One that is not known yet is registered on the fly, under that name and
   * without an API key; of several calls at once that name it first, one does.
   * Whether the caller may act for the agent is the business of the command that it is named for; nobody registers one
   * that it may not act for. Throws ForbiddenError.
   */
  async named(viewer: Viewer, externalId: string): Promise<string> {
    requireScope(viewer, 'WORK');
    const where = { organizationId_externalId: { organizationId: viewer.organizationId, externalId } };
    const known = await this.database.prisma.actor.findUnique({ where, select: { id: true } });
    if (known) return known.id;
    return this.database.transaction(async (tx) => {
      await lockName(tx, viewer.organizationId, `agent ${externalId}`);
      const existing = await tx.prisma.actor.findUnique({ where, select: { id: true } });
      if (existing) return existing.id;
      requireMayRegister(viewer, null, { externalId, owner: undefined });
      const agent = await tx.prisma.actor.create({
        data: {
          id: newId(),
          organizationId: viewer.organizationId,
          kind: 'AGENT',
          externalId,
          name: externalId,
          ownerId: viewer.actor?.kind === 'USER' ? viewer.actor.id : null,
        },
      });
      const facts = { externalId, name: externalId, specializations: [] };
      await appendEvents(tx, [agentEvent(stampOf(viewer), agent, 'AgentRegistered', facts)]);
      return agent.id;
    });
  }

  /**
   * Records that the agent of the queue dialect is alive, registering it on the fly, and what it says of itself.
   * Every lease that it holds on a task of that dialect lasts again its whole length from now; one that has lapsed is lost.
   * Throws ForbiddenError.
   */
  async checkIn(viewer: Viewer, input: AgentCheckIn): Promise<{ agent: Actor }> {
    const agentId = await this.named(viewer, input.externalId);
    await actAs(this.database, viewer, agentId);
    const [agent] = await this.database.write<Actor>(checkInStatement, [
      viewer.organizationId,
      agentId,
      input.host ?? null,
      input.capabilities ? JSON.stringify(input.capabilities) : null,
      input.metadata ? JSON.stringify(input.metadata) : null,
    ]);
    if (!agent) throw new AgentNotFoundError(agentId);
    return { agent };
  }

  async #update(tx: Transaction, viewer: Viewer, existing: Actor, fields: Prisma.ActorUncheckedUpdateInput): Promise<Actor> {
    const changed = changedFields(existing, fields);
    if (changed.length === 0) return existing;
    const agent = await tx.prisma.actor.update({ where: { id: existing.id }, data: fields });
    const facts = { before: pick(existing, changed), after: pick(agent, changed) };
    await appendEvents(tx, [agentEvent(stampOf(viewer), agent, 'AgentUpdated', facts)]);
    return agent;
  }

  async #acting(viewer: Viewer, agentId: string | undefined): Promise<string> {
    const { actorId } = await actAs(this.database, viewer, agentId);
    if (!actorId) throw new ValidationError(['agentId'], 'Name the agent: this credential stands for none.');
    return actorId;
  }

  /** An agent that an administrator has parked stays parked, whatever it says of itself. */
  async #requireMaySetStatus(viewer: Viewer, agentId: string, status: AgentStatus): Promise<void> {
    if (isPerson(viewer)) return;
    const agent = await this.database.prisma.actor.findUnique({ where: { id: agentId }, select: { status: true } });
    if (!isOwnStatus(status) || (agent && !isOwnStatus(agent.status))) {
      throw new ForbiddenError('PENDING and INACTIVE are set and lifted by people, not by the agent itself.', {
        path: ['status'],
      });
    }
  }
}

/** An agent registers only itself; a member new agents and those it owns, as its own; administrators and the operator any. */
function requireMayRegister(
  viewer: Viewer,
  existing: Actor | null,
  input: { externalId: string; owner: string | undefined },
): void {
  if (!isPerson(viewer)) {
    if (existing && existing.id === viewer.actor?.id) return;
    throw new ForbiddenError('An agent may register only itself, under the external id that it has.', { path: ['externalId'] });
  }
  if (isOperator(viewer) || viewer.scopes.has('ADMIN')) return;
  if (existing && existing.ownerId !== viewer.actor?.id) {
    throw new ForbiddenError(`Agent ${input.externalId} is not yours: only its owner or an administrator may change it.`, {
      path: ['externalId'],
    });
  }
  if (input.owner !== undefined && input.owner !== viewer.actor?.id) {
    throw new ForbiddenError('Only an administrator may give an agent to another owner.', { path: ['ownerId'] });
  }
}

async function requireOwner(prisma: Prisma.TransactionClient, viewer: Viewer, ownerId: string): Promise<void> {
  const owner = await prisma.actor.findFirst({
    where: { id: ownerId, organizationId: viewer.organizationId },
    select: { id: true },
  });
  if (!owner) throw new ValidationError(['ownerId'], `There is no user or agent ${ownerId} here.`);
}

function agentEvent<Type extends keyof AgentEventData>(
  stamp: ActorStamp,
  agent: Actor,
  type: Type,
  data: AgentEventData[Type],
): NewEvent {
  return { ...stamp, organizationId: agent.organizationId, type, subjectId: agent.id, agentId: agent.id, data: { ...data } };
}
