import { z } from '@hono/zod-openapi';
import { coordinator } from '../../rest/coordinator.js';
import { type Call, endpoint, idParams } from '../../rest/endpoint.js';
import { InvalidRequestError } from '../../rest/failure.js';
import { instantAnswer, integerText, jsonAnswer, jsonObjectAnswer, listLimitMax } from '../../rest/fields.js';
import { actingAgentId, agentIdOf, knownId, knownPerson, speakingAs } from '../../rest/identity.js';
import { agentRegisterInput } from '../agents/agent.inputs.js';
import { findActor } from '../agents/agent.queries.js';
import { findProjectId } from '../projects/project.queries.js';
import { taskClaimInput, taskCreateInput, taskHeartbeatInput, taskReleaseInput, taskSetStatusInput } from './task.inputs.js';
import { effectiveStatus, isLapsed, leaseSecondsDefault, leaseSecondsMax, priorityOf, priorityWord } from './task.model.js';
import { getTask, listTasks, type NamedTask, requireTask, taskWhere } from './task.queries.js';

/** The words of the pipeline; where they lead from each other is docs/task-lifecycle.md. */
const statusWords = {
  backlog: 'BACKLOG',
  ready: 'READY',
  claimed: 'CLAIMED',
  in_progress: 'IN_PROGRESS',
  review: 'REVIEW',
  done: 'DONE',
  blocked: 'BLOCKED',
  failed: 'FAILED',
  canceled: 'CANCELED',
  cancelled: 'CANCELED',
} as const;

type StatusWord = keyof typeof statusWords;

const statusWord = z
  .enum(Object.keys(statusWords) as [StatusWord, ...StatusWord[]], {
    error: `must be one of ${Object.keys(statusWords).join(', ')}`,
  })
  .describe('Status of the pipeline.');

const priority = z
  .union([z.string().trim().max(100), z.int().min(0).max(100)])
  .refine((value) => typeof value === 'number' || priorityOf(value) !== undefined, {
    error: 'must be P0, P1, P2 or P3, or a whole number from 0 (most urgent) to 100',
  })
  .openapi({ description: 'How urgent: `P0` most, `P3` least. Default `P2`.', example: 'P1' });

const employeeId = agentRegisterInput.shape.externalId;
const { fence } = taskHeartbeatInput.shape;

const taskAnswer = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    title: z.string(),
    description: z.string().nullable(),
    required_specialization_code: z.string().nullable(),
    created_by: z.string().nullable(),
    assignee_id: z.string().nullable().openapi({ description: '`employee_id` of the agent that works on it, or did last.' }),
    priority: z.string().openapi({ example: 'P1' }),
    status: z.string().openapi({ example: 'ready' }),
    blocker: z.string().nullable(),
    release_reason: z.string().nullable(),
    lease_expires_at: instantAnswer.nullable(),
    lease_ttl_sec: z.int().nullable(),
    fence: z.int().openapi({ description: 'Number of the newest claim; send it along to be refused when it is old.' }),
    result: jsonAnswer,
    metadata: jsonObjectAnswer,
    created_at: instantAnswer,
    updated_at: instantAnswer,
    completed_at: instantAnswer.nullable(),
  })
  .openapi('CoordinatorTask');

const leaseAnswer = z
  .object({ status: z.literal('ok'), lease_expires_at: instantAnswer, fence: z.int() })
  .openapi('CoordinatorLease');

const changeAnswer = z.object({ status: z.literal('ok'), task: taskAnswer }).openapi('CoordinatorChange');

const holderFailures = {
  403: '`not_lease_owner`: somebody else holds the task.',
  404: '`task_not_found` or `agent_not_found`.',
  409: '`lease_expired`: nobody holds the task now.',
};

