import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No project of the caller's organization has this id. */
export class ProjectNotFoundError extends DomainError {
  readonly code = 'PROJECT_NOT_FOUND' satisfies ErrorCode;

  constructor(projectId: string) {
    super(`There is no project ${projectId} here.`, { path: ['projectId'] });
  }
}

/** Whoever deletes a project must say its name, and said another. */
export class NameNotConfirmedError extends DomainError {
  readonly code = 'NAME_NOT_CONFIRMED' satisfies ErrorCode;

  constructor(projectId: string) {
    super(`The name does not match that of project ${projectId}. Send its name, exactly, to confirm that it is to be deleted.`, {
      path: ['confirmName'],
    });
  }
}

/** Somebody replaced the graph after the caller had read it. */
export class GraphConflictError extends DomainError {
  readonly code = 'REVISION_CONFLICT' satisfies ErrorCode;

  constructor(readonly facts: { projectId: string; expectedRevision: number; currentRevision: number }) {
    super(
      `The graph of project ${facts.projectId} is at version ${facts.currentRevision}, not ${facts.expectedRevision}. Read it again, then change it from there.`,
      { path: ['expectedVersion'] },
    );
  }
}
