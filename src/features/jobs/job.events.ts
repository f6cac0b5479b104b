import type { JobKind, JobStatus } from '../../database/generated/prisma/enums.js';

/** What happened to jobs, by event type. `fence` is that of the run concerned. */
export interface JobEventData {
  JobEnqueued: { after: 'PENDING'; kind: JobKind; prNumber?: number };
  JobStarted: {
    before: 'PENDING';
    after: 'RUNNING';
    fence: number;
    attempts: number;
    leaseSeconds: number;
    leaseExpiresAt: string;
  };
  JobLeaseExpired: { before: 'RUNNING'; after: 'PENDING'; fence: number; attempts: number; leaseExpiresAt: string };
  /** `attempts` no longer counts the start that was taken back. */
  JobReleased: { before: 'RUNNING'; after: 'PENDING'; fence: number; attempts: number };
  JobCompleted: { before: 'RUNNING'; after: 'COMPLETED'; fence: number; attempts: number };
  /** With `leaseExpiresAt` when the last lease that it may have has lapsed. PENDING before when what it was for was deleted. */
  JobFailed: { before: JobStatus; after: 'FAILED'; fence: number; attempts: number; reason?: string; leaseExpiresAt?: string };
}
