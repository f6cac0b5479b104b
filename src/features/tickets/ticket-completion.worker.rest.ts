import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { worker } from '../../rest/worker.js';
import { madeStorable } from '../input-fields.js';
import { validPrNumber } from '../pull-requests/pull-request.model.js';
import { ticketNamed, ticketParams } from './ticket-path.rest.js';

const text = z.string().transform(madeStorable);

/** A number, or one as text; what is neither counts as nothing. */
const prNumber = z
  .unknown()
  .transform((value) => {
    const isNumeric = typeof value === 'number' || (typeof value === 'string' && /^\s*\d{1,10}\s*$/.test(value));
    return (isNumeric && validPrNumber(Number(value))) || undefined;
  })
  .optional()
  .openapi({ type: ['integer', 'string', 'null'], description: 'Number of the pull request, also as text.' });

const path = '/api/projects/{projectId}/tickets/{ticketId}';
const failures = { 404: 'There is no such project or ticket.' };

export const ticketCompletionEndpoints = [
  endpoint({
    dialect: worker,
    method: 'post',
    path: `${path}/complete`,
    access: 'agent',
    summary: 'Say that the work on a ticket is finished.',
    description:
      'The ticket goes to `in_review` with the pull request. What is left out stays as it is; a ticket that is done stays done, and one whose cancellation was requested stays where it is. Saying the same again changes nothing.',
    params: ticketParams,
    body: z.object({
      pr_url: text
        .optional()
        .openapi({ description: 'Address of the pull request. Without it the ticket keeps the one it has.' }),
      pr_number: prNumber,
      summary: text.optional().openapi({ description: 'What was done, for people.' }),
      review_comment_body: text.optional().openapi({ description: 'What the agent answered to comments on the pull request.' }),
    }),
    answers: {
      200: {
        description: 'The ticket is complete.',
        schema: z.object({ message: z.literal('Complete'), ticket_id: z.string() }).openapi('TicketCompletion'),
      },
    },
    failures,
    handle: async (call) => {
      const { pr_url, pr_number, summary, review_comment_body } = call.body;
      const { task } = await call.run(async (services, database) => {
        const { id: taskId } = await ticketNamed({ ...call, database });
        return services.ticketCompletion.complete(call.viewer, {
          taskId,
          prUrl: pr_url?.trim() || undefined,
          prNumber: pr_number,
          summary,
          reviewCommentBody: review_comment_body,
        });
      });
      return { status: 200, body: { message: 'Complete', ticket_id: task.id } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'get',
    path: `${path}/cancel-requested`,
    access: 'agent',
    summary: 'Say whether somebody asked the agent that works on a ticket to stop.',
    params: ticketParams,
    answers: {
      200: { description: 'Whether to stop.', schema: z.object({ cancel_requested: z.boolean() }).openapi('CancelRequested') },
    },
    failures,
    handle: async (call) => {
      const { cancelRequestedAt } = await ticketNamed(call);
      return { status: 200, body: { cancel_requested: cancelRequestedAt !== null } };
    },
  }),
];
