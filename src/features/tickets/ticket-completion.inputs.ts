import { z } from 'zod';
import { type CommandOf, commandInput, id, longText, storable, wholeNumber } from '../input-fields.js';
import { prNumberMax } from '../pull-requests/pull-request.model.js';

export const ticketCompleteInput = commandInput({
  taskId: id('Id of the ticket.'),
  summary: longText('What was done, for people.', 100_000).optional(),
  prUrl: storable(z.string().trim().min(1, 'must not be empty').max(2000, 'must have at most 2000 characters'))
    .optional()
    .describe('Address of the pull request with the work. Without it the ticket keeps the one it has. At most 2000 characters.'),
  prNumber: wholeNumber(1, prNumberMax).optional().describe('Number of the pull request. Default: the one in its address.'),
  reviewCommentBody: longText('What the agent answered to the comments on the pull request.', 100_000).optional(),
});

export type TicketComplete = CommandOf<typeof ticketCompleteInput>;
