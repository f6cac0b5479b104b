import { isOperator, type Viewer } from '../../auth/viewer.js';
import type { Prisma } from '../../database/generated/prisma/client.js';

/** The organizations that the caller may see: its own, and for an operator all. */
export function visibleOrganizations(viewer: Viewer): Prisma.OrganizationWhereInput {
  return isOperator(viewer) ? {} : { id: viewer.organizationId };
}
