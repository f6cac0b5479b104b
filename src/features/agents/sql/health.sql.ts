import { columns } from '../../../database/columns.js';
import type { Statement } from '../../../database/database.js';
import { Prisma } from '../../../database/generated/prisma/client.js';

/** Logs the change of health of the rows of `changed`; `label` is who did it, as the columns actor_id and actor_label. */
export const logHealth = (label: string) => `
  insert into event (organization_id, type, actor_id, actor_label, subject_id, agent_id, data)
  select organization_id, 'AgentHealthChanged', ${label}, id, id, jsonb_build_object('before', before_health, 'after', health)
  from changed where before_health <> health`;

/**
 * Records a heartbeat: the agent is ONLINE from now, which is an event only when it was not. Status and metadata change
 * where given; a change of status is an event of its own.
 * The event names the agent itself as the one who did it, since a heartbeat is its own sign of life.
 * Values: 1 organization, 2 agent, 3 status or null, 4 metadata (JSON) or null.
 */
export const agentHeartbeatStatement: Statement = {
  name: 'agent-heartbeat',
  text: `
with before as (
  select id, health, status from actor where id = $2::uuid and organization_id = $1::uuid and kind = 'AGENT' for no key update
), changed as (
  update actor set last_heartbeat_at = clock_timestamp(), health = 'ONLINE',
    status = coalesce($3::"AgentStatus", actor.status), metadata = coalesce($4::jsonb, actor.metadata), updated_at = clock_timestamp()
  from before where actor.id = before.id
  returning actor.*, before.health as before_health, before.status as before_status
), logged_health as (${logHealth('$2::uuid, null')}
), logged_status as (
  insert into event (organization_id, type, actor_id, actor_label, subject_id, agent_id, data)
  select organization_id, 'AgentStatusChanged', $2::uuid, null, id, id, jsonb_build_object('before', before_status, 'after', status)
  from changed where before_status <> status
)
select ${columns(Prisma.ActorScalarFieldEnum, 'changed')} from changed`,
};

/** Agents that one sweep marks at most. */
const sweepBatchSize = 500;

/**
 * Marks agents that have been silent for too long STALE or OFFLINE, each with an event.
 * Answers the database's time and when the next agent falls due; null when none can.
 * Values: seconds to STALE, seconds to OFFLINE.
 */
export const healthSweepStatement: Statement = {
  name: 'agent-health-sweep',
  text: `
with due as materialized (
  select id, health as before_health,
    case when last_heartbeat_at <= statement_timestamp() - make_interval(secs => $2::int) then 'OFFLINE' else 'STALE' end::"AgentHealth" as health
  from actor
  where health <> 'OFFLINE' and last_heartbeat_at <= statement_timestamp() - make_interval(secs => $1::int)
    and (health = 'ONLINE' or last_heartbeat_at <= statement_timestamp() - make_interval(secs => $2::int))
  order by last_heartbeat_at limit ${sweepBatchSize} for no key update skip locked
), changed as (
  update actor set health = due.health from due where actor.id = due.id
  returning actor.*, due.before_health
), logged as (${logHealth(`null::uuid, 'system'`)}
)
select (select count(*)::int from changed) as "changedCount", clock_timestamp() as "databaseTime",
  (select min(last_heartbeat_at + make_interval(secs => case when health = 'ONLINE' then $1::int else $2::int end))
   from actor where health <> 'OFFLINE' and id not in (select id from due)) as "nextDueAt"`,
};
