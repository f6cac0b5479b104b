import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import type { Job } from '../../database/generated/prisma/client.js';
import { hasExpired, type SweptLeases } from '../lease-expiry.js';
import { requireProject } from '../projects/project.queries.js';
import { JobNotFoundError, JobNotRunningError } from './job.errors.js';
import type { JobEventData } from './job.events.js';
import type { JobComplete, JobFail, JobHeartbeat, JobRelease, JobStart } from './job.inputs.js';
import { expireOfOrganizationStatement, expireOneStatement } from './sql/expire.sql.js';
import { type JobRow, toJob } from './sql/job-rows.sql.js';
import { finishStatement, heartbeatStatement, releaseStatement } from './sql/run.sql.js';
import { startInProjectStatement, startStatement } from './sql/start.sql.js';

/** What jobs need beside the database. */
export interface JobOptions {
  /** Seconds that a run lasts without a heartbeat, unless its start says otherwise. */
  jobLeaseSeconds: number;
  /** Told when the lease of a run begins or ends up at some instant, so that the sweep is scheduled in time. */
  onJobLease: (leaseSeconds: number) => void;
}

/** The commands on jobs, for coordinators that run agents. What a job does to its ticket is said by the agent, not here. */
export class JobService {
  constructor(
    private readonly database: Database,
    private readonly options: JobOptions,
  ) {}

  /**
   * Starts the oldest pending job, of the project or of any: RUNNING under a lease, with the next fence.
   * Null when none is waiting. Of any number of coordinators each job goes to exactly one. Throws ProjectNotFoundError.
   */
  async start(viewer: Viewer, input: JobStart): Promise<{ job: Job | null }> {
    requireScope(viewer, 'WORKER');
    const leaseSeconds = input.leaseSeconds ?? this.options.jobLeaseSeconds;
    const job = (await this.#take(viewer, input, leaseSeconds)) ?? (await this.#takeLost(viewer, input, leaseSeconds));
    if (job) this.options.onJobLease(leaseSeconds);
    else if (input.projectId) await requireProject(this.database.prisma, viewer, input.projectId);
    return { job };
  }

  /** The run goes on: its lease lasts again its full length from now. Not an event. Throws JobNotFoundError, JobNotRunningError. */
  async heartbeat(viewer: Viewer, { jobId, fence }: JobHeartbeat): Promise<{ job: Job }> {
    requireScope(viewer, 'WORKER');
    const [row] = await this.database.query<JobRow>(heartbeatStatement, [viewer.organizationId, jobId, fence ?? null]);
    if (!row) throw await this.#refusal(viewer, jobId);
    return { job: toJob(row) };
  }

  /**
   * The run ends without a result, as when its coordinator stops: the job waits again at its old place, and the start does
   * not count among its attempts. Throws JobNotFoundError, JobNotRunningError.
   */
  async release(viewer: Viewer, { jobId, fence }: JobRelease): Promise<{ job: Job }> {
    requireScope(viewer, 'WORKER');
    const { actorId, actorLabel } = stampOf(viewer);
    const values = [viewer.organizationId, jobId, fence ?? null, actorId, actorLabel];
    const [row] = await this.database.write<JobRow>(releaseStatement, values);
    if (!row) throw await this.#refusal(viewer, jobId);
    return { job: toJob(row) };
  }

  /** The run ended well. A review has addressed its comment. Throws JobNotFoundError, JobNotRunningError. */
  complete(viewer: Viewer, input: JobComplete): Promise<{ job: Job }> {
    return this.#finish(viewer, input, 'COMPLETED', 'JobCompleted');
  }

  /** The run ended badly; it is not tried again. Throws JobNotFoundError, JobNotRunningError. */
  fail(viewer: Viewer, input: JobFail): Promise<{ job: Job }> {
    return this.#finish(viewer, input, 'FAILED', 'JobFailed');
  }

  async #take(viewer: Viewer, { projectId }: JobStart, leaseSeconds: number): Promise<Job | null> {
    const { actorId, actorLabel } = stampOf(viewer);
    const values = [viewer.organizationId, leaseSeconds, actorId, actorLabel];
    const [row] = projectId
      ? await this.database.write<JobRow>(startInProjectStatement, [...values, projectId])
      : await this.database.write<JobRow>(startStatement, values);
    return row ? toJob(row) : null;
  }

  /**
   * A job whose run is lost waits already, also when no sweep has said so yet, or is about to: a stopped sweeper hides no
   * work. It takes more than one round when those that were lost have failed for good, or others were faster.
   */
  async #takeLost(viewer: Viewer, input: JobStart, leaseSeconds: number): Promise<Job | null> {
    for (;;) {
      const values = [viewer.organizationId, input.projectId ?? null];
      const swept = await this.database.write<SweptLeases>(expireOfOrganizationStatement, values, hasExpired);
      const job = await this.#take(viewer, input, leaseSeconds);
      if (job || !hasExpired(swept)) return job;
    }
  }

  async #finish(
    viewer: Viewer,
    input: { jobId: string; fence?: number | undefined; reason?: string | undefined },
    status: 'COMPLETED' | 'FAILED',
    eventType: keyof JobEventData,
  ): Promise<{ job: Job }> {
    requireScope(viewer, 'WORKER');
    const { actorId, actorLabel } = stampOf(viewer);
    const { jobId, fence = null, reason = null } = input;
    const values = [viewer.organizationId, jobId, fence, status, reason, eventType, actorId, actorLabel];
    const [row] = await this.database.write<JobRow>(finishStatement, values);
    if (!row) throw await this.#refusal(viewer, jobId);
    return { job: toJob(row) };
  }

  /** Why a run could not be written to. A lapsed lease is ended first, so that the status told is the one that the job has. */
  async #refusal(viewer: Viewer, jobId: string): Promise<JobNotFoundError | JobNotRunningError> {
    const where = { id: jobId, organizationId: viewer.organizationId };
    if (!(await this.database.prisma.job.findUnique({ where, select: { id: true } }))) return new JobNotFoundError(jobId);
    await this.database.write<SweptLeases>(expireOneStatement, [jobId], hasExpired);
    const { status } = await this.database.prisma.job.findUniqueOrThrow({ where, select: { status: true } });
    return new JobNotRunningError({ jobId, status });
  }
}
