/** What is known of a setting beside its value. */
interface SettingDefinition {
  /** What people call it. */
  label: string;
  /** Kept encrypted, and shown by no face: only whether it is set. */
  isSecret?: true;
  /** Whether running agents are told it: in `agent_settings` of the worker's context. */
  isForAgents?: true;
  /** What a value must be, when not every text will do. */
  rule?: SettingRule;
}

interface SettingRule {
  accepts: (value: string) => boolean;
  says: string;
}

/** Characters that one value may have. */
export const settingLengthMax = 10_000;

const wholeNumberTo = (max: number): SettingRule => ({
  accepts: (value) => /^[1-9]\d*$/.test(value) && Number(value) <= max,
  says: `must be a whole number from 1 to ${max}`,
});

/**
 * Every setting there is, in the order in which they are listed. The names are those of the worker dialect, whose clients
 * read them from `GET /api/settings` and from the worker's context.
 */
const catalogue = {
  AGENT_PROVIDER: { label: 'Provider of the director’s model', isForAgents: true },
  AGENT_LLM_URL: { label: 'Address of the director’s model', isForAgents: true },
  AGENT_MODEL: { label: 'Model of the director', isForAgents: true },
  AGENT_API_KEY: { label: 'API key of the director’s model', isSecret: true, isForAgents: true },
  WORKER_MODE: {
    label: 'Program that does the work',
    isForAgents: true,
    rule: {
      accepts: (value: string) => value === 'opencode' || value === 'claude-code',
      says: 'must be opencode or claude-code',
    },
  },
  WORKER_LLM_URL: { label: 'Address of the worker’s model', isForAgents: true },
  WORKER_MODEL: { label: 'Model of the worker', isForAgents: true },
  WORKER_API_KEY: { label: 'API key of the worker’s model', isSecret: true, isForAgents: true },
  WORKER_TIMEOUT_SEC: { label: 'Seconds that one turn of the worker may take', isForAgents: true, rule: wholeNumberTo(86_400) },
  MIDDLE_AGENT_DEBUG: { label: 'Whether the director logs what it sends and receives', isForAgents: true },
  github_agent_token: { label: 'GitHub token of the agents', isSecret: true, isForAgents: true },
  github_user_token: { label: 'GitHub token for what people do on the board', isSecret: true },
  GIT_USER_NAME: { label: 'Name that the agents commit under', isForAgents: true },
  GIT_USER_EMAIL: { label: 'Email that the agents commit under', isForAgents: true },
  MEMORY_LLM_MODEL: { label: 'Model of the memory', isForAgents: true },
  MEMORY_LLM_BASE_URL: { label: 'Address of the memory’s model', isForAgents: true },
  MEMORY_LLM_API_KEY: { label: 'API key of the memory’s model', isSecret: true, isForAgents: true },
  EMBEDDING_PROVIDER: { label: 'Provider of the embeddings', isForAgents: true },
  EMBEDDING_SERVICE_URL: { label: 'Address of the embedding service', isForAgents: true },
  EMBEDDING_API_KEY: { label: 'API key of the embedding service', isSecret: true, isForAgents: true },
  MEMORY_EMBEDDING_MODEL: { label: 'Model of the embeddings', isForAgents: true },
  MEMORY_EMBEDDING_BASE_URL: { label: 'Address of the memory’s embedding model', isForAgents: true },
  openai_api_key: { label: 'OpenAI API key', isSecret: true, isForAgents: true },
  anthropic_api_key: { label: 'Anthropic API key', isSecret: true, isForAgents: true },
  MAX_CONCURRENT_AGENTS: { label: 'Jobs that one coordinator runs at a time', rule: wholeNumberTo(1000) },
  AGENT_IMAGE: { label: 'Container image that runs a job' },
  TERARCHITECT_WORKER_API_KEY: { label: 'Key that coordinators and runners send', isSecret: true },
} as const satisfies Record<string, SettingDefinition>;

export type SettingKey = keyof typeof catalogue;

export const settingKeys = Object.keys(catalogue) as [SettingKey, ...SettingKey[]];

/** The settings that running agents are told. Source: contracts.md 1.2, `agent_settings`. */
export const agentSettingKeys = settingKeys.filter((key) => definitionOf(key).isForAgents);

export function definitionOf(key: SettingKey): SettingDefinition {
  return catalogue[key];
}

/** One setting as people may see it. */
export interface SettingView {
  key: SettingKey;
  label: string;
  isSecret: boolean;
  isSet: boolean;
  /** Null when it is not set, and always of a secret. */
  value: string | null;
  updatedAt: Date | null;
}

/** A setting that is missing, or not as it should be. */
export interface SettingIssue {
  key: SettingKey;
  label: string;
  reason: string;
}

/** Whether agents can work with the settings as they are. */
export interface SettingsCheck {
  ready: boolean;
  missingRequired: SettingIssue[];
  warnings: SettingIssue[];
}

export function issueWith(key: SettingKey, reason: string): SettingIssue {
  return { key, label: definitionOf(key).label, reason };
}

/**
 * What a runner cannot start without, unless its own environment has it: the director's model, and in the mode `opencode`
 * the worker's. Source: contracts.md 4.3.
 */
export function requiredSettings(workerMode: string | null): SettingIssue[] {
  const director = [
    issueWith('AGENT_LLM_URL', 'The director has no model to ask.'),
    issueWith('AGENT_MODEL', 'The director does not know which model to ask for.'),
  ];
  if (workerMode === 'claude-code') return director;
  return [
    ...director,
    issueWith('WORKER_LLM_URL', 'The worker has no model to ask.'),
    issueWith('WORKER_MODEL', 'The worker does not know which model to ask for.'),
    issueWith('WORKER_API_KEY', 'The worker cannot sign in to its model.'),
  ];
}
