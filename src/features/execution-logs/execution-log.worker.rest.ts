import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer } from '../../rest/fields.js';
import { worker } from '../../rest/worker.js';
import { madeStorable } from '../input-fields.js';
import { ticketNamed, ticketParams } from '../tickets/ticket-path.rest.js';
import { stepDefault, stepLengthMax } from './execution-log.model.js';
import { listLogs } from './execution-log.queries.js';

/**
 * Any text, whatever an agent's tools have put out: this dialect's clients ignore the answer, so an entry that is refused
 * is an entry lost.
 */
const text = z.string().transform(madeStorable);

const entryBody = z.object({
  session_id: z
    .string({ error: 'is required' })
    .trim()
    .min(1, 'is required')
    .max(255, 'must have at most 255 characters')
    .transform(madeStorable)
    .openapi({ description: 'Name of the run, the same for all of its entries.' }),
  step: text
    .optional()
    .openapi({ description: `What was done; cut at ${stepLengthMax} characters. Default \`${stepDefault}\`.` }),
  summary: text.optional().openapi({ description: 'What came of it.' }),
  raw_output: text.optional().openapi({ description: 'All that was put out meanwhile, as long as a body may be.' }),
  success: z.boolean().optional().openapi({ description: 'Whether the step went well. Left out when that is no question.' }),
});

const entryAnswer = z
  .object({
    id: z.string(),
    session_id: z.string(),
    step: z.string(),
    summary: z.string(),
    raw_output: z.string().nullable(),
    success: z.boolean().nullable(),
    job_id: z.string().nullable().openapi({ description: 'The job that was running then.' }),
    created_at: instantAnswer,
  })
  .openapi('ExecutionLog');

const path = '/api/projects/{projectId}/tickets/{ticketId}/logs';

export const executionLogEndpoints = [
  endpoint({
    dialect: worker,
    method: 'post',
    path,
    access: 'agent',
    summary: 'Log a step of the work on a ticket.',
    description: 'The entry belongs to the job of the ticket that runs now, too.',
    params: ticketParams,
    body: entryBody,
    answers: {
      200: {
        description: 'The entry was appended.',
        schema: z.object({ id: z.string(), message: z.literal('Logged') }).openapi('ExecutionLogAppended'),
      },
    },
    failures: { 404: 'There is no such project or ticket.' },
    handle: async (call) => {
      const { body, viewer } = call;
      const { log } = await call.run(async (services, database) => {
        const { id: taskId } = await ticketNamed({ ...call, database });
        return services.executionLogs.append(viewer, {
          taskId,
          sessionId: body.session_id,
          step: cut(body.step ?? '') || stepDefault,
          summary: body.summary ?? '',
          rawOutput: body.raw_output,
          success: body.success,
        });
      });
      return { status: 200, body: { id: log.id, message: 'Logged' } };
    },
  }),
  endpoint({
    dialect: worker,
    method: 'get',
    path,
    summary: 'List what was logged of a ticket, oldest first.',
    params: ticketParams,
    answers: { 200: { description: 'Every entry, with its output.', schema: z.array(entryAnswer) } },
    failures: { 404: 'There is no such project or ticket.' },
    handle: async (call) => {
      const { id } = await ticketNamed(call);
      const logs = await listLogs(call.database.prisma, call.viewer, id);
      return {
        status: 200,
        body: logs.map((log) => ({
          id: log.id,
          session_id: log.sessionId,
          step: log.step,
          summary: log.summary,
          raw_output: log.rawOutput,
          success: log.success,
          job_id: log.jobId,
          created_at: log.createdAt.toISOString(),
        })),
      };
    },
  }),
];

/** By characters, not by halves of them. */
function cut(step: string): string {
  return [...step.trim()].slice(0, stepLengthMax).join('');
}
