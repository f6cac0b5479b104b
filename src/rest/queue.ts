import { z } from '@hono/zod-openapi';
import type { TaskStatus } from '../database/generated/prisma/enums.js';
import { shortText } from '../features/input-fields.js';
import type { Dialect } from './dialect.js';
import { type Failure, InvalidRequestError } from './failure.js';

/** The queue dialect: `{"error": "<text>", "details": "<text>"}`; its clients read little more than the status. */
export const queue: Dialect = {
  name: 'queue',
  description:
    'Task queue of `tqc`, at the root: numbered tasks and the agents that work on them. Its clients name themselves by `X-Agent-ID` and can send no credential; with `ADMIN_TOKEN` set they need a bearer key all the same, unless `QUEUE_AUTH=off` says that their network is trusted.',
  prefixes: ['/tasks', '/agents'],
  failureSchema: z
    .object({
      error: z.string().openapi({ description: 'What happened.', example: 'Task already claimed' }),
      details: z.string().optional().openapi({ description: 'More about it, and what to do next.' }),
    })
    .openapi('QueueError'),
  render(failure) {
    const { error, details, status } = wordsOf(failure);
    return { ...(status && { status }), body: { error, ...(details && { details }) } };
  },
};

/** The statuses of a task in this dialect. */
export const queueStatuses = ['queued', 'claimed', 'running', 'done', 'failed'] as const;
export type QueueStatus = (typeof queueStatuses)[number];

/** What each status of a task is called here; a canceled task is gone. */
export const queueStatusOf: Record<Exclude<TaskStatus, 'CANCELED'>, QueueStatus> = {
  BACKLOG: 'queued',
  READY: 'queued',
  CLAIMED: 'claimed',
  IN_PROGRESS: 'running',
  REVIEW: 'running',
  DONE: 'done',
  BLOCKED: 'queued',
  FAILED: 'failed',
};

/** What the OpenAPI document says of the header in which a client names itself. */
export const agentIdHeader = { 'X-Agent-ID': 'Id of the agent that calls. One that is not known yet is registered.' };

const agentName = shortText('Id of an agent.', 255);

/** The agent that the caller names in the header; undefined when it names none. Throws InvalidRequestError. */
export function agentNameIn({ header }: { header(name: string): string | undefined }): string | undefined {
  const name = header('x-agent-id');
  if (name === undefined) return undefined;
  const parsed = agentName.safeParse(name);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ message }) => ({ path: ['X-Agent-ID'], message, isMissing: false }));
  throw new InvalidRequestError(issues);
}

/** The domain speaks of tasks by ids that nobody here has seen: what it says is said again in the words of the dialect. */
function wordsOf({ code, message, facts }: Failure): { error: string; details?: string; status?: number } {
  switch (code) {
    case 'TASK_NOT_FOUND':
      return { error: 'Task not found' };
    case 'TASK_ALREADY_CLAIMED':
      return { error: 'Task already claimed', details: heldUntil(facts) };
    case 'TASK_NOT_READY':
      return { error: `Task is ${statusWord(facts.status)}: only a queued task can be claimed` };
    case 'AGENT_INACTIVE':
      return {
        error: 'Agent may not claim',
        details: 'It waits for approval or was switched off: an administrator must activate it.',
      };
    case 'LEASE_LOST':
      if (facts.holderId !== null) return { error: 'Task is claimed by another agent', details: heldUntil(facts) };
      return {
        error: 'The claim has lapsed',
        details: 'It was not renewed in time and the task is queued again: claim it again before you go on.',
      };
    case 'ILLEGAL_TRANSITION':
      // It was canceled between the look for it and the write.
      if (facts.from === 'CANCELED') return { error: 'Task not found', status: 404 };
      return { error: refusedMove(statusWord(facts.from), statusWord(facts.to)), details: wayOut[statusWord(facts.from)] };
    default:
      return { error: message };
  }
}

function refusedMove(from: string, to: string): string {
  return from === to ? `Task is ${from} already` : `Task is ${from} and cannot become ${to}`;
}

function heldUntil({ holderName, leaseExpiresAt }: Record<string, unknown>): string {
  return `${holderName} holds it until ${new Date(leaseExpiresAt as string | Date).toISOString()}.`;
}

function statusWord(status: unknown): string {
  if (status === 'BLOCKED') return 'blocked';
  if (status === 'CANCELED') return 'cancelled';
  return queueStatusOf[status as keyof typeof queueStatusOf];
}

const wayOut: Record<string, string> = {
  queued: 'Claim it first.',
  blocked: 'Set it to queued to have it done.',
  done: 'It is finished: set it to queued to have it done again.',
  failed: 'It is finished: set it to queued to have it done again.',
};
