import { actAs } from '../../auth/acting.js';
import { ForbiddenError } from '../../auth/auth.errors.js';
import { type ActorStamp, isOperator, requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import { type Database, type Transaction, withinTransaction } from '../../database/database.js';
import { appendEvents, type NewEvent } from '../../database/event-log.js';
import type { Actor, CoordinationRecord, Prisma, Task, TaskSource } from '../../database/generated/prisma/client.js';
import { lockName, lockRow } from '../../database/row-lock.js';
import { isId, newId } from '../../kernel/ids.js';
import { changedFields, pick } from '../changed-fields.js';
import { requireProject } from '../projects/project.queries.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';
import { ValidationError } from '../validation-error.js';
import {
  DifferentOrganizationError,
  InvalidOwnershipError,
  OrchestratorNotFoundError,
  SelfCollaborationError,
  SelfTransferError,
} from './orchestrator.errors.js';
import type { OrchestratorEventData } from './orchestrator.events.js';
import type { CollaborationRequest, ConflictResolve, TaskDelegate, TaskHandOff } from './orchestrator.inputs.js';
import { findOrchestrators, visibleOrchestrators } from './orchestrator.queries.js';

/** What a face says of a command, beside what its caller says. */
export interface CoordinationOrigin {
  /** The only source whose tasks the face knows; left out, it knows all. */
  taskSource?: TaskSource;
  /** Delegations: the caller's own word for the priority, given back as it was written. */
  priorityLabel?: string;
  /** Conflicts: the caller's own name for what is no project here. */
  projectLabel?: string;
}

/** What became of a task that was given away: by whom, and to whom. */
export interface Transferred {
  task: Task;
  record: CoordinationRecord;
  from: Actor;
  to: Actor;
}

/**
 * The commands between orchestrators. Each is one transaction, in which the task's row is locked from the look at its owner
 * to the record and its event: of two who give the same task away exactly one succeeds, and no record is lost.
 *
 * A task may be named by its id or public id, an orchestrator by these or its external id. What is wrong is told in the
 * order: the orchestrator that acts, the others, the task, the organization, the owner. Only the operator is told
 * DifferentOrganizationError; to everybody else an orchestrator of another organization does not exist.
 * Source: contracts.md, 1.3.
 */
export class OrchestratorService {
  constructor(private readonly database: Database) {}

  /**
   * Makes another orchestrator the owner of a task, for good, and perhaps sets anew how urgent it is; status, holder and
   * lease stay. Throws SelfTransferError, OrchestratorNotFoundError, ForbiddenError, TaskNotFoundError,
   * DifferentOrganizationError, InvalidOwnershipError.
   */
  delegate(viewer: Viewer, input: TaskDelegate, origin: CoordinationOrigin = {}): Promise<Transferred> {
    const { priority, dueAt } = input;
    const priorityLabel = priority === undefined ? undefined : (origin.priorityLabel ?? null);
    return this.#transfer(viewer, input, origin, {
      kind: 'DELEGATION',
      eventType: 'TaskDelegated',
      urgency: { priority, priorityLabel, dueAt },
      details: {},
    });
  }

  /** Makes another orchestrator the owner of a task under work, and tells it what it needs to know. Throws as `delegate`. */
  handOff(viewer: Viewer, input: TaskHandOff, origin: CoordinationOrigin = {}): Promise<Transferred> {
    return this.#transfer(viewer, input, origin, {
      kind: 'HANDOFF',
      eventType: 'TaskHandedOff',
      urgency: {},
      details: input.context,
    });
  }

  /**
   * Asks others for help with a task, which keeps its owner. `collaboratorIds` is whom it asked, each once, as the caller
   * named them. Here the ownership is looked at before the collaborators.
   * Throws SelfCollaborationError, OrchestratorNotFoundError, ForbiddenError, TaskNotFoundError, InvalidOwnershipError,
   * DifferentOrganizationError.
   */
  async requestCollaboration(
    viewer: Viewer,
    input: CollaborationRequest,
    origin: CoordinationOrigin = {},
  ): Promise<{ task: Task; record: CoordinationRecord; collaboratorIds: string[] }> {
    requireScope(viewer, 'WORK');
    const { fromOrchestratorId, collaborators, note } = input;
    const names = collaborators.map(({ orchestratorId }) => orchestratorId);
    if (names.includes(fromOrchestratorId)) throw new SelfCollaborationError();
    return this.database.transaction(async (tx) => {
      const found = await findOrchestrators(tx.prisma, viewer, [fromOrchestratorId, ...names]);
      const owner = required(found, fromOrchestratorId, ['fromOrchestratorId']);
      const stamp = await actFor(tx, viewer, owner, 'fromOrchestratorId');
      const task = await lockTask(tx, owner.organizationId, input.taskId, origin);
      requireOwnership(task, owner, input);
      const asked = eachOnce(found, collaborators, (index) => ['collaborators', String(index), 'orchestratorId']);
      if (asked.some(({ orchestrator }) => orchestrator.id === owner.id)) throw new SelfCollaborationError();
      requireOwnOrganization(viewer, found);
      const participants = asked.map(({ orchestrator, role }) => ({ orchestratorId: orchestrator.id, role }));
      const record = await keepRecord(tx, viewer, {
        kind: 'COLLABORATION',
        task,
        orchestratorId: owner.id,
        participants,
        note,
      });
      const facts = { recordId: record.id, orchestratorId: owner.id, collaborators: participants };
      await appendEvents(tx, [taskEvent(stamp, task, task.assigneeId, 'CollaborationRequested', facts)]);
      return { task, record, collaboratorIds: asked.map(({ orchestratorId }) => orchestratorId) };
    });
  }

  /**
   * Records how a conflict between orchestrators was settled; changes no task. `partyIds` is between whom it was, each once,
   * as the caller named them.
   *
   * Any orchestrator of the organization may settle; a person in its own name if it administers the organization or owns a
   * party, or in the name of an orchestrator it may act for.
   * Throws OrchestratorNotFoundError, ValidationError, ForbiddenError, TaskNotFoundError, DifferentOrganizationError,
   * ProjectNotFoundError.
   */
  async resolveConflict(
    viewer: Viewer,
    input: ConflictResolve,
    origin: CoordinationOrigin = {},
  ): Promise<{ record: CoordinationRecord; partyIds: string[] }> {
    requireScope(viewer, 'WORK');
    const { orchestratorIds, orchestratorId, conflictType, note } = input;
    return this.database.transaction(async (tx) => {
      const found = await findOrchestrators(tx.prisma, viewer, [...orchestratorIds, ...(orchestratorId ? [orchestratorId] : [])]);
      const named = eachOnce(
        found,
        orchestratorIds.map((name) => ({ orchestratorId: name })),
        (index) => ['orchestratorIds', String(index)],
      );
      const parties = named.map(({ orchestrator }) => orchestrator);
      const [first, second] = parties;
      if (!first || !second)
        throw new ValidationError(['orchestratorIds'], 'A conflict is between 2 or more different orchestrators.');
      const settler = orchestratorId ? required(found, orchestratorId, ['orchestratorId']) : null;
      const stamp = settler ? await actFor(tx, viewer, settler, 'orchestratorId') : await settleAsOneself(tx, viewer, parties);
      const task = input.taskId ? await lockTask(tx, first.organizationId, input.taskId, origin) : null;
      requireOwnOrganization(viewer, found);
      if (input.projectId) await requireProject(tx.prisma, viewer, input.projectId);
      const record = await keepRecord(tx, viewer, {
        kind: 'CONFLICT',
        task,
        projectId: input.projectId,
        projectLabel: origin.projectLabel,
        orchestratorId: settler?.id ?? (viewer.actor?.kind === 'AGENT' ? viewer.actor.id : null),
        participants: parties.map(({ id }) => ({ orchestratorId: id, role: null })),
        note,
        conflictType,
        details: input.resolution,
      });
      const facts = { recordId: record.id, conflictType, orchestratorIds: parties.map(({ id }) => id) };
      await appendEvents(tx, [
        task
          ? taskEvent(stamp, task, task.assigneeId, 'ConflictResolved', facts)
          : teamEvent(stamp, record, 'TeamConflictResolved', facts),
      ]);
      return { record, partyIds: named.map(({ orchestratorId: name }) => name) };
    });
  }

  async #transfer(
    viewer: Viewer,
    input: { fromOrchestratorId: string; toOrchestratorId: string; taskId: string; note?: string | undefined },
    origin: CoordinationOrigin,
    transfer: Transfer,
  ): Promise<Transferred> {
    requireScope(viewer, 'WORK');
    const { fromOrchestratorId, toOrchestratorId, note } = input;
    if (fromOrchestratorId === toOrchestratorId) throw new SelfTransferError();
    return this.database.transaction(async (tx) => {
      const found = await findOrchestrators(tx.prisma, viewer, [fromOrchestratorId, toOrchestratorId]);
      const from = required(found, fromOrchestratorId, ['fromOrchestratorId']);
      const stamp = await actFor(tx, viewer, from, 'fromOrchestratorId');
      const to = required(found, toOrchestratorId, ['toOrchestratorId']);
      if (from.id === to.id) throw new SelfTransferError();
      const before = await lockTask(tx, from.organizationId, input.taskId, origin);
      requireOwnOrganization(viewer, found);
      requireOwnership(before, from, input);
      const data = { orchestratorId: to.id, ...transfer.urgency };
      const changed = changedFields(before, data).filter((field) => field !== 'priorityLabel');
      const task = await tx.prisma.task.update({ where: { id: before.id }, data });
      const record = await keepRecord(tx, viewer, {
        kind: transfer.kind,
        task,
        orchestratorId: from.id,
        participants: [{ orchestratorId: to.id, role: null }],
        note,
        details: transfer.details,
      });
      const facts = { recordId: record.id, before: pick(before, changed), after: pick(task, changed) };
      await appendEvents(tx, [taskEvent(stamp, task, to.id, transfer.eventType, facts)]);
      return { task, record, from, to };
    });
  }
}

