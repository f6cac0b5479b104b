import { existsSync, statSync } from 'node:fs';
import { withoutSecrets } from '../redactor.js';

/** What an agent runs for: a ticket, or a comment on its pull request. */
export type RunKind = 'ticket' | 'review';

/** What a runner is told by its environment. */
export interface RunnerEnvironment {
  kind: RunKind;
  /** Address of the Baton server. */
  apiUrl: string;
  /** Worker key. */
  apiKey: string | undefined;
  ticketId: string;
  projectId: string;
  /** Empty when there is a workspace and nothing to clone. */
  repoUrl: string;
  /** Directory that is there already, to work in instead of a clone of one's own. */
  workspace: string | undefined;
  /** Of a review. */
  prNumber: number | undefined;
  /** Of a review: what to answer. */
  commentBody: string;
  githubToken: string | undefined;
  openCode: { url: string; username: string; password: string | undefined };
  /** Why the coordinator could not use its container, where it says so. */
  dockerRunError: string | undefined;
  /** Settings that the environment gives: they go before the server's. */
  settings: Record<string, string>;
  /** Milliseconds between two questions whether to stop, while a turn runs. */
  cancelPollMs: number;
  /** For `git` and `gh`: everything but secrets. */
  forPrograms: NodeJS.ProcessEnv;
  /** All of it, to know what is secret. */
  all: Record<string, string | undefined>;
}

/** The environment lacks something, or holds what cannot be. */
export class EnvironmentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EnvironmentError';
  }
}

/** Settings that the environment may give, by the names that the server has for them. */
const settingNames = [
  'AGENT_PROVIDER',
  'AGENT_LLM_URL',
  'AGENT_MODEL',
  'AGENT_API_KEY',
  'AGENT_TIMEOUT_SEC',
  'WORKER_MODE',
  'WORKER_LLM_URL',
  'WORKER_MODEL',
  'WORKER_API_KEY',
  'WORKER_TIMEOUT_SEC',
  'MIDDLE_AGENT_DEBUG',
  'GIT_USER_NAME',
  'GIT_USER_EMAIL',
];

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Reads the environment. The first problem ends it, in the words that coordinators look for: throws EnvironmentError.
 * Source: contracts.md 4.3.
 */
export function readEnvironment(kind: RunKind, environment: NodeJS.ProcessEnv = process.env): RunnerEnvironment {
  const find = (name: string) => environment[name]?.trim() || undefined;
  const needed = (name: string) => {
    const value = find(name);
    if (value === undefined) throw new EnvironmentError(`${name} is required`);
    return value;
  };

  const apiUrl = needed('TERARCHITECT_API_URL');
  const ticketId = needed('TICKET_ID');
  const projectId = needed('PROJECT_ID');
  const workspace = find('AGENT_WORKSPACE');
  const isWorkspace = workspace !== undefined && existsSync(workspace) && statSync(workspace).isDirectory();
  const repoUrl = isWorkspace ? (find('REPO_URL') ?? '') : needed('REPO_URL');
  const prNumber = kind === 'review' ? needed('PR_NUMBER') : undefined;
  if (!/^https?:$/.test(URL.canParse(apiUrl) ? new URL(apiUrl).protocol : '')) {
    throw new EnvironmentError(`TERARCHITECT_API_URL is no http URL: ${apiUrl}`);
  }
  const wrongId = [ticketId, projectId].find((id) => !uuid.test(id));
  if (wrongId !== undefined) throw new EnvironmentError(`invalid TICKET_ID or PROJECT_ID: ${wrongId} is no UUID`);
  if (prNumber !== undefined && !/^[1-9]\d{0,9}$/.test(prNumber)) {
    throw new EnvironmentError(`invalid PR_NUMBER: ${prNumber} is no number of a pull request`);
  }

  return {
    ...{ kind, apiUrl, ticketId, projectId, repoUrl },
    apiKey: find('TERARCHITECT_WORKER_API_KEY'),
    workspace: isWorkspace ? workspace : undefined,
    prNumber: prNumber === undefined ? undefined : Number(prNumber),
    commentBody: environment.COMMENT_BODY ?? '',
    githubToken: find('GITHUB_TOKEN') ?? find('GH_TOKEN'),
    openCode: {
      url: find('OPENCODE_SERVER_URL') ?? 'http://127.0.0.1:4096',
      username: find('OPENCODE_SERVER_USERNAME') ?? 'opencode',
      password: find('OPENCODE_SERVER_PASSWORD'),
    },
    dockerRunError: find('TERARCHITECT_DOCKER_RUN_ERROR'),
    settings: Object.fromEntries(settingNames.flatMap((name) => (find(name) ? [[name, find(name) ?? '']] : []))),
    cancelPollMs: secondsOf('CANCEL_POLL_INTERVAL_SEC', find('CANCEL_POLL_INTERVAL_SEC') ?? '5') * 1000,
    forPrograms: withoutSecrets(environment),
    all: { ...environment },
  };
}

/** Throws EnvironmentError. */
function secondsOf(name: string, text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0 && seconds <= 3600) return seconds;
  throw new EnvironmentError(`invalid ${name}: ${text} is no number of seconds up to 3600`);
}
