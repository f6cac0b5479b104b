import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No API key that the caller may see has this id. */
export class ApiKeyNotFoundError extends DomainError {
  readonly code = 'API_KEY_NOT_FOUND' satisfies ErrorCode;

  constructor(apiKeyId: string) {
    super(`There is no API key ${apiKeyId} here.`, { path: ['apiKeyId'] });
  }
}
