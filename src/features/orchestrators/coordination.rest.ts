import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, instantText, jsonObjectAnswer } from '../../rest/fields.js';
import { orchestrator, orchestratorAliases } from '../../rest/orchestrator.js';
import { jsonObject, listOf, longText, storable } from '../input-fields.js';
import { findProjectId } from '../projects/project.queries.js';
import { priorityOf } from '../tasks/task.model.js';
import { collaboratorsMax, conflictTypes, defaultRole, longNoteMax, noteMax, partiesMax, roleMax } from './orchestrator.model.js';
import type { Orchestrator } from './orchestrator.queries.js';
import { enveloped, handoffContext, priority, reference } from './orchestrator.rest.js';

const params = z.object({ id: reference('Id of the orchestrator that owns the task.') });
const toVpId = reference('Id of the orchestrator that is to own the task; `toOrchestratorId` is the same.');
const taskId = reference('Id of the task.');

/** The dialect knows the tasks that orchestrators own, and no others. */
const taskSource = 'ORCHESTRATOR';

const failures = {
  400: '`VALIDATION_ERROR`: the path id, the JSON or a field is not as it must be, or the orchestrators are the same one. `DIFFERENT_ORGANIZATION`.',
  403: '`INVALID_OWNERSHIP`: the task does not belong to the orchestrator. `FORBIDDEN`: the caller may not act for it.',
  404: '`VP_COORDINATION_NOT_FOUND` (the path), `VP_NOT_FOUND` (the body) or `TASK_NOT_FOUND`.',
  429: '`RATE_LIMITED`: wait for `Retry-After` seconds.',
};

const success = z.literal(true);

