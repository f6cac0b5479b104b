import type { Statement } from '../../../database/database.js';

/** What happened to tasks within one span of time, and how many there were at its end. */
export interface ActivityRow {
  startsAt: Date;
  endsAt: Date;
  createdCount: number;
  completedCount: number;
  failedCount: number;
  canceledCount: number;
  expiredCount: number;
  /** From the creation to the completion of those that were completed; null when none was. */
  medianLeadSeconds: number | null;
  slowLeadSeconds: number | null;
  readyCount: number;
  unfinishedCount: number;
}

/**
 * $1 organization, $2 project or null, $3 seconds that all spans together last, $4 number of spans. They end at multiples of
 * their length since 1970, so that one span stays the same one in every answer; the last one still runs.
 *
 * How many there were is reckoned back from how many there are, by what the events say of each task's status before and
 * after. The events are found by their time, on an index of a few pages.
 */
export const activityStatement: Statement = {
  name: 'task_activity',
  text: `
with frame as (
  select make_interval(secs => seconds) as length,
    to_timestamp(ceil(extract(epoch from statement_timestamp())::float8 / seconds) * seconds) as until
  from (select $3::float8 / $4::int as seconds) as span
), happened as (
  select type, occurred_at, task_id, data->>'before' as before, data->>'after' as after,
    least(floor(extract(epoch from until - occurred_at) / extract(epoch from length)), $4::int - 1)::int as spans_ago
  from event, frame
  where organization_id = $1 and ($2::uuid is null or project_id = $2)
    and occurred_at > until - length * $4::int
    and type in ('TaskCreated', 'TaskClaimed', 'TaskReleased', 'TaskLeaseExpired', 'TaskStatusChanged', 'TaskCompleted',
      'TicketCompleted', 'TaskFailed', 'TaskCanceled', 'TaskReset')
), spans as (
  select spans_ago,
    (count(*) filter (where type = 'TaskCreated'))::int as created,
    (count(*) filter (where after = 'DONE' and before is distinct from 'DONE'))::int as completed,
    (count(*) filter (where type = 'TaskFailed'))::int as failed,
    (count(*) filter (where type = 'TaskCanceled'))::int as canceled,
    (count(*) filter (where type = 'TaskLeaseExpired'))::int as expired,
    percentile_cont(array[0.5, 0.9]) within group (order by extract(epoch from occurred_at - task.created_at))
      filter (where after = 'DONE' and before is distinct from 'DONE') as lead,
    (count(*) filter (where after = 'READY') - count(*) filter (where before = 'READY'))::int as became_ready,
    (count(*) filter (where after not in ('DONE', 'FAILED', 'CANCELED'))
      - count(*) filter (where before not in ('DONE', 'FAILED', 'CANCELED')))::int as became_unfinished
  from happened left join task on task.id = happened.task_id
  group by spans_ago
), present as (
  select count(*) filter (where status = 'READY') as ready, count(*) as unfinished
  from task
  where organization_id = $1 and ($2::uuid is null or project_id = $2) and status not in ('DONE', 'FAILED', 'CANCELED')
)
select until - length * (ago + 1) as "startsAt", until - length * ago as "endsAt",
  coalesce(created, 0) as "createdCount", coalesce(completed, 0) as "completedCount", coalesce(failed, 0) as "failedCount",
  coalesce(canceled, 0) as "canceledCount", coalesce(expired, 0) as "expiredCount",
  lead[1]::float8 as "medianLeadSeconds", lead[2]::float8 as "slowLeadSeconds",
  greatest(0, ready - coalesce(sum(became_ready) over later, 0))::int as "readyCount",
  greatest(0, unfinished - coalesce(sum(became_unfinished) over later, 0))::int as "unfinishedCount"
from generate_series(0, $4::int - 1) as ago
  cross join frame cross join present left join spans on spans_ago = ago
window later as (order by ago rows between unbounded preceding and 1 preceding)
order by ago desc`,
};
