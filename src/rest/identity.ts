import { givenName, isOperator, type Viewer } from '../auth/viewer.js';
import { AgentNotFoundError } from '../features/agents/agent.errors.js';
import { findActor } from '../features/agents/agent.queries.js';
import type { Call } from './endpoint.js';
import { InvalidRequestError } from './failure.js';

type Caller = Pick<Call, 'viewer' | 'database'>;

/**
 * The id of the agent that a request names by the id it was given from outside (or by ours); undefined when it names none.
 * Whether the caller may act for it is the service's to say. Throws AgentNotFoundError at `field`.
 */
export async function agentIdOf(
  { viewer, database }: Caller,
  given: string | undefined,
  field: string,
): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const actor = await findActor(database.prisma, viewer, given);
  if (!actor) throw new AgentNotFoundError(given, field);
  return actor.id;
}

/** The same where an agent must act: the caller itself, when it is one and names none. Throws InvalidRequestError too. */
export async function actingAgentId(caller: Caller, given: string | undefined, field: string): Promise<string | undefined> {
  if (given === undefined && caller.viewer.actor?.kind !== 'AGENT') {
    throw new InvalidRequestError([{ path: [field], message: 'is required', isMissing: true }]);
  }
  return agentIdOf(caller, given, field);
}

/**
 * The caller, in the name that its request gives. A key or a session says who calls, whatever the request claims; the
 * operator is taken by its word: an agent or user that is registered, or a name that is kept as given.
 */
export async function speakingAs({ viewer, database }: Caller, given: string | undefined): Promise<Viewer> {
  if (given === undefined || !isOperator(viewer)) return viewer;
  const actor = await findActor(database.prisma, viewer, given);
  return actor ? { ...viewer, actor: { id: actor.id, kind: actor.kind, name: actor.name } } : { ...viewer, label: given };
}

/** The id that callers know a thing by: the one that it was given from outside, or else ours. */
export function knownId({ id, externalId }: { id: string; externalId: string | null }): string {
  return externalId ?? id;
}

/** Whoever did something, as callers know them: somebody who is registered, or the name that was given; null when none was. */
export function knownPerson(actor: Parameters<typeof knownId>[0] | null, label: string | null): string | null {
  return actor ? knownId(actor) : givenName(label);
}
