import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { pageById } from '../../graphql/keyset.js';
import { NodeRef } from '../../graphql/node.js';
import { isId } from '../../kernel/ids.js';
import { ActorRef } from '../actors/actor.graphql.js';
import { ProjectRef, projectField } from '../projects/project.graphql.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { messageWhere, threadWhere } from './message.queries.js';

export const ThreadRef = builder.prismaObject('Thread', {
  description: 'A conversation of agents and people, about a project, a task or anything else.',
  interfaces: [NodeRef],
  fields: (t) => ({
    title: t.exposeString('title', {
      nullable: true,
      description: 'What the thread is about, in one line. Null when nobody said.',
    }),
    type: t.exposeString('type', {
      description: 'Kind of thread: `general`, `project`, `task`, `idea`, `dm`, or a word of the one who opened it.',
    }),
    project: t.field({
      ...projectField,
      description: 'Project that the thread is about. Null when there is none, or it was deleted.',
    }),
    task: t.relation('task', { nullable: true, description: 'Task that the thread is about. Null when there is none.' }),
    createdBy: t.relation('createdBy', {
      type: ActorRef,
      nullable: true,
      description: 'Who opened the thread. Null when it was none of the registered agents and users.',
    }),
    createdByLabel: t.exposeString('createdByLabel', {
      nullable: true,
      description: 'Who opened the thread, when `createdBy` is null: a name as the caller gave it, `admin` or `anonymous`.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the thread was opened.' }),
  }),
});

export const MessageRef = builder.prismaObject('Message', {
  description: 'Something that an agent or a person said in a thread. Messages are never changed.',
  interfaces: [NodeRef],
  fields: (t) => ({
    thread: t.relation('thread', { description: 'Thread that the message stands in.' }),
    sender: t.relation('sender', {
      type: ActorRef,
      nullable: true,
      description: 'Who said it. Null when it was none of the registered agents and users: see `senderName`.',
    }),
    senderName: t.exposeString('senderName', {
      description:
        'Name of the sender as it was when the message was sent. `admin` for the admin token, `anonymous` for nobody in particular.',
    }),
    type: t.exposeString('type', { description: 'Kind of message, such as `note`: a word of the sender.' }),
    payload: t.expose('payload', {
      type: 'JSON',
      description: 'What the message says: a JSON object of the sender. By convention its key `text` holds what people read.',
    }),
    replyTo: t.relation('replyTo', {
      nullable: true,
      description: 'Message of the same thread that this one answers. Null when it answers none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the message was sent.' }),
  }),
});

const threadConnection = connectionOf('Thread', ThreadRef);
const messageConnection = connectionOf('Message', MessageRef);
const listThreads = { type: ThreadRef, cursor: 'organizationId_id' } as const;
const listMessages = { type: MessageRef, cursor: 'organizationId_id' } as const;

const ThreadFilterRef = builder.inputType('ThreadFilter', {
  description: 'Which threads; every part that is given must hold.',
  fields: (t) => ({
    projectId: t.id({ description: 'Threads about this project.' }),
    taskId: t.id({ description: 'Threads about this task.' }),
    type: t.string({ description: 'Threads of this kind.' }),
    createdById: t.id({ description: 'Threads that this agent or user opened.' }),
  }),
});

export const MessageFilterRef = builder.inputType('MessageFilter', {
  description: 'Which messages; every part that is given must hold.',
  fields: (t) => ({
    threadId: t.id({ description: 'Messages of this thread.' }),
    projectId: t.id({ description: 'Messages of the threads about this project.' }),
    taskId: t.id({ description: 'Messages of the threads about this task.' }),
    senderId: t.id({ description: 'Messages that this agent or user sent.' }),
    types: t.stringList({ description: 'Any of these kinds of message.' }),
    since: t.field({ type: 'DateTime', description: 'Messages sent at this time or later.' }),
  }),
});

builder.queryField('thread', (t) =>
  t.prismaField({
    type: ThreadRef,
    nullable: true,
    description: 'One thread. Null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Id of the thread.' }) },
    resolve: (query, _root, { id }, { prisma, viewer }) =>
      isId(id) ? prisma.thread.findUnique({ ...query, where: { id, organizationId: viewer.organizationId } }) : null,
  }),
);

builder.queryField('threads', (t) =>
  t.prismaConnection(
    {
      ...listThreads,
      description: 'Threads of the organization, newest first.',
      args: { filter: t.arg({ type: ThreadFilterRef, description: 'Which threads. Default: all.' }) },
      resolve: (query, _root, args, { prisma, viewer }) =>
        prisma.thread.findMany(pageById(query, threadWhere(viewer, args.filter), 'desc')),
    },
    ...threadConnection,
  ),
);

builder.prismaObjectField(ProjectRef, 'threads', (t) =>
  t.prismaConnection(
    {
      ...listThreads,
      description: 'Threads about the project, newest first.',
      resolve: (query, project, _args, { prisma, viewer }) => {
        const where = threadWhere(viewer, { projectId: project.id });
        return prisma.thread.findMany(pageById(query, where, 'desc'));
      },
    },
    ...threadConnection,
  ),
);

builder.prismaObjectField(TaskRef, 'threads', (t) =>
  t.prismaConnection(
    {
      ...listThreads,
      description: 'Threads about the task, newest first.',
      resolve: (query, task, _args, { prisma, viewer }) => {
        const where = threadWhere(viewer, { taskId: task.id });
        return prisma.thread.findMany(pageById(query, where, 'desc'));
      },
    },
    ...threadConnection,
  ),
);

builder.queryField('messages', (t) =>
  t.prismaConnection(
    {
      ...listMessages,
      description: 'Messages of the organization, oldest first; `last` gives the newest.',
      args: { filter: t.arg({ type: MessageFilterRef, description: 'Which messages. Default: all.' }) },
      resolve: (query, _root, args, { prisma, viewer }) =>
        prisma.message.findMany(pageById(query, messageWhere(viewer, args.filter), 'asc')),
    },
    ...messageConnection,
  ),
);

builder.prismaObjectField(ThreadRef, 'messages', (t) =>
  t.prismaConnection(
    {
      ...listMessages,
      description: 'Messages of the thread, oldest first; `last` gives the newest.',
      resolve: (query, thread, _args, { prisma, viewer }) => {
        const where = messageWhere(viewer, { threadId: thread.id });
        return prisma.message.findMany(pageById(query, where, 'asc'));
      },
    },
    ...messageConnection,
  ),
);
