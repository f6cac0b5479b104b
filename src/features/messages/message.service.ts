import { actAs } from '../../auth/acting.js';
import { type ActorStamp, requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents, type NewEvent } from '../../database/event-log.js';
import type { Message, Prisma, Thread } from '../../database/generated/prisma/client.js';
import { anyOrganization, lockName, lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { requireProject } from '../projects/project.queries.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';
import { MessageNotFoundError, ThreadNotFoundError } from './message.errors.js';
import type { MessageEventData } from './message.events.js';
import type { MessagePost, ThreadCreate } from './message.inputs.js';
import { findThreadId } from './message.queries.js';

/** The commands on threads and their messages. */
export class MessageService {
  constructor(private readonly database: Database) {}

  /** A thread about a task belongs to the task's project unless another is named. Throws ProjectNotFoundError, TaskNotFoundError. */
  async createThread(viewer: Viewer, input: ThreadCreate): Promise<{ thread: Thread }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.agentId);
    return this.database.transaction((tx) => this.#open(tx, viewer, stamp, input, { id: newId() }));
  }

  /**
   * The id of the thread that goes by the given id (a UUID), which is opened about the project and task when the organization
   * has none: callers of the coordinator dialect post to threads that nobody has opened.
   * Where another organization has that id already, the thread gets one of its own and still goes by the given one.
   * Throws ForbiddenError, ProjectNotFoundError, TaskNotFoundError.
   */
  async ensureThread(viewer: Viewer, given: { threadId: string; projectId?: string; taskId?: string }): Promise<string> {
    requireScope(viewer, 'WORK');
    const { threadId: givenId } = given;
    return this.database.transaction(async (tx) => {
      await lockName(tx, anyOrganization, `thread ${givenId}`);
      const existing = await findThreadId(tx.prisma, viewer, givenId);
      if (existing) return existing;
      const isTaken = (await tx.prisma.thread.count({ where: { id: givenId } })) > 0;
      const ids = isTaken ? { id: newId(), externalId: givenId } : { id: givenId };
      const { thread } = await this.#open(tx, viewer, stampOf(viewer), { ...given, type: 'general' }, ids);
      return thread.id;
    });
  }

  /** Posts to a thread, in the name that the sender has now. Throws ThreadNotFoundError, MessageNotFoundError, AgentNotFoundError, ForbiddenError. */
  async post(viewer: Viewer, input: MessagePost): Promise<{ message: Message }> {
    requireScope(viewer, 'WORK');
    const stamp = await actAs(this.database, viewer, input.senderId, 'senderId');
    return this.database.transaction(async (tx) => {
      // One post at a time in a thread: ids then rise in the order of the commits, and paging by cursor misses none.
      await lockRow(tx, 'thread', viewer.organizationId, input.threadId);
      const thread = await tx.prisma.thread.findUnique({
        where: { id: input.threadId, organizationId: viewer.organizationId },
      });
      if (!thread) throw new ThreadNotFoundError(input.threadId);
      if (input.replyToId) await requireMessage(tx.prisma, thread, input.replyToId);
      const message = await tx.prisma.message.create({
        data: {
          id: newId(),
          organizationId: thread.organizationId,
          threadId: thread.id,
          senderId: stamp.actorId,
          senderName: await nameOf(tx.prisma, stamp),
          type: input.type,
          payload: input.payload as Prisma.InputJsonObject,
          replyToId: input.replyToId ?? null,
        },
      });
      await appendEvents(tx, [
        threadEvent(stamp, thread, message.id, 'MessagePosted', {
          type: message.type,
          senderName: message.senderName,
          createdAt: message.createdAt.toISOString(),
          replyToId: input.replyToId,
        }),
      ]);
      return { message };
    });
  }

  async #open(
    tx: Transaction,
    viewer: Viewer,
    stamp: ActorStamp,
    input: Omit<ThreadCreate, 'agentId'>,
    ids: { id: string; externalId?: string },
  ): Promise<{ thread: Thread }> {
    if (input.projectId) await requireProject(tx.prisma, viewer, input.projectId);
    const task = input.taskId ? await getTask(tx.prisma, viewer, input.taskId) : null;
    const thread = await tx.prisma.thread.create({
      data: {
        ...ids,
        organizationId: viewer.organizationId,
        projectId: input.projectId ?? task?.projectId ?? null,
        taskId: input.taskId ?? null,
        title: input.title ?? null,
        type: input.type,
        createdById: stamp.actorId,
        createdByLabel: stamp.actorLabel,
      },
    });
    const { title, type } = thread;
    await appendEvents(tx, [threadEvent(stamp, thread, thread.id, 'ThreadCreated', { title, type })]);
    return { thread };
  }
}

async function getTask(prisma: Prisma.TransactionClient, viewer: Viewer, taskId: string): Promise<{ projectId: string | null }> {
  const task = await prisma.task.findUnique({
    where: { id: taskId, organizationId: viewer.organizationId },
    select: { projectId: true },
  });
  if (!task) throw new TaskNotFoundError(taskId);
  return task;
}

async function requireMessage(prisma: Prisma.TransactionClient, thread: Thread, messageId: string): Promise<void> {
  const message = await prisma.message.findUnique({ where: { id: messageId, threadId: thread.id }, select: { id: true } });
  if (!message) throw new MessageNotFoundError(messageId);
}

async function nameOf(prisma: Prisma.TransactionClient, { actorId, actorLabel }: ActorStamp): Promise<string> {
  if (!actorId) return actorLabel ?? 'anonymous';
  const { name } = await prisma.actor.findUniqueOrThrow({ where: { id: actorId }, select: { name: true } });
  return name;
}

function threadEvent<Type extends keyof MessageEventData>(
  stamp: ActorStamp,
  thread: Thread,
  subjectId: string,
  type: Type,
  data: MessageEventData[Type],
): NewEvent {
  return {
    ...stamp,
    organizationId: thread.organizationId,
    type,
    subjectId,
    taskId: thread.taskId,
    projectId: thread.projectId,
    threadId: thread.id,
    agentId: stamp.actorId,
    data: { ...data },
  };
}
