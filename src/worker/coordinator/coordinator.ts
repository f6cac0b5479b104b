import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '../api/answers.js';
import { WorkerApi } from '../api/worker-api.js';
import { Redactor } from '../redactor.js';
import { type AgentProgram, signalGroup, stopContainer } from './agent-process.js';
import { dockerRun, localVariables } from './docker-command.js';
import { type CoordinatorEnvironment, parseConcurrency } from './environment.js';
import { JobRun, type Outcome, returnJob } from './job-run.js';
import type { Journal } from './journal.js';
import { ProjectImages } from './project-images.js';
import { type RegisteredRun, RunRegister } from './run-register.js';

/** The program that is run for a job on the host; `ticket` or `review` is added to its arguments. */
export interface RunnerProgram {
  file: string;
  args: readonly string[];
}

/** Milliseconds between two looks whether a run is to be canceled, at most. */
const cancelPollMsMax = 5_000;

/**
 * Takes jobs from the server and runs an agent for each, in a container or on the host, as many at once as the server's
 * settings or the environment say. It goes on until it is stopped, whatever happens to a job, to docker or to the server.
 * Source: contracts.md 4.2.
 */
export class Coordinator {
  readonly #api: WorkerApi;
  readonly #images: ProjectImages;
  /** What is running, each with the end of it. */
  readonly #runs = new Map<JobRun, Promise<void>>();
  readonly #hurry = new AbortController();
  #register: RunRegister | undefined;
  #concurrencyMax: number;
  #isStopping = false;
  #alarm = new AbortController();

  constructor(
    private readonly environment: CoordinatorEnvironment,
    private readonly parts: { journal: Journal; runner: RunnerProgram },
  ) {
    const { apiUrl, workerKey, stateDir, concurrencyMax } = environment;
    const warn = (message: string) => parts.journal.warn({ event: 'request_trouble', message });
    this.#api = new WorkerApi({ url: apiUrl, key: workerKey, warn });
    this.#images = new ProjectImages(stateDir);
    this.#concurrencyMax = concurrencyMax;
  }

  /** Works until `stop` is called, and everything that ran is over. */
  async run(): Promise<void> {
    await this.#readConcurrency();
    this.#tellStart();
    await this.#endLeftBehind();
    while (!this.#isStopping) {
      this.#alarm = new AbortController();
      await this.#cycle();
      // An alarm during the cycle counts as well.
      if (!this.#isStopping)
        await pause(this.environment.pollIntervalMs, undefined, { signal: this.#alarm.signal }).catch(() => {});
    }
    await this.#drain();
  }

  /** Takes no more jobs, and lets those that run end within the grace time. The second call stops them at once. */
  stop(): void {
    if (this.#isStopping) this.#hurry.abort();
    this.#isStopping = true;
    this.#alarm.abort();
  }

  async #cycle(): Promise<void> {
    await this.#readConcurrency();
    while (!this.#isStopping && this.#runs.size < this.#concurrencyMax) {
      const job = await this.#claim();
      if (!job) return;
      this.#tell('job_claimed', `claimed (${job.kind}): ticket ${job.ticket_id}, project ${job.project_id}`, job);
      // It came too late: nobody has begun to work on it.
      if (this.#isStopping) return this.#giveBack({ jobId: job.job_id, fence: job.fence, container: null });
      this.#start(job);
    }
  }

  /** The setting goes before the environment, also when it changes while we run; whatever is wrong with it, the environment counts. */
  async #readConcurrency(): Promise<void> {
    const settings = await this.#api.settings().catch((): Record<string, unknown> => ({}));
    this.#concurrencyMax = parseConcurrency(settings.MAX_CONCURRENT_AGENTS) ?? this.environment.concurrencyMax;
  }

  /** The next job, of the first project that has one; null when none has, or when the server does not say. */
  async #claim(): Promise<Job | null> {
    const { projectIds } = this.environment;
    for (const projectId of projectIds.length > 0 ? projectIds : [undefined]) {
      if (this.#isStopping) return null;
      try {
        const job = await this.#api.startJob(projectId);
        if (job) return job;
      } catch (error) {
        this.#warn('claim_error', `claim job error: ${messageOf(error)}`);
      }
    }
    return null;
  }

  #start(job: Job): void {
    const { environment, parts } = this;
    const image = job.execution_mode === 'local' ? null : (this.#images.find(job.project_id) ?? environment.image);
    const program = image === null ? this.#localProgram(job) : this.#containerProgram(job, image);
    const redactor = new Redactor([environment.workerKey]);
    redactor.addNamed(environment.variables);
    redactor.addNamed(job.agent_env);
    redactor.addNamed({ REPO_URL: job.repo_url });
    const registered: RegisteredRun = { jobId: job.job_id, fence: job.fence, container: program.container };
    this.#note((register) => register.note(registered));
    const run = new JobRun(job, {
      api: this.#api,
      journal: parts.journal,
      redactor,
      program,
      cancelPollMs: Math.min(cancelPollMsMax, environment.pollIntervalMs),
      onStart: (pid) => {
        if (program.container === null) this.#note((register) => register.note(Object.assign(registered, { pid })));
      },
    });
    const finished = run.finished().then((outcome) => {
      if (outcome === 'completed' && image !== null) this.#rememberImage(job.project_id, image);
      this.#note((register) => register.remove(registered));
      this.#runs.delete(run);
      this.#wakeAfter(outcome);
    });
    this.#runs.set(run, finished);
  }

  #containerProgram(job: Job, image: string): AgentProgram {
    // Each run has a container of its own: that of a run that was lost may still be on its way out.
    const container = `terarchitect-${job.job_id}-${job.fence ?? randomBytes(4).toString('hex')}`;
    return { file: 'docker', ...dockerRun(job, this.environment, { image, name: container }), container };
  }

  #localProgram(job: Job): AgentProgram {
    const { file, args } = this.parts.runner;
    const variables = localVariables(job, this.environment);
    return { file, args: [...args, job.kind], variables, cwd: this.environment.repoRoot, container: null };
  }

  /** There is room for another job now. Not after one that could not even be started: the next would fail as fast. */
  #wakeAfter(outcome: Outcome): void {
    if (outcome !== 'not_started') this.#alarm.abort();
  }

