import type { Statement } from '../../../database/database.js';
import { jobColumns, logJobs } from './job-rows.sql.js';

/**
 * Starts the oldest pending job: one statement, so that of any number of coordinators over any number of processes each
 * job goes to exactly one. Rows that another start is taking are skipped, and so are the jobs of deleted projects.
 * The lease runs from the database's clock at the moment the row is written.
 * No other index has this order: whatever the planner believes of the queue, it never walks jobs that are over.
 * Values: organization, lease seconds, actor or null, label of the caller when no actor[, project].
 */
export const startStatement = start('job-start', '');

/** The same within one project, on an index of its own. */
export const startInProjectStatement = start('job-start-in-project', 'and job.project_id = $5::uuid');

function start(name: string, scope: string): Statement {
  return {
    name,
    text: `
with chosen as materialized (
  select job.id from job join project on project.id = job.project_id
  where job.organization_id = $1::uuid ${scope} and job.status = 'PENDING' and project.deleted_at is null
  order by job.created_at, job.id limit 1
  for no key update of job skip locked
), changed as (
  update job set status = 'RUNNING', attempts = job.attempts + 1, fence = job.fence + 1, lease_ttl_seconds = $2::int,
    lease_expires_at = clock_timestamp() + make_interval(secs => $2::int), started_at = clock_timestamp()
  from chosen where job.id = chosen.id and job.status = 'PENDING'
  returning job.*
), logged as (
  ${logJobs({
    type: `'JobStarted'`,
    actorId: '$3::uuid',
    actorLabel: '$4::text',
    data: `jsonb_build_object('before', 'PENDING', 'after', 'RUNNING', 'fence', changed.fence, 'attempts', changed.attempts,
      'leaseSeconds', changed.lease_ttl_seconds, 'leaseExpiresAt', changed.lease_expires_at)`,
  })}
)
select ${jobColumns('changed')} from changed`,
  };
}
