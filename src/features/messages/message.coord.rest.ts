import { z } from '@hono/zod-openapi';
import type { Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { coordinator } from '../../rest/coordinator.js';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, integerText, jsonObjectAnswer, listLimitMax, parseInstant } from '../../rest/fields.js';
import { knownId, knownPerson, speakingAs } from '../../rest/identity.js';
import { agentRegisterInput } from '../agents/agent.inputs.js';
import { findActor } from '../agents/agent.queries.js';
import { findProjectId } from '../projects/project.queries.js';
import type { Services } from '../services.js';
import { messagePostInput, threadCreateInput } from './message.inputs.js';
import {
  findThreadId,
  listMessages,
  listThreads,
  messageWhere,
  type NamedMessage,
  type NamedThread,
  threadWhere,
} from './message.queries.js';

const employeeId = agentRegisterInput.shape.externalId;

const messageAnswer = z
  .object({
    id: z.string(),
    thread_id: z.string(),
    sender_id: z.string().nullable(),
    sender_name: z.string(),
    message_type: z.string().openapi({ example: 'note' }),
    payload: jsonObjectAnswer,
    reply_to: z.string().nullable(),
    created_at: instantAnswer,
  })
  .openapi('CoordinatorMessage');

const threadAnswer = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    task_id: z.string().nullable(),
    thread_type: z.string().openapi({ example: 'general' }),
    title: z.string().nullable(),
    created_by: z.string().nullable(),
    created_at: instantAnswer,
  })
  .openapi('CoordinatorThread');

const limit = integerText(1, listLimitMax, `The newest so many. Default ${listLimitMax}.`).optional();

