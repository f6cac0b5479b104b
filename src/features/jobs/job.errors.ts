import type { JobStatus } from '../../database/generated/prisma/enums.js';
import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No job of the caller's organization has this id. */
export class JobNotFoundError extends DomainError {
  readonly code = 'JOB_NOT_FOUND' satisfies ErrorCode;

  constructor(jobId: string) {
    super(`There is no job ${jobId} here.`, { path: ['jobId'] });
  }
}

/**
 * The caller writes to a run that is over.
 *
 * Causes: the job was never started, or has ended; its lease lapsed (also when nobody has started it since); it was
 * started again, so that the fence is old. `status` is the job's status now.
 */
export class JobNotRunningError extends DomainError {
  readonly code = 'JOB_NOT_RUNNING' satisfies ErrorCode;

  constructor(readonly facts: { jobId: string; status: JobStatus }) {
    super(
      facts.status === 'RUNNING'
        ? `Job ${facts.jobId} was started again since: that run is over. Stop it; its result counts no more.`
        : `Job ${facts.jobId} is ${facts.status}, not RUNNING. Stop the run, if there is one; its result counts no more.`,
      { path: ['jobId'] },
    );
  }
}

/** The project lacks what an agent must have to work on it: the repository in a container, the directory on the host. */
export class ProjectNotRunnableError extends DomainError {
  readonly code = 'PROJECT_NOT_RUNNABLE' satisfies ErrorCode;

  constructor(readonly facts: { projectId: string; missing: 'repoUrl' | 'projectPath' }) {
    super(
      facts.missing === 'repoUrl'
        ? `Project ${facts.projectId} has no repository (repoUrl), which its agents clone. Set it, then try again.`
        : `Project ${facts.projectId} has no directory (projectPath), in which its agents work. Set it, then try again.`,
      { path: [facts.missing] },
    );
  }
}
