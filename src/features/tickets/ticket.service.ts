import { isPerson, requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Task, TaskStatus } from '../../database/generated/prisma/client.js';
import { lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { changedFields, pick } from '../changed-fields.js';
import { enqueueTicketJob } from '../jobs/job.enqueue.js';
import { failUnfinishedJobs } from '../jobs/job.withdrawal.js';
import { requireProject } from '../projects/project.queries.js';
import { expireOneStatement } from '../tasks/sql/expire.sql.js';
import { TaskAlreadyClaimedError } from '../tasks/task.errors.js';
import type { TaskTransitionData } from '../tasks/task.events.js';
import { endsLease, priorityOf } from '../tasks/task.model.js';
import { taskEvent } from '../tasks/task.recording.js';
import { moveStatement, requestCancelStatement } from './sql/move.sql.js';
import type { TicketCancelRequest, TicketCreate, TicketDelete, TicketUpdate } from './ticket.inputs.js';
import { columnOf, firstStatusIn, outcomeOf, ownStatus, runningColumn, statusIn } from './ticket.model.js';
import { getTicket, type Ticket } from './ticket.queries.js';

/**
 * The commands on tickets: tasks of the worker dialect, on the board of a project. A board moves freely, also backwards
 * and out of done; what each move does to the task is in its history like any other change.
 */
export class TicketService {
  constructor(private readonly database: Database) {}

  /**
   * Creates a ticket; one that begins in progress is run at once.
   * Throws ProjectNotFoundError, and ProjectNotRunnableError when it is to be run and its project cannot be.
   */
  async create(viewer: Viewer, input: TicketCreate): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const { projectId, title, description, columnId, nodeIds, edgeIds, priority } = input;
      await requireProject(tx.prisma, viewer, projectId);
      const status = firstStatusIn(columnId);
      const stamp = stampOf(viewer);
      const task = await tx.prisma.task.create({
        data: {
          id: newId(),
          organizationId: viewer.organizationId,
          source: 'WORKER',
          projectId,
          title,
          description: description ?? null,
          status,
          ticketStatus: ownStatus(input.status ?? null, status),
          columnId,
          nodeIds,
          edgeIds,
          priority: priorityIn(priority),
          priorityLabel: priority,
          createdById: stamp.actorId,
          createdByLabel: stamp.actorLabel,
          completedAt: status === 'DONE' ? new Date() : null,
        },
      });
      await appendEvents(tx, [taskEvent(viewer, task, 'TaskCreated', { after: status, title, priority: task.priority })]);
      if (columnId === runningColumn) await enqueueTicketJob(tx, viewer, { projectId, taskId: task.id });
      return { task };
    });
  }

  /**
   * Changes what is given, and moves the ticket to another column; entering `in_progress` has it run.
   * Throws TaskNotFoundError, ProjectNotRunnableError, and TaskAlreadyClaimedError to an agent that would move a ticket
   * away from under another's lease.
   */
  async update(viewer: Viewer, input: TicketUpdate): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const before: Task & { projectId: string } = await lockTicket(tx, viewer, input.taskId);
      const { title, description, nodeIds, edgeIds, priority } = input;
      const columnId = input.columnId ?? columnOf(before);
      const status = input.columnId === undefined ? before.status : statusIn(columnId, before);
      const fields = {
        title,
        description,
        nodeIds,
        edgeIds,
        columnId: input.columnId,
        ticketStatus: ownStatus(input.status ?? before.ticketStatus, status),
        ...(priority !== undefined && { priority: priorityIn(priority), priorityLabel: priority }),
      };
      const changed = changedFields(before, fields);
      let task: Task = before;
      if (changed.length > 0) {
        task = await tx.prisma.task.update({ where: { id: before.id }, data: fields });
        const data = { before: pick<Task>(before, changed), after: pick(task, changed) };
        await appendEvents(tx, [taskEvent(viewer, task, 'TaskUpdated', data)]);
      }
      if (status !== before.status) task = await move(tx, viewer, before, status);
      if (columnId === runningColumn && columnOf(before) !== runningColumn) {
        await enqueueTicketJob(tx, viewer, { projectId: before.projectId, taskId: before.id });
        task = await tx.prisma.task.findUniqueOrThrow({ where: { id: before.id } });
      }
      return { task };
    });
  }

  /**
   * Takes the ticket off the board for good: it is canceled, and jobs of it that wait or run have failed.
   * Throws TaskNotFoundError, and TaskAlreadyClaimedError as `update` does.
   */
  async delete(viewer: Viewer, { taskId }: TicketDelete): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const task = await move(tx, viewer, await lockTicket(tx, viewer, taskId), 'CANCELED');
      await failUnfinishedJobs(tx, viewer, { taskId }, 'The ticket was deleted.');
      return { task };
    });
  }

  /**
   * Asks whoever works on the ticket to stop: a running agent polls for it, and a holder's heartbeat is told. The next run
   * takes it back. Asking again changes nothing. Throws TaskNotFoundError.
   */
  async requestCancel(viewer: Viewer, { taskId }: TicketCancelRequest): Promise<{ task: Task }> {
    requireScope(viewer, 'WORK');
    return this.database.transaction(async (tx) => {
      const before = await lockTicket(tx, viewer, taskId);
      const [task] = await tx.query<Task>(requestCancelStatement, [viewer.organizationId, taskId]);
      if (!task) return { task: before };
      await appendEvents(tx, [taskEvent(viewer, task, 'TaskCancelRequested', { status: task.status })]);
      return { task };
    });
  }
}

/** A word that means nothing here is of medium urgency. */
function priorityIn(word: string): number {
  return priorityOf(word) ?? 50;
}

/** The ticket as it is until the transaction ends, without a lease that has lapsed. */
export async function lockTicket(tx: Transaction, viewer: Viewer, taskId: string): Promise<Ticket> {
  await lockRow(tx, 'task', viewer.organizationId, taskId);
  const ticket = await getTicket(tx.prisma, viewer, taskId);
  if (ticket.leaseExpiresAt === null) return ticket;
  await tx.query(expireOneStatement, [taskId]);
  return getTicket(tx.prisma, viewer, taskId);
}

/** Gives the ticket another status, and ends a lease that does not go with it. */
async function move(tx: Transaction, viewer: Viewer, before: Task, status: TaskStatus): Promise<Task> {
  await requireMayMove(tx, viewer, before);
  const values = [viewer.organizationId, before.id, status, endsLease(status), outcomeOf(status)];
  const [task] = await tx.query<Task>(moveStatement, values);
  if (!task) throw new Error('a ticket that is locked was not there to be moved');
  const data: TaskTransitionData = {
    before: before.status,
    after: status,
    fence: before.fence,
    ...(before.holderId !== null && { holderId: before.holderId }),
  };
  await appendEvents(tx, [taskEvent(viewer, task, moveEvents[status] ?? 'TaskStatusChanged', data)]);
  return task;
}

const moveEvents = { DONE: 'TaskCompleted', CANCELED: 'TaskCanceled' } as Partial<
  Record<TaskStatus, 'TaskCompleted' | 'TaskCanceled'>
>;

/** A held task obeys its holder, and people. */
async function requireMayMove(tx: Transaction, viewer: Viewer, { id, holderId, leaseExpiresAt }: Task): Promise<void> {
  if (holderId === null || leaseExpiresAt === null || holderId === viewer.actor?.id || isPerson(viewer)) return;
  const holder = await tx.prisma.actor.findUniqueOrThrow({ where: { id: holderId }, select: { name: true } });
  throw new TaskAlreadyClaimedError({ taskId: id, holderId, holderName: holder.name, leaseExpiresAt });
}
