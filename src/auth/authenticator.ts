import type { Sql } from '../database/database.js';
import { OrganizationNotFoundError } from '../features/organizations/organization.errors.js';
import { defaultOrganizationId, isSlug } from '../features/organizations/organization.model.js';
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js';
import { areHashesEqual, hashSecret, parseApiKey } from './api-key.js';
import { UnauthenticatedError } from './auth.errors.js';
import {
  type ApiKeyRow,
  findApiKeyStatement,
  findOrganizationStatement,
  findSessionStatement,
  type SessionRow,
} from './credential.sql.js';
import { sessionTokenIn } from './session-cookie.js';
import { isSessionToken } from './session-token.js';
import type { Scope, Viewer } from './viewer.js';

/** For how long a credential that was found valid counts as valid: a revocation takes effect within it. */
const freshMs = 2000;

/** Credentials that are remembered at a time. */
const credentialsMax = 10_000;

/** What a caller presents, as it came over the wire; null for what it left out. */
export interface PresentedCredentials {
  /** `Bearer ...`; goes before the cookie. */
  authorization: string | null;
  /** The whole `Cookie` header. */
  cookie: string | null;
  /** Slug of the organization to act in (`X-Organization`). */
  organization: string | null;
}

/** Whom a credential stands for. */
interface Identity {
  viewer: Viewer;
  organizationSlug: string;
  expiresInMs: number | null;
}

interface Lookup {
  /** A promise until the database has answered. */
  identity: MaybePromise<Identity | null>;
  freshUntil: number;
}

/** Finds out who is calling. */
export class Authenticator {
  readonly #database: Sql;
  readonly #adminTokenHash: string | undefined;
  /** By the hash of the token; the oldest first. */
  readonly #lookups = new Map<string, Lookup>();

  /** Without an admin token the server is in open mode: whoever presents no credential is the operator. */
  constructor({ database, adminToken }: { database: Sql; adminToken?: string | undefined }) {
    this.#database = database;
    this.#adminTokenHash = adminToken && hashSecret(adminToken);
  }