/** What tells a delegation from a handoff. */
interface Transfer {
  kind: 'DELEGATION' | 'HANDOFF';
  eventType: 'TaskDelegated' | 'TaskHandedOff';
  urgency: { priority?: number | undefined; priorityLabel?: string | null | undefined; dueAt?: Date | undefined };
  details: Record<string, unknown>;
}

/** Who acts, in the name of the orchestrator: itself, its owner, an administrator or the operator. Throws ForbiddenError. */
async function actFor(tx: Transaction, viewer: Viewer, orchestrator: Actor, field: string): Promise<ActorStamp> {
  // Only the operator gets here with one of another organization, and is told so in its turn.
  if (orchestrator.organizationId !== viewer.organizationId) return { actorId: orchestrator.id, actorLabel: null };
  return actAs(withinTransaction(tx), viewer, orchestrator.id, field);
}

async function settleAsOneself(tx: Transaction, viewer: Viewer, parties: Actor[]): Promise<ActorStamp> {
  const { actor } = viewer;
  const maySettle =
    actor?.kind === 'AGENT'
      ? (await tx.prisma.actor.count({ where: { id: actor.id, ...visibleOrchestrators(viewer) } })) > 0
      : isOperator(viewer) || viewer.scopes.has('ADMIN') || parties.some(({ ownerId }) => ownerId === actor?.id);
  if (!maySettle) {
    throw new ForbiddenError(
      'A conflict is settled by an orchestrator, by the owner of one that is party to it, or by an administrator.',
      { path: ['orchestratorIds'] },
    );
  }
  return stampOf(viewer);
}

