import { actAs } from '../../auth/acting.js';
import { issueApiKey } from '../../auth/api-key.js';
import { ForbiddenError } from '../../auth/auth.errors.js';
import { requireScope, type Scope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Statement } from '../../database/database.js';
import { appendEvents, type NewEvent } from '../../database/event-log.js';
import type { ApiKey } from '../../database/generated/prisma/client.js';
import type { Secret } from '../../kernel/secret.js';
import { AgentNotFoundError } from '../agents/agent.errors.js';
import { ValidationError } from '../validation-error.js';
import { ApiKeyNotFoundError } from './api-key.errors.js';
import type { ApiKeyEventData } from './api-key.events.js';
import type { ApiKeyCreate, ApiKeyRevoke } from './api-key.inputs.js';
import { visibleApiKeys } from './api-key.queries.js';

/** An API key without the hash of its secret, which goes no further than the check of it. */
type ApiKeyRecord = Omit<ApiKey, 'secretHash'>;

/** What a key that speaks for no agent may allow: WORK and ADMIN need somebody who is seen to act. */
const workerScopes: readonly Scope[] = ['READ', 'WORKER'];

/** The commands on API keys. */
export class ApiKeyService {
  constructor(private readonly database: Database) {}

  /**
   * Issues a key; the answer's secret is the only copy of it.
   *
   * An agent may do so for itself, a member for agents it owns, whoever has the scope ADMIN for every agent and for worker
   * processes. Nobody grants a scope that they lack, save that ADMIN grants all.
   * Throws ForbiddenError, AgentNotFoundError, ValidationError.
   */
  async create(viewer: Viewer, input: ApiKeyCreate): Promise<{ apiKey: ApiKeyRecord; secret: Secret }> {
    requireKeyScope(viewer);
    const { organizationId, scopes: ownScopes } = viewer;
    const { name, scopes, expiresAt } = input;
    const lacking = scopes.filter((scope) => !ownScopes.has(scope) && !ownScopes.has('ADMIN'));
    if (lacking.length > 0) {
      throw new ForbiddenError(`You cannot grant what you lack: ${lacking.join(', ')}.`, { path: ['scopes'] });
    }
    const agentId = await this.#agentOf(viewer, input);
    return this.database.transaction(async (tx) => {
      const { apiKey, secret } = await issueApiKey(tx.prisma, { organizationId, agentId, name, scopes, expiresAt });
      await appendEvents(tx, [apiKeyEvent(viewer, 'ApiKeyCreated', apiKey)]);
      return { apiKey, secret };
    });
  }

  /**
   * Ends a key within seconds, for new requests and for what is open under it. Ending it again changes nothing.
   * Throws ForbiddenError, ApiKeyNotFoundError (also for a key that the caller may not see).
   */
  async revoke(viewer: Viewer, { apiKeyId }: ApiKeyRevoke): Promise<{ apiKey: ApiKeyRecord }> {
    requireKeyScope(viewer);
    return this.database.transaction(async (tx) => {
      const where = { id: apiKeyId, ...visibleApiKeys(viewer) };
      const isVisible = (await tx.prisma.apiKey.count({ where })) > 0;
      if (!isVisible) throw new ApiKeyNotFoundError(apiKeyId);
      const revoked = await tx.query(revokeStatement, [apiKeyId]);
      const apiKey = await tx.prisma.apiKey.findUniqueOrThrow({ where: { id: apiKeyId }, omit: { secretHash: true } });
      if (revoked.length > 0) await appendEvents(tx, [apiKeyEvent(viewer, 'ApiKeyRevoked', apiKey)]);
      return { apiKey };
    });
  }

  /** The agent that the new key is to speak for; null for a worker key. */
  async #agentOf(viewer: Viewer, { agentId, scopes }: ApiKeyCreate): Promise<string | null> {
    const wanted = agentId ?? (viewer.actor?.kind === 'AGENT' ? viewer.actor.id : null);
    if (wanted === null) {
      requireScope(viewer, 'ADMIN');
      if (scopes.every((scope) => workerScopes.includes(scope))) return null;
      const allowed = workerScopes.join(' and ');
      throw new ValidationError(
        ['scopes'],
        `A key that speaks for no agent may have ${allowed} only. Ask for these, or name the agent.`,
      );
    }
    await actAs(this.database, viewer, wanted);
    const where = { id: wanted, organizationId: viewer.organizationId, kind: 'AGENT' } as const;
    if ((await this.database.prisma.actor.count({ where })) === 0) throw new AgentNotFoundError(wanted);
    return wanted;
  }
}

/** Answers a row when the key was not revoked before. Value: its id. */
const revokeStatement: Statement = {
  name: 'api-key-revoke',
  text: 'update api_key set revoked_at = clock_timestamp() where id = $1::uuid and revoked_at is null returning id',
};

/** A key that can only read must not make itself a successor. */
function requireKeyScope(viewer: Viewer): void {
  if (!viewer.scopes.has('ADMIN')) requireScope(viewer, 'WORK');
}

function apiKeyEvent(
  viewer: Viewer,
  type: keyof ApiKeyEventData,
  { id, organizationId, agentId, name, scopes }: ApiKeyRecord,
): NewEvent {
  const data = { name, scopes } satisfies ApiKeyEventData[typeof type];
  return { ...stampOf(viewer), organizationId, type, subjectId: id, agentId, data };
}
