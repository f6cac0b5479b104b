import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No plan of the caller's organization has this id. */
export class PlanNotFoundError extends DomainError {
  readonly code = 'PLAN_NOT_FOUND' satisfies ErrorCode;

  constructor(planId: string) {
    super(`There is no plan ${planId} here.`, { path: ['planId'] });
  }
}

/** Somebody revised the plan after the caller had read it. */
export class RevisionConflictError extends DomainError {
  readonly code = 'REVISION_CONFLICT' satisfies ErrorCode;

  constructor(readonly facts: { planId: string; expectedRevision: number; currentRevision: number }) {
    super(
      `Plan ${facts.planId} is at revision ${facts.currentRevision}, not ${facts.expectedRevision}. Read it again, then revise from there.`,
      { path: ['expectedRevision'] },
    );
  }
}
