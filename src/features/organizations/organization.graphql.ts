import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { eventType } from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import type { CursorKind } from '../../graphql/page-plugin.js';
import { organizationCreateInput } from './organization.inputs.js';
import { visibleOrganizations } from './organization.queries.js';

export const OrganizationRef = builder.prismaObject('Organization', {
  description: 'A tenant: everything belongs to one organization, and nothing of it can be seen from another.',
  interfaces: [NodeRef],
  fields: (t) => ({
    slug: t.exposeString('slug', { description: 'Short name, which the header `X-Organization` takes. It never changes.' }),
    name: t.exposeString('name', { description: 'Name that people see.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the organization was created.' }),
  }),
});

builder.queryField('organizations', (t) =>
  t.prismaConnection(
    {
      type: OrganizationRef,
      cursor: 'id',
      extensions: { cursors: 'id' satisfies CursorKind },
      description: 'Organizations that the caller may act in, oldest first: all for the operator, for others only their own.',
      resolve: (query, _root, _args, { prisma, viewer }) =>
        prisma.organization.findMany(pageById(query, visibleOrganizations(viewer), 'asc')),
    },
    ...connectionOf('Organization', OrganizationRef),
  ),
);

mutation('organizationCreate', {
  description: 'Create an organization. Operators only: act in it with the header `X-Organization`.',
  input: organizationCreateInput,
  run: (services, context, input) => services.organizations.create(context.viewer, input),
  payload: (t) => ({
    organization: t.field({
      type: OrganizationRef,
      nullable: true,
      description: 'The new organization. Null on errors.',
      resolve: (payload) => payload.organization,
    }),
  }),
});

eventType('OrganizationCreated', null, (t) => ({
  organization: t.prismaField({
    type: OrganizationRef,
    description: 'The organization.',
    resolve: (query, event, _args, context) =>
      context.prisma.organization.findUniqueOrThrow({ ...query, where: { id: event.organizationId } }),
  }),
}));
