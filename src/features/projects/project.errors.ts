import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No project of the caller's organization has this id. */
export class ProjectNotFoundError extends DomainError {
  readonly code = 'PROJECT_NOT_FOUND' satisfies ErrorCode;

  constructor(projectId: string) {
    super(`There is no project ${projectId} here.`, { path: ['projectId'] });
  }
}
