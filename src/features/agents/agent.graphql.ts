import type { Actor, AgentHealth, AgentStatus } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import {
  afterEventDescription,
  EventKindRef,
  eventInterface,
  eventType,
  kindsAmong,
  onlyWanted,
  subscribeToEvents,
} from '../../graphql/event.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { isId } from '../../kernel/ids.js';
import { ActorRef } from '../actors/actor.graphql.js';
import type { EventType } from '../domain-event.js';
import { agentHeartbeatInput, agentRegisterInput, agentSetStatusInput } from './agent.inputs.js';
import { healthAt } from './agent.model.js';
import { agentWhere } from './agent.queries.js';

const AgentStatusRef = builder.enumType('AgentStatus', {
  description: 'What an agent says of itself, or what people decided about it.',
  values: {
    PENDING: { description: 'Waits for an administrator to let it work; may not claim.' },
    ACTIVE: { description: 'Works, or is ready to. Every agent begins so.' },
    BUSY: { description: 'Works, and would rather not be given more.' },
    AWAY: { description: 'Is not working for now.' },
    INACTIVE: { description: 'Was switched off by an administrator; may not claim.' },
  } satisfies Record<AgentStatus, { description: string }>,
});

const AgentHealthRef = builder.enumType('AgentHealth', {
  description: 'Whether an agent is alive, derived from its last heartbeat.',
  values: {
    ONLINE: { description: 'Was heard of lately: within 120 seconds, unless the server is set otherwise.' },
    STALE: { description: 'Has missed heartbeats: silent for over 120 seconds.' },
    OFFLINE: { description: 'Is silent for over 300 seconds, or never sent a heartbeat.' },
  } satisfies Record<AgentHealth, { description: string }>,
});

/** An agent; an orchestrator is an agent with a role. */
export const AgentRef = builder.prismaObject('Actor', {
  variant: 'Agent',
  description:
    'A program that works: it claims tasks, says things and decides. An orchestrator is an agent that coordinates others.',
  interfaces: [NodeRef, ActorRef],
  fields: (t) => ({
    externalId: t.string({
      description: 'Id given from outside when it registered: unique in the organization, never changed.',
      resolve: (agent) => agent.externalId ?? agent.id,
    }),
    publicId: t.exposeString('publicId', {
      nullable: true,
      description: 'Id of an orchestrator in its REST dialect. Null for an agent that never was one.',
    }),
    role: t.exposeString('role', {
      nullable: true,
      description: 'Role of an orchestrator, such as `Backend Engineer`. Null for others.',
    }),
    discipline: t.exposeString('discipline', { nullable: true, description: 'Discipline of an orchestrator. Null for others.' }),
    isOrchestrator: t.exposeBoolean('isOrchestrator', { description: 'Whether the agent delegates and coordinates.' }),
    endpointUrl: t.exposeString('endpointUrl', {
      nullable: true,
      description: 'HTTP address of the agent. Null when it gave none.',
    }),
    specializations: t.exposeStringList('specializations', {
      description: 'What the agent can do: it may claim tasks that require one of these, or none.',
    }),
    capabilities: t.expose('capabilities', {
      type: 'JSON',
      description: 'Tools and models of the agent, as it registered them.',
    }),
    metadata: t.expose('metadata', { type: 'JSON', description: 'Anything the agent keeps about itself.' }),
    status: t.expose('status', {
      type: AgentStatusRef,
      description: 'What the agent says of itself, or what people decided about it.',
    }),
    health: t.field({
      type: AgentHealthRef,
      description: 'Whether the agent is alive, as of now.',
      resolve: (agent, _args, context) => healthAt(agent.lastHeartbeatAt, context.clock.now(), context.healthLimits),
    }),
    lastHeartbeatAt: t.expose('lastHeartbeatAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the agent was last heard of. Null when it never was.',
    }),
    owner: t.relation('owner', {
      type: ActorRef,
      nullable: true,
      description: 'User who answers for the agent. Null when nobody does.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the agent first registered.' }),
  }),
});

export const agentConnection = connectionOf('Agent', AgentRef);

const AgentFilterRef = builder.inputType('AgentFilter', {
  description: 'Which agents; every part that is given must hold.',
  fields: (t) => ({
    agentId: t.id({ description: 'This agent only.' }),
    statuses: t.field({ type: [AgentStatusRef], description: 'Any of these statuses.' }),
    healths: t.field({ type: [AgentHealthRef], description: 'Any of these healths, as of now.' }),
    specialization: t.string({ description: 'Agents that have this specialization.' }),
    ownerId: t.id({ description: 'Agents of this owner.' }),
    isOrchestrator: t.boolean({ description: 'Only orchestrators, or only others.' }),
    holdsTask: t.boolean({ description: 'Only agents that hold a task now, or only those that hold none.' }),
    text: t.string({
      description: 'Agents with this text in their name, external id or role, in any case, or with exactly this specialization.',
    }),
  }),
});

