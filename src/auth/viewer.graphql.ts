import { ActorRef } from '../features/actors/actor.graphql.js';
import { OrganizationRef } from '../features/organizations/organization.graphql.js';
import { builder } from '../graphql/builder.js';
import { UnauthenticatedError } from './auth.errors.js';
import { isOperator, type Scope, type Viewer } from './viewer.js';

export const ApiKeyScopeRef = builder.enumType('ApiKeyScope', {
  description: 'What a credential allows.',
  values: {
    READ: { description: 'See everything of the organization, and subscribe to its events.' },
    WORK: { description: 'Register, create, claim, finish, say, plan and decide.' },
    WORKER: { description: 'Serve as a worker process: take jobs and report on them.' },
    ADMIN: { description: 'Create users and API keys, and act for every agent of the organization.' },
  } satisfies Record<Scope, { description: string }>,
});

const CredentialKindRef = builder.enumType('CredentialKind', {
  description: 'What a caller proved with.',
  values: {
    OPEN: { value: 'open', description: 'Nothing: the server is in open development mode, and everybody is its operator.' },
    ADMIN_TOKEN: { value: 'adminToken', description: 'The admin token of the server.' },
    API_KEY: { value: 'apiKey', description: 'An API key, of an agent or of a worker process.' },
    SESSION: { value: 'session', description: 'A session of a signed-in user, as a token or a cookie.' },
  } as const,
});

const ViewerRef = builder.objectRef<Viewer>('Viewer').implement({
  description: 'Who is calling, and what they may do.',
  fields: (t) => ({
    actor: t.prismaField({
      type: ActorRef,
      nullable: true,
      description: 'Agent or user that the credential stands for. Null for the operator and for worker keys.',
      resolve: (query, { actor }, _args, { prisma }) => actor && prisma.actor.findUnique({ ...query, where: { id: actor.id } }),
    }),
    organization: t.prismaField({
      type: OrganizationRef,
      description: 'Organization in which the caller acts; nothing of any other can be seen.',
      resolve: (query, { organizationId }, _args, { prisma }) =>
        prisma.organization.findUniqueOrThrow({ ...query, where: { id: organizationId } }),
    }),
    scopes: t.field({
      type: [ApiKeyScopeRef],
      description: 'What the credential allows.',
      resolve: ({ scopes }) => [...scopes],
    }),
    kind: t.field({
      type: CredentialKindRef,
      description: 'What the caller proved with.',
      resolve: ({ credential }) => {
        // Neither gets this far: the worker key is none to this API.
        if (credential.kind === 'anonymous' || credential.kind === 'workerKey') throw new UnauthenticatedError();
        return credential.kind;
      },
    }),
    isOperator: t.boolean({
      description: 'Whether the caller runs the server: only operators create organizations, and act in any of them.',
      resolve: isOperator,
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerRef,
    description: 'Who is calling, and what they may do.',
    resolve: (_root, _args, { viewer }) => viewer,
  }),
);
