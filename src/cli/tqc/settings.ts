import { CommandFailure } from '../command-failure.js';

/** What the environment says; an unset variable reads as its default. */
export interface Settings {
  /** `TASK_API_URL`: where the server is. Empty when unset. */
  apiUrl: string;
  /** `AGENT_ID`: text id of the agent that the commands speak for. Empty when unset. */
  agentId: string;
  /** `REDIS_URL`: shown by `tqc config`, and used by nothing: the server wakes its subscribers itself. */
  redisUrl: string;
  /** `BATON_TOKEN`: API key, session token or admin token, for a server that asks for one. */
  token: string | undefined;
}

export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return {
    apiUrl: environment.TASK_API_URL ?? '',
    agentId: environment.AGENT_ID ?? '',
    redisUrl: environment.REDIS_URL ?? 'redis://localhost:6379/0',
    token: environment.BATON_TOKEN || undefined,
  };
}

/** The server's address without slashes at its end. Throws CommandFailure when none is set, or it is none. */
export function requireApiUrl({ apiUrl }: Settings): string {
  const isHttp = URL.canParse(apiUrl) && /^https?:$/.test(new URL(apiUrl).protocol);
  if (isHttp) return apiUrl.replace(/\/+$/, '');
  const problem = apiUrl
    ? `TASK_API_URL is no http URL: ${apiUrl}`
    : 'API URL not configured. Set TASK_API_URL environment variable.';
  throw new CommandFailure(`Failed to initialize client: ${problem}`, {
    hint: '\nMake sure TASK_API_URL is set:\n  export TASK_API_URL=http://api-host:8080',
  });
}
