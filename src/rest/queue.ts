import { z } from '@hono/zod-openapi';
import type { Dialect } from './dialect.js';

/** The queue dialect: `{"error": "<text>", "details": "<text>"}`; its clients read little more than the status. */
export const queue: Dialect = {
  name: 'queue',
  description:
    'Task queue of `tqc`, at the root: numbered tasks and the agents that work on them. Its clients name themselves by `X-Agent-ID` and can send no credential; with `ADMIN_TOKEN` set they need a bearer key all the same, unless `QUEUE_AUTH=off` says that their network is trusted.',
  prefixes: ['/tasks', '/agents'],
  failureSchema: z
    .object({
      error: z.string().openapi({ description: 'What happened.' }),
      details: z.string().optional().openapi({ description: 'More about it, and what to do next.' }),
    })
    .openapi('QueueError'),
  render: ({ message }) => ({ body: { error: message } }),
};
