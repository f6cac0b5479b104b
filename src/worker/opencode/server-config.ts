import { modelIdOf, providerId } from './model.js';

/** The model that OpenCode is to work with, as the settings name it. */
export interface WorkerModel {
  /** Base address of an OpenAI-compatible API, with its version: `https://llm.example.com/v1`. */
  url: string;
  model: string;
  apiKey: string | undefined;
}

/**
 * What stands in `OPENCODE_CONFIG_CONTENT`, as JSON, secret included: OpenCode learns of providers when it starts. Nobody is
 * there to be asked, so whatever would ask is allowed, and questions to a person are refused. Source: contracts.md 4.4.
 */
export function openCodeConfig({ url, model, apiKey }: WorkerModel): string {
  const modelId = modelIdOf(model);
  return JSON.stringify({
    $schema: 'https://opencode.ai/config.json',
    provider: {
      [providerId]: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Terarchitect Proxy',
        options: { baseURL: url.replace(/\/+$/, ''), apiKey: apiKey ?? 'dummy' },
        models: { [modelId]: { name: modelId } },
      },
    },
    model: `${providerId}/${modelId}`,
    permission: { '*': 'allow', question: 'deny' },
    autoupdate: false,
    share: 'disabled',
  });
}
