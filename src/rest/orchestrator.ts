import { z } from '@hono/zod-openapi';
import type { ErrorCode } from '../features/error-code.js';
import type { Dialect } from './dialect.js';
import type { Failure } from './failure.js';

/** Newer names of the fields that name orchestrators, and the names of the dialect; requests may use either. */
export const orchestratorAliases = {
  toOrchestratorId: 'toVpId',
  requiredOrchestratorIds: 'requiredVpIds',
  orchestratorIds: 'vpIds',
};

/** The orchestrator dialect: `{"error": "<text>", "code": "...", "details": {"errors": {"field": ["..."]}}}`. */
export const orchestrator: Dialect = {
  name: 'orchestrator',
  description:
    'Coordination between orchestrators (VPs) under `/api/orchestrators`: delegate, collaborate, hand off, settle conflicts. Callers send a session token, as a bearer or in a session cookie; API keys and the admin token do as well. An orchestrator may be named by its id, its UUID or its external id. Requests are limited by user and by organization: `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds since 1970) tell of the limit that is nearer.',
  prefixes: ['/api/orchestrators'],
  failureSchema: z
    .object({
      error: z.string().openapi({ description: 'What happened, for people.' }),
      code: z.string().openapi({ description: 'Stable code.', example: 'TASK_NOT_FOUND' }),
      details: z
        .record(z.string(), z.unknown())
        .optional()
        .openapi({ description: '`errors`: by field what is wrong with it; other facts of other failures.' }),
    })
    .openapi('OrchestratorError'),
  render(failure) {
    const details = detailsOf(failure);
    return { body: { error: textOf(failure), code: codeOf(failure), ...(details && { details }) } };
  },
};

const codes: Partial<Record<ErrorCode, string>> = {
  VALIDATION_FAILED: 'VALIDATION_ERROR',
  INVALID_JSON: 'VALIDATION_ERROR',
  UNAUTHENTICATED: 'UNAUTHORIZED',
  ROUTE_NOT_FOUND: 'NOT_FOUND',
};

function codeOf({ code, facts }: Failure): string {
  // The path names the orchestrator that acts; the body names the others.
  if (code === 'ORCHESTRATOR_NOT_FOUND') return facts.isActing ? 'VP_COORDINATION_NOT_FOUND' : 'VP_NOT_FOUND';
  return codes[code] ?? code;
}

function textOf({ code, message, facts }: Failure): string {
  if (code === 'UNAUTHENTICATED') return 'Authentication required';
  if (code === 'INVALID_JSON') return 'Invalid JSON body';
  if (code !== 'VALIDATION_FAILED') return message;
  return facts.isSelfCollaboration ? 'Primary VP cannot be a collaborator' : 'Validation failed';
}

function detailsOf({ code, issues, facts }: Failure): Record<string, unknown> | null {
  if (code === 'RATE_LIMITED') return facts;
  if (issues.length === 0) return null;
  const errors: Record<string, string[]> = {};
  for (const { path, message } of issues) {
    const [name = 'body', ...within] = path;
    const field = fieldOf(name);
    errors[field] = [...(errors[field] ?? []), within.length > 0 ? `${within.join('.')} ${message}` : message];
  }
  return { errors };
}

/** The dialect's name of a field that a command knows by another. */
function fieldOf(name: string): string {
  const names: Record<string, string> = { ...orchestratorAliases, collaborators: 'requiredVpIds', dueAt: 'dueDate' };
  return Object.hasOwn(names, name) ? (names[name] ?? name) : name;
}
