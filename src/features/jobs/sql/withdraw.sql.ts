import type { Statement } from '../../../database/database.js';
import { logJobs } from './job-rows.sql.js';

/** Fails the unfinished jobs of one ticket. Values: organization, task, reason, actor or null, label of the caller when no actor. */
export const withdrawOfTaskStatement = withdraw('job-withdraw-of-task', 'task_id');

/** The same of one project. */
export const withdrawOfProjectStatement = withdraw('job-withdraw-of-project', 'project_id');

function withdraw(name: string, column: string): Statement {
  return {
    name,
    text: `
with unfinished as materialized (
  select id, status from job
  where organization_id = $1::uuid and ${column} = $2::uuid and status in ('PENDING', 'RUNNING')
  order by id for no key update
), changed as (
  update job set status = 'FAILED', failure_reason = $3::text, lease_ttl_seconds = null, lease_expires_at = null,
    finished_at = clock_timestamp()
  from unfinished where job.id = unfinished.id
  returning job.*, unfinished.status as before_status
), logged as (
  ${logJobs({
    type: `'JobFailed'`,
    actorId: '$4::uuid',
    actorLabel: '$5::text',
    data: `jsonb_build_object('before', changed.before_status, 'after', changed.status, 'fence', changed.fence,
      'attempts', changed.attempts, 'reason', $3::text)`,
  })}
)
select id from changed`,
  };
}
