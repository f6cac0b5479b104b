import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No organization has this slug, or the caller may not act in it. */
export class OrganizationNotFoundError extends DomainError {
  readonly code = 'ORGANIZATION_NOT_FOUND' satisfies ErrorCode;

  constructor(slug: string) {
    super(`There is no organization \`${slug}\`. Correct \`X-Organization\`, or leave it out.`);
  }
}

/** Another organization has the slug. */
export class OrganizationExistsError extends DomainError {
  readonly code = 'ALREADY_EXISTS' satisfies ErrorCode;

  constructor(slug: string) {
    super(`There is an organization \`${slug}\` already. Choose another slug.`, { path: ['slug'] });
  }
}
