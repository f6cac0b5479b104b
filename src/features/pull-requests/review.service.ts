import { requireScope, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import type { Job, PullRequest } from '../../database/generated/prisma/client.js';
import { newId } from '../../kernel/ids.js';
import { enqueueReviewJob } from '../jobs/job.enqueue.js';
import { lockTicket } from '../tickets/ticket.service.js';
import { PullRequestNotFoundError } from './pull-request.errors.js';
import { currentPullRequest } from './pull-request.queries.js';
import type { ReviewRequestInput } from './review.inputs.js';

/** The commands on reviews of pull requests. */
export class ReviewService {
  constructor(private readonly database: Database) {}

  /**
   * Has an agent answer a comment on the ticket's pull request: keeps the comment and puts a job into the queue, unless
   * there is one for it. Answers the job for the comment, and whether it is new.
   * Throws TaskNotFoundError, PullRequestNotFoundError, ProjectNotRunnableError.
   */
  async request(viewer: Viewer, input: ReviewRequestInput): Promise<{ job: Job; isNew: boolean }> {
    requireScope(viewer, 'WORK');
    const { taskId, commentBody, prNumber = null } = input;
    const githubCommentId = input.githubCommentId === undefined ? null : BigInt(input.githubCommentId);
    return this.database.transaction(async (tx) => {
      const { projectId } = await lockTicket(tx, viewer, taskId);
      const pullRequest = await currentPullRequest(tx.prisma, viewer, { taskId, number: prNumber ?? { not: null } });
      if (!pullRequest || pullRequest.number === null) throw new PullRequestNotFoundError({ taskId, prNumber });
      const request = { prNumber: pullRequest.number, commentBody, githubCommentId };
      const answer = await enqueueReviewJob(tx, viewer, { projectId, taskId }, request);
      if (answer.isNew) await keepComment(tx, pullRequest, request);
      return answer;
    });
  }
}

/** Keeps the comment, as not addressed yet; one that GitHub has an id for is kept once. */
async function keepComment(
  tx: Transaction,
  { id: pullRequestId, organizationId }: PullRequest,
  { commentBody: body, githubCommentId }: { commentBody: string; githubCommentId: bigint | null },
): Promise<void> {
  const known = await tx.prisma.reviewComment.findFirst({
    where: { pullRequestId, githubCommentId, isAnswer: false, ...(githubCommentId === null && { body }) },
    select: { id: true },
  });
  const comment = { body, addressedAt: null };
  if (known) await tx.prisma.reviewComment.update({ where: { id: known.id }, data: comment });
  else {
    await tx.prisma.reviewComment.create({
      data: { ...comment, id: newId(), organizationId, pullRequestId, githubCommentId },
    });
  }
}
