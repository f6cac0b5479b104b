import type { Statement } from '../database/database.js';
import type { ActorKind, ApiKeyScope, UserRole } from '../database/generated/prisma/enums.js';

const isKeyValid = 'api_key.revoked_at is null and (api_key.expires_at is null or api_key.expires_at > clock_timestamp())';
const isSessionValid = 'session.ended_at is null and session.expires_at > clock_timestamp()';

const millisecondsUntil = (instant: string) => `(extract(epoch from ${instant} - clock_timestamp()) * 1000)::float8`;

/** What both kinds of credential tell about their bearer. */
interface CredentialRow {
  id: string;
  organizationId: string;
  organizationSlug: string;
  /** Null when it never expires. */
  expiresInMs: number | null;
}

export interface ApiKeyRow extends CredentialRow {
  secretHash: string;
  scopes: ApiKeyScope[];
  /** Null, as what follows, for a key that speaks for no agent. */
  actorId: string | null;
  actorKind: ActorKind | null;
  actorName: string | null;
}

export interface SessionRow extends CredentialRow {
  role: UserRole;
  actorId: string;
  actorKind: ActorKind;
  actorName: string;
}

/** An API key that is neither revoked nor expired. Value: its id. */
export const findApiKeyStatement: Statement = {
  name: 'auth-api-key',
  text: `
select api_key.id, api_key.secret_hash as "secretHash", api_key.scopes::text[] as scopes,
  ${millisecondsUntil('api_key.expires_at')} as "expiresInMs",
  organization.id as "organizationId", organization.slug as "organizationSlug",
  actor.id as "actorId", actor.kind::text as "actorKind", actor.name as "actorName"
from api_key
join organization on organization.id = api_key.organization_id
left join actor on actor.id = api_key.agent_id
where api_key.id = $1::uuid and ${isKeyValid}`,
};

/** A session that is neither ended nor expired. Value: the hash of its token. */
export const findSessionStatement: Statement = {
  name: 'auth-session',
  text: `
select session.id, user_login.role::text as role, ${millisecondsUntil('session.expires_at')} as "expiresInMs",
  organization.id as "organizationId", organization.slug as "organizationSlug",
  actor.id as "actorId", actor.kind::text as "actorKind", actor.name as "actorName"
from session
join organization on organization.id = session.organization_id
join actor on actor.id = session.user_id
join user_login on user_login.user_id = session.user_id
where session.token_hash = $1 and ${isSessionValid}`,
};

/** Of the given keys and sessions, those that are no longer valid. Value: their ids. */
export const findEndedCredentialsStatement: Statement = {
  name: 'auth-ended',
  text: `
select given.id from unnest($1::uuid[]) as given(id)
where not exists (select from api_key where api_key.id = given.id and ${isKeyValid})
  and not exists (select from session where session.id = given.id and ${isSessionValid})`,
};

/** Value: the slug. */
export const findOrganizationStatement: Statement = {
  name: 'auth-organization',
  text: 'select id from organization where slug = $1',
};