export const messageCoordEndpoints = [
  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/messages',
    summary: 'Say something in a thread.',
    description: 'An unknown thread is opened, about the project and the task where they are given.',
    body: z.object({
      thread_id: messagePostInput.shape.threadId,
      sender_id: employeeId.optional().describe('Who says it, where no credential does: somebody registered, or any name.'),
      message_type: messagePostInput.shape.type,
      payload: messagePostInput.shape.payload,
      reply_to: messagePostInput.shape.replyToId,
      project_id: threadCreateInput.shape.projectId,
      task_id: threadCreateInput.shape.taskId,
    }),
    answers: { 201: { description: 'The message.', schema: messageAnswer } },
    failures: { 404: '`message_not_found`: the one to reply to; `task_not_found`.' },
    handle: async (call) => {
      const { body } = call;
      const viewer = await speakingAs(call, body.sender_id);
      const message = await call.run(
        async (services, database) => {
          const projectId = await subjectProject(services, viewer, database, body);
          const threadId = await services.messages.ensureThread(viewer, {
            threadId: body.thread_id,
            projectId,
            taskId: body.task_id,
          });
          const input = { threadId, type: body.message_type, payload: body.payload, replyToId: body.reply_to };
          const posted = await services.messages.post(viewer, input);
          const [named] = await listMessages(database.prisma, { id: posted.message.id }, 1);
          return named && toMessage(named);
        },
        { atomic: true },
      );
      return { status: 201, body: message };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/messages',
    summary: 'List messages, oldest first.',
    query: z.object({
      thread_id: z.string().optional().describe('Only messages of this thread.'),
      project_id: z.string().optional().describe('Only messages of threads about this project.'),
      task_id: z.string().optional().describe('Only messages of threads about this task.'),
      since: z.string().optional().describe('Only messages from this time on (ISO 8601). What is no time is ignored.'),
      sender_id: z.string().optional().describe('Only messages of this sender.'),
      message_type: z.string().optional().describe('Only messages of this type.'),
      limit,
    }),
    answers: { 200: { description: 'The messages.', schema: z.array(messageAnswer) } },
    handle: async ({ query, viewer, database }) => {
      const { prisma } = database;
      const threadId = query.thread_id && (await findThreadId(prisma, viewer, query.thread_id));
      const projectId = query.project_id && (await findProjectId(prisma, viewer, query.project_id));
      if (threadId === null || projectId === null) return { status: 200, body: [] };
      const sender = query.sender_id ? await findActor(prisma, viewer, query.sender_id) : null;
      const filter = {
        threadId,
        projectId,
        taskId: query.task_id,
        senderId: sender?.id,
        senderName: sender ? undefined : query.sender_id,
        types: query.message_type ? [query.message_type] : undefined,
        since: query.since === undefined ? undefined : parseInstant(query.since),
      };
      const messages = await listMessages(prisma, messageWhere(viewer, filter), query.limit ?? listLimitMax);
      return { status: 200, body: messages.map(toMessage) };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/threads',
    summary: 'Open a thread.',
    body: z.object({
      title: threadCreateInput.shape.title,
      thread_type: threadCreateInput.shape.type,
      project_id: threadCreateInput.shape.projectId,
      task_id: threadCreateInput.shape.taskId,
      created_by: employeeId.optional().describe('Who opens it, where no credential says so: somebody registered, or any name.'),
    }),
    answers: { 201: { description: 'The thread.', schema: threadAnswer } },
    failures: { 404: '`task_not_found`.' },
    handle: async (call) => {
      const { body } = call;
      const viewer = await speakingAs(call, body.created_by);
      const thread = await call.run(
        async (services, database) => {
          const projectId = await subjectProject(services, viewer, database, body);
          const input = { title: body.title, type: body.thread_type, projectId, taskId: body.task_id };
          const opened = await services.messages.createThread(viewer, input);
          const [named] = await listThreads(database.prisma, { id: opened.thread.id }, 1);
          return named && toThread(named);
        },
        { atomic: true },
      );
      return { status: 201, body: thread };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/threads',
    summary: 'List threads, oldest first.',
    query: z.object({
      project_id: z.string().optional().describe('Only threads about this project.'),
      task_id: z.string().optional().describe('Only threads about this task.'),
      thread_type: z.string().optional().describe('Only threads of this type.'),
      created_by: z.string().optional().describe('Only threads that this one opened.'),
      limit,
    }),
    answers: { 200: { description: 'The threads.', schema: z.array(threadAnswer) } },
    handle: async ({ query, viewer, database }) => {
      const { prisma } = database;
      const projectId = query.project_id && (await findProjectId(prisma, viewer, query.project_id));
      if (projectId === null) return { status: 200, body: [] };
      const creator = query.created_by ? await findActor(prisma, viewer, query.created_by) : null;
      const filter = {
        projectId,
        taskId: query.task_id,
        type: query.thread_type,
        createdById: creator?.id,
        createdByLabel: creator ? undefined : query.created_by,
      };
      const threads = await listThreads(prisma, threadWhere(viewer, filter), query.limit ?? listLimitMax);
      return { status: 200, body: threads.map(toThread) };
    },
  }),
];

/** The project that a new thread is about; an unknown one is created, unless the thread is there already and needs none. */
async function subjectProject(
  services: Services,
  viewer: Viewer,
  database: Database,
  given: { project_id?: string | undefined; thread_id?: string },
): Promise<string | undefined> {
  if (given.project_id === undefined) return undefined;
  if (given.thread_id !== undefined && (await findThreadId(database.prisma, viewer, given.thread_id))) return undefined;
  return services.projects.ensure(viewer, given.project_id);
}

function toMessage(message: NamedMessage): z.input<typeof messageAnswer> {
  const { sender, thread } = message;
  return {
    id: message.id,
    thread_id: knownId(thread),
    sender_id: knownPerson(sender, message.senderName),
    sender_name: message.senderName,
    message_type: message.type,
    payload: message.payload as Record<string, unknown>,
    reply_to: message.replyToId,
    created_at: message.createdAt.toISOString(),
  };
}

function toThread(thread: NamedThread): z.input<typeof threadAnswer> {
  const { project, createdBy } = thread;
  return {
    id: knownId(thread),
    project_id: project && knownId(project),
    task_id: thread.taskId,
    thread_type: thread.type,
    title: thread.title,
    created_by: knownPerson(createdBy, thread.createdByLabel),
    created_at: thread.createdAt.toISOString(),
  };
}