/** The orchestrator of that name. Throws OrchestratorNotFoundError. */
function required(found: Map<string, Actor>, name: string, path: string[]): Actor {
  const orchestrator = found.get(name);
  if (!orchestrator) throw new OrchestratorNotFoundError(name, path, { isActing: path[0] === 'fromOrchestratorId' });
  return orchestrator;
}

/** The named orchestrators in the order given, one that is named twice at its first place. Throws OrchestratorNotFoundError. */
function eachOnce<Named extends { orchestratorId: string }>(
  found: Map<string, Actor>,
  named: Named[],
  pathOf: (index: number) => string[],
): (Named & { orchestrator: Actor })[] {
  const all = named.map((each, index) => ({ ...each, orchestrator: required(found, each.orchestratorId, pathOf(index)) }));
  return all.filter(({ orchestrator }, index) => all.findIndex((other) => other.orchestrator.id === orchestrator.id) === index);
}

/** Throws TaskNotFoundError, also for a task that the face does not know. */
async function lockTask(
  tx: Transaction,
  organizationId: string,
  name: string,
  { taskSource }: CoordinationOrigin,
): Promise<Task> {
  const named = isId(name) ? { id: name } : { publicId: name };
  const where = { ...named, organizationId, ...(taskSource && { source: taskSource }) };
  const found = await tx.prisma.task.findFirst({ where, select: { id: true } });
  if (!found) throw new TaskNotFoundError(name);
  // Who waits for a row that is being updated has drawn its transaction's number already, and events are ordered by that:
  // so each waits for its turn before it goes to the row.
  await lockName(tx, organizationId, `coordination of ${found.id}`);
  await lockRow(tx, 'task', organizationId, found.id);
  return tx.prisma.task.findUniqueOrThrow({ where: { id: found.id } });
}

