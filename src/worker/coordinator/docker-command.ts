import type { Job } from '../api/answers.js';
import type { CoordinatorEnvironment } from './environment.js';

/** How docker is called. */
export interface DockerCommand {
  args: string[];
  /** Environment of the docker program: its own, and the values that `args` name without telling. */
  variables: NodeJS.ProcessEnv;
}

/** Where a container finds its host. */
const hostName = 'host.docker.internal';

/** Variables of the host that name programs of the host. */
const hostOnly = ['GIT_ASKPASS', 'SSH_ASKPASS'];

/** Fields of a job that anybody on the machine may read in its list of processes. */
const publicNames = [
  'TICKET_ID',
  'PROJECT_ID',
  'REPO_URL',
  'JOB_ID',
  'JOB_KIND',
  'TERARCHITECT_API_URL',
  'PR_NUMBER',
  'GITHUB_COMMENT_ID',
];

/** Variables that would change what the docker program does, not what the agent does. */
const steersDocker = /^(docker_.*|(https?|ftp|all|no)_proxy|path|home|tmpdir|xdg_.*|ld_.*|dyld_.*|godebug|ssh_auth_sock)$/i;

/**
 * The `docker run` of a job: its arguments are those of the dialect's first coordinator, in their order, and `--name` before
 * the image, so that the container can be stopped. What may be secret is named there without its value: docker takes it from
 * its own environment, which other users of the machine cannot read.
 * Source: contracts.md 4.2.
 */
export function dockerRun(
  job: Job,
  environment: CoordinatorEnvironment,
  container: { image: string; name: string },
): DockerCommand {
  const { cacheVolume, dockerMode, mountsDockerSocket, dockerNetwork } = environment;
  const values = containerVariables(job, environment);
  const args = ['run', '--rm'];
  if (cacheVolume) args.push('-v', `${cacheVolume}:/cache`);
  if (dockerMode === 'dind') args.push('--privileged');
  else if (mountsDockerSocket) args.push('-v', '/var/run/docker.sock:/var/run/docker.sock');
  if (dockerNetwork) args.push('--network', dockerNetwork);
  if ([...values.values()].some((value) => isUrl(value) && value.includes(hostName))) {
    args.push(`--add-host=${hostName}:host-gateway`);
  }
  const variables = { ...environment.variables };
  for (const [name, value] of values) {
    const isTold = steersDocker.test(name) || (publicNames.includes(name) && !(name in job.agent_env) && !hasPassword(value));
    args.push('-e', isTold ? `${name}=${value}` : name);
    if (!isTold) variables[name] = value;
  }
  args.push('--name', container.name, container.image);
  return { args, variables };
}

/** Environment of a container, in the order of the dialect's first coordinator. What is empty is left out. */
function containerVariables(job: Job, environment: CoordinatorEnvironment): Map<string, string> {
  const values = new Map([...jobVariables(job, environment), ...Object.entries(job.agent_env)]);
  const { GITHUB_TOKEN, GH_TOKEN } = environment.variables;
  const fallBackTo = (name: string, value: string | undefined) => {
    if (value?.trim() && !values.get(name)) values.set(name, value.trim());
  };
  // Of the two, GitHub's program prefers GH_TOKEN: the coordinator's must not go before the project's own.
  const hasOwnToken = Boolean(values.get('GITHUB_TOKEN') || values.get('GH_TOKEN'));
  fallBackTo('TERARCHITECT_WORKER_API_KEY', environment.workerKey);
  if (!hasOwnToken) {
    fallBackTo('GITHUB_TOKEN', GITHUB_TOKEN);
    fallBackTo('GH_TOKEN', GH_TOKEN);
  }
  for (const name of hostOnly) values.delete(name);
  for (const [name, value] of values) {
    if (value === '') values.delete(name);
    else if (isUrl(value)) values.set(name, value.replace(localHost, `$1${hostName}`));
  }
  return values;
}

/** Environment of a run on the host: the coordinator's own, the job's, and the directory to work in. */
export function localVariables(job: Job, environment: CoordinatorEnvironment): NodeJS.ProcessEnv {
  const variables = { ...environment.variables, ...Object.fromEntries(jobVariables(job, environment)), ...job.agent_env };
  for (const name of hostOnly) delete variables[name];
  return job.project_path?.trim() ? { ...variables, AGENT_WORKSPACE: job.project_path.trim() } : variables;
}

function jobVariables(job: Job, { apiUrl }: CoordinatorEnvironment): [string, string][] {
  const variables: [string, string][] = [
    ['TICKET_ID', job.ticket_id],
    ['PROJECT_ID', job.project_id],
    ['REPO_URL', job.repo_url],
    ['JOB_ID', job.job_id],
    ['JOB_KIND', job.kind],
    ['TERARCHITECT_API_URL', apiUrl],
  ];
  if (job.kind === 'review') {
    variables.push(['PR_NUMBER', String(job.pr_number ?? '')]);
    variables.push(['COMMENT_BODY', job.comment_body ?? '']);
    variables.push(['GITHUB_COMMENT_ID', String(job.github_comment_id ?? '')]);
  }
  return variables;
}

/** The host of a URL where that is the machine itself: inside a container, that is the container. */
const localHost = /^(https?:\/\/(?:[^/?#@]*@)?)(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/?#]|$)/i;

/** Free text, such as a comment that begins with an address, is none. */
function isUrl(value: string): boolean {
  return /^https?:\/\/\S+$/i.test(value);
}

function hasPassword(value: string): boolean {
  return /^[a-z+.-]+:\/\/[^/?#]*@/i.test(value);
}
