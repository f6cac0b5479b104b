/** What a run works with: models, times, names. */
export interface AgentSettings {
  director: { url: string; model: string; apiKey: string | undefined; timeoutMs: number };
  worker: { model: string; timeoutMs: number };
  identity: { name: string; email: string };
  /** From the server's settings; the environment's goes before it. */
  githubToken: string | undefined;
  /** Whether to show on standard error what the Director is sent and answers. */
  isTracing: boolean;
}

/** What is missing or wrong, each in one sentence. */
export class MisconfiguredError extends Error {
  constructor(problems: string[]) {
    super(problems.join(' '));
    this.name = 'MisconfiguredError';
  }
}

interface Sources {
  /** What the environment gives: goes before `stored`. */
  given: Record<string, string>;
  /** `agent_settings` of the ticket's context. */
  stored: Record<string, string>;
  /** Whether this machine reaches its host by the name `host.docker.internal`. */
  isInContainer: boolean;
}

/**
 * The environment's values, else the server's, else the defaults; an empty one counts as none. Throws MisconfiguredError with
 * every problem. Source: contracts.md 1.2, agent_settings traps, and 4.3.
 */
export function agentSettings({ given, stored, isInContainer }: Sources): AgentSettings {
  const problems: string[] = [];
  const find = (name: string) => given[name]?.trim() || fromServer(stored[name]?.trim(), isInContainer) || undefined;
  const needed = (name: string, why: string) => {
    const value = find(name);
    if (!value) problems.push(`${name} is not set: ${why}.`);
    return value ?? '';
  };
  const neededUrl = (name: string, why: string) => {
    const url = needed(name, why);
    const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    if (url && !isHttp) problems.push(`${name} is no http URL.`);
    return url;
  };
  const seconds = (name: string, fallback: number) => {
    const text = find(name) ?? String(fallback);
    const isGood = Number(text) > 0 && Number(text) <= 86_400;
    if (!isGood) problems.push(`${name} must be a number of seconds above 0 and at most 86400, and is ${text}.`);
    return isGood ? Number(text) * 1000 : 0;
  };

  const mode = find('WORKER_MODE') ?? 'opencode';
  if (mode !== 'opencode') problems.push(`WORKER_MODE is ${mode}: this runner works with opencode only.`);
  const directorUrl = neededUrl('AGENT_LLM_URL', 'the director has no model to ask');
  const directorModel = needed('AGENT_MODEL', 'the director does not know which model to ask for');
  neededUrl('WORKER_LLM_URL', 'the worker has no model to ask');
  const workerModel = needed('WORKER_MODEL', 'the worker does not know which model to ask for');
  needed('WORKER_API_KEY', 'the worker cannot sign in to its model');
  const directorTimeoutMs = seconds('AGENT_TIMEOUT_SEC', 300);
  const workerTimeoutMs = seconds('WORKER_TIMEOUT_SEC', 3600);
  if (problems.length > 0) throw new MisconfiguredError(problems);

  return {
    director: { url: directorUrl, model: directorModel, apiKey: find('AGENT_API_KEY'), timeoutMs: directorTimeoutMs },
    worker: { model: workerModel, timeoutMs: workerTimeoutMs },
    identity: {
      name: find('GIT_USER_NAME') ?? 'Terarchitect Agent',
      email: find('GIT_USER_EMAIL') ?? 'agent@terarchitect.local',
    },
    githubToken: stored.github_agent_token?.trim() || undefined,
    isTracing: !['0', 'false', 'no', 'off'].includes((find('MIDDLE_AGENT_DEBUG') ?? '1').toLowerCase()),
  };
}

/** The server's localhost is not ours when we run in a container on it. */
export function fromServer(value: string | undefined, isInContainer: boolean): string | undefined {
  if (!isInContainer) return value;
  return value?.replace(/^(https?:\/\/)(localhost|127\.0\.0\.1)(?=[:/]|$)/, '$1host.docker.internal');
}
