import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** The ticket has no pull request, or none of that number. */
export class PullRequestNotFoundError extends DomainError {
  readonly code = 'PULL_REQUEST_NOT_FOUND' satisfies ErrorCode;

  constructor(facts: { taskId: string; prNumber: number | null }) {
    super(
      facts.prNumber === null
        ? `Ticket ${facts.taskId} has no pull request with a number. An agent names it when it completes the ticket.`
        : `Ticket ${facts.taskId} has no pull request ${facts.prNumber}.`,
      { path: facts.prNumber === null ? ['taskId'] : ['prNumber'] },
    );
  }
}
