import { ForbiddenError } from '../../auth/auth.errors.js';
import { isOperator, requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Organization } from '../../database/generated/prisma/client.js';
import { newId } from '../../kernel/ids.js';
import { OrganizationExistsError } from './organization.errors.js';
import type { OrganizationEventData } from './organization.events.js';
import type { OrganizationCreate } from './organization.inputs.js';

/** The commands on organizations. */
export class OrganizationService {
  constructor(private readonly database: Database) {}

  /** Operators only. Throws ForbiddenError, OrganizationExistsError. */
  async create(viewer: Viewer, { slug, name }: OrganizationCreate): Promise<{ organization: Organization }> {
    requireScope(viewer, 'ADMIN');
    if (!isOperator(viewer))
      throw new ForbiddenError('Only the operator of the server, with the admin token, creates organizations.');
    return this.database.transaction(async (tx) => {
      const id = newId();
      // Skipping what is taken, instead of looking first: two may want the slug at once.
      const { count } = await tx.prisma.organization.createMany({ data: [{ id, slug, name }], skipDuplicates: true });
      if (count === 0) throw new OrganizationExistsError(slug);
      const organization = await tx.prisma.organization.findUniqueOrThrow({ where: { id } });
      const data = { slug, name } satisfies OrganizationEventData['OrganizationCreated'];
      await appendEvents(tx, [{ ...stampOf(viewer), organizationId: id, type: 'OrganizationCreated', subjectId: id, data }]);
      return { organization };
    });
  }
}
