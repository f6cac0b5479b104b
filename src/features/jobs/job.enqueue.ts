import { stampOf, type Viewer } from '../../auth/viewer.js';
import type { Transaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Job, Prisma } from '../../database/generated/prisma/client.js';
import { lockRow } from '../../database/row-lock.js';
import { newId } from '../../kernel/ids.js';
import { ProjectNotFoundError } from '../projects/project.errors.js';
import { visibleProjects } from '../projects/project.queries.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';
import { ProjectNotRunnableError } from './job.errors.js';
import type { JobEventData } from './job.events.js';
import { missingForRuns, unfinishedStatuses } from './job.model.js';
import { expireOfTaskStatement } from './sql/expire.sql.js';

/** The ticket that a job is to run. */
interface Ticket {
  projectId: string;
  taskId: string;
}

/** What a review job answers: a comment on the ticket's pull request. */
export interface ReviewRequest {
  prNumber: number;
  commentBody: string;
  /** GitHub's id of the comment; null when it was not said. */
  githubCommentId: bigint | null;
}

/**
 * Has a ticket worked on: puts a job into the queue, unless one of the ticket waits or runs already, and takes back a
 * request to cancel, which was meant for the run before. To be called in the transaction that puts the ticket in progress.
 * Answers the job that stands in the queue. Throws ProjectNotFoundError, ProjectNotRunnableError, TaskNotFoundError.
 * Source: contracts.md, traps 20 and 23.
 */
export async function enqueueTicketJob(tx: Transaction, viewer: Viewer, ticket: Ticket): Promise<Job> {
  await prepare(tx, viewer, ticket);
  await takeBackCancelRequest(tx, ticket);
  const unfinished = await findJob(tx, viewer, { ...ticket, kind: 'TICKET', status: { in: [...unfinishedStatuses] } });
  return unfinished ?? enqueue(tx, viewer, { ...ticket, kind: 'TICKET' });
}

/**
 * Has a comment on the ticket's pull request answered: puts a job into the queue, unless there is one for that comment. A
 * comment with GitHub's id is answered once, unless the job for it failed; one without an id may be made again once its
 * job is over. Answers the job for the comment, and whether it is new.
 * Throws ProjectNotFoundError, ProjectNotRunnableError, TaskNotFoundError.
 * Source: contracts.md, trap 26.
 */
export async function enqueueReviewJob(
  tx: Transaction,
  viewer: Viewer,
  ticket: Ticket,
  request: ReviewRequest,
): Promise<{ job: Job; isNew: boolean }> {
  await prepare(tx, viewer, ticket);
  const { prNumber, githubCommentId } = request;
  const sameComment: Prisma.JobWhereInput =
    githubCommentId === null
      ? { githubCommentId, commentBody: request.commentBody, status: { in: [...unfinishedStatuses] } }
      : { githubCommentId, status: { not: 'FAILED' } };
  const existing = await findJob(tx, viewer, { ...ticket, kind: 'REVIEW', prNumber, ...sameComment });
  if (existing) return { job: existing, isNew: false };
  // While another job of the ticket waits or runs, the request is meant for that one.
  const unfinished = await findJob(tx, viewer, { ...ticket, status: { in: [...unfinishedStatuses] } });
  if (!unfinished) await takeBackCancelRequest(tx, ticket);
  return { job: await enqueue(tx, viewer, { ...ticket, ...request, kind: 'REVIEW' }), isNew: true };
}

/** Holds the ticket until the transaction ends, so that of two enqueuings the second sees the first, and ends lost runs of it. */
async function prepare(tx: Transaction, viewer: Viewer, { projectId, taskId }: Ticket): Promise<void> {
  await lockRow(tx, 'task', viewer.organizationId, taskId);
  const task = await tx.prisma.task.findFirst({
    where: { id: taskId, projectId, organizationId: viewer.organizationId },
    select: { id: true },
  });
  if (!task) throw new TaskNotFoundError(taskId);
  const project = await tx.prisma.project.findFirst({ where: { id: projectId, ...visibleProjects(viewer) } });
  if (!project) throw new ProjectNotFoundError(projectId);
  const missing = missingForRuns(project);
  if (missing) throw new ProjectNotRunnableError({ projectId, missing });
  await tx.query(expireOfTaskStatement, [taskId]);
}

/** A request to cancel is meant for the run before: it would end the new one at once. */
async function takeBackCancelRequest(tx: Transaction, { taskId }: Ticket): Promise<void> {
  await tx.prisma.task.updateMany({
    where: { id: taskId, cancelRequestedAt: { not: null } },
    data: { cancelRequestedAt: null },
  });
}

function findJob(tx: Transaction, viewer: Viewer, where: Prisma.JobWhereInput): Promise<Job | null> {
  return tx.prisma.job.findFirst({ where: { ...where, organizationId: viewer.organizationId }, orderBy: { id: 'desc' } });
}

async function enqueue(
  tx: Transaction,
  viewer: Viewer,
  data: Omit<Prisma.JobUncheckedCreateInput, 'id' | 'organizationId'> & { taskId: string },
): Promise<Job> {
  const { organizationId } = viewer;
  const job = await tx.prisma.job.create({ data: { ...data, id: newId(), organizationId }, include: { task: true } });
  const { task, ...row } = job;
  const stamp = stampOf(viewer);
  const facts: JobEventData['JobEnqueued'] = {
    after: 'PENDING',
    kind: job.kind,
    ...(job.prNumber !== null && { prNumber: job.prNumber }),
  };
  await appendEvents(tx, [
    {
      ...stamp,
      organizationId,
      type: 'JobEnqueued',
      subjectId: job.id,
      taskId: job.taskId,
      projectId: job.projectId,
      agentId: stamp.actorId,
      source: task.source,
      data: { ...facts },
    },
  ]);
  return row;
}
