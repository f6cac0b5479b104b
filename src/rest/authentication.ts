import { UnauthenticatedError } from '../auth/auth.errors.js';
import { type Authenticator, anonymousViewer, type PresentedCredentials, trustedViewer } from '../auth/authenticator.js';
import { olderSessionCookies, sessionCookieOf, sessionTokenIn } from '../auth/session-cookie.js';
import type { Viewer } from '../auth/viewer.js';
import type { WorkerAuthenticator } from '../auth/worker-authenticator.js';
import type { Authenticate, Dialect } from './dialect.js';

export interface RestAuthenticationOptions {
  authenticator: Authenticator;
  workerAuthenticator: WorkerAuthenticator;
  /** Nobody needs a credential. */
  openMode: boolean;
  /** False says that the network of the queue dialect's clients, which cannot send a credential, is trusted. */
  queueNeedsCredential: boolean;
}

/** How each dialect finds out who is calling. */
export function createAuthentication(options: RestAuthenticationOptions): Record<Dialect['name'], Authenticate> {
  const { authenticator, workerAuthenticator, openMode, queueNeedsCredential } = options;

  const bearerOrCookie: Authenticate = async (credentials, access) => {
    if (access === 'open') return anonymousViewer;
    return findCaller(credentials);
  };

  /** In open mode an older client may send whatever credential it was once given. */
  async function findCaller(credentials: PresentedCredentials): Promise<Viewer> {
    try {
      return identified(await authenticator.authenticate(credentials));
    } catch (error) {
      if (!openMode || !(error instanceof UnauthenticatedError)) throw error;
      return authenticator.authenticate({ ...credentials, authorization: null, cookie: null });
    }
  }

  return {
    coordinator: bearerOrCookie,
    orchestrator: (credentials, access) => bearerOrCookie(withOlderCookies(credentials), access),
    queue: async (credentials, access) =>
      queueNeedsCredential || credentials.authorization !== null ? bearerOrCookie(credentials, access) : trustedViewer,
    worker: async (credentials, access) => {
      if (access === 'open') return anonymousViewer;
      if (access === 'agent') return workerAuthenticator.authenticateWorker(credentials);
      return workerAuthenticator.authenticateBoard(credentials);
    },
  };
}

/** The credentials with a session that a cookie of the older web application holds. */
function withOlderCookies(credentials: PresentedCredentials): PresentedCredentials {
  const token = credentials.cookie === null ? null : sessionTokenIn(credentials.cookie, olderSessionCookies);
  return { ...credentials, cookie: token === null ? null : sessionCookieOf(token) };
}

function identified(viewer: Viewer): Viewer {
  if (viewer.credential.kind === 'anonymous') throw new UnauthenticatedError();
  return viewer;
}
