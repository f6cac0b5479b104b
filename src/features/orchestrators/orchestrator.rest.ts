import { z } from '@hono/zod-openapi';
import type { TaskStatus } from '../../database/generated/prisma/enums.js';
import { newPublicId } from '../../kernel/ids.js';
import { type Call, endpoint } from '../../rest/endpoint.js';
import { instantAnswer, instantText, integerText, jsonObjectAnswer, listLimitMax } from '../../rest/fields.js';
import { orchestrator } from '../../rest/orchestrator.js';
import { agentRegisterInput } from '../agents/agent.inputs.js';
import { healthAt } from '../agents/agent.model.js';
import { shortText } from '../input-fields.js';
import { taskCreateInput } from '../tasks/task.inputs.js';
import { effectiveStatus, priorityOf, priorityWord } from '../tasks/task.model.js';
import {
  type CoordinatedTask,
  getCoordinatedTask,
  getOrchestrator,
  listOrchestrators,
  listOwnedTasks,
  type Orchestrator,
} from './orchestrator.queries.js';

/** An id as the dialect's callers write one: a cuid, a UUID, or a name of their own such as `vp_123`. */
export function reference(description: string) {
  return z
    .string()
    .regex(/^[\w.:@-]{1,255}$/, { error: 'must be an id: letters, digits and `_ . : @ -`, at most 255 of them' })
    .openapi({ description, example: 'ckx3v1f9g0000qzrmn831i7rn' });
}

export const priority = z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'], { error: 'must be LOW, MEDIUM, HIGH or CRITICAL' });

const idParams = z.object({ id: reference('Id of the orchestrator.') });

const pageQuery = z.object({
  limit: integerText(1, listLimitMax, `How many to list at most. Default ${listLimitMax}.`).optional(),
  offset: integerText(0, 1_000_000_000, 'How many to leave out at the beginning. Default 0.').optional(),
});

const orchestratorAnswer = z
  .object({
    id: z.string(),
    externalId: z.string().openapi({ description: 'Id given from outside; good wherever the id is.' }),
    name: z.string(),
    role: z.string().nullable(),
    discipline: z.string().nullable(),
    status: z.enum(['ONLINE', 'OFFLINE', 'BUSY', 'AWAY']),
    createdAt: instantAnswer,
  })
  .openapi('Orchestrator');

const vpId = z.string();

const metadataAnswer = z
  .looseObject({
    delegations: z
      .array(z.object({ fromVpId: vpId, toVpId: vpId, delegatedAt: instantAnswer, note: z.string().optional() }))
      .optional(),
    collaborators: z.array(z.object({ vpId, role: z.string(), addedAt: instantAnswer, note: z.string().optional() })).optional(),
    handoffs: z.array(z.object({ fromVpId: vpId, toVpId: vpId, context: jsonObjectAnswer, handoffAt: instantAnswer })).optional(),
    conflicts: z
      .array(
        z.object({
          type: z.string(),
          vpIds: z.array(vpId),
          resolution: jsonObjectAnswer,
          resolvedAt: instantAnswer,
          note: z.string().optional(),
        }),
      )
      .optional(),
  })
  .openapi({ description: 'What the creator keeps with the task, and what orchestrators did with it, oldest first.' });

const taskAnswer = z
  .object({
    id: z.string(),
    title: z.string(),
    description: z.string().nullable(),
    status: z.enum(['TODO', 'IN_PROGRESS', 'BLOCKED', 'DONE', 'CANCELLED']),
    priority: z.string().openapi({ example: 'HIGH' }),
    dueDate: instantAnswer.nullable(),
    vpId: z.string().nullable().openapi({ description: 'Id of the orchestrator that owns the task.' }),
    metadata: metadataAnswer,
    createdAt: instantAnswer,
    updatedAt: instantAnswer,
    completedAt: instantAnswer.nullable(),
  })
  .openapi('OrchestratorTask');

/** The dialect's envelope around what it answers. */
export function enveloped(name: string, data: z.ZodType) {
  return z.object({ data, message: z.string() }).openapi(name);
}

