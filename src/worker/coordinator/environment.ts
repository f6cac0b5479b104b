import { homedir } from 'node:os';
import path from 'node:path';
import { packageDirectory } from '../../kernel/package.js';

/** What the environment tells a coordinator. Source: contracts.md 4.2; the table is in docs/worker.md. */
export interface CoordinatorEnvironment {
  /** Address of the server. */
  apiUrl: string;
  /** Projects whose jobs are taken, in the order in which they are asked for; none means all. */
  projectIds: readonly string[];
  workerKey: string | undefined;
  /** Image that is run for projects for which none is remembered. */
  image: string;
  /** Runs at once, where the server's settings do not say. */
  concurrencyMax: number;
  pollIntervalMs: number;
  /** How long running jobs may go on once the coordinator was told to stop. */
  graceMs: number;
  /** Docker volume for what agents download; null for none. */
  cacheVolume: string | null;
  stateDir: string;
  /** Directory in which local runs are started. */
  repoRoot: string;
  /** Whether a container has a docker daemon of its own (`dind`), or uses the host's (`dood`). */
  dockerMode: 'dind' | 'dood';
  mountsDockerSocket: boolean;
  /** Docker network that containers join; null for docker's default. */
  dockerNetwork: string | null;
  /** All variables: what local runs and the docker program inherit. */
  variables: NodeJS.ProcessEnv;
}

/** The environment is not one that a coordinator can start with. */
export class CoordinatorEnvironmentError extends Error {
  constructor(
    /** One sentence for each thing that is wrong. */
    readonly problems: readonly string[],
  ) {
    super(problems.join('\n'));
    this.name = 'CoordinatorEnvironmentError';
  }
}

/** A tight loop asks nothing that a tenth of a second does not. */
const pollIntervalMsMin = 100;

/** Reads it all. Throws CoordinatorEnvironmentError with all that is wrong; empty counts as unset, but for the volume. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): CoordinatorEnvironment {
  const problems: string[] = [];
  const text = (name: string) => variables[name]?.trim() ?? '';
  const number = (name: string, unset: number, parse: (value: string) => number | null, shape: string): number => {
    if (text(name) === '') return unset;
    const parsed = parse(text(name));
    if (parsed === null) problems.push(`${name} must be ${shape}, not "${text(name)}"`);
    return parsed ?? unset;
  };
  const apiUrl = text('TERARCHITECT_API_URL');
  // The origin's own words.
  if (apiUrl === '') problems.push('TERARCHITECT_API_URL is required');
  else if (!isHttpUrl(apiUrl)) problems.push('TERARCHITECT_API_URL must be an http or https URL');

  const dockerMode = text('AGENT_DOCKER_MODE').toLowerCase() || 'dind';
  if (dockerMode !== 'dind' && dockerMode !== 'dood')
    problems.push(`AGENT_DOCKER_MODE must be dind or dood, not "${dockerMode}"`);

  const environment: CoordinatorEnvironment = {
    apiUrl,
    projectIds: (text('PROJECT_IDS') || text('PROJECT_ID'))
      .split(',')
      .map((id) => id.trim())
      .filter((id) => id !== ''),
    workerKey: text('TERARCHITECT_WORKER_API_KEY') || undefined,
    image: text('AGENT_IMAGE') || 'terarchitect-agent',
    concurrencyMax: number('MAX_CONCURRENT_AGENTS', 1, parseConcurrency, 'a whole number'),
    pollIntervalMs: Math.max(pollIntervalMsMin, number('POLL_INTERVAL_SEC', 10_000, milliseconds, 'a number of seconds')),
    graceMs: number('COORDINATOR_GRACE_SEC', 300_000, milliseconds, 'a number of seconds'),
    cacheVolume: (variables.AGENT_CACHE_VOLUME ?? 'terarchitect-agent-cache').trim() || null,
    stateDir: text('COORDINATOR_STATE_DIR') || path.join(homedir(), '.terarchitect', 'coordinator'),
    repoRoot: text('COORDINATOR_REPO_ROOT') || packageDirectory(),
    dockerMode: dockerMode === 'dood' ? 'dood' : 'dind',
    mountsDockerSocket: !['0', 'false', 'no'].includes(text('AGENT_MOUNT_DOCKER_SOCKET').toLowerCase()),
    dockerNetwork: text('DOCKER_NETWORK') || null,
    variables,
  };
  if (problems.length > 0) throw new CoordinatorEnvironmentError(problems);
  return environment;
}

/** Runs at once, at least one; null for what is no whole number. A setting may be text or number. */
export function parseConcurrency(value: unknown): number | null {
  const isWhole =
    typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value);
  return isWhole ? Math.max(1, Number(value)) : null;
}

/** Seconds as milliseconds; null for what is no number of seconds. Longer than a timer can wait is as good as for ever. */
function milliseconds(seconds: string): number | null {
  const value = Number(seconds);
  return Number.isFinite(value) && value >= 0 ? Math.min(value * 1000, 2_147_483_647) : null;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
