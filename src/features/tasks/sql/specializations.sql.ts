import type { Statement } from '../../../database/database.js';

/** One specialization that ready tasks require or that agents have. */
export interface SpecializationRow {
  name: string;
  /** READY tasks that require it. */
  readyCount: number;
  /** Agents that have it and may claim. */
  agentCount: number;
  /** Those of them that are ONLINE. */
  onlineAgentCount: number;
}

/** $1 organization, $2 instant since which an agent must have been heard of to be online. The tasks are counted on the index that claims walk. */
export const specializationsStatement: Statement = {
  name: 'task_specializations',
  text: `
with demand as (
  select required_specialization as name, count(*)::int as ready
  from task
  where organization_id = $1 and status = 'READY' and required_specialization is not null
  group by required_specialization
), supply as (
  select specialization as name, count(*)::int as agents, (count(*) filter (where last_heartbeat_at > $2))::int as online
  from actor, unnest(specializations) as specialization
  where organization_id = $1 and kind = 'AGENT' and status not in ('PENDING', 'INACTIVE')
  group by specialization
)
select name, coalesce(ready, 0) as "readyCount", coalesce(agents, 0) as "agentCount", coalesce(online, 0) as "onlineAgentCount"
from demand full join supply using (name)
order by name
limit 1000`,
};
