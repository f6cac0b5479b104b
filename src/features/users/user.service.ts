import { hashPassword } from '../../auth/password.js';
import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Actor } from '../../database/generated/prisma/client.js';
import { newId } from '../../kernel/ids.js';
import { EmailTakenError } from './user.errors.js';
import type { UserEventData } from './user.events.js';
import type { UserCreate } from './user.inputs.js';

/** The commands on users. */
export class UserService {
  constructor(private readonly database: Database) {}

  /** Throws ForbiddenError, EmailTakenError, RateLimitedError. */
  async create(viewer: Viewer, { email, name, password, role }: UserCreate): Promise<{ user: Actor }> {
    requireScope(viewer, 'ADMIN');
    const passwordHash = await hashPassword(password);
    return this.database.transaction(async (tx) => {
      const { organizationId } = viewer;
      const user = await tx.prisma.actor.create({ data: { id: newId(), organizationId, kind: 'USER', name } });
      // Skipping what is taken, instead of looking first: two may want the email at once.
      const login = { userId: user.id, email, passwordHash, role };
      const { count } = await tx.prisma.userLogin.createMany({ data: [login], skipDuplicates: true });
      if (count === 0) throw new EmailTakenError();
      const data = { name, email, role } satisfies UserEventData['UserCreated'];
      await appendEvents(tx, [{ ...stampOf(viewer), organizationId, type: 'UserCreated', subjectId: user.id, data }]);
      return { user };
    });
  }
}
