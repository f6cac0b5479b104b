import type { Viewer } from '../../auth/viewer.js';
import type { Prisma } from '../../database/generated/prisma/client.js';
import { idOrNone } from '../../kernel/ids.js';

/** The API keys that the caller may see and revoke: its own and those of agents it owns; with the scope ADMIN, all of the organization. */
export function visibleApiKeys(viewer: Viewer): Prisma.ApiKeyWhereInput {
  const { organizationId, actor, scopes } = viewer;
  if (scopes.has('ADMIN')) return { organizationId };
  const actorId = idOrNone(actor?.id ?? '');
  return { organizationId, OR: [{ agentId: actorId }, { agent: { ownerId: actorId } }] };
}
