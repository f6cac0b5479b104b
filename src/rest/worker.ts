import { z } from '@hono/zod-openapi';
import type { ErrorCode } from '../features/error-code.js';
import type { Dialect } from './dialect.js';
import type { Failure } from './failure.js';

/** The worker dialect: `{"error": "<text>"}`, at times with a `status` or a `detail`. */
export const worker: Dialect = {
  name: 'worker',
  description:
    'Worker API: projects, boards, tickets, jobs, logs and memory under `/api/projects`, `/api/worker` and `/api/settings`. Worker processes send `Authorization: Bearer <worker key>`.',
  prefixes: ['/api/projects', '/api/worker', '/api/settings'],
  failureSchema: z
    .object({
      error: z.string().openapi({ description: 'What happened, for people.' }),
      detail: z.string().optional(),
      status: z.string().optional().openapi({ description: 'Status that the thing has instead.' }),
    })
    .openapi('WorkerError'),
  render: (failure) => ({ body: { error: wordsOf(failure), ...factsOf(failure) } }),
};

/** What the dialect's clients have always been told; they name no id. */
const words: Partial<Record<ErrorCode, string>> = {
  PROJECT_NOT_FOUND: 'Project not found',
  TASK_NOT_FOUND: 'Ticket not found',
  NOTE_NOT_FOUND: 'Note not found',
  JOB_NOT_FOUND: 'Job not found',
  JOB_NOT_RUNNING: 'Job not running',
  PULL_REQUEST_NOT_FOUND: 'No PR for this ticket',
};

function wordsOf({ code, message }: Failure): string {
  return words[code] ?? (code === 'VALIDATION_FAILED' ? message.replace(/\.$/, '') : message);
}

function factsOf({ code, facts }: Failure): { status?: string } {
  return code === 'JOB_NOT_RUNNING' ? { status: String(facts.status).toLowerCase() } : {};
}
