import type { z } from 'zod';
import { operatorViewer } from '../../auth/authenticator.js';
import type { Viewer } from '../../auth/viewer.js';
import { loadConfig } from '../../config.js';
import type { OwnedDatabase } from '../../database/database.js';
import { DatabaseClock } from '../../database/database-clock.js';
import type { Prisma } from '../../database/generated/prisma/client.js';
import type { ApiKeyScope } from '../../database/generated/prisma/enums.js';
import { apiKeyCreateInput, apiKeyRevokeInput } from '../../features/api-keys/api-key.inputs.js';
import { visibleApiKeys } from '../../features/api-keys/api-key.queries.js';
import { ApiKeyService } from '../../features/api-keys/api-key.service.js';
import { OrganizationNotFoundError } from '../../features/organizations/organization.errors.js';
import { CommandFailure } from '../command-failure.js';
import { withDatabase } from './configured-database.js';
import { UsageError } from './failure.js';
import { type Column, colors, note, print, printJson, printRows } from './terminal.js';

/**
 * API keys, straight in the database of the configuration: for the operator on the server's machine, who needs no
 * credential for that. The same commands as over the API; running servers notice within two seconds.
 */

interface KeyOptions {
  organization?: string;
  json?: true;
}

export interface KeyCreateOptions extends KeyOptions {
  /** External id of the agent that the key speaks for; exactly one of this and `worker`. */
  agent?: string;
  worker?: true;
  name: string;
  scopes?: ApiKeyScope[];
  /** Days. */
  expires?: number;
}

export interface KeyListOptions extends KeyOptions {
  agent?: string;
}

const dayMs = 86_400_000;

/** A key as the command line shows it. */
interface KeyView {
  id: string;
  name: string;
  /** External id; null for a worker key. */
  agent: string | null;
  scopes: string[];
  state: 'active' | 'expired' | 'revoked';
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

const columns: Column<KeyView>[] = [
  { title: 'Id', value: (key) => key.id },
  { title: 'Name', value: (key) => key.name },
  { title: 'Agent', value: (key) => key.agent ?? '(worker)' },
  { title: 'Scopes', value: (key) => key.scopes.join(',') },
  { title: 'State', value: (key) => (key.state === 'active' ? colors.green(key.state) : colors.dim(key.state)) },
  { title: 'Created', value: (key) => key.createdAt.toISOString() },
  { title: 'Expires', value: (key) => key.expiresAt?.toISOString() ?? 'never' },
];

/** Creates a key. The key itself is all that goes to standard output, so that a script can keep it: `KEY=$(baton keys create ...)`. */
export async function createKey(options: KeyCreateOptions): Promise<void> {
  const { agent, worker, name, expires } = options;
  if ((agent === undefined) === (worker === undefined)) {
    throw new UsageError('Say whom the key is for: --agent EXTERNAL_ID for an agent, or --worker for worker processes.');
  }
  await asOperator(options, async (database, viewer) => {
    const input = parse(apiKeyCreateInput, {
      name,
      ...(agent !== undefined && { agentId: await agentIdOf(database, viewer, agent) }),
      scopes: options.scopes ?? (worker ? ['READ', 'WORKER'] : ['READ', 'WORK']),
      ...(expires !== undefined && { expiresAt: new Date(Date.now() + expires * dayMs) }),
    });
    const { apiKey, secret } = await new ApiKeyService(database).create(viewer, input);
    const key = await readKey(database, viewer, apiKey.id);
    if (options.json) {
      printJson({ ...key, key: secret.reveal() });
      return;
    }
    const whom = key.agent === null ? 'worker processes' : `agent ${key.agent}`;
    const until = key.expiresAt ? `until ${key.expiresAt.toISOString()}` : 'without an end';
    note(`Created key ${key.id} (${key.name}) for ${whom}, with ${key.scopes.join(' and ')}, ${until}.`);
    note('It is shown this once; only a hash of it is kept:');
    print(secret.reveal());
  });
}

/** Lists keys, oldest first, also those that are revoked or expired. */
export async function listKeys(options: KeyListOptions): Promise<void> {
  await asOperator(options, async (database, viewer) => {
    const ofAgent = options.agent === undefined ? {} : { agentId: await agentIdOf(database, viewer, options.agent) };
    const keys = await readKeys(database, { AND: [visibleApiKeys(viewer), ofAgent] });
    if (options.json) printJson(keys);
    else if (keys.length > 0) printRows(columns, keys);
    else note('There are no API keys here. Create one with `baton keys create`.');
  });
}

/** Ends a key. */
export async function revokeKey(apiKeyId: string, options: KeyOptions): Promise<void> {
  const input = parse(apiKeyRevokeInput, { apiKeyId });
  await asOperator(options, async (database, viewer) => {
    await new ApiKeyService(database).revoke(viewer, input);
    const key = await readKey(database, viewer, input.apiKeyId);
    if (options.json) printJson(key);
    else print(`Revoked key ${key.id} (${key.name}). Servers refuse it within two seconds.`);
  });
}

/** Runs `work` as the operator in the organization that the options name. */
async function asOperator<T>(
  { organization }: KeyOptions,
  work: (database: OwnedDatabase, viewer: Viewer) => Promise<T>,
): Promise<T> {
  return withDatabase({ config: loadConfig() }, async (database) => {
    const viewer = await operatorViewer(database, { kind: 'adminToken' }, organization ?? null).catch((error) => {
      if (!(error instanceof OrganizationNotFoundError)) throw error;
      throw new CommandFailure(`There is no organization "${organization}". Correct --organization, or leave it out.`);
    });
    return work(database, viewer);
  });
}

async function agentIdOf(database: OwnedDatabase, { organizationId }: Viewer, externalId: string): Promise<string> {
  const agent = await database.prisma.actor.findFirst({
    where: { organizationId, externalId, kind: 'AGENT' },
    select: { id: true },
  });
  if (agent) return agent.id;
  throw new CommandFailure(
    `There is no agent "${externalId}" in this organization. Register it first (agentRegister), or correct --agent or --organization.`,
  );
}

async function readKey(database: OwnedDatabase, viewer: Viewer, id: string): Promise<KeyView> {
  const [key] = await readKeys(database, { AND: [visibleApiKeys(viewer), { id }] });
  if (!key) throw new Error(`the API key ${id} was just written, and is not there`);
  return key;
}

async function readKeys(database: OwnedDatabase, where: Prisma.ApiKeyWhereInput): Promise<KeyView[]> {
  const clock = await DatabaseClock.start(database);
  const rows = await database.prisma.apiKey.findMany({
    where,
    orderBy: { id: 'asc' },
    omit: { secretHash: true },
    include: { agent: { select: { externalId: true } } },
  });
  return rows.map(({ id, name, agent, scopes, createdAt, expiresAt, revokedAt }) => {
    const isOver = expiresAt !== null && expiresAt <= clock.now();
    const state = revokedAt ? 'revoked' : isOver ? 'expired' : 'active';
    return { id, name, agent: agent?.externalId ?? null, scopes, state, createdAt, expiresAt, revokedAt };
  });
}

/** The checked input of a command. Throws UsageError with all that is wrong with it. */
function parse<Schema extends z.ZodType>(schema: Schema, input: z.input<Schema>): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new UsageError(parsed.error.issues.map(({ path, message }) => `${optionOf[String(path[0])]} ${message}.`).join(' '));
}

/** How the command line calls the fields of the inputs. */
const optionOf: Record<string, string> = {
  agentId: '--agent',
  apiKeyId: 'The id',
  expiresAt: '--expires',
  name: '--name',
  scopes: '--scopes',
};
