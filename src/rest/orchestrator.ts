import { z } from '@hono/zod-openapi';
import type { Dialect } from './dialect.js';

/** The orchestrator dialect: `{"error": "<text>", "code": "...", "details": {"errors": {"field": ["..."]}}}`. */
export const orchestrator: Dialect = {
  name: 'orchestrator',
  description:
    'Coordination between orchestrators under `/api/orchestrators`: delegate, collaborate, hand off, settle conflicts. Callers send a session token, as a bearer or in the session cookie.',
  prefixes: ['/api/orchestrators'],
  failureSchema: z
    .object({
      error: z.string().openapi({ description: 'What happened, for people.' }),
      code: z.string().openapi({ description: 'Stable code.', example: 'TASK_NOT_FOUND' }),
      details: z.record(z.string(), z.unknown()).optional().openapi({ description: 'Facts, such as `errors` by field.' }),
    })
    .openapi('OrchestratorError'),
  render: ({ code, message }) => ({ body: { error: message, code } }),
};
