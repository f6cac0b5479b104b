import type { Statement } from '../../../database/database.js';
import { jobAttemptsMax } from '../job.model.js';
import { logJobs } from './job-rows.sql.js';

/** Runs that one sweep ends at most; a longer backlog takes several sweeps at once after another. */
const sweepBatchSize = 500;

/**
 * Ends the runs whose lease has lapsed: the job is pending again, at its old place in the queue, or has failed when it was
 * started as often as a job may be. Logs the event.
 * Every process runs it; a row that another sweep holds is skipped, and running it twice is harmless.
 * The answer says how many there were, the database's time, and when the next lease lapses (in the past when some were
 * left or skipped; null when no job runs).
 */
export const sweepStatement = expire(
  'job-sweep',
  `order by lease_expires_at limit ${sweepBatchSize} for no key update skip locked`,
);

/**
 * The same for one organization, and for one project of it unless null, for a start that would get nothing otherwise: it
 * waits for rows that another sweep holds. Values: organization, project or null.
 */
export const expireOfOrganizationStatement = expire(
  'job-expire-of-organization',
  `and organization_id = $1::uuid and ($2::uuid is null or project_id = $2::uuid)
  order by lease_expires_at limit ${sweepBatchSize} for no key update`,
);

/** The same for one job, waiting for its row. Values: job. */
export const expireOneStatement = expire('job-expire-one', 'and id = $1::uuid for no key update');

/** The same for the jobs of one ticket. Values: task. */
export const expireOfTaskStatement = expire('job-expire-of-task', 'and task_id = $1::uuid for no key update');

function expire(name: string, selection: string): Statement {
  return {
    name,
    text: `
with due as materialized (
  select id, lease_expires_at, attempts >= ${jobAttemptsMax} as is_last from job
  where lease_expires_at <= statement_timestamp() ${selection}
), changed as (
  update job set lease_ttl_seconds = null, lease_expires_at = null,
    status = (case when due.is_last then 'FAILED' else 'PENDING' end)::"JobStatus",
    failure_reason = case when due.is_last then 'Started ${jobAttemptsMax} times, and each time no heartbeat came before the lease lapsed.' end,
    finished_at = case when due.is_last then clock_timestamp() end
  from due where job.id = due.id
  returning job.*, due.lease_expires_at as before_lease_expires_at
), logged as (
  ${logJobs({
    type: `case when changed.status = 'FAILED' then 'JobFailed' else 'JobLeaseExpired' end`,
    actorId: 'null::uuid',
    actorLabel: `'system'`,
    data: `jsonb_strip_nulls(jsonb_build_object('before', 'RUNNING', 'after', changed.status, 'fence', changed.fence,
      'attempts', changed.attempts, 'leaseExpiresAt', changed.before_lease_expires_at, 'reason', changed.failure_reason))`,
  })}
)
select (select count(*)::int from changed) as "expiredCount", clock_timestamp() as "databaseTime",
       (select min(lease_expires_at) from job where lease_expires_at is not null and id not in (select id from due)) as "nextCheckAt"`,
  };
}
