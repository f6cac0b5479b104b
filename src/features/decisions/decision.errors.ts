import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No decision of the caller's organization has this id. */
export class DecisionNotFoundError extends DomainError {
  readonly code = 'DECISION_NOT_FOUND' satisfies ErrorCode;

  constructor(decisionId: string) {
    super(`There is no decision ${decisionId} here.`, { path: ['supersedesId'] });
  }
}

/** Another decision has taken the place of that one already. */
export class DecisionAlreadySupersededError extends DomainError {
  readonly code = 'DECISION_ALREADY_SUPERSEDED' satisfies ErrorCode;

  constructor(readonly facts: { decisionId: string; supersededById: string }) {
    super(
      `Decision ${facts.decisionId} is superseded by ${facts.supersededById} already. Read that one; supersede the newest instead.`,
      { path: ['supersedesId'] },
    );
  }
}
