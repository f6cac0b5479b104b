import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** A user has the email already, here or in another organization: which is not said. */
export class EmailTakenError extends DomainError {
  readonly code = 'ALREADY_EXISTS' satisfies ErrorCode;

  constructor() {
    super('A user with this email exists already. Use another email.', { path: ['email'] });
  }
}
