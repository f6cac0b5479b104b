import { actAs } from '../../auth/acting.js';
import { ForbiddenError } from '../../auth/auth.errors.js';
import { isPerson, requireScope, type Viewer } from '../../auth/viewer.js';
import { type Database, type Sql, type Transaction, withinTransaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Prisma, Task, TaskSource } from '../../database/generated/prisma/client.js';
import { lockRow } from '../../database/row-lock.js';
import { isId, newId, newPublicId } from '../../kernel/ids.js';
import { AgentInactiveError, AgentNotFoundError } from '../agents/agent.errors.js';
import { changedFields, pick } from '../changed-fields.js';
import type { ErrorCode } from '../error-code.js';
import { hasExpired } from '../lease-expiry.js';
import { requireOrchestrator } from '../orchestrators/orchestrator.queries.js';
import { requireProject } from '../projects/project.queries.js';
import { ValidationError } from '../validation-error.js';
import { type Claim, claimStatement, claims, claimValues } from './sql/claim.sql.js';
import { type NextClaimed, type NextFilter, nextClaims, type Place } from './sql/claim-next.sql.js';
import { creations, type NewTask } from './sql/create.sql.js';
import { expireOfOrganizationStatement, expireOneStatement, sweepStatement } from './sql/expire.sql.js';
import { heartbeatStatement, heartbeats } from './sql/heartbeat.sql.js';
import {
  claimantStatement,
  obstacleCountsStatement,
  obstaclesToAllStatement,
  taskObstaclesStatement,
} from './sql/obstacles.sql.js';
import { refusalStatement, type Transition, transitionStatement, transitions } from './sql/transition.sql.js';
import { TaskChangedError, TaskNotFoundError } from './task.errors.js';
import type {
  TaskCancel,
  TaskClaim,
  TaskClaimNext,
  TaskComplete,
  TaskCreate,
  TaskCreateMany,
  TaskFail,
  TaskHeartbeat,
  TaskRelease,
  TaskReset,
  TaskSetStatus,
  TaskUpdate,
} from './task.inputs.js';
import { endsLease, leasedStatuses, resettableStatuses, sourcesOf } from './task.model.js';
import { taskEvent } from './task.recording.js';
import {
  type ClaimRefusal,
  claimError,
  leaseLost,
  messageToAll,
  obstacleMessage,
  transitionError,
  type WriteRefusal,
} from './task.refusals.js';

/** How often a claim is tried again when other claims, or an unswept lapse, stood in the way of a task that is there. */
const claimTriesMax = 20;
const rememberedClaimants = 100_000;

/** Why an agent got nothing: a code and how many unfinished tasks it keeps from the agent. */
export interface ObstacleCount {
  code: ErrorCode;
  count: number;
  message: string;
}

/** One reason why an agent could not claim one task now. */
export interface Obstacle {
  code: ErrorCode;
  message: string;
}

/** What a face says of the tasks that it creates, beside what their creator says. */
export interface TaskOrigin {
  /** QUEUE tasks get the next number of the organization, ORCHESTRATOR tasks a public id; a task with an orchestrator is one of these, whoever made it. */
  source: TaskSource;
  /** The creator's own word for the priority, given back as it was written. */
  priorityLabel?: string | null;
  /** The agent that creates the tasks, when the caller acts for one. */
  agentId?: string | undefined;
}

const fromGraphql: TaskOrigin = { source: 'GRAPHQL' };

/** What a holder's write wants; the rest of the transition follows from the model. */
interface Move extends Pick<Transition, 'to' | 'from' | 'eventType' | 'outcome'> {
  reason?: string | undefined;
  result?: unknown;
  /** A task that is there already is left as it is, without an error. */
  isRepeatable?: boolean;
}

/** The commands on tasks. Each throws DomainErrors for what the caller can expect to fail, and commits its events with its change. */
export class TaskService {
  /** What claimants were specialized in when they claimed last: those who are equal in this share statements. */
  readonly #expertise = new Map<string, string>();

