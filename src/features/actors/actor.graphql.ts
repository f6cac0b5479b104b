import { builder } from '../../graphql/builder.js';
import { EventRef } from '../../graphql/event.js';

/** Agents and users, as one. */
export const ActorRef = builder.prismaInterface('Actor', {
  name: 'Actor',
  description: 'Anyone who creates, claims, says or decides: an Agent or a User.',
  resolveType: (actor) => (actor.kind === 'AGENT' ? 'Agent' : 'User'),
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the actor.' }),
    name: t.exposeString('name', { description: 'Name of the actor.' }),
  }),
});

builder.interfaceField(EventRef, 'actor', (t) =>
  t.prismaField({
    type: ActorRef,
    nullable: true,
    description: 'Agent or user who did it. Null when it was none of them: see `actorLabel`.',
    resolve: (query, event, _args, context) =>
      event.actorId
        ? context.prisma.actor.findUnique({ ...query, where: { id: event.actorId, organizationId: event.organizationId } })
        : null,
  }),
);
