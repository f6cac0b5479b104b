import type { ErrorCode } from '../features/error-code.js';
import { RequestRefusal } from '../http/request-refusal.js';
import { DomainError } from '../kernel/domain-error.js';
import { toUserError, type UserErrorData } from '../kernel/user-error.js';

/** What is wrong with one field of a request. */
export interface Issue {
  /** Names of the dialect, outermost first; empty for the body as a whole. */
  path: string[];
  message: string;
  isMissing: boolean;
}

/** Anything that keeps a request from its answer, before a dialect has put it into its own words. */
export interface Failure {
  /** Stable: what happened, whatever the dialect calls it. */
  code: ErrorCode;
  status: number;
  message: string;
  /** Facts of the domain error; empty for others. */
  facts: Record<string, unknown>;
  /** What is wrong with the request's fields; empty when it is not about them. */
  issues: Issue[];
  headers: Record<string, string>;
}

/** The fields of a request do not fit what the endpoint takes. */
export class InvalidRequestError extends Error {
  constructor(readonly issues: Issue[]) {
    super(issues.map(({ path, message }) => `${path.join('.') || 'The body'} ${message}.`).join(' '));
    this.name = 'InvalidRequestError';
  }
}

/** A command failed as expected, now or when its idempotency key was first used. */
export class FailedCommand extends Error {
  constructor(readonly error: UserErrorData) {
    super(error.message);
    this.name = 'FailedCommand';
  }
}

/**
 * The failure that an error is to the caller; null for a bug or an outage, of which callers learn nothing.
 * The one place that gives the errors of the domain their HTTP status; a dialect may say otherwise for its own.
 */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof InvalidRequestError) {
    const { message, issues } = error;
    return { code: 'VALIDATION_FAILED', status: 400, message, facts: {}, issues, headers: {} };
  }
  if (error instanceof RequestRefusal) {
    const { code, status, message, headers } = error;
    return { code, status, message, facts: {}, issues: [], headers };
  }
  if (error instanceof FailedCommand) return failureOfCommand(error.error);
  if (error instanceof DomainError) return failureOfCommand(toUserError(error));
  return null;
}

/** Every failure that is not the caller's doing, with nothing of its cause. */
export const fault: Failure = {
  code: 'INTERNAL_ERROR',
  status: 500,
  message: 'Internal error. The server log has the details under the request id of this answer.',
  facts: {},
  issues: [],
  headers: {},
};

function failureOfCommand({ code: text, message, path, facts }: UserErrorData): Failure {
  const code = text as ErrorCode;
  const issues = code === 'VALIDATION_FAILED' && path ? [{ path, message, isMissing: false }] : [];
  const headers: Record<string, string> = {};
  if (typeof facts.retryAfterSeconds === 'number') headers['retry-after'] = String(facts.retryAfterSeconds);
  if (code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer';
  return { code, status: statusOf(code), message, facts, issues, headers };
}

const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  SPECIALIZATION_MISMATCH: 403,
  AGENT_INACTIVE: 403,
  INVALID_OWNERSHIP: 403,
  // The credential is good, but not there: no path leads to an organization that could be missing.
  ORGANIZATION_NOT_FOUND: 403,
  BODY_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
  SECRET_KEY_MISSING: 503,
  SETTING_UNREADABLE: 503,
  TASK_NOT_READY: 409,
  TASK_ALREADY_CLAIMED: 409,
  TASK_CHANGED: 409,
  LEASE_LOST: 409,
  ILLEGAL_TRANSITION: 409,
  JOB_NOT_RUNNING: 409,
  ALREADY_EXISTS: 409,
  DECISION_ALREADY_SUPERSEDED: 409,
  REVISION_CONFLICT: 409,
  IDEMPOTENCY_KEY_REUSED: 409,
};

function statusOf(code: ErrorCode): number {
  return statuses[code] ?? (code.endsWith('_NOT_FOUND') ? 404 : 400);
}