  constructor(
    private readonly database: Database,
    /** Told when a lease begins or ends up at some instant, so that the sweep is scheduled in time. */
    private readonly onLease: (leaseSeconds: number) => void,
  ) {}

  async create(viewer: Viewer, input: TaskCreate, origin: TaskOrigin = fromGraphql): Promise<{ task: Task }> {
    const { tasks } = await this.createMany(viewer, { tasks: [input] }, origin);
    const [task] = tasks;
    if (!task) throw new Error('a created task was not returned');
    return { task };
  }

  /** Creates all of the tasks or, on any error, none; answers them in the order given. Throws ProjectNotFoundError, ForbiddenError. */
  async createMany(viewer: Viewer, input: TaskCreateMany, origin: TaskOrigin = fromGraphql): Promise<{ tasks: Task[] }> {
    requireScope(viewer, 'WORK');
    const { agentId, source, priorityLabel = null } = origin;
    const stamp = await actAs(this.database, viewer, agentId);
    for (const projectId of new Set(input.tasks.flatMap((task) => task.projectId ?? []))) {
      await requireProject(this.database.prisma, viewer, projectId);
    }
    for (const orchestratorId of new Set(input.tasks.flatMap((task) => task.orchestratorId ?? []))) {
      await requireOrchestrator(this.database.prisma, viewer, orchestratorId, 'orchestratorId');
    }
    const newTasks = input.tasks.map((task): NewTask => {
      const sourceOfTask = task.orchestratorId ? 'ORCHESTRATOR' : source;
      return {
        id: newId(),
        organizationId: viewer.organizationId,
        source: sourceOfTask,
        number: null,
        publicId: sourceOfTask === 'ORCHESTRATOR' ? newPublicId() : null,
        title: task.title,
        description: task.description ?? null,
        status: task.status,
        priority: task.priority,
        priorityLabel,
        requiredSpecialization: task.requiredSpecialization ?? null,
        kind: task.kind,
        modelTier: task.modelTier,
        projectId: task.projectId ?? null,
        orchestratorId: task.orchestratorId ?? null,
        createdById: stamp.actorId,
        createdByLabel: stamp.actorLabel,
        dueAt: task.dueAt ?? null,
        metadata: task.metadata,
      };
    });
    if (source !== 'QUEUE') return { tasks: await this.database.share(creations, newTasks) };
    // Numbers are dense: they are given back when the tasks cannot be created.
    return this.database.transaction(async (tx) => {
      const numbers = await takeNumbers(tx, viewer, newTasks.length);
      const numbered = newTasks.map((task, index) => ({ ...task, number: numbers[index] ?? null }));
      return { tasks: await withinTransaction(tx).share(creations, numbered) };
    });
  }

