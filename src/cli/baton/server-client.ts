import { BatonClient } from '../../sdk/baton-client.js';
import { defaultToken, defaultUrl, environmentVariable } from '../../sdk/environment.js';
import { BatonRequestError } from '../../sdk/errors.js';
import { CommandFailure } from '../command-failure.js';
import { withCleanup } from './cleanup.js';

/**
 * Runs `work` with a client of the server that the environment names: BATON_URL, else the TERARCHITECT_API_URL of worker
 * processes, else a local server; with the credential in BATON_TOKEN. Throws CommandFailure where the server wants one.
 */
export async function withServer<T>(work: (client: BatonClient) => Promise<T>): Promise<T> {
  const url = environmentVariable('BATON_URL') ?? environmentVariable('TERARCHITECT_API_URL') ?? defaultUrl();
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandFailure(`BATON_URL must be an http or https URL, not "${url}".`);
  }
  const client = new BatonClient({ url, token: defaultToken() });
  return withCleanup(
    () => client.close(),
    () => work(client),
  ).catch((cause) => {
    if (!(cause instanceof BatonRequestError) || cause.code !== 'UNAUTHENTICATED') throw cause;
    throw new CommandFailure(`${cause.message} Set BATON_TOKEN to an API key or to the admin token.`, { cause });
  });
}
