import { ForbiddenError, UnauthenticatedError } from '../../auth/auth.errors.js';
import { isPassword } from '../../auth/password.js';
import { mintSessionToken } from '../../auth/session-token.js';
import type { SignInLimit } from '../../auth/sign-in-limit.js';
import { stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Actor } from '../../database/generated/prisma/client.js';
import { newId } from '../../kernel/ids.js';
import type { Secret } from '../../kernel/secret.js';
import type { SessionEventData } from './session.events.js';
import type { SessionCreate } from './session.inputs.js';
import { createSessionStatement, endSessionStatement } from './sql/session.sql.js';

/** Signing in and out. */
export class SessionService {
  constructor(
    private readonly database: Database,
    private readonly options: { sessionHours: number; signInLimit: SignInLimit },
  ) {}

  /**
   * Signs a human in; whoever asks, since the password is the credential.
   * Throws UnauthenticatedError, the same and after the same time for an unknown email as for a wrong password, and
   * RateLimitedError.
   */
  async create({ email, password }: SessionCreate): Promise<{ user: Actor; token: Secret; expiresAt: Date }> {
    const { sessionHours, signInLimit } = this.options;
    signInLimit.begin(email);
    const login = await this.database.prisma.userLogin.findUnique({ where: { email }, include: { user: true } });
    const isRight = await isPassword(password, login?.passwordHash ?? null);
    if (!login || !isRight) throw new UnauthenticatedError('The email or the password is wrong.');
    signInLimit.succeed(email);

    const { user } = login;
    const { organizationId } = user;
    const { token, tokenHash } = mintSessionToken();
    return this.database.transaction(async (tx) => {
      const id = newId();
      const values = [id, organizationId, user.id, tokenHash, sessionHours];
      const [created] = await tx.query<{ expiresAt: Date }>(createSessionStatement, values);
      if (!created) throw new Error('an insert always answers its row');
      const data = { expiresAt: created.expiresAt.toISOString() } satisfies SessionEventData['SessionCreated'];
      await appendEvents(tx, [{ organizationId, actorId: user.id, type: 'SessionCreated', subjectId: id, data }]);
      return { user, token, expiresAt: created.expiresAt };
    });
  }

  /** Ends the session that the call was made with; its open streams close. Throws ForbiddenError for other credentials. */
  async end(viewer: Viewer): Promise<object> {
    if (viewer.credential.kind !== 'session') {
      throw new ForbiddenError('There is no session to end: this call was made with another credential.');
    }
    const { id } = viewer.credential;
    return this.database.transaction(async (tx) => {
      const ended = await tx.query(endSessionStatement, [id]);
      if (ended.length > 0) {
        const data = {} satisfies SessionEventData['SessionEnded'];
        const { organizationId } = viewer;
        await appendEvents(tx, [{ ...stampOf(viewer), organizationId, type: 'SessionEnded', subjectId: id, data }]);
      }
      return {};
    });
  }
}