export const orchestratorEndpoints = [
  endpoint({
    dialect: orchestrator,
    method: 'post',
    path: '/api/orchestrators',
    summary: 'Create an orchestrator, or update the one of this external id.',
    body: z.object({
      externalId: reference('A name of your own for it, such as `vp_123`. Default: the id that it is given.').optional(),
      name: shortText('Name that people see.', 200),
      role: shortText('Role, such as `Backend Engineer`; messages name it.', 200),
      discipline: agentRegisterInput.shape.discipline,
    }),
    answers: {
      200: { description: 'The orchestrator was there already.', schema: enveloped('OrchestratorUpdated', orchestratorAnswer) },
      201: {
        description: 'The new orchestrator, with its API key, which is shown this once.',
        schema: enveloped('OrchestratorCreated', orchestratorAnswer.extend({ apiKey: z.string().optional() })),
      },
    },
    handle: async (call) => {
      const { body, viewer } = call;
      const { data, isNew, apiKey } = await call.run(async (services) => {
        const publicId = newPublicId();
        const input = { ...body, externalId: body.externalId ?? publicId, isOrchestrator: true };
        const { agent, apiKey } = await services.agents.register(viewer, input, { publicId });
        return { data: toOrchestrator(agent, call), isNew: apiKey !== null, apiKey };
      });
      if (!isNew) return { status: 200, body: { data, message: 'Orchestrator updated successfully' } };
      const key = apiKey && { apiKey: apiKey.reveal() };
      return { status: 201, body: { data: { ...data, ...key }, message: 'Orchestrator created successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'get',
    path: '/api/orchestrators',
    summary: 'List the orchestrators, in the order in which they first registered.',
    query: pageQuery,
    answers: { 200: { description: 'They.', schema: enveloped('OrchestratorList', z.array(orchestratorAnswer)) } },
    handle: async (call) => {
      const orchestrators = await listOrchestrators(call.database.prisma, call.viewer, pageOf(call.query));
      const data = orchestrators.map((each) => toOrchestrator(each, call));
      return { status: 200, body: { data, message: 'Orchestrators listed successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'get',
    path: '/api/orchestrators/{id}',
    summary: 'Show one orchestrator.',
    params: idParams,
    answers: { 200: { description: 'It.', schema: enveloped('OrchestratorShown', orchestratorAnswer) } },
    failures: { 404: '`VP_COORDINATION_NOT_FOUND`.' },
    handle: async (call) => {
      const found = await getOrchestrator(call.database.prisma, call.viewer, call.params.id);
      return { status: 200, body: { data: toOrchestrator(found, call), message: 'Orchestrator found' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'post',
    path: '/api/orchestrators/{id}/tasks',
    summary: 'Create a task that the orchestrator owns.',
    params: idParams,
    body: z.object({
      title: taskCreateInput.shape.title,
      description: taskCreateInput.shape.description,
      priority: priority.default('MEDIUM').openapi({ description: 'How urgent. Default MEDIUM.' }),
      dueDate: instantText('Time at which it should be done.').optional(),
      metadata: taskCreateInput.shape.metadata,
    }),
    answers: { 201: { description: 'The new task.', schema: enveloped('OrchestratorTaskCreated', taskAnswer) } },
    failures: { 404: '`VP_COORDINATION_NOT_FOUND`.' },
    handle: async (call) => {
      const { params, body, viewer } = call;
      const { dueDate, ...fields } = body;
      const data = await call.run(
        async (services, { prisma }) => {
          const owner = await getOrchestrator(prisma, viewer, params.id);
          const input = taskCreateInput.parse({ ...fields, priority: priorityOf(body.priority), orchestratorId: owner.id });
          const origin = { source: 'ORCHESTRATOR', priorityLabel: body.priority } as const;
          const { task } = await services.tasks.create(viewer, { ...input, dueAt: dueDate }, origin);
          return toTask(await getCoordinatedTask(prisma, viewer, task.id), call);
        },
        { atomic: true },
      );
      return { status: 201, body: { data, message: 'Task created successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'get',
    path: '/api/orchestrators/{id}/tasks',
    summary: 'List the tasks that the orchestrator owns now, most urgent first.',
    params: idParams,
    query: pageQuery,
    answers: { 200: { description: 'The tasks.', schema: enveloped('OrchestratorTaskList', z.array(taskAnswer)) } },
    failures: { 404: '`VP_COORDINATION_NOT_FOUND`.' },
    handle: async (call) => {
      const { prisma } = call.database;
      const owner = await getOrchestrator(prisma, call.viewer, call.params.id);
      const tasks = await listOwnedTasks(prisma, owner, pageOf(call.query));
      return { status: 200, body: { data: tasks.map((task) => toTask(task, call)), message: 'Tasks listed successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'get',
    path: '/api/orchestrators/tasks/{taskId}',
    summary: 'Show one task, with what orchestrators did with it in its `metadata`.',
    params: z.object({ taskId: reference('Id of the task.') }),
    answers: { 200: { description: 'The task.', schema: enveloped('OrchestratorTaskShown', taskAnswer) } },
    failures: { 404: '`TASK_NOT_FOUND`.' },
    handle: async (call) => {
      const task = await getCoordinatedTask(call.database.prisma, call.viewer, call.params.taskId);
      return { status: 200, body: { data: toTask(task, call), message: 'Task found' } };
    },
  }),
];

function pageOf({ limit = listLimitMax, offset = 0 }: { limit?: number | undefined; offset?: number | undefined }) {
  return { limit, offset };
}

function toOrchestrator(agent: Orchestrator, call: Pick<Call, 'clock' | 'healthLimits'>): z.input<typeof orchestratorAnswer> {
  return {
    id: publicIdOf(agent),
    externalId: agent.externalId ?? publicIdOf(agent),
    name: agent.name,
    role: agent.role,
    discipline: agent.discipline,
    status: statusOf(agent, call),
    createdAt: agent.createdAt.toISOString(),
  };
}

function statusOf({ status, lastHeartbeatAt }: Orchestrator, { clock, healthLimits }: Pick<Call, 'clock' | 'healthLimits'>) {
  const isSilent = healthAt(lastHeartbeatAt, clock.now(), healthLimits) === 'OFFLINE';
  if (isSilent || status === 'PENDING' || status === 'INACTIVE') return 'OFFLINE';
  return status === 'ACTIVE' ? 'ONLINE' : status;
}

const statusWords = {
  BACKLOG: 'TODO',
  READY: 'TODO',
  CLAIMED: 'IN_PROGRESS',
  IN_PROGRESS: 'IN_PROGRESS',
  REVIEW: 'IN_PROGRESS',
  DONE: 'DONE',
  BLOCKED: 'BLOCKED',
  FAILED: 'BLOCKED',
  CANCELED: 'CANCELLED',
} as const satisfies Record<TaskStatus, string>;

function toTask(task: CoordinatedTask, { clock }: Pick<Call, 'clock'>): z.input<typeof taskAnswer> {
  return {
    id: task.publicId ?? task.id,
    title: task.title,
    description: task.description,
    status: statusWords[effectiveStatus(task, clock.now())],
    priority: priorityWord(task, ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW']),
    dueDate: task.dueAt?.toISOString() ?? null,
    vpId: task.orchestrator && publicIdOf(task.orchestrator),
    metadata: metadataOf(task),
    createdAt: task.createdAt.toISOString(),
    updatedAt: task.updatedAt.toISOString(),
    completedAt: task.completedAt?.toISOString() ?? null,
  };
}

/** The metadata of the document: what the creator keeps with the task, and the histories of which there are any. */
function metadataOf({ metadata, coordination }: CoordinatedTask): z.input<typeof metadataAnswer> {
  const histories = {
    delegations: coordination.flatMap((record) =>
      record.kind === 'DELEGATION' ? [{ ...transferOf(record), delegatedAt: timeOf(record), ...noteOf(record) }] : [],
    ),
    collaborators: coordination.flatMap((record) =>
      record.kind === 'COLLABORATION'
        ? record.participants.map(({ actor, role }) => {
            return { vpId: publicIdOf(actor), role: role ?? '', addedAt: timeOf(record), ...noteOf(record) };
          })
        : [],
    ),
    handoffs: coordination.flatMap((record) =>
      record.kind === 'HANDOFF' ? [{ ...transferOf(record), context: handoffContext(record), handoffAt: timeOf(record) }] : [],
    ),
    conflicts: coordination.flatMap((record) =>
      record.kind === 'CONFLICT'
        ? [
            {
              type: record.conflictType ?? 'other',
              vpIds: record.participants.map(({ actor }) => publicIdOf(actor)),
              resolution: record.details as Record<string, unknown>,
              resolvedAt: timeOf(record),
              ...noteOf(record),
            },
          ]
        : [],
    ),
  };
  const kept = Object.fromEntries(Object.entries(histories).filter(([, entries]) => entries.length > 0));
  return { ...(metadata as Record<string, unknown>), ...kept };
}

type KeptRecord = CoordinatedTask['coordination'][number];

function transferOf({ orchestrator: from, participants: [to] }: KeptRecord) {
  return { fromVpId: from ? publicIdOf(from) : '', toVpId: to ? publicIdOf(to.actor) : '' };
}

function timeOf({ createdAt }: KeptRecord): string {
  return createdAt.toISOString();
}

function noteOf({ note }: KeptRecord): { note?: string } {
  return note === null ? {} : { note };
}

/** The context of a handoff as the dialect shows it: with the note in it. */
export function handoffContext({ details, note }: { details: unknown; note: string | null }): Record<string, unknown> {
  const context = details as Record<string, unknown>;
  return note === null ? context : { ...context, handoffNotes: note };
}

function publicIdOf(agent: Orchestrator): string {
  return agent.publicId ?? agent.id;
}
