import { DomainError } from '../kernel/domain-error.js';
import type { ErrorCode } from './error-code.js';

/** The text given as a cursor is none that this server gave out. */
export class InvalidCursorError extends DomainError {
  readonly code = 'INVALID_CURSOR' satisfies ErrorCode;

  constructor(argument: string) {
    super(
      `The cursor given as \`${argument}\` is not one of this server's. Pass a cursor from an earlier answer, or leave it out.`,
      {
        path: [argument],
      },
    );
  }
}
