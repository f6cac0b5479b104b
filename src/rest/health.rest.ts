import { z } from '@hono/zod-openapi';
import { coordinator } from './coordinator.js';
import { endpoint } from './endpoint.js';
import { instantAnswer } from './fields.js';

export const healthEndpoints = [
  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/health',
    access: 'open',
    summary: 'Say that the server answers.',
    answers: {
      200: { description: 'It does.', schema: z.object({ status: z.literal('ok'), time: instantAnswer }).openapi('Health') },
    },
    handle: async ({ clock }) => ({ status: 200, body: { status: 'ok', time: clock.now().toISOString() } }),
  }),
];
