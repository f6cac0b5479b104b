import type { ExecutionMode, JobStatus } from '../../database/generated/prisma/enums.js';

/** Seconds that a start may ask for. */
export const jobLeaseSecondsMax = 86_400;

/** How often a job is started at most: one that was lost this often without a heartbeat has failed. Source: contracts.md, "Decided for us". */
export const jobAttemptsMax = 3;

/** The statuses of a job that is not over. */
export const unfinishedStatuses = ['PENDING', 'RUNNING'] as const satisfies JobStatus[];

/** What of a stored job its lease decides. */
interface JobLease {
  status: JobStatus;
  attempts: number;
  leaseExpiresAt: Date | null;
}

/** Whether the lease has run out at `now`, though no sweep has ended the run yet. */
export function hasJobLapsed(job: JobLease, now: Date): boolean {
  return job.leaseExpiresAt !== null && job.leaseExpiresAt <= now;
}

/** The status that readers see: a run whose lease has lapsed is over, swept or not. */
export function effectiveJobStatus(job: JobLease, now: Date): JobStatus {
  if (!hasJobLapsed(job, now)) return job.status;
  return job.attempts >= jobAttemptsMax ? 'FAILED' : 'PENDING';
}

/** What an agent needs of its project and the project does not have; null when it can run. */
export function missingForRuns(project: {
  executionMode: ExecutionMode;
  repoUrl: string | null;
  projectPath: string | null;
}): 'repoUrl' | 'projectPath' | null {
  const needed = project.executionMode === 'LOCAL' ? 'projectPath' : 'repoUrl';
  return project[needed]?.trim() ? null : needed;
}
