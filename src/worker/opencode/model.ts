/** How the worker's model is called in OpenCode's configuration, which the agent image writes. Source: contracts.md 4.4. */
export const providerId = 'terarchitect-proxy';

/** Id of the model at its provider: without the provider's name before it. */
export function modelIdOf(workerModel: string): string {
  const prefix = `${providerId}/`;
  return workerModel.startsWith(prefix) ? workerModel.slice(prefix.length) : workerModel;
}