  async #drain(): Promise<void> {
    const { graceMs } = this.environment;
    if (this.#runs.size > 0) {
      this.#tell(
        'stopping',
        `stopping: ${countOf(this.#runs.size)} may go on for ${graceMs / 1000} s; a second signal stops at once`,
      );
      const { signal } = this.#hurry;
      await Promise.race([Promise.all(this.#runs.values()), pause(graceMs, undefined, { signal, ref: false }).catch(() => {})]);
    }
    if (this.#runs.size > 0) {
      this.#tell('stopping', `stopping ${countOf(this.#runs.size)} and giving the work back`);
      await Promise.all([...this.#runs].flatMap(([run, finished]) => [run.stop(), finished]));
    }
    this.#note((register) => register.close());
    this.#tell('stopped', 'stopped');
  }

  /** Stops what coordinators that were killed have left running, and gives their jobs back. */
  async #endLeftBehind(): Promise<void> {
    try {
      this.#register = await RunRegister.open(this.environment.stateDir);
      await this.#register.takeOver((run) => this.#endLeftRun(run));
    } catch (error) {
      this.#warn(
        'state_trouble',
        `cannot keep state in ${this.environment.stateDir}: ${messageOf(error)}. What a killed coordinator leaves running will not be stopped by the next one.`,
      );
    }
  }

  async #endLeftRun(run: RegisteredRun): Promise<void> {
    if (run.container !== null) await stopContainer({ file: 'docker', variables: this.environment.variables }, run.container);
    else if (isRunnerOf(run)) signalGroup(run.pid, 'SIGKILL');
    this.#tell('job_left_behind', 'was left behind by a coordinator that is gone: it was stopped', { job_id: run.jobId });
    await this.#giveBack(run);
  }

  async #giveBack({ jobId, fence }: RegisteredRun): Promise<void> {
    try {
      await returnJob(this.#api, { job_id: jobId, fence });
      this.#tell('job_returned', 'given back: it waits again', { job_id: jobId });
    } catch (error) {
      this.#warn('job_unreported', `could not be given back: ${messageOf(error)}. It waits again when its lease lapses.`, {
        job_id: jobId,
      });
    }
  }

  #rememberImage(projectId: string, image: string): void {
    try {
      this.#images.remember(projectId, image);
    } catch (error) {
      this.#warn('state_trouble', `cannot remember the image of project ${projectId}: ${messageOf(error)}`);
    }
  }

  #note(write: (register: RunRegister) => void): void {
    try {
      if (this.#register) write(this.#register);
    } catch (error) {
      this.#warn('state_trouble', `cannot keep state in ${this.environment.stateDir}: ${messageOf(error)}`);
    }
  }

  #tellStart(): void {
    const { projectIds, apiUrl, image, pollIntervalMs, dockerMode, workerKey } = this.environment;
    const scope = projectIds.length > 0 ? `projects ${projectIds.join(', ')}` : 'all projects';
    const where = new URL(apiUrl);
    this.#tell(
      'started',
      `started: jobs of ${scope} at ${where.origin}, ${workerKey ? 'with' : 'without'} a worker key; image ${image} (${dockerMode}), ${this.#concurrencyMax} at once, every ${pollIntervalMs / 1000} s`,
    );
  }

  #tell(event: string, message: string, job?: Pick<Job, 'job_id'>): void {
    this.parts.journal.tell({ event, message, ...(job && { jobId: job.job_id }) });
  }

  #warn(event: string, message: string, job?: Pick<Job, 'job_id'>): void {
    this.parts.journal.warn({ event, message, ...(job && { jobId: job.job_id }) });
  }
}

/** Whether the process is still the run that it was, and not another one that has its number now. Linux alone tells. */
function isRunnerOf({ pid, jobId }: RegisteredRun): boolean {
  if (pid === undefined) return false;
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`JOB_ID=${jobId}`);
  } catch {
    return false;
  }
}

function countOf(runs: number): string {
  return runs === 1 ? '1 running job' : `${runs} running jobs`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
