import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No note of the caller's organization has this id. */
export class NoteNotFoundError extends DomainError {
  readonly code = 'NOTE_NOT_FOUND' satisfies ErrorCode;

  constructor(noteId: string) {
    super(`There is no note ${noteId} here.`, { path: ['noteId'] });
  }
}