/** Throws DifferentOrganizationError unless all that were named are of the organization in which the caller acts. */
function requireOwnOrganization(viewer: Viewer, named: Map<string, Actor>): void {
  for (const [name, { organizationId }] of named) {
    if (organizationId !== viewer.organizationId) throw new DifferentOrganizationError(name);
  }
}

function requireOwnership(task: Task, orchestrator: Actor, names: { taskId: string; fromOrchestratorId: string }): void {
  if (task.orchestratorId === orchestrator.id) return;
  const { taskId, fromOrchestratorId: orchestratorId } = names;
  throw new InvalidOwnershipError({ taskId, orchestratorId, ownerId: task.orchestratorId });
}

interface NewRecord {
  kind: CoordinationRecord['kind'];
  task: Task | null;
  /** Default: the task's. */
  projectId?: string | undefined;
  projectLabel?: string | undefined;
  orchestratorId: string | null;
  participants: { orchestratorId: string; role: string | null }[];
  note: string | undefined;
  conflictType?: string;
  details?: Record<string, unknown>;
}

async function keepRecord(tx: Transaction, viewer: Viewer, record: NewRecord): Promise<CoordinationRecord> {
  return tx.prisma.coordinationRecord.create({
    data: {
      // Minted under the lock of the task: the ids of its records rise in the order in which they are appended.
      id: newId(),
      organizationId: viewer.organizationId,
      kind: record.kind,
      taskId: record.task?.id ?? null,
      projectId: record.projectId ?? record.task?.projectId ?? null,
      projectLabel: record.projectLabel ?? null,
      orchestratorId: record.orchestratorId,
      note: record.note ?? null,
      conflictType: record.conflictType ?? null,
      details: (record.details ?? {}) as Prisma.InputJsonObject,
      participants: {
        create: record.participants.map(({ orchestratorId, role }, position) => ({ position, actorId: orchestratorId, role })),
      },
    },
  });
}

/** `agentId` is whom the event concerns, as subscriptions filter. */
function taskEvent<Type extends keyof OrchestratorEventData>(
  stamp: ActorStamp,
  task: Task,
  agentId: string | null,
  type: Type,
  data: OrchestratorEventData[Type],
): NewEvent {
  return {
    ...stamp,
    organizationId: task.organizationId,
    type,
    subjectId: task.id,
    taskId: task.id,
    projectId: task.projectId,
    agentId,
    specialization: task.requiredSpecialization,
    source: task.source,
    data: { ...data },
  };
}

function teamEvent<Type extends keyof OrchestratorEventData>(
  stamp: ActorStamp,
  record: CoordinationRecord,
  type: Type,
  data: OrchestratorEventData[Type],
): NewEvent {
  const { organizationId, id, projectId } = record;
  return { ...stamp, organizationId, type, subjectId: id, projectId, data: { ...data } };
}
