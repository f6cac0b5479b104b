import type { ErrorCode } from '../features/error-code.js';
import { DomainError } from '../kernel/domain-error.js';

/** The credential is missing, malformed, unknown, expired or revoked; which of them is not said. */
export class UnauthenticatedError extends DomainError {
  readonly code = 'UNAUTHENTICATED' satisfies ErrorCode;

  constructor(message = 'Send a valid credential: `Authorization: Bearer <API key, session token or admin token>`.') {
    super(message);
  }
}

/** The credential is good, but does not allow this. */
export class ForbiddenError extends DomainError {
  readonly code = 'FORBIDDEN' satisfies ErrorCode;
}

/** Too many attempts in a short time. */
export class RateLimitedError extends DomainError {
  readonly code = 'RATE_LIMITED' satisfies ErrorCode;

  readonly facts: { retryAfterSeconds: number };

  constructor(message: string, retryAfterSeconds: number, facts: Record<string, unknown> = {}) {
    super(`${message} Try again in ${retryAfterSeconds} seconds.`);
    this.facts = { ...facts, retryAfterSeconds };
  }
}
