import { z } from '@hono/zod-openapi';
import type { Dialect } from './dialect.js';

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
  render: ({ message }) => ({ body: { error: message } }),
};
