import { columns } from '../../../database/columns.js';
import { type Database, type SharedStatement, type Statement, taking } from '../../../database/database.js';
import { type Actor, type AgentStatus, Prisma } from '../../../database/generated/prisma/client.js';
import { rowsOf } from '../../../database/rows-of.js';

/** Logs the change of health of the rows of `changed`; `label` is who did it, as the columns actor_id and actor_label. */
export const logHealth = (label: string) => `
  insert into event (organization_id, type, actor_id, actor_label, subject_id, agent_id, data)
  select organization_id, 'AgentHealthChanged', ${label}, id, id, jsonb_build_object('before', before_health, 'after', health)
  from changed where before_health <> health`;

/** A sign of life, and what the agent says of itself. */
export interface AgentSign {
  organizationId: string;
  agentId: string;
  /** Null leaves it. */
  status: AgentStatus | null;
  /** A JSON object; null leaves it. */
  metadata: object | null;
}

interface SeenAgent extends Actor {
  /** Whether there was more to tell than that it is alive. */
  hasChanged: boolean;
}

/** Records heartbeats of many agents. Answers null where there is no such agent, and for a row that cannot be had at once. */
export const agentHeartbeats: SharedStatement<AgentSign, Actor | null> = {
  name: 'agent-heartbeats',
  weightMax: 100,
  keyOf: ({ agentId }) => agentId.toLowerCase(),
  run: async (sql, items) => {
    const rows = await sql.write<SeenAgent>(agentHeartbeatsStatement, [JSON.stringify(items)], isWorthTelling);
    return rowsOf(
      items.map(({ agentId }) => agentId),
      rows,
    );
  },
};

/** Records the heartbeat of one agent, waiting for its row. */
export async function agentHeartbeat(database: Database, sign: AgentSign): Promise<Actor | null> {
  const [agent] = await database.write<SeenAgent>(agentHeartbeatStatement, [JSON.stringify([sign])], isWorthTelling);
  return agent ?? null;
}

function isWorthTelling(rows: SeenAgent[]): boolean {
  return rows.some(({ hasChanged }) => hasChanged);
}

const agentHeartbeatsStatement = heartbeat('agent-heartbeats', taking.shared('actor'));
const agentHeartbeatStatement = heartbeat('agent-heartbeat', taking.alone('actor'));

/**
 * Agents are ONLINE from now, which is an event only when one was not. Status and metadata change where given; a change of
 * status is an event of its own. The event names the agent itself as the one who did it, since a heartbeat is its own sign of life.
 * Values: signs (JSON).
 */
function heartbeat(name: string, { condition, lock }: { condition: string; lock: string }): Statement {
  return {
    name,
    text: `
with wanted as materialized (
  select * from json_to_recordset($1::json) as wanted("organizationId" uuid, "agentId" uuid, status "AgentStatus", metadata jsonb)
), before as materialized (
  select actor.id, actor.health, actor.status, wanted.status as new_status, wanted.metadata as new_metadata
  from wanted join actor on actor.id = wanted."agentId" and actor.organization_id = wanted."organizationId"
  where actor.id = any(array(select "agentId" from wanted)) and actor.kind = 'AGENT' and ${condition}
  order by actor.id ${lock}
), changed as (
  update actor set last_heartbeat_at = clock_timestamp(), health = 'ONLINE',
    status = coalesce(before.new_status, actor.status), metadata = coalesce(before.new_metadata, actor.metadata),
    updated_at = clock_timestamp()
  from before where actor.id = before.id
  returning actor.*, before.health as before_health, before.status as before_status
), logged_health as (${logHealth('id, null')}
), logged_status as (
  insert into event (organization_id, type, actor_id, actor_label, subject_id, agent_id, data)
  select organization_id, 'AgentStatusChanged', id, null, id, id, jsonb_build_object('before', before_status, 'after', status)
  from changed where before_status <> status
)
select ${columns(Prisma.ActorScalarFieldEnum, 'changed')}, before_health <> health or before_status <> status as "hasChanged" from changed`,
  };
}

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
