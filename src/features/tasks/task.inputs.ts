import { z } from 'zod';
import { TaskSource, TaskStatus } from '../../database/generated/prisma/enums.js';
import {
  type CommandOf,
  code,
  commandInput,
  id,
  instant,
  jsonObject,
  jsonValue,
  listOf,
  longText,
  shortText,
  title,
  wholeNumber,
} from '../input-fields.js';
import { claimCountMax, createCountMax, leaseSecondsDefault, leaseSecondsMax } from './task.model.js';

const taskId = id('Id of the task.');

const agentId = id(
  'Id of the agent that acts. Leave it out with an API key: the key says who acts. People and administrators name the agent they act for.',
).optional();

const fence = wholeNumber(1, 2_147_483_647)
  .optional()
  .describe(
    'Fence of the lease, as the claim answered it. Send it always: a write with an old fence is refused, so a stalled agent cannot write over a new holder.',
  );

const leaseSeconds = wholeNumber(1, leaseSecondsMax)
  .default(leaseSecondsDefault)
  .describe(
    `Seconds that the lease lasts from now, and from each heartbeat. 1 to ${leaseSecondsMax}, default ${leaseSecondsDefault}.`,
  );

export const priority = wholeNumber(0, 100).describe('Urgency of the task: 0 is most urgent, 100 least. Default 50.');
const requiredSpecialization = code('Specialization that an agent must have to claim the task. None: every agent may.');
export const dueAt = instant('Time at which the task should be done; must lie in the future.').refine(
  (value) => value.getTime() > Date.now(),
  {
    error: 'must lie in the future',
  },
);
const description = longText('What is to be done, in Markdown.', 100_000);
const kind = code('Kind of work, free text such as `general`, `code` or `review`; agents may claim by it. Default `general`.');
const modelTier = code(
  'Size of model that the work needs, free text such as `light`, `standard` or `heavy`. Default `standard`.',
);
const metadata = jsonObject('Anything of yours as a JSON object; the server keeps it and never looks inside.');

const taskFields = {
  title: title('What is to be done, in one line.'),
  description: description.optional(),
  projectId: id('Id of the project that the task belongs to.').optional(),
  orchestratorId: id(
    'Id of the orchestrator that is to own the task. The task then has the source ORCHESTRATOR and a public id, so that clients of that dialect see it too.',
  ).optional(),
  priority: priority.default(50),
  requiredSpecialization: requiredSpecialization.optional(),
  kind: kind.default('general'),
  modelTier: modelTier.default('standard'),
  status: z
    .enum(TaskStatus)
    .meta({ graphql: 'TaskStatus' })
    .refine((status) => status === 'READY' || status === 'BACKLOG', { error: 'must be READY or BACKLOG' })
    .default('READY')
    .describe('READY, the default, to have it claimed; BACKLOG to park it.'),
  dueAt: dueAt.optional(),
  metadata: metadata.default({}),
};

export const taskCreateInput = commandInput({ ...taskFields });

export const taskCreateManyInput = commandInput({
  tasks: listOf(
    z.object(taskFields).meta({ graphql: 'TaskCreateManyItemInput', description: 'One of the tasks to create.' }),
    1,
    createCountMax,
  ).describe(`Tasks to create, 1 to ${createCountMax}; all of them or, on any error, none.`),
});

export const taskUpdateInput = commandInput({
  taskId,
  title: title('New title.').optional(),
  description: description.nullable().optional(),
  projectId: id('Id of the project to move the task to; null takes it out of its project.').nullable().optional(),
  priority: priority.optional(),
  requiredSpecialization: requiredSpecialization.nullable().optional(),
  kind: kind.optional(),
  modelTier: modelTier.optional(),
  dueAt: dueAt.nullable().optional(),
  metadata: metadata.optional(),
  expectedUpdatedAt: instant(
    '`updatedAt` of the task as you read it: when anything changed the task since, heartbeats aside, nothing is written and the error is a TaskChangedError. Left out: what you send is written over whatever is there.',
  ).optional(),
});

export const taskClaimInput = commandInput({
  taskId,
  agentId,
  leaseSeconds,
  override: z
    .boolean()
    .default(false)
    .describe('True claims although the agent lacks the required specialization; bypasses no other check, and is recorded.'),
});

export const taskClaimNextInput = commandInput({
  agentId,
  leaseSeconds,
  projectId: id('Claim only from this project.').optional(),
  kinds: listOf(code('A kind of work.'), 1, 50)
    .optional()
    .describe('Claim only tasks of these kinds: at most 50, each of 1 to 100 characters.'),
  modelTiers: listOf(code('A model tier.'), 1, 50)
    .optional()
    .describe('Claim only tasks of these model tiers: at most 50, each of 1 to 100 characters.'),
  sources: listOf(z.enum(TaskSource).meta({ graphql: 'TaskSource' }), 1, Object.keys(TaskSource).length)
    .optional()
    .describe('Claim only tasks that came in by these faces. Default: all.'),
  count: wholeNumber(1, claimCountMax).default(1).describe(`Tasks to claim at most, 1 to ${claimCountMax}, default 1.`),
});

export const taskHeartbeatInput = commandInput({ taskId, agentId, fence });

export const taskReleaseInput = commandInput({
  taskId,
  agentId,
  fence,
  reason: shortText('Why the task is given back; kept as `releaseReason`.', 2000).optional(),
});

export const taskSetStatusInput = commandInput({
  taskId,
  agentId,
  fence,
  status: z
    .enum(TaskStatus)
    .meta({ graphql: 'TaskStatus' })
    .describe('Status to go to. Claiming, releasing, completing, failing and canceling have mutations of their own.'),
  blocker: shortText('What blocks the task; only with BLOCKED.', 2000).optional(),
}).refine((input) => input.blocker === undefined || input.status === 'BLOCKED', {
  path: ['blocker'],
  error: 'goes only with the status BLOCKED',
});

export const taskCompleteInput = commandInput({
  taskId,
  agentId,
  fence,
  result: jsonValue('What came of the work, as any JSON.').optional(),
});

export const taskFailInput = commandInput({
  taskId,
  agentId,
  fence,
  reason: shortText('Why it failed.', 2000).optional(),
  result: jsonValue('What came of the work, as any JSON.').optional(),
});

export const taskCancelInput = commandInput({
  taskId,
  agentId,
  fence,
  reason: shortText('Why it is canceled.', 2000).optional(),
});

export const taskResetInput = commandInput({
  taskId,
  agentId,
  fence,
  reason: shortText('Why it is done again; kept as `releaseReason`.', 2000).optional(),
});

export type TaskCreate = CommandOf<typeof taskCreateInput>;
export type TaskCreateMany = CommandOf<typeof taskCreateManyInput>;
export type TaskUpdate = CommandOf<typeof taskUpdateInput>;
export type TaskClaim = CommandOf<typeof taskClaimInput>;
export type TaskClaimNext = CommandOf<typeof taskClaimNextInput>;
export type TaskHeartbeat = CommandOf<typeof taskHeartbeatInput>;
export type TaskRelease = CommandOf<typeof taskReleaseInput>;
export type TaskSetStatus = CommandOf<typeof taskSetStatusInput>;
export type TaskComplete = CommandOf<typeof taskCompleteInput>;
export type TaskFail = CommandOf<typeof taskFailInput>;
export type TaskCancel = CommandOf<typeof taskCancelInput>;
export type TaskReset = CommandOf<typeof taskResetInput>;