builder.queryField('agent', (t) =>
  t.prismaField({
    type: AgentRef,
    nullable: true,
    description: 'One agent, by its id or by the id it was given from outside. Null when there is none.',
    args: {
      id: t.arg.id({ description: 'Id of the agent.' }),
      externalId: t.arg.string({ description: 'Id given from outside.' }),
    },
    resolve: (query, _root, { id, externalId }, { prisma, viewer }) => {
      if (id) {
        return isId(id)
          ? prisma.actor.findUnique({ ...query, where: { id, organizationId: viewer.organizationId, kind: 'AGENT' } })
          : null;
      }
      if (!externalId) return null;
      const organizationId = viewer.organizationId;
      return prisma.actor.findUnique({
        ...query,
        where: { organizationId_externalId: { organizationId, externalId }, kind: 'AGENT' },
      });
    },
  }),
);

builder.queryField('agents', (t) =>
  t.prismaConnection(
    {
      type: AgentRef,
      cursor: 'organizationId_id',
      description: 'Agents of the organization, in the order in which they first registered.',
      args: { filter: t.arg({ type: AgentFilterRef, description: 'Which agents. Default: all.' }) },
      resolve: (query, _root, args, { prisma, viewer, clock, healthLimits }) =>
        prisma.actor.findMany(pageById(query, agentWhere(viewer, args.filter, clock.now(), healthLimits), 'asc')),
    },
    ...agentConnection,
  ),
);

/** The payload field that the commands on an agent share. */
const agentField = {
  type: AgentRef,
  nullable: true,
  description: 'The agent as it is now. Null on errors.',
  resolve: (payload: { agent: Actor | null }) => payload.agent,
} as const;

mutation('agentRegister', {
  description:
    'Register an agent, or update its profile: what is left out stays as it is. The first time, the answer shows the API key of the agent, and never again.',
  input: agentRegisterInput,
  run: (services, context, input) => services.agents.register(context.viewer, input),
  payload: (t) => ({
    agent: t.field(agentField),
    apiKey: t.string({
      nullable: true,
      description:
        'Credential of the agent: send it as `Authorization: Bearer ...` and keep it safe. Only when the agent was created by this very request; null otherwise, also when an idempotent request is repeated.',
      resolve: (payload) => payload.apiKey?.reveal() ?? null,
    }),
  }),
});

mutation('agentHeartbeat', {
  description:
    'Say that an agent is alive, and optionally what it does. Send it every `nextHeartbeatSeconds`; silence makes the agent STALE, then OFFLINE.',
  input: agentHeartbeatInput,
  run: (services, context, input) => services.agents.heartbeat(context.viewer, input),
  payload: (t) => ({
    agent: t.field(agentField),
    nextHeartbeatSeconds: t.int({
      nullable: true,
      description: 'Seconds after which to send the next heartbeat. Null on errors.',
      resolve: (payload) => payload.nextHeartbeatSeconds,
    }),
  }),
});

mutation('agentSetStatus', {
  description: 'Set the status of an agent. Agents may set ACTIVE, BUSY or AWAY for themselves; people may set any.',
  input: agentSetStatusInput,
  run: (services, context, input) => services.agents.setStatus(context.viewer, input),
  payload: (t) => ({
    agent: t.field(agentField),
  }),
});

const AgentEventRef = eventInterface('AgentEvent', 'Something that happened to an agent.', (t) => ({
  agent: t.prismaField({
    type: AgentRef,
    description: 'The agent, as it is when the event is delivered.',
    resolve: (query, event, _args, context) =>
      context.prisma.actor.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));

eventType('AgentRegistered', AgentEventRef);
eventType('AgentUpdated', AgentEventRef);
eventType('AgentStatusChanged', AgentEventRef, (t) => ({
  before: t.field({
    type: AgentStatusRef,
    description: 'Status until then.',
    resolve: (event) => event.data.before as AgentStatus,
  }),
  after: t.field({
    type: AgentStatusRef,
    description: 'Status from then on.',
    resolve: (event) => event.data.after as AgentStatus,
  }),
}));
eventType('AgentHealthChanged', AgentEventRef, (t) => ({
  before: t.field({
    type: AgentHealthRef,
    description: 'Health until then.',
    resolve: (event) => event.data.before as AgentHealth,
  }),
  after: t.field({
    type: AgentHealthRef,
    description: 'Health from then on.',
    resolve: (event) => event.data.after as AgentHealth,
  }),
}));

const agentEventTypes = [
  'AgentRegistered',
  'AgentUpdated',
  'AgentStatusChanged',
  'AgentHealthChanged',
] as const satisfies EventType[];

builder.subscriptionField('agentEvents', (t) =>
  t.field({
    type: AgentEventRef,
    description: 'Agents that register, change their status, fall silent or come back.',
    args: {
      filter: t.arg({
        type: AgentFilterRef,
        description: 'Events of which agents, as they are when the event is delivered. Default: all.',
      }),
      kinds: t.arg({ type: [EventKindRef], description: 'Events of these kinds. Default: all about agents.' }),
      after: t.arg.string({ description: afterEventDescription }),
    },
    subscribe: (_root, { filter, kinds, after }, context) => {
      const { agentId, ...rest } = filter ?? {};
      const events = subscribeToEvents(context, { types: kindsAmong(agentEventTypes, kinds), agentId }, after);
      if (Object.values(rest).every((part) => part == null)) return events;
      const { prisma, viewer, clock, healthLimits } = context;
      return onlyWanted(events, async ({ subjectId }) => {
        const where = agentWhere(viewer, rest, clock.now(), healthLimits);
        return (await prisma.actor.count({ where: { AND: [where, { id: subjectId }] } })) > 0;
      });
    },
    resolve: (event) => event,
  }),
);
