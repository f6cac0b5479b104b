import type { Statement } from '../../../database/database.js';

/** What the log says of one span of time. */
export interface SpanRow {
  /** Its place among all spans of its length since 1970. */
  index: number;
  createdCount: number;
  completedCount: number;
  failedCount: number;
  canceledCount: number;
  expiredCount: number;
  /** From the creation to the completion of those that were completed; null when none was. */
  medianLeadSeconds: number | null;
  slowLeadSeconds: number | null;
  /** By how many the READY tasks became more, and those that are unfinished. */
  readyChange: number;
  unfinishedChange: number;
}

/**
 * $1 organization, $2 project or null, $3 first span, $4 last span, $5 seconds of a span.
 *
 * The events are found by their time, on an index of a few pages. `offset 0` has what is needed of them taken out before
 * they are counted, and counted without being sorted: with all their facts, sorting is most of the work of a month.
 */
export const spansStatement: Statement = {
  name: 'task_activity_spans',
  text: `
select index, coalesce(created, 0) as "createdCount", coalesce(cardinality(leads), 0) as "completedCount",
  coalesce(failed, 0) as "failedCount", coalesce(canceled, 0) as "canceledCount", coalesce(expired, 0) as "expiredCount",
  lead.at[1]::float8 as "medianLeadSeconds", lead.at[2]::float8 as "slowLeadSeconds",
  coalesce(became_ready, 0) as "readyChange", coalesce(became_unfinished, 0) as "unfinishedChange"
from generate_series($3::int, $4::int) as index
left join (
  select span,
    (count(*) filter (where type = 'TaskCreated'))::int as created,
    (count(*) filter (where type = 'TaskFailed'))::int as failed,
    (count(*) filter (where type = 'TaskCanceled'))::int as canceled,
    (count(*) filter (where type = 'TaskLeaseExpired'))::int as expired,
    array_agg(extract(epoch from occurred_at - (select created_at from task where task.id = task_id))::float8)
      filter (where after = 'DONE' and before is distinct from 'DONE') as leads,
    (count(*) filter (where after = 'READY') - count(*) filter (where before = 'READY'))::int as became_ready,
    (count(*) filter (where after not in ('DONE', 'FAILED', 'CANCELED'))
      - count(*) filter (where before not in ('DONE', 'FAILED', 'CANCELED')))::int as became_unfinished
  from (
    select type, occurred_at, task_id, data->>'before' as before, data->>'after' as after,
      floor(extract(epoch from occurred_at)::float8 / $5::float8)::int as span
    from event
    where organization_id = $1::uuid and ($2::uuid is null or project_id = $2::uuid)
      and occurred_at >= to_timestamp($3::int * $5::float8)
      and type in ('TaskCreated', 'TaskClaimed', 'TaskReleased', 'TaskLeaseExpired', 'TaskStatusChanged', 'TaskCompleted',
        'TicketCompleted', 'TaskFailed', 'TaskCanceled', 'TaskReset')
    offset 0
  ) as happened
  group by span
) as happened on span = index
cross join lateral (
  select percentile_cont(array[0.5, 0.9]) within group (order by seconds) as at from unnest(leads) as seconds
) as lead`,
};

/** How many tasks are READY, and how many are unfinished. $1 organization, $2 project or null. */
export const queueDepthStatement: Statement = {
  name: 'task_queue_depth',
  text: `
select (count(*) filter (where status = 'READY'))::int as ready, count(*)::int as unfinished
from task
where organization_id = $1::uuid and ($2::uuid is null or project_id = $2::uuid)
  and status in ('BACKLOG', 'READY', 'CLAIMED', 'IN_PROGRESS', 'REVIEW', 'BLOCKED')`,
};