  /**
   * Changes descriptive fields; a field that is left out stays, null clears. Never changes status or lease.
   * Throws TaskNotFoundError, ProjectNotFoundError; TaskChangedError when the caller says what it has read, and that is old.
   */
  async update(viewer: Viewer, input: TaskUpdate): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    const { taskId, expectedUpdatedAt, ...fields } = input;
    return this.database.transaction(async (tx) => {
      await lockRow(tx, 'task', viewer.organizationId, taskId);
      const before = await tx.prisma.task.findFirst({ where: { id: taskId, organizationId: viewer.organizationId } });
      if (!before) throw new TaskNotFoundError(taskId);
      const { updatedAt } = before;
      if (expectedUpdatedAt && expectedUpdatedAt.getTime() !== updatedAt.getTime())
        throw new TaskChangedError({ taskId, updatedAt });
      if (fields.projectId) await requireProject(tx.prisma, viewer, fields.projectId);
      const changed = changedFields(before, fields);
      if (changed.length === 0) return { task: before };
      const task = await tx.prisma.task.update({
        where: { id: taskId },
        data: {
          ...fields,
          metadata: fields.metadata as Prisma.InputJsonObject | undefined,
          priorityLabel: fields.priority === undefined ? undefined : null,
          // Later than before, also within one millisecond and on a clock that is behind: who read it can tell.
          updatedAt: new Date(Math.max(Date.now(), updatedAt.getTime() + 1)),
        },
      });
      await appendEvents(tx, [
        taskEvent(viewer, task, 'TaskUpdated', { before: pick(before, changed), after: pick(task, changed) }),
      ]);
      return { task };
    });
  }

  /**
   * Claims one READY task under a lease, raising its fence. Of any number of claimants exactly one succeeds.
   * Throws TaskNotFoundError, AgentNotFoundError, AgentInactiveError, TaskNotReadyError, TaskAlreadyClaimedError,
   * SpecializationMismatchError.
   */
  async claim(viewer: Viewer, input: TaskClaim): Promise<{ task: Task }> {
    const claimantId = await this.#claimant(viewer, input.agentId);
    for (let tries = 1; ; tries++) {
      const task = await this.#take(viewer, claimantId, input, tries === 1);
      if (task) {
        this.onLease(input.leaseSeconds);
        return { task };
      }
      const refusal = await this.#obstacles(viewer, input.taskId, claimantId);
      const isInTheWay = refusal.obstacles.some((code) => code !== 'SPECIALIZATION_MISMATCH' || !input.override);
      if (isInTheWay || tries >= claimTriesMax) throw claimError(input.taskId, claimantId, refusal);
      if (refusal.isLapsed) await this.database.write(expireOneStatement, [input.taskId], hasExpired);
    }
  }

  /**
   * Claims the most urgent READY tasks that the agent may have, up to `count`, oldest first within a priority.
   * An empty answer is not an error: no task was ready for the agent that others were not taking at that moment. `obstacles`
   * counts, by reason, the unfinished tasks that the agent could not have.
   * Throws AgentNotFoundError, AgentInactiveError, ProjectNotFoundError.
   */
  async claimNext(viewer: Viewer, input: TaskClaimNext): Promise<{ tasks: Task[]; obstacles: ObstacleCount[] }> {
    const claimantId = await this.#claimant(viewer, input.agentId);
    const { organizationId } = viewer;
    const { projectId = null, kinds = null, modelTiers = null, sources = null } = input;
    let mindsOverdue = true;
    let after: Place | null = null;
    /** What this walk over the ready tasks has seen and could not have, and what the walk before had. */
    let sights: string[] = [];
    let sightsBefore = '';
    for (;;) {
      const filter: NextFilter = { organizationId, projectId, kinds, modelTiers, sources, mindsOverdue, after };
      const next = await this.#takeNext(claimantId, input, filter);
      if (next.tasks.length > 0) {
        this.onLease(input.leaseSeconds);
        return { tasks: next.tasks, obstacles: [] };
      }
      if (!next.isServed) continue;
      if (next.sight !== null) sights.push(next.sight);
      if (next.last) {
        after = next.last;
        continue;
      }
      after = null;
      if (mindsOverdue && next.isOverdue) {
        await this.database.write(sweepStatement, [], hasExpired);
        // Once is enough: what is still overdue then is locked by somebody, and must not keep others from working.
        mindsOverdue = false;
      } else if (next.isOverdueHere) {
        // Unless there is nothing else to have: then it may be another sweep that holds it, and is about to return it.
        await this.database.write(expireOfOrganizationStatement, [organizationId], hasExpired);
      } else if (sights.length === 0 || sights.join() === sightsBefore) {
        // Nothing is ready; or others hold all that is, and have held it when the walk before ended and this one began.
        if (input.projectId) await requireProject(this.database.prisma, viewer, input.projectId);
        return { tasks: [], obstacles: await this.#countObstacles(viewer, claimantId, [projectId, kinds, modelTiers, sources]) };
      }
      // Another walk: each but the second is owed to a change that others have made meanwhile, so that it ends.
      sightsBefore = sights.join();
      sights = [];
    }
  }

  /**
   * Extends the lease by its own length from now. Not an event.
   * `cancelRequested` tells the holder that somebody asked it to stop; a task that was canceled outright is lost.
   * Throws TaskNotFoundError, LeaseLostError.
   */
  async heartbeat(viewer: Viewer, input: TaskHeartbeat): Promise<{ task: Task; cancelRequested: boolean }> {
    requireScope(viewer, 'WORK');
    const { actorId } = await actAs(this.database, viewer, input.agentId);
    const { taskId, fence = null } = input;
    const heartbeat = { organizationId: viewer.organizationId, taskId, holderId: actorId, fence };
    const task =
      (await this.database.share(heartbeats, heartbeat)) ??
      (await this.database.query<Task>(heartbeatStatement, [JSON.stringify([heartbeat])]))[0];
    if (!task) throw leaseLost(input.taskId, actorId, await this.#refusal(viewer, input.taskId, actorId));
    return { task, cancelRequested: task.cancelRequestedAt !== null };
  }

  /** Gives a held task back: it is READY again for anybody. Throws TaskNotFoundError, LeaseLostError, IllegalTransitionError. */
  release(viewer: Viewer, input: TaskRelease): Promise<{ task: Task }> {
    return this.#transition(viewer, input, {
      to: 'READY',
      from: leasedStatuses,
      eventType: 'TaskReleased',
      outcome: 'RELEASED',
      reason: input.reason,
    });
  }

  /**
   * Moves the task along the pipeline. BLOCKED, DONE, FAILED and CANCELED end the lease.
   * Throws TaskNotFoundError, LeaseLostError, IllegalTransitionError.
   */
  setStatus(viewer: Viewer, input: TaskSetStatus): Promise<{ task: Task }> {
    switch (input.status) {
      case 'DONE':
        return this.complete(viewer, input);
      case 'FAILED':
        return this.fail(viewer, input);
      case 'CANCELED':
        return this.cancel(viewer, input);
      default:
        return this.#transition(viewer, input, {
          to: input.status,
          from: sourcesOf(input.status),
          eventType: 'TaskStatusChanged',
          outcome: input.status === 'BLOCKED' ? 'BLOCKED' : null,
          reason: input.blocker,
        });
    }
  }

  /** Finishes the task and ends the lease. Throws TaskNotFoundError, LeaseLostError, IllegalTransitionError. */
  complete(viewer: Viewer, input: TaskComplete): Promise<{ task: Task }> {
    return this.#transition(viewer, input, {
      to: 'DONE',
      from: sourcesOf('DONE'),
      eventType: 'TaskCompleted',
      outcome: 'COMPLETED',
      result: input.result,
    });
  }

  /** Finishes the task as failed and ends the lease. Throws TaskNotFoundError, LeaseLostError, IllegalTransitionError. */
  fail(viewer: Viewer, input: TaskFail): Promise<{ task: Task }> {
    return this.#transition(viewer, input, {
      to: 'FAILED',
      from: sourcesOf('FAILED'),
      eventType: 'TaskFailed',
      outcome: 'FAILED',
      reason: input.reason,
      result: input.result,
    });
  }

  /**
   * Ends an unfinished task for good, and its lease at once. A held task obeys its holder, its creator and people.
   * Throws TaskNotFoundError, LeaseLostError, IllegalTransitionError.
   */
  cancel(viewer: Viewer, input: TaskCancel): Promise<{ task: Task }> {
    return this.#transition(viewer, input, {
      to: 'CANCELED',
      from: sourcesOf('CANCELED'),
      eventType: 'TaskCanceled',
      outcome: 'CANCELED',
      reason: input.reason,
    });
  }

  /**
   * Has a task done again, also a finished one: READY, without holder, lease and result. The fence stays, so that whoever
   * held it is refused from now on. Resetting a READY task changes nothing.
   * A person may reset any task; an agent one that came in by the queue dialect, unless somebody else holds it.
   * Throws TaskNotFoundError, ForbiddenError, LeaseLostError.
   */
  async reset(viewer: Viewer, input: TaskReset): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    if (!isPerson(viewer)) {
      const { source } = await this.#find(viewer, input.taskId);
      if (source !== 'QUEUE') throw new ForbiddenError('Only people reset a task that did not come in by the queue dialect.');
    }
    return this.#transition(viewer, input, {
      to: 'READY',
      from: resettableStatuses,
      eventType: 'TaskReset',
      outcome: 'RELEASED',
      reason: input.reason,
      isRepeatable: true,
    });
  }

  /**
   * Every reason why the agent could not claim the task now; empty when it could. Without an agent: the caller, if it is one,
   * or else the reasons for which none could. Throws TaskNotFoundError, AgentNotFoundError.
   */
  async whyNotClaimable(viewer: Viewer, taskId: string, agentId: string | null | undefined): Promise<Obstacle[]> {
    const claimantId = agentId ?? (viewer.actor?.kind === 'AGENT' ? viewer.actor.id : null);
    if (claimantId === null) return this.#whyNobodyMayClaim(viewer, taskId);
    if (!isId(claimantId)) throw new AgentNotFoundError(claimantId);
    const refusal = await this.#obstacles(viewer, taskId, claimantId);
    return refusal.obstacles.map((code) => ({
      code,
      message: claimError(taskId, claimantId, { ...refusal, obstacles: [code] }).message,
    }));
  }

  async #whyNobodyMayClaim(viewer: Viewer, taskId: string): Promise<Obstacle[]> {
    const [refusal] = await this.database.query<ClaimRefusal>(obstaclesToAllStatement, [viewer.organizationId, taskId]);
    if (!refusal) throw new TaskNotFoundError(taskId);
    return refusal.obstacles.map((code) => ({ code, message: messageToAll(taskId, { ...refusal, obstacles: [code] }) }));
  }

  async #claimant(viewer: Viewer, agentId: string | undefined): Promise<string> {
    requireScope(viewer, 'WORK');
    const { actorId } = await actAs(this.database, viewer, agentId);
    if (!actorId) throw new ValidationError(['agentId'], 'Name the agent that claims: this credential stands for none.');
    return actorId;
  }

  /** Claims the task together with others; or alone, waiting for whoever holds its row. */
  async #take(viewer: Viewer, claimantId: string, input: TaskClaim, isShared: boolean): Promise<Task | null> {
    const { taskId, leaseSeconds, override } = input;
    const { organizationId } = viewer;
    const claim: Claim = { organizationId, taskId, claimantId, leaseSeconds, override, attemptId: newId() };
    if (isShared) return this.database.share(claims, claim);
    const [task] = await this.database.transaction(async (tx) => {
      await lockRow(tx, 'task', organizationId, taskId);
      // Only now: the claimant may have been switched off, or lost its specialization, while it waited.
      return tx.query<Task & { position: number }>(claimStatement, claimValues([claim]));
    });
    if (!task) return null;
    const { position: _, ...row } = task;
    return row;
  }

  async #takeNext(claimantId: string, input: TaskClaimNext, filter: NextFilter): Promise<NextClaimed> {
    const { leaseSeconds, count } = input;
    const attemptIds = Array.from({ length: count }, newId);
    const expertise = this.#expertise.get(claimantId) ?? null;
    const next = await this.database.share(nextClaims, { filter, claimantId, leaseSeconds, attemptIds, expertise });
    if (next.expertise !== expertise) this.#remember(claimantId, next.expertise);
    return next;
  }

  /** Forgets all others now and then; it costs them a statement of their own. */
  #remember(claimantId: string, expertise: string | null): void {
    if (this.#expertise.size >= rememberedClaimants) this.#expertise.clear();
    if (expertise === null) this.#expertise.delete(claimantId);
    else this.#expertise.set(claimantId, expertise);
  }

  async #obstacles(viewer: Viewer, taskId: string, claimantId: string): Promise<ClaimRefusal> {
    const [row] = await this.database.query<ClaimRefusal>(taskObstaclesStatement, [viewer.organizationId, taskId, claimantId]);
    if (row) return row;
    const [claimant] = await this.database.query(claimantStatement, [viewer.organizationId, claimantId]);
    throw claimant ? new TaskNotFoundError(taskId) : new AgentNotFoundError(claimantId);
  }

  async #countObstacles(viewer: Viewer, claimantId: string, filter: readonly unknown[]): Promise<ObstacleCount[]> {
    const [claimant] = await this.database.query<{ isActive: boolean }>(claimantStatement, [viewer.organizationId, claimantId]);
    if (!claimant) throw new AgentNotFoundError(claimantId);
    if (!claimant.isActive) throw new AgentInactiveError(claimantId);
    const counts = await this.database.query<{ code: ErrorCode | null; count: number }>(obstacleCountsStatement, [
      viewer.organizationId,
      claimantId,
      ...filter,
    ]);
    return counts.flatMap(({ code, count }) => (code ? [{ code, count, message: obstacleMessage(code, count) }] : []));
  }

  async #transition(
    viewer: Viewer,
    input: { taskId: string; agentId?: string | undefined; fence?: number | undefined },
    move: Move,
  ): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.agentId);
    const overrules = isPerson(viewer) && !input.agentId;
    const transition: Transition = {
      organizationId: viewer.organizationId,
      taskId: input.taskId,
      ...stamp,
      overrules,
      fence: input.fence ?? null,
      from: move.from,
      to: move.to,
      endsLease: endsLease(move.to),
      outcome: move.outcome,
      eventType: move.eventType,
      reason: move.reason ?? null,
      result: move.result === undefined ? null : JSON.stringify(move.result),
    };
    const shared = await this.database.share(transitions, transition);
    if (shared) return { task: shared };
    const { task, refusal } = await this.#moveLocked(viewer, transition);
    if (task) return { task };
    const isFenceNewest = input.fence === undefined || input.fence === refusal.fence;
    if (move.isRepeatable && refusal.status === move.to && isFenceNewest) return { task: await this.#find(viewer, input.taskId) };
    throw transitionError({ ...input, actorId: stamp.actorId, isOverruling: overrules, from: move.from, to: move.to }, refusal);
  }

  /**
   * Waits for whoever holds the row, and only then looks at the task and at all that belongs to it. Where it is refused, the
   * reason is that of the same moment; where a lapsed lease is found, it ends first. Throws TaskNotFoundError.
   */
  #moveLocked(
    viewer: Viewer,
    transition: Transition,
  ): Promise<{ task: Task; refusal: null } | { task: null; refusal: WriteRefusal }> {
    const { organizationId, taskId, actorId } = transition;
    return this.database.transaction(async (tx) => {
      await lockRow(tx, 'task', organizationId, taskId);
      for (;;) {
        const [task] = await tx.query<Task>(transitionStatement, [JSON.stringify([transition])]);
        if (task) return { task, refusal: null };
        const refusal = await this.#refusal(viewer, taskId, actorId, tx);
        if (!refusal.isLapsed) return { task: null, refusal };
        await tx.query(expireOneStatement, [taskId]);
      }
    });
  }

  async #find(viewer: Viewer, taskId: string): Promise<Task> {
    const task = await this.database.prisma.task.findFirst({ where: { id: taskId, organizationId: viewer.organizationId } });
    if (!task) throw new TaskNotFoundError(taskId);
    return task;
  }

  async #refusal(viewer: Viewer, taskId: string, actorId: string | null, sql: Sql = this.database): Promise<WriteRefusal> {
    const [refusal] = await sql.query<WriteRefusal>(refusalStatement, [viewer.organizationId, taskId, actorId]);
    if (!refusal) throw new TaskNotFoundError(taskId);
    return refusal;
  }
}

/** The next numbers of the organization. Its row stays locked until the transaction ends, so that they are dense. */
async function takeNumbers(tx: Transaction, viewer: Viewer, count: number): Promise<number[]> {
  const { lastTaskNumber } = await tx.prisma.organization.update({
    where: { id: viewer.organizationId },
    data: { lastTaskNumber: { increment: count } },
    select: { lastTaskNumber: true },
  });
  return Array.from({ length: count }, (_, index) => lastTaskNumber - count + 1 + index);
}
