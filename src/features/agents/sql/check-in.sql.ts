import { columns } from '../../../database/columns.js';
import type { Statement } from '../../../database/database.js';
import { Prisma } from '../../../database/generated/prisma/client.js';
import { logHealth } from './health.sql.js';

/** `host` and `capabilities` of a row, those that the check-in changed. */
const changedProfile = (host: string, capabilities: string) => `
    case when before_host is distinct from host then jsonb_build_object('host', ${host}) else '{}' end
    || case when before_capabilities <> capabilities then jsonb_build_object('capabilities', ${capabilities}) else '{}' end`;

/**
 * Records the check-in of an agent of the queue dialect: it is ONLINE from now, and every lease that it holds on a task
 * of that dialect lasts again its whole length. That dialect knows no heartbeat of a task, so an agent speaks for all
 * that it does; a lease that has lapsed is not brought back.
 * Host, capabilities and metadata change where given; a change of host or capabilities is an event.
 * The row is not locked against references to it: a claim of the same agent must not wait for its check-in, nor the other
 * way round.
 * The events name the agent itself as the one who did it.
 * Values: 1 organization, 2 agent, 3 host or null, 4 capabilities (JSON) or null, 5 metadata (JSON) or null.
 */
export const checkInStatement: Statement = {
  name: 'agent-check-in',
  text: `
with before as (
  select id, health, host, capabilities from actor
  where id = $2::uuid and organization_id = $1::uuid and kind = 'AGENT' for no key update
), changed as (
  update actor set last_heartbeat_at = clock_timestamp(), health = 'ONLINE', host = coalesce($3::text, actor.host),
    capabilities = coalesce($4::jsonb, actor.capabilities), metadata = coalesce($5::jsonb, actor.metadata),
    updated_at = clock_timestamp()
  from before where actor.id = before.id
  returning actor.*, before.health as before_health, before.host as before_host, before.capabilities as before_capabilities
), extended as (
  update task set lease_expires_at = clock_timestamp() + make_interval(secs => task.lease_ttl_seconds)
  from before
  where task.holder_id = before.id and task.source = 'QUEUE' and task.lease_expires_at > clock_timestamp()
), logged_health as (${logHealth('$2::uuid, null')}
), logged_profile as (
  insert into event (organization_id, type, actor_id, actor_label, subject_id, agent_id, data)
  select organization_id, 'AgentUpdated', $2::uuid, null, id, id,
    jsonb_build_object('before', ${changedProfile('before_host', 'before_capabilities')},
      'after', ${changedProfile('host', 'capabilities')})
  from changed where before_host is distinct from host or before_capabilities <> capabilities
)
select ${columns(Prisma.ActorScalarFieldEnum, 'changed')} from changed`,
};
