import { agentSettingKeys, type SettingKey } from '../settings/setting.model.js';
import type { SettingService } from '../settings/setting.service.js';

/** The program that does the work unless the settings name another: without it the runner would look for one that images lack. */
const workerModeDefault = 'opencode';

/**
 * The settings that a running agent is told, secrets in plain text: those that are set, and always `WORKER_MODE`. One that
 * is not set is left out, for an empty text would erase what the agent's own environment says.
 * What it answers must not be logged, put into an event or kept. Throws SettingUnreadableError.
 * Source: contracts.md 1.2, the agent_settings traps.
 */
export async function agentSettings(settings: SettingService, organizationId: string): Promise<Record<string, string>> {
  return { WORKER_MODE: workerModeDefault, ...filled(await settings.effective(organizationId, agentSettingKeys)) };
}

/** What a container needs in its environment before its agent can read the settings: for the worker, for git and for GitHub. */
const environmentNames: Partial<Record<SettingKey, string>> = {
  WORKER_LLM_URL: 'WORKER_LLM_URL',
  WORKER_MODEL: 'WORKER_MODEL',
  WORKER_API_KEY: 'WORKER_API_KEY',
  WORKER_TIMEOUT_SEC: 'WORKER_TIMEOUT_SEC',
  WORKER_MODE: 'WORKER_MODE',
  GIT_USER_NAME: 'GIT_USER_NAME',
  GIT_USER_EMAIL: 'GIT_USER_EMAIL',
  github_agent_token: 'GITHUB_TOKEN',
  anthropic_api_key: 'ANTHROPIC_API_KEY',
};

/** The environment of a job's container, under the same conditions as `agentSettings`. */
export async function agentEnvironment(settings: SettingService, organizationId: string): Promise<Record<string, string>> {
  const keys = Object.keys(environmentNames) as SettingKey[];
  const stored = filled(await settings.effective(organizationId, keys));
  const named = Object.entries(stored).map(([key, value]) => [environmentNames[key as SettingKey] ?? key, value]);
  return { WORKER_MODE: workerModeDefault, ...Object.fromEntries(named) };
}

function filled(settings: Partial<Record<SettingKey, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value.trim() !== ''));
}
