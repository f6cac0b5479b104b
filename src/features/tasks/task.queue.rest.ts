import { z } from '@hono/zod-openapi';
import { type Call, type Command, endpoint } from '../../rest/endpoint.js';
import { instantAnswer, integerText, jsonAnswer, jsonObjectAnswer } from '../../rest/fields.js';
import { agentIdHeader, agentNameIn, type QueueStatus, queue, queueStatuses, queueStatusOf } from '../../rest/queue.js';
import { agentCheckInInput } from '../agents/agent.inputs.js';
import { findActor } from '../agents/agent.queries.js';
import { code } from '../input-fields.js';
import type { Services } from '../services.js';
import { ValidationError } from '../validation-error.js';
import { IllegalTransitionError, TaskAlreadyClaimedError } from './task.errors.js';
import { taskCompleteInput, taskCreateInput } from './task.inputs.js';
import { effectiveStatus } from './task.model.js';
import { type QueuedTask, queuePage, requireNumberedTask, withClaim } from './task.queue.queries.js';

const kinds = ['general', 'code', 'email', 'research', 'browser', 'review', 'verify'] as const;
const modelTiers = ['light', 'standard', 'heavy'] as const;

/** One of a few words. */
const word = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` });

const status = word(queueStatuses).describe('Status of the task.');

const taskAnswer = z
  .object({
    id: z.int().openapi({ description: 'Number of the task, from 1 up.', example: 42 }),
    title: z.string(),
    description: z.string().nullable(),
    kind: z.string().openapi({ example: 'general' }),
    priority: z.int().openapi({ description: '0 most urgent to 100 least.' }),
    model_tier: z.string().openapi({ example: 'standard' }),
    status,
    claimed_by: z.string().nullable().openapi({ description: 'Id of the agent that has claimed it, or has finished it.' }),
    claimed_at: instantAnswer.nullable(),
    created_at: instantAnswer,
    updated_at: instantAnswer,
    completed_at: instantAnswer.nullable(),
    result: jsonAnswer.nullable(),
    metadata: jsonObjectAnswer.openapi({ description: 'As given. Of a blocked task also `blocked`: why, or true.' }),
  })
  .openapi('QueueTask');

const numberParams = z.object({ id: z.string().openapi({ type: 'integer', description: 'Number of the task.', example: 42 }) });

const notFound = { 404: 'There is no such task, or it was cancelled.' };

export const taskQueueEndpoints = [
  endpoint({
    dialect: queue,
    method: 'post',
    path: '/tasks',
    summary: 'Add a task.',
    headers: agentIdHeader,
    body: z
      .object({
        title: taskCreateInput.shape.title,
        description: taskCreateInput.shape.description,
        kind: word(kinds).default('general').describe('Kind of work.'),
        priority: taskCreateInput.shape.priority,
        model_tier: word(modelTiers).default('standard').describe('Size of model that the work needs.'),
        metadata: taskCreateInput.shape.metadata,
      })
      .openapi('QueueTaskCreate'),
    answers: { 201: { description: 'The new task.', schema: taskAnswer } },
    async handle(call) {
      const { model_tier: modelTier, ...fields } = call.body;
      const body = await runOnTask(call, async (services) => {
        const origin = { source: 'QUEUE' as const, agentId: await callingAgent(call, services) };
        return services.tasks.create(call.viewer, { ...fields, modelTier, status: 'READY' }, origin);
      });
      return { status: 201, body };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'get',
    path: '/tasks',
    summary: 'List tasks, most urgent first, oldest first within a priority.',
    description: 'Cancelled and blocked tasks are left out.',
    query: z.object({
      status: status.optional(),
      agent: agentCheckInInput.shape.externalId.optional().describe('Tasks that this agent has claimed or has finished.'),
      kind: code('Tasks of this kind.').optional(),
      model_tier: code('Tasks for this model tier.').optional(),
      limit: integerText(1, 1000, 'Most tasks to list, default 20.').default(20),
      offset: integerText(0, 1_000_000_000, 'Tasks to leave out at the beginning, default 0.').default(0),
    }),
    answers: { 200: { description: 'The tasks.', schema: z.array(taskAnswer) } },
    async handle({ query, viewer, database, clock }) {
      const { status: wanted, agent, kind, model_tier: modelTier, limit, offset } = query;
      const now = clock.now();
      const assignee = agent === undefined ? undefined : await findActor(database.prisma, viewer, agent);
      if (assignee === null) return { status: 200, body: [] };
      const filter = { statuses: listedStatuses(wanted), assigneeId: assignee?.id, kind, modelTier };
      const tasks = await queuePage(database, viewer, filter, { limit, offset, now });
      return { status: 200, body: tasks.map((task) => show(task, now)) };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'get',
    path: '/tasks/{id}',
    summary: 'Show one task.',
    params: numberParams,
    answers: { 200: { description: 'The task.', schema: taskAnswer } },
    failures: notFound,
    async handle({ params, viewer, database, clock }) {
      const now = clock.now();
      const task = await requireNumberedTask(database.prisma, viewer, params.id);
      return { status: 200, body: show(await withClaim(database, task, now), now) };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'post',
    path: '/tasks/{id}/claim',
    summary: 'Claim a queued task.',
    description:
      'Of any number of agents exactly one gets it; also for the agent that has it already the answer is 409, because several workers may share one id. The claim lasts `QUEUE_LEASE_SECONDS`, and that long again from each heartbeat of its agent.',
    headers: agentIdHeader,
    params: numberParams,
    body: z
      .object({ agent_id: agentCheckInInput.shape.externalId.optional().describe('Id of the agent, where no header says it.') })
      .openapi('QueueTaskClaim'),
    answers: { 200: { description: 'The claimed task.', schema: taskAnswer } },
    failures: { ...notFound, 409: 'The task is claimed already, or not queued.' },
    async handle(call) {
      const body = await runOnTask(call, async (services, database) => {
        const { id: taskId } = await requireNumberedTask(database.prisma, call.viewer, call.params.id);
        const agentId = await claimant(call, services, call.body.agent_id);
        return services.tasks.claim(call.viewer, { taskId, agentId, leaseSeconds: call.queueLeaseSeconds, override: false });
      });
      return { status: 200, body };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'patch',
    path: '/tasks/{id}/status',
    summary: 'Set the status of a task.',
    description:
      'From queued over claimed and running to done or failed; running may be left out. Any status may go back to queued, to be done again: the claim and the result are gone then. Where the agent that calls is named, it must be the one that has claimed the task.',
    headers: agentIdHeader,
    params: numberParams,
    body: z.object({ status }).openapi('QueueTaskStatus'),
    answers: { 200: { description: 'The task.', schema: taskAnswer } },
    failures: { ...notFound, 409: 'The task cannot go there from its status, or another agent has claimed it.' },
    async handle(call) {
      const body = await runOnTask(call, async (services, database) => {
        const { id: taskId } = await requireNumberedTask(database.prisma, call.viewer, call.params.id);
        switch (call.body.status) {
          case 'queued':
            return services.tasks.reset(call.viewer, { taskId, agentId: await callingAgent(call, services) });
          case 'claimed': {
            const agentId = await claimant(call, services, undefined);
            const input = { taskId, agentId, leaseSeconds: call.queueLeaseSeconds, override: false };
            return services.tasks.claim(call.viewer, input).catch(async (error) => {
              const task = await requireNumberedTask(database.prisma, call.viewer, call.params.id);
              const holderId = agentId ?? call.viewer.actor?.id;
              if (error instanceof TaskAlreadyClaimedError && task.status === 'CLAIMED' && task.holderId === holderId) {
                return { task };
              }
              throw error;
            });
          }
          case 'running': {
            const agentId = await callingAgent(call, services);
            return services.tasks.setStatus(call.viewer, { taskId, agentId, status: 'IN_PROGRESS' }).catch(async (error) => {
              const task = await requireNumberedTask(database.prisma, call.viewer, call.params.id);
              const isThere = error instanceof IllegalTransitionError && error.facts.from === 'IN_PROGRESS';
              if (isThere && task.status === 'IN_PROGRESS') return { task };
              throw error;
            });
          }
          case 'done':
            return services.tasks.complete(call.viewer, { taskId, agentId: await callingAgent(call, services) });
          case 'failed':
            return services.tasks.fail(call.viewer, { taskId, agentId: await callingAgent(call, services) });
        }
      });
      return { status: 200, body };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'post',
    path: '/tasks/{id}/complete',
    summary: 'Finish a claimed task.',
    headers: agentIdHeader,
    params: numberParams,
    body: z.object({ result: taskCompleteInput.shape.result }).openapi('QueueTaskComplete'),
    answers: { 200: { description: 'The finished task.', schema: taskAnswer } },
    failures: { ...notFound, 409: 'The task is not claimed, is finished already, or another agent has claimed it.' },
    async handle(call) {
      const body = await runOnTask(call, async (services, database) => {
        const { id: taskId } = await requireNumberedTask(database.prisma, call.viewer, call.params.id);
        const agentId = await callingAgent(call, services);
        return services.tasks.complete(call.viewer, { taskId, agentId, result: call.body.result });
      });
      return { status: 200, body };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'delete',
    path: '/tasks/{id}',
    summary: 'Cancel an unfinished task: it is gone.',
    headers: agentIdHeader,
    params: numberParams,
    answers: { 204: { description: 'It is cancelled.' } },
    failures: { ...notFound, 409: 'The task is finished, or another agent has claimed it.' },
    async handle(call) {
      await call.run(
        async (services, database) => {
          const { id: taskId } = await requireNumberedTask(database.prisma, call.viewer, call.params.id);
          await services.tasks.cancel(call.viewer, { taskId, agentId: await callingAgent(call, services) });
          return {};
        },
        { atomic: true },
      );
      return { status: 204 };
    },
  }),
];

type AnyCall = Pick<Call, 'viewer' | 'clock' | 'header'> & { run: Call['run'] };

/** Runs a command on a task, and with it the registration of an agent that it names, and shows the task as the command left it. */
function runOnTask(call: AnyCall, command: Command<{ task: QueuedTask['task'] }>): Promise<object> {
  return call.run(
    async (services, database) => {
      const { task } = await command(services, database);
      const now = call.clock.now();
      return show(await withClaim(database, task, now), now);
    },
    { atomic: true },
  );
}

/** Id of the agent for which the caller acts; undefined when it names none, and acts for itself. */
async function callingAgent(call: AnyCall, services: Services): Promise<string | undefined> {
  const name = agentNameIn(call);
  return name === undefined ? undefined : services.agents.named(call.viewer, name);
}

/** The same for who claims, whom the body may name too. Throws ValidationError when nobody is named and no agent calls. */
async function claimant(call: AnyCall, services: Services, nameInBody: string | undefined): Promise<string | undefined> {
  const name = agentNameIn(call) ?? nameInBody;
  if (name !== undefined) return services.agents.named(call.viewer, name);
  if (call.viewer.actor?.kind === 'AGENT') return undefined;
  throw new ValidationError(['agent_id'], 'Name the agent that claims: in the header X-Agent-ID, or as agent_id in the body.');
}

/** The stored statuses that a list shows under one of its own, or under all. */
function listedStatuses(wanted: QueueStatus | undefined): (keyof typeof queueStatusOf)[] {
  const listed = (Object.keys(queueStatusOf) as (keyof typeof queueStatusOf)[]).filter((stored) => stored !== 'BLOCKED');
  return wanted ? listed.filter((stored) => queueStatusOf[stored] === wanted) : listed;
}

function show({ task, claimedBy, claimedAt }: QueuedTask, now: Date): z.output<typeof taskAnswer> {
  const stored = effectiveStatus(task, now);
  if (stored === 'CANCELED') throw new Error('a canceled task is not shown');
  const metadata = task.metadata as Record<string, unknown>;
  return {
    id: task.number ?? 0,
    title: task.title,
    description: task.description,
    kind: task.kind,
    priority: task.priority,
    model_tier: task.modelTier,
    status: queueStatusOf[stored],
    claimed_by: claimedBy,
    claimed_at: claimedAt?.toISOString() ?? null,
    created_at: task.createdAt.toISOString(),
    updated_at: task.updatedAt.toISOString(),
    completed_at: task.completedAt?.toISOString() ?? null,
    result: task.result ?? null,
    metadata: stored === 'BLOCKED' ? { ...metadata, blocked: task.blocker ?? true } : metadata,
  };
}