export const taskCoordEndpoints = [
  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/tasks',
    summary: 'Create a task.',
    description: 'It is `ready` to be claimed unless `status` is `backlog`. An unknown project is created.',
    body: z.object({
      project_id: taskCreateInput.shape.projectId,
      title: taskCreateInput.shape.title,
      description: taskCreateInput.shape.description,
      required_specialization_code: taskCreateInput.shape.requiredSpecialization,
      created_by: employeeId
        .optional()
        .describe('Who creates it, where no credential says so: somebody registered, or any name.'),
      priority: priority.optional(),
      status: z
        .enum(['ready', 'backlog'], { error: 'must be ready or backlog' })
        .default('ready')
        .describe('`ready`, the default, to have it claimed; `backlog` to park it.'),
      metadata: taskCreateInput.shape.metadata,
    }),
    answers: { 201: { description: 'The new task.', schema: taskAnswer } },
    handle: async (call) => {
      const { body } = call;
      const viewer = await speakingAs(call, body.created_by);
      const { priority: given } = body;
      const task = await call.run(
        async (services, database) => {
          const projectId = body.project_id && (await services.projects.ensure(viewer, body.project_id));
          const input = taskCreateInput.parse({
            projectId,
            title: body.title,
            description: body.description,
            requiredSpecialization: body.required_specialization_code,
            priority: typeof given === 'string' ? priorityOf(given) : given,
            status: statusWords[body.status],
            metadata: body.metadata,
          });
          const priorityLabel = typeof given === 'string' ? given : null;
          const created = await services.tasks.create(viewer, input, { source: 'COORDINATOR', priorityLabel });
          return toTask(await getTask(database.prisma, viewer, 'COORDINATOR', created.task.id), call.clock.now());
        },
        { atomic: true },
      );
      return { status: 201, body: task };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/tasks',
    summary: 'List tasks, most urgent first, oldest first within a priority.',
    query: z.object({
      status: statusWord.optional(),
      project_id: z.string().optional().describe('Only tasks of this project.'),
      specialization: z.string().optional().describe('Only tasks that require this specialization.'),
      assignee_id: z.string().optional().describe('Only tasks of this agent, by its `employee_id`.'),
      limit: integerText(1, listLimitMax, `Tasks to list at most. Default ${listLimitMax}.`).optional(),
      offset: integerText(0, 1_000_000_000, 'Tasks to leave out at the beginning. Default 0.').optional(),
    }),
    answers: { 200: { description: 'The tasks.', schema: z.array(taskAnswer) } },
    handle: async ({ query, viewer, database, clock }) => {
      const { prisma } = database;
      const projectId = query.project_id && (await findProjectId(prisma, viewer, query.project_id));
      const assignee = query.assignee_id ? await findActor(prisma, viewer, query.assignee_id) : undefined;
      if (projectId === null || assignee === null) return { status: 200, body: [] };
      const now = clock.now();
      const filter = {
        sources: ['COORDINATOR' as const],
        statuses: query.status && [statusWords[query.status]],
        projectId,
        requiredSpecialization: query.specialization,
        assigneeId: assignee?.id,
      };
      const page = { limit: query.limit ?? listLimitMax, offset: query.offset ?? 0 };
      const tasks = await listTasks(prisma, taskWhere(viewer, filter, now), page);
      return { status: 200, body: tasks.map((task) => toTask(task, now)) };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/tasks/{id}',
    summary: 'Show one task.',
    params: idParams,
    answers: { 200: { description: 'The task.', schema: taskAnswer } },
    failures: { 404: '`task_not_found`.' },
    handle: async ({ params, viewer, database, clock }) => ({
      status: 200,
      body: toTask(await getTask(database.prisma, viewer, 'COORDINATOR', params.id), clock.now()),
    }),
  }),

  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/tasks/{id}/claim',
    summary: 'Claim a ready task under a lease.',
    description:
      'Of any number of agents that claim at once exactly one succeeds. Send a task heartbeat before the lease expires, or the task is `ready` again.',
    params: idParams,
    query: z.object({ override: z.string().optional().describe('`true` does the same as in the body.') }),
    body: z.object({
      employee_id: employeeId.optional().describe('The agent that claims. Default: the one that the key belongs to.'),
      lease_ttl_sec: z
        .int()
        .min(1, 'must be at least 1')
        .default(leaseSecondsDefault)
        .describe(`Seconds that the lease lasts from now, and from each heartbeat; at most ${leaseSecondsMax} are given.`),
      override: taskClaimInput.shape.override,
    }),
    answers: { 200: { description: 'The lease.', schema: leaseAnswer } },
    failures: {
      403: '`specialization_mismatch`, or `agent_inactive`.',
      404: '`task_not_found` or `agent_not_found`.',
      409: '`task_already_claimed` (also by the agent itself) or `task_not_ready`.',
    },
    handle: async (call) => {
      const { params, query, body, viewer } = call;
      const { id: taskId } = await requireTask(call.database, viewer, 'COORDINATOR', params.id);
      const agentId = await actingAgentId(call, body.employee_id, 'employee_id');
      const leaseSeconds = Math.min(body.lease_ttl_sec, leaseSecondsMax);
      const override = body.override || query.override === 'true' || query.override === '1';
      const { task } = await call.run((services) => services.tasks.claim(viewer, { taskId, agentId, leaseSeconds, override }));
      return { status: 200, body: toLease(task) };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/tasks/{id}/heartbeat',
    summary: 'Extend the lease by its own length from now.',
    params: idParams,
    body: z.object({ employee_id: employeeId.optional().describe('The agent that holds the task.'), fence }),
    answers: { 200: { description: 'The lease.', schema: leaseAnswer } },
    failures: holderFailures,
    handle: async (call) => {
      const { params, body, viewer } = call;
      const { id: taskId } = await requireTask(call.database, viewer, 'COORDINATOR', params.id);
      const agentId = await actingAgentId(call, body.employee_id, 'employee_id');
      const { task } = await call.run((services) => services.tasks.heartbeat(viewer, { taskId, agentId, fence: body.fence }));
      return { status: 200, body: toLease(task) };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/tasks/{id}/release',
    summary: 'Give a task back: it is ready for anybody.',
    params: idParams,
    body: z.object({
      employee_id: employeeId.optional().describe('The agent that holds the task.'),
      reason: taskReleaseInput.shape.reason,
      fence,
    }),
    answers: { 200: { description: 'The task.', schema: changeAnswer } },
    failures: holderFailures,
    handle: async (call) => {
      const { params, body, viewer } = call;
      const { id: taskId } = await requireTask(call.database, viewer, 'COORDINATOR', params.id);
      const agentId = await writingAgentId(call, body.employee_id);
      const change = { taskId, agentId, fence: body.fence, reason: body.reason };
      return answerChange(call, taskId, (services) => services.tasks.release(viewer, change));
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/tasks/{id}/status',
    summary: 'Move a task along the pipeline.',
    description: 'A task under a lease obeys its holder, and people. `blocked`, `done`, `failed` and `canceled` end the lease.',
    params: idParams,
    body: z.object({
      employee_id: employeeId.optional().describe('The agent that says so.'),
      status: statusWord,
      blocker: taskSetStatusInput.shape.blocker.describe('What blocks the task; only with `blocked`. 1 to 2000 characters.'),
      fence,
    }),
    answers: { 200: { description: 'The task.', schema: changeAnswer } },
    failures: { ...holderFailures, 409: '`illegal_transition`, or `lease_expired`.' },
    handle: async (call) => {
      const { params, body, viewer } = call;
      const { id: taskId } = await requireTask(call.database, viewer, 'COORDINATOR', params.id);
      const agentId = await writingAgentId(call, body.employee_id);
      const status = statusWords[body.status];
      const blocker = status === 'BLOCKED' ? body.blocker : undefined;
      const change = { taskId, agentId, fence: body.fence, status, blocker };
      return answerChange(call, taskId, (services) => services.tasks.setStatus(viewer, change));
    },
  }),
];

/** Without a credential nobody is known to be a person, so that the agent must be named; a person who names none overrules the holder. */
async function writingAgentId(call: Pick<Call, 'viewer' | 'database'>, given: string | undefined): Promise<string | undefined> {
  if (given === undefined && call.viewer.credential.kind === 'open') {
    throw new InvalidRequestError([{ path: ['employee_id'], message: 'is required', isMissing: true }]);
  }
  return agentIdOf(call, given, 'employee_id');
}

async function answerChange(
  call: Pick<Call, 'run' | 'viewer' | 'clock'>,
  taskId: string,
  change: (services: Parameters<Parameters<Call['run']>[0]>[0]) => Promise<unknown>,
) {
  const task = await call.run(async (services, database) => {
    await change(services);
    return toTask(await getTask(database.prisma, call.viewer, 'COORDINATOR', taskId), call.clock.now());
  });
  return { status: 200, body: { status: 'ok', task } };
}

function toLease(task: { leaseExpiresAt: Date | null; fence: number }): z.input<typeof leaseAnswer> {
  if (!task.leaseExpiresAt) throw new Error('a task that was just claimed has a lease');
  return { status: 'ok', lease_expires_at: task.leaseExpiresAt.toISOString(), fence: task.fence };
}

function toTask(task: NamedTask, now: Date): z.input<typeof taskAnswer> {
  const isHeld = task.leaseExpiresAt !== null && !isLapsed(task, now);
  const assignee = isLapsed(task, now) ? null : task.assignee;
  return {
    id: task.id,
    project_id: task.project && knownId(task.project),
    title: task.title,
    description: task.description,
    required_specialization_code: task.requiredSpecialization,
    created_by: knownPerson(task.createdBy, task.createdByLabel),
    assignee_id: assignee && knownId(assignee),
    priority: priorityWord(task, ['P0', 'P1', 'P2', 'P3']),
    status: effectiveStatus(task, now).toLowerCase(),
    blocker: task.blocker,
    release_reason: task.releaseReason,
    lease_expires_at: isHeld ? (task.leaseExpiresAt?.toISOString() ?? null) : null,
    lease_ttl_sec: isHeld ? task.leaseTtlSeconds : null,
    fence: task.fence,
    result: task.result,
    metadata: task.metadata as Record<string, unknown>,
    created_at: task.createdAt.toISOString(),
    updated_at: task.updatedAt.toISOString(),
    completed_at: task.completedAt?.toISOString() ?? null,
  };
}
