import { ApiKeyScopeRef } from '../../auth/viewer.graphql.js';
import type { ApiKeyScope } from '../../database/generated/prisma/enums.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { idOrNone } from '../../kernel/ids.js';
import { AgentRef } from '../agents/agent.graphql.js';
import { apiKeyCreateInput, apiKeyRevokeInput } from './api-key.inputs.js';
import { visibleApiKeys } from './api-key.queries.js';

const ApiKeyRef = builder.prismaObject('ApiKey', {
  description: 'A credential of an agent, or of a worker process. Its secret was shown once, when it was created.',
  interfaces: [NodeRef],
  // By name, so that the hash of the secret is never read.
  select: { id: true, name: true, scopes: true, expiresAt: true, revokedAt: true, createdAt: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What the key is for.' }),
    agent: t.relation('agent', {
      type: AgentRef,
      nullable: true,
      description: 'Agent that the key speaks for. Null for a worker key, which speaks for none.',
    }),
    scopes: t.expose('scopes', { type: [ApiKeyScopeRef], description: 'What the key allows.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time from which the key is no longer valid. Null when it never expires.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the key was revoked. Null when it was not.',
    }),
    isActive: t.boolean({
      description: 'Whether the key can be used now: neither revoked nor expired.',
      resolve: ({ revokedAt, expiresAt }, _args, { clock }) => !revokedAt && (!expiresAt || expiresAt > clock.now()),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the key was created.' }),
  }),
});

builder.queryField('apiKeys', (t) =>
  t.prismaConnection(
    {
      type: ApiKeyRef,
      cursor: 'organizationId_id',
      description:
        'API keys, oldest first, also those that are revoked or expired: your own and those of agents you own; with the scope ADMIN, all of the organization.',
      args: { agentId: t.arg.id({ description: 'Keys of this agent. Default: of all.' }) },
      resolve: (query, _root, { agentId }, { prisma, viewer }) => {
        const ofAgent = agentId ? { agentId: idOrNone(agentId) } : {};
        return prisma.apiKey.findMany(pageById(query, { AND: [visibleApiKeys(viewer), ofAgent] }, 'asc'));
      },
    },
    ...connectionOf('ApiKey', ApiKeyRef),
  ),
);

mutation('apiKeyCreate', {
  description:
    'Create an API key: an agent for itself, a user for the agents it owns, an administrator for every agent and for worker processes.',
  input: apiKeyCreateInput,
  run: (services, context, input) => services.apiKeys.create(context.viewer, input),
  payload: (t) => ({
    apiKey: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The new key, without its secret. Null on errors.',
      resolve: (payload) => payload.apiKey,
    }),
    secret: t.string({
      nullable: true,
      description:
        'The key itself: send it as `Authorization: Bearer ...` and keep it safe. Shown this once; null on errors, and when an idempotent request is repeated.',
      resolve: (payload) => payload.secret?.reveal() ?? null,
    }),
  }),
});

mutation('apiKeyRevoke', {
  description: 'End an API key. It is refused, and what is open under it is closed, within five seconds everywhere.',
  input: apiKeyRevokeInput,
  run: (services, context, input) => services.apiKeys.revoke(context.viewer, input),
  payload: (t) => ({
    apiKey: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The key as it is now. Null on errors.',
      resolve: (payload) => payload.apiKey,
    }),
  }),
});

for (const type of ['ApiKeyCreated', 'ApiKeyRevoked'] as const) {
  eventType(type, null, (t) => ({
    name: t.string({ description: 'What the key is for.', resolve: (event) => event.data.name as string }),
    scopes: t.field({
      type: [ApiKeyScopeRef],
      description: 'What the key allows.',
      resolve: (event) => event.data.scopes as ApiKeyScope[],
    }),
  }));
}
