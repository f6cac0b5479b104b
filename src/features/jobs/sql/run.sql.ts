import type { Statement } from '../../../database/database.js';
import { jobColumns, logJobs } from './job-rows.sql.js';

/** That the job runs now: its lease goes on by the database's clock, and the fence, when one is given, is the newest. */
const isRunning = (fence: string) =>
  `(job.status = 'RUNNING' and job.lease_expires_at > clock_timestamp() and (${fence} is null or job.fence = ${fence}))`;

/** Extends the lease of a run by its own length from now. Logs nothing: heartbeats are not events. Values: organization, job, fence or null. */
export const heartbeatStatement: Statement = {
  name: 'job-heartbeat',
  text: `
update job set lease_expires_at = clock_timestamp() + make_interval(secs => lease_ttl_seconds)
where id = $2::uuid and organization_id = $1::uuid and ${isRunning('$3::int')}
returning ${jobColumns('job')}`,
};

/**
 * Ends a run, and its lease with it. Refused (no row) unless the job runs now.
 * A review that is completed has addressed its comment: the one of its GitHub id, or else of its text, at the ticket's pull request.
 * Values: 1 organization, 2 job, 3 fence or null, 4 status to end in, 5 reason or null, 6 event type, 7 actor or null,
 * 8 label of the caller when no actor.
 */
export const finishStatement: Statement = {
  name: 'job-finish',
  text: `
with changed as (
  update job set status = $4::"JobStatus", failure_reason = $5::text, lease_ttl_seconds = null, lease_expires_at = null,
    finished_at = clock_timestamp()
  where id = $2::uuid and organization_id = $1::uuid and ${isRunning('$3::int')}
  returning job.*
), addressed as (
  update review_comment as comment set addressed_at = clock_timestamp()
  from changed join pull_request on pull_request.task_id = changed.task_id and pull_request.number = changed.pr_number
  where changed.kind = 'REVIEW' and changed.status = 'COMPLETED'
    and comment.pull_request_id = pull_request.id and comment.addressed_at is null
    and case when changed.github_comment_id is null then comment.github_comment_id is null and comment.body = changed.comment_body
             else comment.github_comment_id = changed.github_comment_id end
), logged as (
  ${logJobs({
    type: '$6::text',
    actorId: '$7::uuid',
    actorLabel: '$8::text',
    data: `jsonb_strip_nulls(jsonb_build_object('before', 'RUNNING', 'after', changed.status, 'fence', changed.fence,
      'attempts', changed.attempts, 'reason', $5::text))`,
  })}
)
select ${jobColumns('changed')} from changed`,
};

/**
 * Puts the job of a run back to its old place in the queue, as if this start had not been: it does not count among its
 * attempts. The fence stays, so that whoever gave it back can write no more. Refused (no row) unless the job runs now.
 * Values: 1 organization, 2 job, 3 fence or null, 4 actor or null, 5 label of the caller when no actor.
 */
export const releaseStatement: Statement = {
  name: 'job-release',
  text: `
with changed as (
  update job set status = 'PENDING', attempts = job.attempts - 1, lease_ttl_seconds = null, lease_expires_at = null
  where id = $2::uuid and organization_id = $1::uuid and ${isRunning('$3::int')}
  returning job.*
), logged as (
  ${logJobs({
    type: `'JobReleased'`,
    actorId: '$4::uuid',
    actorLabel: '$5::text',
    data: `jsonb_build_object('before', 'RUNNING', 'after', changed.status, 'fence', changed.fence, 'attempts', changed.attempts)`,
  })}
)
select ${jobColumns('changed')} from changed`,
};
