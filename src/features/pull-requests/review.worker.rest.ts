import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { worker } from '../../rest/worker.js';
import { ticketNamed, ticketParams } from '../tickets/ticket-path.rest.js';
import { reviewRequestInput } from './review.inputs.js';

const { commentBody, githubCommentId, prNumber } = reviewRequestInput.shape;

const reviewAnswer = z
  .object({
    job_id: z.string(),
    ticket_id: z.string(),
    project_id: z.string(),
    kind: z.literal('review'),
    status: z.string().openapi({ example: 'pending' }),
    pr_number: z.int(),
    comment_body: z.string(),
    github_comment_id: z.int().nullable(),
  })
  .openapi('ReviewJob');

export const reviewEndpoints = [
  endpoint({
    dialect: worker,
    method: 'post',
    path: '/api/projects/{projectId}/tickets/{ticketId}/review',
    summary: 'Have an agent answer a comment on the pull request of a ticket.',
    description: 'Puts a review job into the queue, unless there is one for the comment.',
    params: ticketParams,
    body: z.object({
      comment_body: commentBody,
      github_comment_id: z
        .preprocess((value) => (typeof value === 'number' ? String(value) : value), githubCommentId)
        .openapi({
          type: ['integer', 'string', 'null'],
          description: 'With it, a comment is answered once, however often it is told.',
        }),
      pr_number: prNumber,
    }),
    answers: {
      200: { description: 'There was a job for the comment already.', schema: reviewAnswer },
      201: { description: 'A job was put into the queue.', schema: reviewAnswer },
    },
    failures: { 404: 'There is no such project or ticket, or the ticket has no pull request (of that number).' },
    handle: async (call) => {
      const { comment_body, github_comment_id, pr_number } = call.body;
      const { job, isNew } = await call.run(async (services, database) => {
        const { id: taskId } = await ticketNamed({ ...call, database });
        const input = { taskId, commentBody: comment_body, githubCommentId: github_comment_id, prNumber: pr_number };
        return services.reviews.request(call.viewer, input);
      });
      return {
        status: isNew ? 201 : 200,
        body: {
          job_id: job.id,
          ticket_id: job.taskId,
          project_id: job.projectId,
          kind: 'review',
          status: job.status.toLowerCase(),
          pr_number: job.prNumber,
          comment_body: job.commentBody,
          github_comment_id: job.githubCommentId === null ? null : Number(job.githubCommentId),
        },
      };
    },
  }),
];
