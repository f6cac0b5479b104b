import type { DomainError } from './domain-error.js';

/** An expected failure as data: what a face shows of a DomainError, and what is kept of it with an idempotency key. */
export interface UserErrorData {
  code: string;
  message: string;
  path: string[] | null;
  /** The facts that the error's class carries, by name. */
  facts: Record<string, unknown>;
}

export function toUserError(error: DomainError): UserErrorData {
  const facts = 'facts' in error && typeof error.facts === 'object' && error.facts !== null ? error.facts : {};
  return { code: error.code, message: error.message, path: error.inputPath ?? null, facts: { ...facts } };
}
