import type { ActorKind, ApiKeyScope } from '../database/generated/prisma/enums.js';
import { ForbiddenError } from './auth.errors.js';

/** What a credential allows: READ everything of the organization, WORK in it, serve as a WORKER, ADMINister it. */
export type Scope = ApiKeyScope;

/** What the caller proved with. Open development mode asks for no proof. */
export type Credential =
  | { kind: 'open' }
  | { kind: 'adminToken' }
  | { kind: 'apiKey'; id: string }
  | { kind: 'session'; id: string }
  /** The key that the worker processes of an organization share; good in their REST dialect alone. */
  | { kind: 'workerKey' }
  /** Nothing, where a credential is needed, or a cookie that is no longer good: allows no more than to sign in. */
  | { kind: 'anonymous'; hasStaleCookie: boolean };

/** Who is calling, and what they may do; the same for HTTP, websocket and REST. */
export interface Viewer {
  organizationId: string;
  /** The agent or user the credential stands for; null when it stands for none: see `credential`. */
  actor: { id: string; kind: ActorKind; name: string } | null;
  scopes: ReadonlySet<Scope>;
  credential: Credential;
  /** How the caller names itself where a REST dialect takes its word for it; kept beside what it writes, and trusted for nothing. */
  label?: string;
}

/** Who did it, as the event log keeps it. */
export interface ActorStamp {
  actorId: string | null;
  /** Set when there is no actor: `admin`, `worker` (the worker key, or an API key that speaks for no agent), `anonymous`, or as the caller named itself. */
  actorLabel: string | null;
}

/** The credential does not have the scope that this takes. */
export class ScopeMissingError extends ForbiddenError {
  constructor(scope: Scope) {
    super(`This credential lacks the scope ${scope}.`);
  }
}

/** Throws ScopeMissingError unless the credential has the scope. */
export function requireScope(viewer: Viewer, scope: Scope): void {
  if (!viewer.scopes.has(scope)) throw new ScopeMissingError(scope);
}

/** Whether the caller runs the server: the admin token, or anybody in open mode. Only they cross organizations. */
export function isOperator(viewer: Viewer): boolean {
  return viewer.credential.kind === 'adminToken' || viewer.credential.kind === 'open';
}

/** Whether a person stands behind the call (a signed-in human, or the operator), who may overrule a lease's holder. */
export function isPerson(viewer: Viewer): boolean {
  return viewer.actor?.kind === 'USER' || isOperator(viewer);
}

/** What names the credential among others, where something is counted for each; null for what anybody may call with. */
export function credentialKey({ credential }: Viewer): string | null {
  if ('id' in credential) return credential.id;
  return credential.kind === 'adminToken' ? credential.kind : null;
}

/** Labels that name no one in particular. */
const namelessLabels: readonly string[] = ['admin', 'worker', 'anonymous'];

/** A label as the name that a caller gave itself; null when it gave none. */
export function givenName(label: string | null): string | null {
  return label !== null && namelessLabels.includes(label) ? null : label;
}

/** How the event log names the caller, when it acts for nobody else. */
export function stampOf(viewer: Viewer): ActorStamp {
  if (viewer.actor) return { actorId: viewer.actor.id, actorLabel: null };
  if (viewer.label !== undefined) return { actorId: null, actorLabel: viewer.label };
  switch (viewer.credential.kind) {
    case 'adminToken':
      return { actorId: null, actorLabel: 'admin' };
    case 'apiKey':
    case 'workerKey':
      return { actorId: null, actorLabel: 'worker' };
    default:
      return { actorId: null, actorLabel: 'anonymous' };
  }
}

/** A name for the caller under which idempotency keys are kept: two callers may use the same key. */
export function callerName({ actor, credential }: Viewer): string {
  return actor?.id ?? ('id' in credential ? credential.id : credential.kind);
}
