import type { Statement } from '../../../database/database.js';
import { logChanged } from './task-rows.sql.js';

/** Leases that one sweep looks at most; a longer backlog takes several sweeps at once after another. */
export const sweepBatchSize = 500;

const aheadOf = `statement_timestamp() + interval '1 second'`;

/**
 * Returns tasks whose lease has lapsed to READY: clears holder and lease, closes the attempt, logs the event.
 * It finds them by when their lease is to be looked at; one that heartbeats have extended since is to be looked at again
 * when it lapses now. Extended ones of the coming second are done with at once, so that many leases do not make many sweeps.
 * It compares with the statement's own time, which an index can be searched by, and which no lease of
 * the future precedes.
 * Every process runs it; a row that another sweep holds is skipped, and running it twice is harmless.
 * The answer says how many it returned, the database's time, and when the next lease is to be looked at (in the past when
 * some were left or skipped; null when no task is leased).
 */
export const sweepStatement = expire(
  'task-sweep',
  `lease_check_at <= ${aheadOf} and (lease_check_at <= statement_timestamp() or lease_expires_at > ${aheadOf})
  order by lease_check_at limit ${sweepBatchSize} for no key update skip locked`,
);

/** The same for one organization, for a claim that would get nothing otherwise: it waits for rows that another sweep holds. Values: organization. */
export const expireOfOrganizationStatement = expire(
  'task-expire-of-organization',
  `organization_id = $1::uuid and lease_check_at <= statement_timestamp() and lease_expires_at <= statement_timestamp()
  order by lease_check_at limit ${sweepBatchSize} for no key update`,
);

/** The same for one task, waiting for its row. Values: task. */
export const expireOneStatement = expire(
  'task-expire-one',
  'lease_expires_at <= statement_timestamp() and id = $1::uuid for no key update',
);

function expire(name: string, selection: string): Statement {
  return {
    name,
    text: `
with due as materialized (
  select id, status, holder_id, lease_expires_at from task where ${selection}
), extended as (
  update task set lease_check_at = due.lease_expires_at
  from due where task.id = due.id and coalesce(due.lease_expires_at > statement_timestamp(), true)
), changed as (
  update task set status = 'READY', holder_id = null, assignee_id = null, claimed_at = null, lease_ttl_seconds = null,
    lease_expires_at = null, lease_check_at = null, updated_at = clock_timestamp()
  from due where task.id = due.id and due.lease_expires_at <= statement_timestamp()
  returning task.*, due.status as before_status, due.holder_id as before_holder_id, due.lease_expires_at as before_lease_expires_at
), closed as (
  update task_attempt set ended_at = clock_timestamp(), outcome = 'EXPIRED'
  from changed where task_attempt.task_id = changed.id and task_attempt.fence = changed.fence and task_attempt.ended_at is null
), logged as (
  ${logChanged({
    type: `'TaskLeaseExpired'`,
    actorId: 'null::uuid',
    actorLabel: `'system'`,
    agentId: 'changed.before_holder_id',
    data: `jsonb_build_object('before', changed.before_status, 'after', 'READY', 'fence', changed.fence,
      'holderId', changed.before_holder_id, 'leaseExpiresAt', changed.before_lease_expires_at)`,
  })}
)
select (select count(*)::int from changed) as "expiredCount", clock_timestamp() as "databaseTime", least(
  (select min(lease_check_at) from task where lease_check_at is not null and id not in (select id from due)),
  (select min(lease_expires_at) from due where lease_expires_at > statement_timestamp())
) as "nextCheckAt"`,
  };
}
