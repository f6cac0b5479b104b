import { z } from 'zod';
import { type CommandOf, commandInput, id, longText, wholeNumber } from '../input-fields.js';
import { prNumberMax } from './pull-request.model.js';

/** A whole number as text: GitHub's ids are larger than GraphQL's Int. Runners are told it as a number, which must be exact. */
const githubCommentId = z.string().refine((text) => /^[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text)), {
  error: `must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`,
});

export const reviewRequestInput = commandInput({
  taskId: id('Id of the ticket whose pull request the comment is on.'),
  commentBody: longText('The comment that an agent is to answer.', 100_000).refine((text) => text.trim() !== '', {
    error: 'must not be empty',
  }),
  githubCommentId: githubCommentId
    .optional()
    .describe(
      'GitHub’s id of the comment, a whole number as text. With it, a comment is answered once, however often it is told.',
    ),
  prNumber: wholeNumber(1, prNumberMax).optional().describe('Number of the pull request. Default: the newest one of the ticket.'),
});

export type ReviewRequestInput = CommandOf<typeof reviewRequestInput>;
