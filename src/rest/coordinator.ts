import { z } from '@hono/zod-openapi';
import type { Dialect } from './dialect.js';
import type { Failure } from './failure.js';

/** The coordinator dialect: `{"error": "<snake_case_code>", "message": "..."}`. Source: contracts of the coordinator API. */
export const coordinator: Dialect = {
  name: 'coordinator',
  description:
    'Coordinator API: agents, tasks under leases, threads, messages, plans and decisions under `/api/coord`. Agents send `Authorization: Bearer <API key>`, people a session token or the session cookie, operators the admin token; in open development mode nobody needs any.',
  prefixes: ['/api/coord', '/health'],
  failureSchema: z
    .object({
      error: z.string().openapi({ description: 'Stable code, such as `task_already_claimed`.', example: 'task_not_found' }),
      message: z.string().openapi({ description: 'What happened, to which thing, and what to do next.' }),
    })
    .openapi('CoordinatorError'),
  render(failure) {
    const { error, status } = wordOf(failure);
    return { ...(status && { status }), body: { error, message: failure.message } };
  },
};

function wordOf({ code, issues, facts }: Failure): { error: string; status?: number } {
  switch (code) {
    case 'VALIDATION_FAILED': {
      const [issue] = issues;
      const field = issue?.path[0];
      if (!issue || field === undefined) return { error: 'invalid_json' };
      return { error: issue.isMissing ? `${field}_required` : `invalid_${field}` };
    }
    case 'UNAUTHENTICATED':
      return { error: 'authentication_required' };
    case 'ROUTE_NOT_FOUND':
      return { error: 'not_found' };
    case 'LEASE_LOST':
      // Nobody holds the task: the caller's lease has lapsed, or it never had one.
      return facts.holderId === null ? { error: 'lease_expired', status: 409 } : { error: 'not_lease_owner', status: 403 };
    default:
      return { error: code.toLowerCase() };
  }
}
