import { type SharedStatement, type Statement, taking } from '../../../database/database.js';
import type { AttemptOutcome, Task, TaskStatus } from '../../../database/generated/prisma/client.js';
import { leaseHasLapsed } from './claimable.sql.js';
import { holdsLease } from './heartbeat.sql.js';
import { byTask, isWanted, logChanged, taskColumns } from './task-rows.sql.js';

/** One move of a task along the pipeline: who makes it, on what ground, and what it comes to. */
export interface Transition {
  organizationId: string;
  taskId: string;
  /** Who acts; null when it is no actor, and `actorLabel` names the caller. */
  actorId: string | null;
  actorLabel: string | null;
  /** A person overrules the holder. */
  overrules: boolean;
  /** Null when the caller names none. */
  fence: number | null;
  from: readonly TaskStatus[];
  to: TaskStatus;
  endsLease: boolean;
  /** How the attempt ends; null when the lease goes on. */
  outcome: AttemptOutcome | null;
  eventType: string;
  reason: string | null;
  /** As JSON; null when the move has none. */
  result: string | null;
}

/** Moves of many tasks. Answers null for those that are refused, and for a row that cannot be had at once. */
export const transitions: SharedStatement<Transition, Task | null> = {
  name: 'task-transitions',
  weightMax: 100,
  keyOf: ({ taskId }) => taskId.toLowerCase(),
  run: async (sql, items) => byTask(items, await sql.write<Task>(transitionsStatement, [JSON.stringify(items)])),
};

/** That the newest claim of the task was the acting agent's, and ended by expiry. */
const hasExpired = (actor: string) => `exists (
        select from task_attempt as attempt
        where attempt.task_id = task.id and attempt.fence = task.fence and attempt.holder_id = ${actor} and attempt.outcome = 'EXPIRED')`;

/**
 * That the statement sees the newest version of the row. One that finds the row changed since it began goes by its newest
 * version, but still reads all other rows as of its beginning, among them the attempts that belong to it.
 */
const isSeen = `task.xmin = any(array(select seen.xmin from task as seen where seen.id = any(array(select "taskId" from wanted))))`;

/** Values: transitions (JSON). */
const { condition: isFree, lock } = taking.shared('task');
const transitionsStatement = transition('task-transitions', { condition: `${isFree} and ${isSeen}`, lock });

/** The same for one, in a transaction that has locked the row before: this one does not say that it sees the newest version. */
export const transitionStatement = transition('task-transition', taking.alone('task'));

/**
 * Moves a task from one of the given statuses to another: release, status, complete, fail, cancel and reset are all this.
 *
 * Refused (no row) when the caller may not: somebody else holds the task, the fence is old, or the lease has lapsed. An
 * agent whose own last claim of an unclaimed task ended by expiry is refused too: it may still think that it holds it. A
 * person overrules the holder; nobody overrules a given fence; who created a task may cancel it. Entering a status without a lease ends the lease and the
 * attempt in the same statement. A reset also clears the result.
 */
function transition(name: string, { condition, lock }: { condition: string; lock: string }): Statement {
  return {
    name,
    text: `
with wanted as materialized (
  select * from json_to_recordset($1::json) as wanted("organizationId" uuid, "taskId" uuid, "actorId" uuid, "actorLabel" text,
    overrules boolean, fence int, "from" "TaskStatus"[], "to" "TaskStatus", "endsLease" boolean, outcome "AttemptOutcome",
    "eventType" text, reason text, result text)
), before as materialized (
  select task.id, task.status as before_status, task.holder_id as before_holder_id, wanted.*
  from wanted join task on task.id = wanted."taskId" and task.organization_id = wanted."organizationId"
  where ${isWanted} and task.status = any(wanted."from") and not ${leaseHasLapsed}
    and case
      when wanted.fence is not null then task.fence = wanted.fence
        and (wanted.overrules or ${holdsLease('wanted."actorId"', 'wanted.fence')})
      when task.holder_id is not null then wanted.overrules or ${holdsLease('wanted."actorId"', 'null::int')}
        or (wanted."to" = 'CANCELED' and task.created_by_id = wanted."actorId")
      else wanted.overrules or not ${hasExpired('wanted."actorId"')}
    end
    and ${condition}
  order by task.id ${lock}
), changed as (
  update task set
    status = before."to",
    blocker = case when before."to" = 'BLOCKED' then before.reason end,
    release_reason = case when before."to" = 'READY' then before.reason end,
    failure_reason = case when before."to" = 'FAILED' then before.reason end,
    result = case when before."eventType" <> 'TaskReset' then coalesce(before.result::jsonb, task.result) end,
    cancel_requested_at = case when before."eventType" <> 'TaskReset' then task.cancel_requested_at end,
    assignee_id = case when before."to" = 'READY' then null else task.assignee_id end,
    holder_id = case when before."endsLease" then null else task.holder_id end,
    claimed_at = case when before."endsLease" then null else task.claimed_at end,
    lease_ttl_seconds = case when before."endsLease" then null else task.lease_ttl_seconds end,
    lease_expires_at = case when before."endsLease" then null else task.lease_expires_at end,
    lease_check_at = case when before."endsLease" then null else task.lease_check_at end,
    completed_at = case when before."to" in ('DONE', 'FAILED', 'CANCELED') then clock_timestamp() end,
    updated_at = clock_timestamp()
  from before where task.id = before.id
  returning task.*, before.before_status, before.before_holder_id, before."actorId", before."actorLabel", before."endsLease",
    before.outcome, before."eventType", before.reason, before.result as new_result
), closed as (
  update task_attempt set ended_at = clock_timestamp(), outcome = changed.outcome, reason = changed.reason
  from changed
  where changed."endsLease" and task_attempt.task_id = changed.id and task_attempt.fence = changed.fence and task_attempt.ended_at is null
), logged as (
  ${logChanged({
    type: 'changed."eventType"',
    actorId: 'changed."actorId"',
    actorLabel: 'changed."actorLabel"',
    agentId: 'coalesce(changed.before_holder_id, changed.assignee_id)',
    data: `jsonb_strip_nulls(jsonb_build_object('before', changed.before_status, 'after', changed.status, 'fence', changed.fence,
      'holderId', changed.before_holder_id, 'reason', changed.reason, 'result', changed.new_result::jsonb))`,
  })}
)
select ${taskColumns('changed')} from changed`,
  };
}

/** What a refused write needs to know to say why. Values: organization, task, acting actor or null. */
export const refusalStatement: Statement = {
  name: 'task-refusal',
  text: `
select task.status, ${leaseHasLapsed} as "isLapsed", task.fence, task.holder_id as "holderId", holder.name as "holderName",
       task.lease_expires_at as "leaseExpiresAt",
       task.holder_id is null and ${hasExpired('$3::uuid')} as "hasExpired"
from task left join actor as holder on holder.id = task.holder_id
where task.id = $2::uuid and task.organization_id = $1::uuid`,
};
