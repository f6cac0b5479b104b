import type { LoggedEvent } from '../../database/event-log.js';
import { builder } from '../../graphql/builder.js';
import { afterEventDescription, eventInterface, eventType, onlyWanted, subscribeToEvents } from '../../graphql/event.js';
import type { EventType } from '../domain-event.js';
import { MessageFilterRef, MessageRef, ThreadRef } from './message.graphql.js';
import type { MessageFilter } from './message.queries.js';

eventType('ThreadCreated', null, (t) => ({
  thread: t.prismaField({
    type: ThreadRef,
    description: 'The new thread.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.thread.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));

const MessageEventRef = eventInterface('MessageEvent', 'Something that happened to a message.', (t) => ({
  message: t.prismaField({
    type: MessageRef,
    description: 'The message.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.message.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));

eventType('MessagePosted', MessageEventRef);

const messageEventTypes = ['MessagePosted'] as const satisfies EventType[];

builder.subscriptionField('messageEvents', (t) =>
  t.field({
    type: MessageEventRef,
    description: 'Messages as they are sent, each once and in order.',
    args: {
      filter: t.arg({ type: MessageFilterRef, description: 'Which messages. Default: all of the organization.' }),
      after: t.arg.string({ description: afterEventDescription }),
    },
    subscribe: (_root, { filter, after }, context) => {
      const { senderId, types, since, ...place } = filter ?? {};
      const events = subscribeToEvents(context, { ...place, agentId: senderId, types: messageEventTypes }, after);
      return types || since ? onlyWanted(events, (event) => passes(event, { types, since })) : events;
    },
    resolve: (event) => event,
  }),
);

/** Whether a message passes the parts of the filter that the event log knows nothing of. */
function passes({ data }: LoggedEvent, { types, since }: Pick<MessageFilter, 'types' | 'since'>): boolean {
  return (!types || types.includes(String(data.type))) && (!since || new Date(String(data.createdAt)) >= since);
}
