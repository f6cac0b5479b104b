import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, integerText, jsonObjectAnswer } from '../../rest/fields.js';
import { knownId } from '../../rest/identity.js';
import { agentIdHeader, agentNameIn, queue } from '../../rest/queue.js';
import { ValidationError } from '../validation-error.js';
import { agentCheckInInput } from './agent.inputs.js';
import { agentsByName } from './agent.queries.js';

const agentAnswer = z
  .object({
    id: z.string().openapi({ description: 'Id that the agent gave itself.', example: 'otter' }),
    host: z.string().optional().openapi({ description: 'Where it runs; left out until it has said so.' }),
    last_heartbeat: instantAnswer.nullable(),
    capabilities: jsonObjectAnswer,
    metadata: jsonObjectAnswer,
  })
  .openapi('QueueAgent');

export const agentQueueEndpoints = [
  endpoint({
    dialect: queue,
    method: 'get',
    path: '/agents',
    summary: 'List the registered agents, by id.',
    query: z.object({
      limit: integerText(1, 1000, 'Most agents to list, default 1000.').default(1000),
      offset: integerText(0, 1_000_000_000, 'Agents to leave out at the beginning, default 0.').default(0),
    }),
    answers: { 200: { description: 'The agents.', schema: z.array(agentAnswer) } },
    async handle({ viewer, database, query }) {
      const agents = await agentsByName(database.prisma, viewer, query);
      return { status: 200, body: agents.map(show) };
    },
  }),

  endpoint({
    dialect: queue,
    method: 'post',
    path: '/agents/heartbeat',
    summary: 'Say that an agent is alive, and what it can do.',
    description:
      'Registers an agent that is not known yet. Every claim that the agent holds lasts again its whole length from now. What is left out stays as it was.',
    headers: agentIdHeader,
    body: z
      .object({
        agent_id: agentCheckInInput.shape.externalId.optional().describe('Id of the agent; goes before the header.'),
        host: agentCheckInInput.shape.host,
        capabilities: agentCheckInInput.shape.capabilities,
        metadata: agentCheckInInput.shape.metadata,
      })
      .openapi('QueueHeartbeat'),
    answers: { 200: { description: 'The agent.', schema: agentAnswer } },
    async handle(call) {
      const { agent_id: nameInBody, ...profile } = call.body;
      const externalId = nameInBody ?? agentNameIn(call);
      if (externalId === undefined) throw new ValidationError(['agent_id'], 'agent_id is required.');
      const { agent } = await call.run((services) => services.agents.checkIn(call.viewer, { externalId, ...profile }));
      return { status: 200, body: show(agent) };
    },
  }),
];

type ShownAgent = Awaited<ReturnType<typeof agentsByName>>[number];

function show(agent: ShownAgent): z.output<typeof agentAnswer> {
  return {
    id: knownId(agent),
    ...(agent.host !== null && { host: agent.host }),
    last_heartbeat: agent.lastHeartbeatAt?.toISOString() ?? null,
    capabilities: agent.capabilities as Record<string, unknown>,
    metadata: agent.metadata as Record<string, unknown>,
  };
}
