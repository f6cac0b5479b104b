import { DomainError } from '../kernel/domain-error.js';
import type { ErrorCode } from './error-code.js';

/** A field of the input cannot be accepted; `path` names it. */
export class ValidationError extends DomainError {
  readonly code = 'VALIDATION_FAILED' satisfies ErrorCode;

  constructor(path: string[], message: string) {
    super(message, { path });
  }
}
