import type { ErrorCode } from '../features/error-code.js';
import { DomainError } from '../kernel/domain-error.js';

/** The document asks for more than one request may cost. */
export class DocumentTooCostlyError extends DomainError {
  readonly code = 'DOCUMENT_TOO_COSTLY' satisfies ErrorCode;

  static byCost(cost: number, limit: number): DocumentTooCostlyError {
    return new DocumentTooCostlyError(
      `The document costs ${cost} of at most ${limit}: each field costs 1, times the rows of the lists around it. Ask for less at once.`,
    );
  }

  static byFields(fields: number, limit: number): DocumentTooCostlyError {
    return new DocumentTooCostlyError(
      `The document selects ${fields} fields of at most ${limit}, with its fragments spread. Ask for less at once.`,
    );
  }
}
