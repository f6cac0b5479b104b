import type { Statement } from '../../../database/database.js';
import { taskColumns } from '../../tasks/sql/task-rows.sql.js';

/**
 * Gives a ticket another status, whatever it has: a board moves freely. Entering a status without a lease ends the lease
 * and the attempt in the same statement. The caller holds the row, and logs the event.
 * Values: organization, task, status, whether it ends the lease, outcome of the attempt.
 */
export const moveStatement: Statement = {
  name: 'ticket-move',
  text: `
with changed as (
  update task set
    status = $3::"TaskStatus",
    blocker = null,
    failure_reason = null,
    assignee_id = case when $3 = 'BACKLOG' then null else task.assignee_id end,
    holder_id = case when $4::boolean then null else task.holder_id end,
    claimed_at = case when $4::boolean then null else task.claimed_at end,
    lease_ttl_seconds = case when $4::boolean then null else task.lease_ttl_seconds end,
    lease_expires_at = case when $4::boolean then null else task.lease_expires_at end,
    lease_check_at = case when $4::boolean then null else task.lease_check_at end,
    completed_at = case when $3 in ('DONE', 'CANCELED') then clock_timestamp() end,
    updated_at = clock_timestamp()
  where id = $2::uuid and organization_id = $1::uuid
  returning task.*
), closed as (
  update task_attempt set ended_at = clock_timestamp(), outcome = $5::"AttemptOutcome"
  from changed
  where $4::boolean and task_attempt.task_id = changed.id and task_attempt.fence = changed.fence and task_attempt.ended_at is null
)
select ${taskColumns('changed')} from changed`,
};

/** Asks that the work on a ticket be stopped; no row when somebody has asked already. Values: organization, task. */
export const requestCancelStatement: Statement = {
  name: 'ticket-request-cancel',
  text: `
update task set cancel_requested_at = clock_timestamp(), updated_at = clock_timestamp()
where id = $2::uuid and organization_id = $1::uuid and cancel_requested_at is null
returning ${taskColumns('task')}`,
};
