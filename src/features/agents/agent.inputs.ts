import { z } from 'zod';
import { AgentStatus } from '../../database/generated/prisma/enums.js';
import { type CommandOf, code, commandInput, id, jsonObject, listOf, shortText } from '../input-fields.js';

const status = z
  .enum(AgentStatus)
  .meta({ graphql: 'AgentStatus' })
  .describe(
    'Status of the agent. An agent may set ACTIVE, BUSY or AWAY; PENDING and INACTIVE are set and lifted by people only.',
  );

const agentId = id('Id of the agent. Leave it out with an API key: the key says who calls.').optional();

export const agentRegisterInput = commandInput({
  externalId: shortText('Your own name for the agent, such as `code-001`: registering it again updates the same agent.', 255),
  name: shortText('Name that people see. Default: the external id.', 200).optional(),
  endpointUrl: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .describe('HTTP address at which the agent can be reached. At most 2000 characters.'),
  specializations: listOf(code('A specialization.'), 0, 100)
    .transform((codes) => [...new Set(codes)])
    .optional()
    .describe(
      'What the agent can do; it may claim tasks that require one of these. At most 100, each of 1 to 100 characters. Left out: unchanged.',
    ),
  capabilities: jsonObject('Anything about tools and models, as a JSON object; shown, never interpreted.').optional(),
  metadata: jsonObject('Anything of yours as a JSON object; shown, never interpreted.').optional(),
  role: shortText('Role of an orchestrator, such as `Backend Engineer`.', 200).optional(),
  discipline: shortText('Discipline of an orchestrator, such as `Engineering`.', 200).optional(),
  isOrchestrator: z.boolean().optional().describe('Whether the agent delegates and coordinates. Default false.'),
  ownerId: id(
    'Id of the user who answers for the agent and may act for it. Default: the signed-in user who registers it.',
  ).optional(),
});

export const agentHeartbeatInput = commandInput({
  agentId,
  status: status.optional(),
  metadata: jsonObject('Replaces the metadata of the agent. Left out: unchanged.').optional(),
});

export const agentSetStatusInput = commandInput({ agentId, status });

/** What an agent of the queue dialect says when it checks in; that dialect alone has this command. */
export const agentCheckInInput = commandInput({
  externalId: shortText('Id that the agent gives itself.', 255),
  host: shortText('Where the agent runs. Left out: unchanged.', 255).optional(),
  capabilities: jsonObject('What the agent can do; shown, never interpreted. Left out: unchanged.').optional(),
  metadata: jsonObject('Anything of yours; shown, never interpreted. Left out: unchanged.').optional(),
});

export type AgentRegister = CommandOf<typeof agentRegisterInput>;
export type AgentHeartbeat = CommandOf<typeof agentHeartbeatInput>;
export type AgentSetStatus = CommandOf<typeof agentSetStatusInput>;
export type AgentCheckIn = CommandOf<typeof agentCheckInInput>;
