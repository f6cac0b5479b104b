import type { TaskStatus } from '../../database/generated/prisma/enums.js';
import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No task of the caller's organization has this id. */
export class TaskNotFoundError extends DomainError {
  readonly code = 'TASK_NOT_FOUND' satisfies ErrorCode;

  constructor(taskId: string) {
    super(`There is no task ${taskId} here.`, { path: ['taskId'] });
  }
}

/** The task is in a status that cannot be claimed: parked, blocked or finished. */
export class TaskNotReadyError extends DomainError {
  readonly code = 'TASK_NOT_READY' satisfies ErrorCode;

  constructor(readonly facts: { taskId: string; status: TaskStatus }) {
    super(`Task ${facts.taskId} is ${facts.status}; only READY tasks can be claimed.`, { path: ['taskId'] });
  }
}

/** Somebody changed the task after the caller had read it. */
export class TaskChangedError extends DomainError {
  readonly code = 'TASK_CHANGED' satisfies ErrorCode;

  constructor(readonly facts: { taskId: string; updatedAt: Date }) {
    super(
      `Task ${facts.taskId} was changed at ${facts.updatedAt.toISOString()}, after you read it. Read it again, then change it from there.`,
      { path: ['expectedUpdatedAt'] },
    );
  }
}

/** Somebody, perhaps the caller itself, holds the task under a running lease. */
export class TaskAlreadyClaimedError extends DomainError {
  readonly code = 'TASK_ALREADY_CLAIMED' satisfies ErrorCode;

  constructor(readonly facts: { taskId: string; holderId: string; holderName: string; leaseExpiresAt: Date }) {
    super(
      `Task ${facts.taskId} is held by ${facts.holderName} until ${facts.leaseExpiresAt.toISOString()}. Claim another, or try again after that time.`,
      { path: ['taskId'] },
    );
  }
}

/** The task requires a specialization that the claimant lacks. */
export class SpecializationMismatchError extends DomainError {
  readonly code = 'SPECIALIZATION_MISMATCH' satisfies ErrorCode;

  constructor(readonly facts: { taskId: string; requiredSpecialization: string; specializations: string[] }) {
    super(
      `Task ${facts.taskId} requires the specialization "${facts.requiredSpecialization}"; the claimant has ${
        facts.specializations.length > 0 ? facts.specializations.map((code) => `"${code}"`).join(', ') : 'none'
      }. Claim another, or pass override: true.`,
      { path: ['taskId'] },
    );
  }
}

/**
 * The caller writes as a holder and is not the holder now.
 *
 * Causes: the lease lapsed (also when nobody has claimed since); the task was claimed again, by anybody, so the fence is
 * old; the lease was released or ended; the caller never held it. `holderName` is null when nobody holds it.
 */
export class LeaseLostError extends DomainError {
  readonly code = 'LEASE_LOST' satisfies ErrorCode;

  constructor(
    readonly facts: {
      taskId: string;
      status: TaskStatus;
      holderId: string | null;
      holderName: string | null;
      leaseExpiresAt: Date | null;
      isHeldByCaller: boolean;
    },
  ) {
    super(
      facts.isHeldByCaller
        ? `The fence given for task ${facts.taskId} is old: the task was claimed again since. Stop working from the old claim.`
        : `You do not hold task ${facts.taskId}: it is ${facts.status}${
            facts.holderName ? `, held by ${facts.holderName}` : ''
          }. Stop working on it; claim it again if it is still READY.`,
      { path: ['taskId'] },
    );
  }
}

/** The pipeline has no way from the task's status to the one asked for. */
export class IllegalTransitionError extends DomainError {
  readonly code = 'ILLEGAL_TRANSITION' satisfies ErrorCode;

  constructor(
    readonly facts: { taskId: string; from: TaskStatus; to: TaskStatus; allowed: readonly TaskStatus[]; hint?: string },
  ) {
    super(
      `Task ${facts.taskId} is ${facts.from} and cannot become ${facts.to}. ${
        facts.hint ?? (facts.allowed.length > 0 ? `From here it can become ${facts.allowed.join(', ')}.` : 'It is finished.')
      }`,
      { path: ['status'] },
    );
  }
}
