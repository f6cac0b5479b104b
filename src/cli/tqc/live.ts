import { BatonClient } from '../../sdk/baton-client.js';
import { BatonRequestError } from '../../sdk/errors.js';
import { AgentDocument, ViewerDocument } from '../../sdk/generated.js';
import { CommandFailure } from '../command-failure.js';
import { Interruption } from './interruption.js';
import { QueueClient } from './queue-client.js';
import { requireApiUrl, type Settings } from './settings.js';

/**
 * Does what needs the live API of the same server, until it is done or SIGINT or SIGTERM comes: the signal that `task` is
 * given aborts then, with an Interruption. Throws what it throws; CommandFailure where the server wants a token.
 */
export async function live<Result>(
  settings: Settings,
  process: NodeJS.Process,
  task: (client: BatonClient, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const client = new BatonClient({ url: requireApiUrl(settings), token: settings.token });
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals) => stopping.abort(new Interruption(signal));
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await task(client, stopping.signal);
  } catch (error) {
    if (!(error instanceof BatonRequestError) || error.code !== 'UNAUTHENTICATED') throw error;
    throw new CommandFailure(error.message, { hint: '  Set BATON_TOKEN to an API key of the agent.', cause: error });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await client.close();
  }
}

/** The id, for the live API, of the agent that goes by this name. Throws CommandFailure when none does. */
export async function agentIdOf(client: BatonClient, externalId: string): Promise<string> {
  const { agent } = await client.request(AgentDocument, { externalId });
  if (!agent) throw new CommandFailure(`No agent ${externalId} is registered.`);
  return agent.id;
}

/**
 * The id of the agent that AGENT_ID names, registered on the fly; undefined when it is unset and the token is an agent's
 * own. Throws CommandFailure when nobody says which agent works.
 */
export async function workingAgentId(client: BatonClient, settings: Settings): Promise<string | undefined> {
  if (settings.agentId) {
    await new QueueClient(settings).heartbeat(settings.agentId);
    return agentIdOf(client, settings.agentId);
  }
  const { viewer } = await client.request(ViewerDocument, {});
  if (viewer.actor?.__typename !== 'Agent') throw new CommandFailure('No agent ID specified. Set AGENT_ID');
  return undefined;
}
