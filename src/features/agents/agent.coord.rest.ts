import { z } from '@hono/zod-openapi';
import { coordinator } from '../../rest/coordinator.js';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, integerText, jsonObjectAnswer, listLimitMax } from '../../rest/fields.js';
import { actingAgentId, knownId } from '../../rest/identity.js';
import { agentHeartbeatInput, agentRegisterInput } from './agent.inputs.js';
import { healthAt, statusOfWord } from './agent.model.js';
import { agentWhere, findActor, getAgent, listAgents, type OwnedAgent } from './agent.queries.js';

const employeeId = agentRegisterInput.shape.externalId;

const agentAnswer = z
  .object({
    id: z.string().openapi({ description: 'Id that the server gave the agent; good wherever an `employee_id` is asked for.' }),
    employee_id: z.string().openapi({ example: 'code-001' }),
    name: z.string(),
    endpoint_url: z.string().nullable(),
    specialization_codes: z.array(z.string()),
    capabilities: jsonObjectAnswer,
    metadata: jsonObjectAnswer,
    owner_employee_id: z.string().nullable(),
    status: z.string().openapi({ example: 'active' }),
    health: z.string().openapi({ description: '`online`, `stale` or `offline`, by the last heartbeat.' }),
    last_heartbeat_at: instantAnswer.nullable(),
    created_at: instantAnswer,
    updated_at: instantAnswer,
  })
  .openapi('CoordinatorAgent');

export const agentCoordEndpoints = [
  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/agents/register',
    summary: 'Create or update an agent.',
    description:
      'What is left out stays as it is; registering again changes neither status nor key. The first answer shows the API key, and no later one does.',
    body: z.object({
      employee_id: employeeId,
      name: agentRegisterInput.shape.name,
      endpoint_url: agentRegisterInput.shape.endpointUrl,
      specialization_codes: agentRegisterInput.shape.specializations,
      capabilities: agentRegisterInput.shape.capabilities,
      metadata: agentRegisterInput.shape.metadata,
      owner_employee_id: employeeId.optional().describe('Who answers for the agent: somebody registered, or any name.'),
    }),
    answers: {
      200: {
        description: 'The agent as it is now.',
        schema: z
          .object({
            status: z.literal('ok'),
            agent_id: z.string(),
            agent: agentAnswer,
            api_key: z.string().optional().openapi({ description: 'Only when the agent was created by this request.' }),
            warning: z.string().optional(),
          })
          .openapi('CoordinatorRegistration'),
      },
    },
    handle: async (call) => {
      const { body, viewer, clock, healthLimits } = call;
      const { agentId, apiKey } = await call.run(async (services, database) => {
        const owner =
          body.owner_employee_id === undefined ? null : await findActor(database.prisma, viewer, body.owner_employee_id);
        const input = {
          externalId: body.employee_id,
          name: body.name,
          endpointUrl: body.endpoint_url,
          specializations: body.specialization_codes,
          capabilities: body.capabilities,
          metadata: body.metadata,
          ownerId: owner?.id,
        };
        const registered = await services.agents.register(viewer, input, {
          ownerLabel: owner ? undefined : body.owner_employee_id,
        });
        return { agentId: registered.agent.id, apiKey: registered.apiKey };
      });
      const agent = toAgent(await getAgent(call.database.prisma, viewer, agentId), { clock, healthLimits });
      const key = apiKey && { api_key: apiKey.reveal(), warning: 'Keep this key: it is not shown again.' };
      return { status: 200, body: { status: 'ok', agent_id: agentId, agent, ...key } };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/agents/heartbeat',
    summary: 'Say that an agent is alive.',
    body: z.object({
      employee_id: employeeId.optional().describe('The agent. Default: the one that the key belongs to.'),
      status: z
        .string()
        .max(100)
        .optional()
        .describe(
          '`active`, `busy` or `away`; people may also set `pending` and `inactive`. Any other word leaves the status as it is.',
        ),
      metadata: agentHeartbeatInput.shape.metadata,
    }),
    answers: {
      200: {
        description: 'Heard.',
        schema: z
          .object({ status: z.literal('ok'), next_heartbeat_sec: z.int().openapi({ example: 60 }) })
          .openapi('CoordinatorHeartbeat'),
      },
    },
    failures: { 404: '`agent_not_found`: register first.' },
    handle: async (call) => {
      const { body, viewer } = call;
      const agentId = await actingAgentId(call, body.employee_id, 'employee_id');
      const status = body.status === undefined ? undefined : statusOfWord(body.status);
      const { nextHeartbeatSeconds } = await call.run((services) =>
        services.agents.heartbeat(viewer, { agentId, status, metadata: body.metadata }),
      );
      return { status: 200, body: { status: 'ok', next_heartbeat_sec: nextHeartbeatSeconds } };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/agents',
    summary: 'List the agents, in the order in which they registered.',
    query: z.object({
      status: z.string().optional().describe('Only agents of this status, such as `active`.'),
      specialization: z.string().optional().describe('Only agents that have this specialization.'),
      owner_employee_id: z.string().optional().describe('Only agents of this owner.'),
      limit: integerText(1, listLimitMax, `Agents to list at most. Default ${listLimitMax}.`).optional(),
    }),
    answers: { 200: { description: 'The agents.', schema: z.array(agentAnswer) } },
    handle: async ({ query, viewer, database, clock, healthLimits }) => {
      const status = query.status === undefined ? undefined : statusOfWord(query.status);
      if (query.status !== undefined && status === undefined) return { status: 200, body: [] };
      const owner = query.owner_employee_id;
      const ownerActor = owner === undefined ? null : await findActor(database.prisma, viewer, owner);
      const filter = {
        statuses: status && [status],
        specialization: query.specialization,
        ownerId: ownerActor?.id,
        ownerLabel: ownerActor ? undefined : owner,
      };
      const where = agentWhere(viewer, filter, clock.now(), healthLimits);
      const agents = await listAgents(database.prisma, where, query.limit ?? listLimitMax);
      return { status: 200, body: agents.map((agent) => toAgent(agent, { clock, healthLimits })) };
    },
  }),
];

function toAgent(
  agent: OwnedAgent,
  { clock, healthLimits }: { clock: { now(): Date }; healthLimits: Parameters<typeof healthAt>[2] },
): z.input<typeof agentAnswer> {
  return {
    id: agent.id,
    employee_id: knownId(agent),
    name: agent.name,
    endpoint_url: agent.endpointUrl,
    specialization_codes: agent.specializations,
    capabilities: agent.capabilities as Record<string, unknown>,
    metadata: agent.metadata as Record<string, unknown>,
    owner_employee_id: agent.owner ? knownId(agent.owner) : agent.ownerLabel,
    status: agent.status.toLowerCase(),
    health: healthAt(agent.lastHeartbeatAt, clock.now(), healthLimits).toLowerCase(),
    last_heartbeat_at: agent.lastHeartbeatAt?.toISOString() ?? null,
    created_at: agent.createdAt.toISOString(),
    updated_at: agent.updatedAt.toISOString(),
  };
}
