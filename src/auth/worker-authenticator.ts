import type { Sql } from '../database/database.js';
import { defaultOrganizationId, isSlug } from '../features/organizations/organization.model.js';
import { equalsSafely } from './api-key.js';
import { UnauthenticatedError } from './auth.errors.js';
import type { Authenticator, PresentedCredentials } from './authenticator.js';
import { findOrganizationStatement } from './credential.sql.js';
import type { Scope, Viewer } from './viewer.js';

/**
 * Finds out who calls in the worker dialect, whose processes share one key.
 *
 * The key is looked up for each request, so that a change of it takes effect at once. It counts for the organization that
 * the caller names, or for the default one. Source: contracts.md 1.2.
 */
export class WorkerAuthenticator {
  readonly #authenticator: Pick<Authenticator, 'authenticate'>;
  readonly #database: Sql;
  readonly #workerKey: (organizationId: string) => Promise<string | null>;
  readonly #isOpen: boolean;

  constructor(parts: {
    authenticator: Pick<Authenticator, 'authenticate'>;
    database: Sql;
    /** The worker key of an organization, null when it has none; see SettingService. */
    workerKey: (organizationId: string) => Promise<string | null>;
    /** Whether the server is in open development mode. */
    isOpen: boolean;
  }) {
    this.#authenticator = parts.authenticator;
    this.#database = parts.database;
    this.#workerKey = parts.workerKey;
    this.#isOpen = parts.isOpen;
  }

  /**
   * The caller of an endpoint for worker processes: with the worker key, or with a credential that has the scope WORKER
   * (such an API key, the admin token). Where no worker key is set, open mode lets everybody in.
   * Throws UnauthenticatedError with the dialect's own words, SettingUnreadableError.
   */
  async authenticateWorker(credentials: PresentedCredentials): Promise<Viewer> {
    const token = bearerTokenIn(credentials.authorization);
    const known = token === null ? null : await this.#identify({ ...credentials, cookie: null });
    if (known?.scopes.has('WORKER')) return known;
    const { organizationId, key } = await this.#keyOf(credentials.organization);
    if (key === null && this.#isOpen) return this.#operator(credentials);
    if (token === null) throw new UnauthenticatedError(missingHeader);
    if (key === null || !equalsSafely(token, key)) throw new UnauthenticatedError('Invalid worker API token');
    return workerKeyViewer(organizationId, ['READ', 'WORK', 'WORKER']);
  }

  /**
   * The caller of an endpoint for people and their board: in open mode everybody, whatever token they send; otherwise
   * whoever any credential stands for, and a holder of the worker key as a reader.
   * Throws UnauthenticatedError, OrganizationNotFoundError, SettingUnreadableError.
   */
  async authenticateBoard(credentials: PresentedCredentials): Promise<Viewer> {
    const known = await this.#identify(credentials);
    if (known) return known;
    if (this.#isOpen) return this.#operator(credentials);
    const token = bearerTokenIn(credentials.authorization);
    if (token === null) throw new UnauthenticatedError(missingHeader);
    const { organizationId, key } = await this.#keyOf(credentials.organization);
    if (key === null || !equalsSafely(token, key)) throw new UnauthenticatedError();
    return workerKeyViewer(organizationId, ['READ']);
  }

  /** Whom a key, session or admin token stands for; null for what is none of them. */
  async #identify(credentials: PresentedCredentials): Promise<Viewer | null> {
    try {
      const viewer = await this.#authenticator.authenticate(credentials);
      return viewer.credential.kind === 'anonymous' ? null : viewer;
    } catch (error) {
      if (error instanceof UnauthenticatedError) return null;
      throw error;
    }
  }

  async #operator({ organization }: PresentedCredentials): Promise<Viewer> {
    return this.#authenticator.authenticate({ authorization: null, cookie: null, organization });
  }

  /** An organization that does not exist has no key. */
  async #keyOf(slug: string | null): Promise<{ organizationId: string; key: string | null }> {
    if (!slug) return { organizationId: defaultOrganizationId, key: await this.#workerKey(defaultOrganizationId) };
    const [found] = isSlug(slug) ? await this.#database.query<{ id: string }>(findOrganizationStatement, [slug]) : [];
    return found ? { organizationId: found.id, key: await this.#workerKey(found.id) } : { organizationId: '', key: null };
  }
}

const missingHeader = 'Missing or invalid Authorization header (expected Bearer <token>)';

/** Unlike an API key, a worker key may have blanks within. */
function bearerTokenIn(authorization: string | null): string | null {
  return (authorization && /^Bearer\s+(\S.*)$/i.exec(authorization)?.[1]?.trim()) || null;
}

function workerKeyViewer(organizationId: string, scopes: Scope[]): Viewer {
  return { organizationId, actor: null, scopes: new Set(scopes), credential: { kind: 'workerKey' } };
}
