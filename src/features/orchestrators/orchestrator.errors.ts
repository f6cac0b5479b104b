import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';
import { ValidationError } from '../validation-error.js';

/** No orchestrator of the caller's organization has this id; an agent that is no orchestrator does not count. */
export class OrchestratorNotFoundError extends DomainError {
  readonly code = 'ORCHESTRATOR_NOT_FOUND' satisfies ErrorCode;

  /** Whether it is the one that was to act, and not one of the others. */
  readonly facts: { orchestratorId: string; isActing: boolean };

  constructor(orchestratorId: string, path: string[], { isActing = false } = {}) {
    super(`There is no orchestrator ${orchestratorId} here. Register an agent with isOrchestrator true, or name another.`, {
      path,
    });
    this.facts = { orchestratorId, isActing };
  }
}

/** An orchestrator that was named belongs to another organization. Only the operator is told: to others it does not exist. */
export class DifferentOrganizationError extends DomainError {
  readonly code = 'DIFFERENT_ORGANIZATION' satisfies ErrorCode;

  constructor(orchestratorId: string) {
    super(
      `Orchestrator ${orchestratorId} belongs to another organization than the one you act in. Orchestrators of one organization cannot coordinate with those of another; X-Organization says where you act.`,
    );
  }
}

/** The task does not belong to the orchestrator that acts; perhaps it did, and was given away meanwhile. Both as the caller named them. */
export class InvalidOwnershipError extends DomainError {
  readonly code = 'INVALID_OWNERSHIP' satisfies ErrorCode;

  constructor(readonly facts: { taskId: string; orchestratorId: string; ownerId: string | null }) {
    super(
      `Task ${facts.taskId} does not belong to orchestrator ${facts.orchestratorId}${facts.ownerId ? '' : ', nor to any other'}: only its owner can give it away or ask for help with it.`,
      { path: ['taskId'] },
    );
  }
}

/** An orchestrator was to delegate or hand off to itself. */
export class SelfTransferError extends ValidationError {
  constructor() {
    super(['toOrchestratorId'], 'The orchestrator that is to own the task must be another than the one that gives it away.');
  }
}

/** An orchestrator asked itself for help. */
export class SelfCollaborationError extends ValidationError {
  readonly facts = { isSelfCollaboration: true };

  constructor() {
    super(['collaborators'], 'The orchestrator that asks for help cannot be one of its own collaborators.');
  }
}