  /**
   * The caller that the credentials stand for; no promise when that is known already.
   *
   * The operator acts in the default organization or in the one that is named; keys and sessions in their own, and naming
   * another is the same as naming one that does not exist. Without a credential, where one is needed, and with a cookie
   * that is no longer good, the viewer is anonymous and may only sign in.
   * Throws UnauthenticatedError, the same for whatever is wrong with a bearer token, and OrganizationNotFoundError.
   */
  authenticate({ authorization, cookie, organization }: PresentedCredentials): MaybePromise<Viewer> {
    if (authorization !== null) {
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
      if (!token) throw new UnauthenticatedError();
      // Only the hash is looked at from here, and remembered.
      const tokenHash = hashSecret(token);
      if (this.#adminTokenHash !== undefined && areHashesEqual(tokenHash, this.#adminTokenHash))
        return operatorOf(this.#database, { kind: 'adminToken' }, organization);
      return whenKnown(this.#find(token, tokenHash), (identity) => {
        if (!identity) throw new UnauthenticatedError();
        return within(identity, organization);
      });
    }
    const token = cookie === null ? null : sessionTokenIn(cookie);
    if (token !== null) {
      // A stale cookie must not keep a browser from signing in again.
      if (!isSessionToken(token)) return anonymous({ hasStaleCookie: true });
      return whenKnown(this.#find(token, hashSecret(token)), (identity) =>
        identity ? within(identity, organization) : anonymous({ hasStaleCookie: true }),
      );
    }
    return this.#adminTokenHash === undefined
      ? operatorOf(this.#database, { kind: 'open' }, organization)
      : anonymous({ hasStaleCookie: false });
  }

  /** Whom a key or session stands for: as remembered, or by one statement that all who ask meanwhile share. */
  #find(token: string, tokenHash: string): MaybePromise<Identity | null> {
    const now = performance.now();
    const known = this.#lookups.get(tokenHash);
    if (known && now < known.freshUntil) return known.identity;

    const found = this.#lookUp(token);
    const lookup: Lookup = { identity: found, freshUntil: now + freshMs };
    this.#remember(tokenHash, lookup);
    // Only what is valid is remembered: failures would let anybody push the others out.
    const forget = () => {
      if (this.#lookups.get(tokenHash) === lookup) this.#lookups.delete(tokenHash);
    };
    found.then((identity) => {
      if (!identity) {
        forget();
        return;
      }
      lookup.identity = identity;
      if (identity.expiresInMs !== null) lookup.freshUntil = Math.min(lookup.freshUntil, now + identity.expiresInMs);
    }, forget);
    return found;
  }

  #remember(name: string, lookup: Lookup): void {
    this.#lookups.delete(name);
    this.#lookups.set(name, lookup);
    const [oldest] = this.#lookups.keys();
    if (this.#lookups.size > credentialsMax && oldest !== undefined) this.#lookups.delete(oldest);
  }

  async #lookUp(token: string): Promise<Identity | null> {
    const key = parseApiKey(token);
    if (key) {
      const [row] = await this.#database.query<ApiKeyRow>(findApiKeyStatement, [key.id]);
      return row && areHashesEqual(row.secretHash, hashSecret(key.secret)) ? identityOf(row, row.scopes, 'apiKey') : null;
    }
    if (!isSessionToken(token)) return null;
    const [row] = await this.#database.query<SessionRow>(findSessionStatement, [hashSecret(token)]);
    return row ? identityOf(row, sessionScopes[row.role], 'session') : null;
  }
}

/** Whoever runs the server, acting in the organization of this slug; without one in the default one. Throws OrganizationNotFoundError. */
export async function operatorViewer(
  database: Sql,
  credential: { kind: 'open' | 'adminToken' },
  organization: string | null,
): Promise<Viewer> {
  return operatorOf(database, credential, organization);
}

function operatorOf(
  database: Sql,
  credential: { kind: 'open' | 'adminToken' },
  organization: string | null,
): MaybePromise<Viewer> {
  const viewerIn = (organizationId: string) => ({ organizationId, actor: null, scopes: operatorScopes, credential });
  return organization ? organizationIdOf(database, organization).then(viewerIn) : viewerIn(defaultOrganizationId);
}

async function organizationIdOf(database: Sql, slug: string): Promise<string> {
  if (!isSlug(slug)) throw new OrganizationNotFoundError(slug);
  const [found] = await database.query<{ id: string }>(findOrganizationStatement, [slug]);
  if (!found) throw new OrganizationNotFoundError(slug);
  return found.id;
}

const operatorScopes: ReadonlySet<Scope> = new Set(['READ', 'WORK', 'WORKER', 'ADMIN']);

const sessionScopes = { MEMBER: ['READ', 'WORK'], ADMIN: ['READ', 'WORK', 'ADMIN'] } satisfies Record<string, Scope[]>;

function identityOf(row: ApiKeyRow | SessionRow, scopes: Scope[], kind: 'apiKey' | 'session'): Identity {
  const { id, organizationId, organizationSlug, expiresInMs, actorId, actorKind, actorName } = row;
  const actor = actorId && actorKind && actorName !== null ? { id: actorId, kind: actorKind, name: actorName } : null;
  const viewer = { organizationId, actor, scopes: new Set(scopes), credential: { kind, id } };
  return { viewer, organizationSlug, expiresInMs };
}

function whenKnown<Result>(
  identity: MaybePromise<Identity | null>,
  then: (identity: Identity | null) => Result,
): MaybePromise<Result> {
  return isPromise(identity) ? identity.then(then) : then(identity);
}

function within(identity: Identity, organization: string | null): Viewer {
  if (organization && organization !== identity.organizationSlug) throw new OrganizationNotFoundError(organization);
  return identity.viewer;
}

/** Somebody who was asked for nothing, and may do nothing. */
export const anonymousViewer: Viewer = anonymous({ hasStaleCookie: false });

/** Whoever calls over a network that the operator trusts: anybody of the default organization, without the operator's rights. */
export const trustedViewer: Viewer = {
  organizationId: defaultOrganizationId,
  actor: null,
  scopes: new Set(['READ', 'WORK']),
  credential: { kind: 'open' },
};

function anonymous({ hasStaleCookie }: { hasStaleCookie: boolean }): Viewer {
  return {
    organizationId: defaultOrganizationId,
    actor: null,
    scopes: new Set(),
    credential: { kind: 'anonymous', hasStaleCookie },
  };
}
