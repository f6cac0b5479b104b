import { DomainError } from '../../kernel/domain-error.js';
import type { ErrorCode } from '../error-code.js';

/** No agent or user of the caller's organization has this id. */
export class AgentNotFoundError extends DomainError {
  readonly code = 'AGENT_NOT_FOUND' satisfies ErrorCode;

  constructor(agentId: string, field = 'agentId') {
    super(`There is no agent ${agentId} here. Register it with agentRegister first.`, { path: [field] });
  }
}

/** The agent waits for approval or was switched off, and may not claim until an administrator activates it. */
export class AgentInactiveError extends DomainError {
  readonly code = 'AGENT_INACTIVE' satisfies ErrorCode;

  constructor(agentId: string) {
    super(`Agent ${agentId} is PENDING or INACTIVE and may not claim. An administrator must set it ACTIVE.`, {
      path: ['agentId'],
    });
  }
}
