import type { Statement } from '../../../database/database.js';
import { claimantIsActive, hasSpecialization, leaseHasLapsed, obstaclesOf, obstacleToAll } from './claimable.sql.js';

/** Every reason why one agent cannot claim one task, with the facts that explain them. Values: organization, task, claimant. */
export const taskObstaclesStatement: Statement = {
  name: 'task-obstacles',
  text: `
select ${obstaclesOf} as obstacles, ${leaseHasLapsed} as "isLapsed", task.status, task.required_specialization as "requiredSpecialization",
       task.holder_id as "holderId", holder.name as "holderName", task.lease_expires_at as "leaseExpiresAt",
       claimant.specializations
from task
join actor as claimant on claimant.id = $3::uuid and claimant.organization_id = $1::uuid
left join actor as holder on holder.id = task.holder_id
where task.id = $2::uuid and task.organization_id = $1::uuid`,
};

/** The reasons for which no agent at all can claim one task. Values: organization, task. */
export const obstaclesToAllStatement: Statement = {
  name: 'task-obstacles-to-all',
  text: `
select array_remove(array[
         ${obstacleToAll},
         case when task.required_specialization is not null and not exists (
           select from actor as claimant
           where claimant.organization_id = $1::uuid and claimant.kind = 'AGENT' and ${claimantIsActive} and ${hasSpecialization}
         ) then 'SPECIALIZATION_MISMATCH' end
       ], null) as obstacles, ${leaseHasLapsed} as "isLapsed", task.status, task.required_specialization as "requiredSpecialization",
       task.holder_id as "holderId", holder.name as "holderName", task.lease_expires_at as "leaseExpiresAt",
       '{}'::text[] as specializations
from task
left join actor as holder on holder.id = task.holder_id
where task.id = $2::uuid and task.organization_id = $1::uuid`,
};

/** Tasks that are looked at to explain an empty claim; counts stop there, so that explaining stays cheap on a long queue. */
const obstacleScanLimit = 10_000;

/**
 * Counts, for an agent that got nothing, unfinished tasks by the first reason why it cannot have them. A reason of null means that it could: the claim met a lock, and may try again.
 * Values: organization, claimant, project or null, kinds or null, model tiers or null, sources or null.
 */
export const obstacleCountsStatement: Statement = {
  name: 'task-obstacle-counts',
  text: `
select obstacle as code, count(*)::int as count from (
  select (${obstaclesOf})[1] as obstacle
  from actor as claimant
  cross join lateral (
    select * from task
    where organization_id = $1::uuid and status in ('BACKLOG', 'READY', 'CLAIMED', 'IN_PROGRESS', 'REVIEW', 'BLOCKED')
      and ($3::uuid is null or project_id = $3::uuid)
      and ($4::text[] is null or kind = any($4::text[])) and ($5::text[] is null or model_tier = any($5::text[]))
      and ($6::"TaskSource"[] is null or source = any($6::"TaskSource"[]))
    limit ${obstacleScanLimit}
  ) as task
  where claimant.id = $2::uuid and claimant.organization_id = $1::uuid
) as obstacles
group by obstacle`,
};

/** Whether an agent may claim at all. Values: organization, claimant. */
export const claimantStatement: Statement = {
  name: 'task-claimant',
  text: `select ${claimantIsActive} as "isActive" from actor as claimant where id = $2::uuid and organization_id = $1::uuid`,
};
