import type { Statement } from '../../../database/database.js';
import { leaseHasLapsed } from './claimable.sql.js';
import { holdsLease } from './heartbeat.sql.js';
import { logChanged, taskColumns } from './task-rows.sql.js';

/** That the newest claim of the task was the acting agent's, and ended by expiry. */
const hasExpired = `exists (
        select from task_attempt as attempt
        where attempt.task_id = task.id and attempt.fence = task.fence and attempt.holder_id = $3::uuid and attempt.outcome = 'EXPIRED')`;

/**
 * Moves a task from one of the given statuses to another: release, status, complete, fail, cancel and reset are all this.
 *
 * Refused (no row) when the caller may not: somebody else holds the task, the fence is old, or the lease has lapsed. An
 * agent whose own last claim of an unclaimed task ended by expiry is refused too: it may still think that it holds it. A
 * person overrules the holder; nobody overrules a given fence; who created a task may cancel it. Entering a status without a lease ends the lease and the
 * attempt in the same statement. A reset also clears the result.
 *
 * Values: 1 organization, 2 task, 3 acting actor or null, 4 label of the caller when no actor, 5 overrules the holder,
 * 6 fence or null, 7 statuses to come from, 8 status to go to, 9 ends the lease, 10 outcome of the attempt,
 * 11 event type, 12 reason or null, 13 result (JSON) or null.
 */
export const transitionStatement: Statement = {
  name: 'task-transition',
  text: `
with before as (
  select id, status, holder_id from task where id = $2::uuid and organization_id = $1::uuid for no key update
), changed as (
  update task set
    status = $8::"TaskStatus",
    blocker = case when $8 = 'BLOCKED' then $12 end,
    release_reason = case when $8 = 'READY' then $12 end,
    failure_reason = case when $8 = 'FAILED' then $12 end,
    result = case when $11 <> 'TaskReset' then coalesce($13::jsonb, task.result) end,
    cancel_requested_at = case when $11 <> 'TaskReset' then task.cancel_requested_at end,
    assignee_id = case when $8 = 'READY' then null else task.assignee_id end,
    holder_id = case when $9::boolean then null else task.holder_id end,
    claimed_at = case when $9::boolean then null else task.claimed_at end,
    lease_ttl_seconds = case when $9::boolean then null else task.lease_ttl_seconds end,
    lease_expires_at = case when $9::boolean then null else task.lease_expires_at end,
    lease_check_at = case when $9::boolean then null else task.lease_check_at end,
    completed_at = case when $8 in ('DONE', 'FAILED', 'CANCELED') then clock_timestamp() end,
    updated_at = clock_timestamp()
  from before
  where task.id = before.id and task.organization_id = $1::uuid
    and task.status = any($7::"TaskStatus"[]) and not ${leaseHasLapsed}
    and case
      when $6::int is not null then task.fence = $6::int and ($5::boolean or ${holdsLease('$3::uuid', '$6::int')})
      when task.holder_id is not null then $5::boolean or ${holdsLease('$3::uuid', 'null::int')}
        or ($8 = 'CANCELED' and task.created_by_id = $3::uuid)
      else $5::boolean or not ${hasExpired}
    end
  returning task.*, before.status as before_status, before.holder_id as before_holder_id
), closed as (
  update task_attempt set ended_at = clock_timestamp(), outcome = $10::"AttemptOutcome", reason = $12
  from changed
  where $9::boolean and task_attempt.task_id = changed.id and task_attempt.fence = changed.fence and task_attempt.ended_at is null
), logged as (
  ${logChanged({
    type: '$11::text',
    actorId: '$3::uuid',
    actorLabel: '$4::text',
    agentId: 'coalesce(changed.before_holder_id, changed.assignee_id)',
    data: `jsonb_strip_nulls(jsonb_build_object('before', changed.before_status, 'after', changed.status, 'fence', changed.fence,
      'holderId', changed.before_holder_id, 'reason', $12::text, 'result', $13::jsonb))`,
  })}
)
select ${taskColumns('changed')} from changed`,
};

/** What a refused write needs to know to say why. Values: organization, task, acting actor or null. */
export const refusalStatement: Statement = {
  name: 'task-refusal',
  text: `
select task.status, ${leaseHasLapsed} as "isLapsed", task.fence, task.holder_id as "holderId", holder.name as "holderName",
       task.lease_expires_at as "leaseExpiresAt",
       task.holder_id is null and ${hasExpired} as "hasExpired"
from task left join actor as holder on holder.id = task.holder_id
where task.id = $2::uuid and task.organization_id = $1::uuid`,
};