export const coordinationEndpoints = [
  endpoint({
    dialect: orchestrator,
    method: 'post',
    path: '/api/orchestrators/{id}/delegate',
    summary: 'Give a task to another orchestrator for good.',
    description: 'Its status stays; `priority` and `dueDate` change it where they are given.',
    params,
    aliases: orchestratorAliases,
    body: z.object({
      toVpId,
      taskId,
      note: longText('Why, or what to mind.', noteMax).optional(),
      priority: priority.optional().openapi({ description: 'New priority of the task.' }),
      dueDate: instantText('New due date of the task; without an offset it is UTC.').optional(),
    }),
    answers: {
      200: {
        description: 'The task has another owner.',
        schema: enveloped(
          'Delegated',
          z.object({
            success,
            taskId: z.string(),
            fromVpId: z.string(),
            toVpId: z.string(),
            delegatedAt: instantAnswer,
            message: z.string(),
          }),
        ),
      },
    },
    failures,
    handle: async ({ params: { id }, body, viewer, run }) => {
      const data = await run(async (services) => {
        const { from, to, record } = await services.orchestrators.delegate(
          viewer,
          {
            fromOrchestratorId: id,
            toOrchestratorId: body.toVpId,
            taskId: body.taskId,
            note: body.note,
            priority: body.priority && priorityOf(body.priority),
            dueAt: body.dueDate,
          },
          { taskSource, priorityLabel: body.priority },
        );
        return {
          success: true,
          taskId: body.taskId,
          fromVpId: id,
          toVpId: body.toVpId,
          delegatedAt: record.createdAt.toISOString(),
          message: `Task successfully delegated from ${roleOf(from)} to ${roleOf(to)}`,
        };
      });
      return { status: 200, body: { data, message: 'Task delegated successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'post',
    path: '/api/orchestrators/{id}/collaborate',
    summary: 'Ask other orchestrators for help with a task.',
    description: 'The task keeps its owner. Whoever is named twice is asked once.',
    params,
    aliases: orchestratorAliases,
    body: z.object({
      taskId,
      requiredVpIds: listOf(reference('Id of an orchestrator.'), 1, collaboratorsMax).openapi({
        description: `Whom to ask: 1 to ${collaboratorsMax} orchestrators; \`requiredOrchestratorIds\` is the same.`,
      }),
      roles: z
        .record(z.string(), storable(z.string().max(roleMax, `must have at most ${roleMax} characters`)))
        .default({})
        .openapi({ description: `Role of each, by its id. Default \`${defaultRole}\`.` }),
      note: longText('What help is needed.', noteMax).optional(),
    }),
    answers: {
      200: {
        description: 'They were asked.',
        schema: enveloped(
          'CollaborationRequested',
          z.object({
            success,
            taskId: z.string(),
            primaryVpId: z.string(),
            collaboratorVpIds: z.array(z.string()),
            createdAt: instantAnswer,
            message: z.string(),
          }),
        ),
      },
    },
    failures,
    handle: async ({ params: { id }, body, viewer, run }) => {
      const roleFor = (vpId: string) => (Object.hasOwn(body.roles, vpId) && body.roles[vpId]?.trim()) || defaultRole;
      const collaborators = body.requiredVpIds.map((vpId) => ({ orchestratorId: vpId, role: roleFor(vpId) }));
      const data = await run(async (services) => {
        const { record, collaboratorIds } = await services.orchestrators.requestCollaboration(
          viewer,
          { fromOrchestratorId: id, taskId: body.taskId, collaborators, note: body.note },
          { taskSource },
        );
        return {
          success: true,
          taskId: body.taskId,
          primaryVpId: id,
          collaboratorVpIds: collaboratorIds,
          createdAt: record.createdAt.toISOString(),
          message: `Collaboration request sent to ${collaboratorIds.length} VP(s)`,
        };
      });
      return { status: 200, body: { data, message: 'Collaboration request sent successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'post',
    path: '/api/orchestrators/{id}/handoff',
    summary: 'Hand a task under work to another orchestrator, with its context.',
    description: 'Its status stays. `notes` come back as `handoffNotes` of the context.',
    params,
    aliases: orchestratorAliases,
    body: z.object({
      toVpId,
      taskId,
      context: jsonObject('What the next owner needs to know.').default({}),
      notes: longText('The same in words.', longNoteMax).optional(),
    }),
    answers: {
      200: {
        description: 'The task has another owner.',
        schema: enveloped(
          'HandedOff',
          z.object({
            success,
            taskId: z.string(),
            fromVpId: z.string(),
            toVpId: z.string(),
            context: jsonObjectAnswer,
            handoffAt: instantAnswer,
            message: z.string(),
          }),
        ),
      },
    },
    failures,
    handle: async ({ params: { id }, body, viewer, run }) => {
      const data = await run(async (services) => {
        const { from, to, record } = await services.orchestrators.handOff(
          viewer,
          {
            fromOrchestratorId: id,
            toOrchestratorId: body.toVpId,
            taskId: body.taskId,
            context: body.context,
            note: body.notes,
          },
          { taskSource },
        );
        return {
          success: true,
          taskId: body.taskId,
          fromVpId: id,
          toVpId: body.toVpId,
          context: handoffContext(record),
          handoffAt: record.createdAt.toISOString(),
          message: `Task handed off from ${roleOf(from)} to ${roleOf(to)}`,
        };
      });
      return { status: 200, body: { data, message: 'Task handed off successfully' } };
    },
  }),

  endpoint({
    dialect: orchestrator,
    method: 'post',
    path: '/api/orchestrators/conflicts',
    summary: 'Record how a conflict between orchestrators was settled.',
    aliases: orchestratorAliases,
    body: z.object({
      vpIds: listOf(reference('Id of an orchestrator.'), 2, partiesMax).openapi({
        description: `Between whom it was: 2 to ${partiesMax} orchestrators; \`orchestratorIds\` is the same.`,
      }),
      conflictType: z
        .enum(conflictTypes, { error: `must be one of ${conflictTypes.join(', ')}` })
        .openapi({ description: 'What it was about.' }),
      resolution: jsonObject('What was decided.'),
      taskId: taskId.optional(),
      workspaceId: reference('Id of the project that it was about; one that is none here is kept as given.').optional(),
      note: longText('Why it was decided so.', longNoteMax).optional(),
    }),
    answers: {
      200: {
        description: 'It is recorded.',
        schema: enveloped(
          'ConflictSettled',
          z.object({
            success,
            conflictType: z.enum(conflictTypes),
            involvedVpIds: z.array(z.string()),
            resolution: jsonObjectAnswer,
            resolvedAt: instantAnswer,
            message: z.string(),
          }),
        ),
      },
    },
    failures: { ...failures, 403: '`FORBIDDEN`: the caller may settle nothing between them.' },
    handle: async ({ body, viewer, run }) => {
      const { conflictType, resolution, workspaceId } = body;
      const data = await run(async (services, { prisma }) => {
        const projectId = workspaceId === undefined ? null : await findProjectId(prisma, viewer, workspaceId);
        const { record, partyIds } = await services.orchestrators.resolveConflict(
          viewer,
          {
            orchestratorIds: body.vpIds,
            conflictType,
            resolution,
            taskId: body.taskId,
            projectId: projectId ?? undefined,
            note: body.note,
          },
          { taskSource, projectLabel: projectId === null ? workspaceId : undefined },
        );
        return {
          success: true,
          conflictType,
          involvedVpIds: partyIds,
          resolution,
          resolvedAt: record.createdAt.toISOString(),
          message: `Conflict of type '${conflictType}' resolved for ${partyIds.length} VP(s)`,
        };
      });
      return { status: 200, body: { data, message: 'Conflict resolved successfully' } };
    },
  }),
];

function roleOf({ role, name }: Orchestrator): string {
  return role ?? name;
}
