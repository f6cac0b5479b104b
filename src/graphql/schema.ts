import type { GraphQLSchema } from 'graphql';
import { closeRootFields } from '../auth/root-access.graphql.js';
import './scalars.js';
import '../auth/viewer.graphql.js';
import '../features/actors/actor.graphql.js';
import '../features/agents/agent.graphql.js';
import '../features/api-keys/api-key.graphql.js';
import '../features/decisions/decision.graphql.js';
import '../features/execution-logs/execution-log.graphql.js';
import '../features/jobs/job.events.graphql.js';
import '../features/jobs/job.graphql.js';
import '../features/memory/memory.graphql.js';
import '../features/messages/message.commands.graphql.js';
import '../features/messages/message.events.graphql.js';
import '../features/messages/message.graphql.js';
import '../features/orchestrators/orchestrator.events.graphql.js';
import '../features/orchestrators/orchestrator.graphql.js';
import '../features/organizations/organization.graphql.js';
import '../features/plans/plan.graphql.js';
import '../features/projects/note.graphql.js';
import '../features/projects/project.graphql.js';
import '../features/settings/setting.graphql.js';
import '../features/pull-requests/pull-request.graphql.js';
import '../features/tasks/activity.graphql.js';
import '../features/tasks/specialization.graphql.js';
import '../features/tasks/task.commands.graphql.js';
import '../features/tasks/task.events.graphql.js';
import '../features/tasks/task.graphql.js';
import '../features/tickets/ticket-completion.graphql.js';
import '../features/tickets/ticket.graphql.js';
import '../features/users/session.graphql.js';
import '../features/users/user.graphql.js';
import './clock.graphql.js';
import './event-log.graphql.js';
import './node.graphql.js';
import { builder } from './builder.js';

/** The whole schema: every feature's types on the one builder. `schema.graphql` is its printed form. */
export function buildSchema(): GraphQLSchema {
  return closeRootFields(builder.toSchema());
}
