import type { UserRole } from '../../database/generated/prisma/enums.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { ActorRef } from '../actors/actor.graphql.js';
import { userCreateInput } from './user.inputs.js';

const UserRoleRef = builder.enumType('UserRole', {
  description: 'What a user may do.',
  values: {
    MEMBER: { description: 'See everything, work, and act for the agents it owns. Every user begins so unless told otherwise.' },
    ADMIN: { description: 'All of that, act for every agent, and create users and API keys.' },
  } satisfies Record<UserRole, { description: string }>,
});

export const UserRef = builder.prismaObject('Actor', {
  variant: 'User',
  description: 'A human, who signs in with an email and a password.',
  interfaces: [NodeRef, ActorRef],
  fields: (t) => ({
    email: t.string({
      description: 'Email that the user signs in with, in lower case.',
      select: { login: { select: { email: true } } },
      resolve: ({ login }) => present(login).email,
    }),
    role: t.field({
      type: UserRoleRef,
      description: 'What the user may do.',
      select: { login: { select: { role: true } } },
      resolve: ({ login }) => present(login).role,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the user was created.' }),
  }),
});

/** A user and its login are created together. */
function present<Login>(login: Login | null): Login {
  if (!login) throw new Error('a user without a login');
  return login;
}

builder.queryField('users', (t) =>
  t.prismaConnection(
    {
      type: UserRef,
      cursor: 'organizationId_id',
      description: 'Users of the organization, oldest first.',
      resolve: (query, _root, _args, { prisma, viewer }) => {
        const where = { organizationId: viewer.organizationId, kind: 'USER' } as const;
        return prisma.actor.findMany(pageById(query, where, 'asc'));
      },
    },
    ...connectionOf('User', UserRef),
  ),
);

mutation('userCreate', {
  description: 'Create a user of the organization, who can then sign in with `sessionCreate`. Needs the scope ADMIN.',
  input: userCreateInput,
  run: (services, context, input) => services.users.create(context.viewer, input),
  payload: (t) => ({
    user: t.field({
      type: UserRef,
      nullable: true,
      description: 'The new user. Null on errors.',
      resolve: (payload) => payload.user,
    }),
  }),
});

eventType('UserCreated', null, (t) => ({
  user: t.prismaField({
    type: UserRef,
    description: 'The user, as it is when the event is delivered.',
    resolve: (query, event, _args, context) =>
      context.prisma.actor.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));
