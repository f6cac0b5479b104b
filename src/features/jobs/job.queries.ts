import type { Viewer } from '../../auth/viewer.js';
import type { Job, JobKind, JobStatus, Prisma, Project } from '../../database/generated/prisma/client.js';
import { idOrNone } from '../../kernel/ids.js';
import { jobAttemptsMax } from './job.model.js';

/** Which jobs a list wants; what is left out or null does not restrict. */
export interface JobFilter {
  statuses?: JobStatus[] | null;
  kinds?: JobKind[] | null;
  projectId?: string | null;
  taskId?: string | null;
}

/** The jobs that the caller may see and the filter wants, as of `now` on the database's clock: a lapsed run is over. */
export function jobWhere(viewer: Viewer, filter: JobFilter | null | undefined, now: Date): Prisma.JobWhereInput {
  const where: Prisma.JobWhereInput[] = [{ organizationId: viewer.organizationId }];
  if (filter?.statuses) where.push({ OR: filter.statuses.map((status) => statusWhere(status, now)) });
  if (filter?.kinds) where.push({ kind: { in: filter.kinds } });
  if (filter?.projectId) where.push({ projectId: idOrNone(filter.projectId) });
  if (filter?.taskId) where.push({ taskId: idOrNone(filter.taskId) });
  return { AND: where };
}

function statusWhere(status: JobStatus, now: Date): Prisma.JobWhereInput {
  const hasLapsed = { leaseExpiresAt: { lte: now } };
  switch (status) {
    case 'RUNNING':
      return { status, leaseExpiresAt: { gt: now } };
    case 'PENDING':
      return { OR: [{ status }, { ...hasLapsed, attempts: { lt: jobAttemptsMax } }] };
    case 'FAILED':
      return { OR: [{ status }, { ...hasLapsed, attempts: { gte: jobAttemptsMax } }] };
    default:
      return { status };
  }
}

/** A job that was started, with what running it takes of its project. */
export interface JobToRun {
  job: Job;
  project: Pick<Project, 'repoUrl' | 'executionMode' | 'projectPath'>;
}

export async function getJobToRun(prisma: Prisma.TransactionClient, viewer: Viewer, job: Job): Promise<JobToRun> {
  const project = await prisma.project.findUniqueOrThrow({
    where: { id: job.projectId, organizationId: viewer.organizationId },
    select: { repoUrl: true, executionMode: true, projectPath: true },
  });
  return { job, project };
}
