import type { TaskStatus } from '../../database/generated/prisma/enums.js';
import type { DomainError } from '../../kernel/domain-error.js';
import { AgentInactiveError } from '../agents/agent.errors.js';
import { type ErrorCode, errorCodes } from '../error-code.js';
import {
  IllegalTransitionError,
  LeaseLostError,
  SpecializationMismatchError,
  TaskAlreadyClaimedError,
  TaskNotReadyError,
} from './task.errors.js';
import { isLeased, transitions } from './task.model.js';

/** What the database says of a claim that got no row. */
export interface ClaimRefusal {
  obstacles: ErrorCode[];
  isLapsed: boolean;
  status: TaskStatus;
  requiredSpecialization: string | null;
  holderId: string | null;
  holderName: string | null;
  leaseExpiresAt: Date | null;
  specializations: string[];
}

/** What the database says of a holder's write that got no row. */
export interface WriteRefusal {
  status: TaskStatus;
  isLapsed: boolean;
  fence: number;
  holderId: string | null;
  holderName: string | null;
  leaseExpiresAt: Date | null;
  /** The task has no holder, and the caller's own claim of it, the newest, ended by expiry. */
  hasExpired: boolean;
}

/** The error for the first obstacle of a refused claim. */
export function claimError(taskId: string, claimantId: string, refusal: ClaimRefusal): DomainError {
  switch (refusal.obstacles[0]) {
    case 'AGENT_INACTIVE':
      return new AgentInactiveError(claimantId);
    case 'SPECIALIZATION_MISMATCH':
      return new SpecializationMismatchError({
        taskId,
        requiredSpecialization: refusal.requiredSpecialization ?? '',
        specializations: refusal.specializations,
      });
    case 'TASK_ALREADY_CLAIMED':
      if (refusal.holderId && refusal.holderName && refusal.leaseExpiresAt) {
        const { holderId, holderName, leaseExpiresAt } = refusal;
        return new TaskAlreadyClaimedError({ taskId, holderId, holderName, leaseExpiresAt });
      }
  }
  return new TaskNotReadyError({ taskId, status: refusal.status });
}

/** Says what the first obstacle is that no agent gets over. */
export function messageToAll(taskId: string, refusal: ClaimRefusal): string {
  if (refusal.obstacles[0] !== 'SPECIALIZATION_MISMATCH') return claimError(taskId, '', refusal).message;
  return `Task ${taskId} requires the specialization "${refusal.requiredSpecialization}", which no agent that may claim has.`;
}

/** Says, to an agent that got nothing, what keeps `count` tasks from it. */
export function obstacleMessage(code: ErrorCode, count: number): string {
  switch (code) {
    case 'SPECIALIZATION_MISMATCH':
      return count === 1
        ? '1 task is READY but requires a specialization that the agent lacks.'
        : `${count} tasks are READY but require specializations that the agent lacks.`;
    case 'TASK_ALREADY_CLAIMED':
      return count === 1 ? '1 task is held under a running lease.' : `${count} tasks are held under running leases.`;
    case 'TASK_NOT_READY':
      return `${count === 1 ? '1 task is' : `${count} tasks are`} parked in the backlog, blocked, or worked on without a lease.`;
    default:
      return `${count}: ${errorCodes[code]}`;
  }
}

/** The error for a refused move from one status to another. */
export function transitionError(
  attempted: {
    taskId: string;
    fence?: number | undefined;
    actorId: string | null;
    isOverruling: boolean;
    from: readonly TaskStatus[];
    to: TaskStatus;
  },
  refusal: WriteRefusal,
): DomainError {
  const { taskId, fence, actorId, isOverruling, from, to } = attempted;
  const isHeldByAnother = refusal.holderId !== null && refusal.holderId !== actorId && !isOverruling;
  const isFenceOld = fence !== undefined && (fence !== refusal.fence || (refusal.holderId === null && !isOverruling));
  if (isHeldByAnother || isFenceOld || (refusal.hasExpired && !isOverruling)) return leaseLost(taskId, actorId, refusal);
  if (from.includes(refusal.status)) return leaseLost(taskId, actorId, refusal);
  return new IllegalTransitionError({
    taskId,
    from: refusal.status,
    to,
    allowed: transitions[refusal.status],
    hint: transitionHint(refusal.status, to),
  });
}

export function leaseLost(taskId: string, actorId: string | null, refusal: WriteRefusal): LeaseLostError {
  return new LeaseLostError({
    taskId,
    status: refusal.isLapsed ? 'READY' : refusal.status,
    holderId: refusal.isLapsed ? null : refusal.holderId,
    holderName: refusal.isLapsed ? null : refusal.holderName,
    leaseExpiresAt: refusal.isLapsed ? null : refusal.leaseExpiresAt,
    isHeldByCaller: !refusal.isLapsed && refusal.holderId !== null && refusal.holderId === actorId,
  });
}

function transitionHint(from: TaskStatus, to: TaskStatus): string | undefined {
  if (to === 'CLAIMED') return 'Use taskClaim to claim it.';
  if (to === 'READY' && isLeased(from)) return 'Use taskRelease to give it back.';
  if (to === 'READY') return `Only a BACKLOG or BLOCKED task becomes READY by its status; a held one by taskRelease.`;
  return undefined;
}
