import type pg from 'pg';

/** What became of all tasks. */
export interface Outcome {
  done: number;
  /** Of those, by one claim and one completion, with the records of each. */
  once: number;
  /** Neither done nor as they were made. */
  others: number;
}

/** Of a database of the product. */
export function outcomeOfProduct(database: pg.Pool): Promise<Outcome> {
  return count(database, outcomeText);
}

/** Of a database of stock Yoga. */
export function outcomeOfStock(database: pg.Pool): Promise<Outcome> {
  return count(database, stockOutcomeText);
}

async function count(database: pg.Pool, text: string): Promise<Outcome> {
  const { rows } = await database.query<Outcome>(text);
  if (!rows[0]) throw new Error('a count has a row');
  return rows[0];
}

const countOutcomes = `
select count(*) filter (where is_done)::int as "done", count(*) filter (where is_done and is_once)::int as "once",
  count(*) filter (where not is_done and not is_untouched)::int as "others"
from outcome`;

/** Done once is: fence 1, one attempt, and one event for each of the two. */
const outcomeText = `
with attempts as (
  select task_id, count(*) as count, count(*) filter (where fence = 1 and outcome = 'COMPLETED' and ended_at is not null) as completed
  from task_attempt group by task_id
), events as (
  select task_id, count(*) as count, count(*) filter (where type = 'TaskClaimed') as claimed, count(*) filter (where type = 'TaskCompleted') as completed
  from event where task_id is not null group by task_id
), outcome as (
  select task.status = 'DONE' as is_done,
    task.fence = 1 and attempts.count = 1 and attempts.completed = 1
      and events.count = 2 and events.claimed = 1 and events.completed = 1 as is_once,
    task.status = 'READY' and task.fence = 0 and attempts.count is null and events.count is null as is_untouched
  from task left join attempts on attempts.task_id = task.id left join events on events.task_id = task.id
)
${countOutcomes}`;

const stockOutcomeText = `
with events as (
  select task_id, count(*) as count, count(*) filter (where kind = 'TASK_CLAIMED') as claimed, count(*) filter (where kind = 'TASK_COMPLETED') as completed
  from event group by task_id
), outcome as (
  select task.status = 'DONE' as is_done,
    task.fence = 1 and events.count = 2 and events.claimed = 1 and events.completed = 1 as is_once,
    task.status = 'READY' and task.fence = 0 and events.count is null as is_untouched
  from task left join events on events.task_id = task.id
)
${countOutcomes}`;
