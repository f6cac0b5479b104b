import type { Statement } from '../../../database/database.js';
import { claimCountMax } from '../task.model.js';
import { claimantIsActive, hasSpecialization, taskIsReady } from './claimable.sql.js';
import { logChanged, taskColumns } from './task-rows.sql.js';

/**
 * What a claim sets; the lease runs from the database's clock at the moment the row is written. The sweep looks at it no
 * later than it lapses.
 */
const startLease = (ttl: string) => `
  status = 'CLAIMED', holder_id = claimant.id, assignee_id = claimant.id, fence = task.fence + 1,
  claimed_at = clock_timestamp(), lease_ttl_seconds = ${ttl}, lease_expires_at = clock_timestamp() + make_interval(secs => ${ttl}),
  lease_check_at = statement_timestamp() + make_interval(secs => ${ttl}),
  blocker = null, release_reason = null, cancel_requested_at = null, updated_at = clock_timestamp()`;

const claimedData = `jsonb_build_object('before', 'READY', 'after', 'CLAIMED', 'fence', changed.fence, 'leaseSeconds', changed.lease_ttl_seconds,
  'leaseExpiresAt', changed.lease_expires_at, 'isOverride', changed.is_override)`;

const recordAttempt = `insert into task_attempt (id, organization_id, task_id, fence, holder_id, is_override, started_at)
  select attempt_id, organization_id, id, fence, holder_id, is_override, claimed_at from changed`;

/**
 * Claims one named task, when the claimant may: a conditional update, so that of any number of claimants over any number
 * of processes exactly one gets a row back.
 * Values: organization, task, claimant, lease seconds, override, attempt id.
 */
export const claimStatement: Statement = {
  name: 'task-claim',
  text: `
with claimant as (
  select id, specializations, status from actor where id = $3::uuid and organization_id = $1::uuid
), changed as (
  update task set ${startLease('$4::int')}
  from claimant
  where task.id = $2::uuid and task.organization_id = $1::uuid and ${taskIsReady} and ${claimantIsActive}
    and ($5::boolean or ${hasSpecialization})
  returning task.*, not ${hasSpecialization} as is_override, $6::uuid as attempt_id
), attempted as (
  ${recordAttempt}
), logged as (
  ${logChanged({ type: `'TaskClaimed'`, actorId: 'changed.holder_id', actorLabel: 'null', agentId: 'changed.holder_id', data: claimedData })}
)
select ${taskColumns('changed')} from changed`,
};

/** How many candidates more than asked for are looked at, so that a claim is not empty because others are taking the best. */
const spareCandidates = 8;

/**
 * Claims the most urgent ready tasks that the claimant may have, oldest first within a priority.
 *
 * It walks one index range per specialization of the claimant, and one for tasks that need none, and locks only the rows
 * it takes; rows that another claim is taking are skipped. While a lapsed lease waits to be swept it takes nothing and
 * says so, unless told not to mind: the caller sweeps and asks again, so that a stopped sweeper hides no work.
 * Its shape keeps every part on an index whatever the planner believes, and the number of candidates is a constant of
 * the text, so that Postgres finds the plan that it can keep as cheap as one made for each call: the cost must not grow
 * with the queue, nor with the planning.
 * Values: 1 organization, 2 claimant, 3 lease seconds, 4 count, 5 attempt ids, 6 kinds or null, 7 model tiers or null,
 * 8 does not mind overdue leases, 9 sources or null[, 10 project].
 */
export function claimNextStatement(count: number, isInProject: boolean): Statement {
  const size = batchSizes.find((batchSize) => count <= batchSize) ?? claimCountMax;
  const statement = claimNextStatements.get(`${size} ${isInProject}`);
  if (!statement) throw new Error(`no statement claims ${count} tasks`);
  return statement;
}

const batchSizes = [1, 10, claimCountMax];

const claimNextStatements = new Map(
  batchSizes.flatMap((size) => [
    [`${size} false`, claimNext(`task-claim-next-${size}`, size, `task.organization_id = $1::uuid`)],
    [
      `${size} true`,
      claimNext(`task-claim-next-${size}-in-project`, size, `task.project_id = $10::uuid and task.organization_id = $1::uuid`),
    ],
  ]),
);

function claimNext(name: string, size: number, scope: string): Statement {
  const wanted = `${scope} and ${taskIsReady}
      and ($6::text[] is null or task.kind = any($6::text[])) and ($7::text[] is null or task.model_tier = any($7::text[]))
      and ($9::"TaskSource"[] is null or task.source = any($9::"TaskSource"[]))`;
  const enough = `limit ${size + spareCandidates}`;
  return {
    name,
    text: `
with claimant as materialized (
  select id, specializations, status from actor as claimant
  where id = $2::uuid and organization_id = $1::uuid and ${claimantIsActive}
), overdue as materialized (
  select exists (select from task where lease_check_at <= statement_timestamp() and lease_expires_at <= clock_timestamp()) as is_overdue
), candidate as materialized (
  select id, priority from (
    (select task.id, task.priority from task
     where ${wanted} and task.required_specialization is null
     order by task.required_specialization, task.priority, task.id ${enough})
    union all
    select ready.id, ready.priority
    from claimant cross join unnest(claimant.specializations) as specialization(code)
    cross join lateral (
      select task.id, task.priority from task
      where ${wanted} and task.required_specialization = specialization.code
      order by task.priority, task.id ${enough}
    ) as ready
  ) as best
  where exists (select from claimant) and ($8::boolean or not (select is_overdue from overdue))
  order by priority, id ${enough}
), chosen as materialized (
  select task.id from task
  where task.id = any(array(select id from candidate)) and ${taskIsReady}
  order by task.priority, task.id limit $4::int
  for no key update skip locked
), numbered as (
  select id, row_number() over (order by id) as position from chosen
), changed as (
  update task set ${startLease('$3::int')}
  from claimant, numbered
  where task.id = numbered.id and ${taskIsReady}
  returning task.*, false as is_override, ($5::uuid[])[numbered.position] as attempt_id
), attempted as (
  ${recordAttempt}
), logged as (
  ${logChanged({
    type: `'TaskClaimed'`,
    actorId: 'changed.holder_id',
    actorLabel: 'null',
    agentId: 'changed.holder_id',
    data: claimedData,
    from: '(select * from changed order by priority, id) as changed',
  })}
)
select overdue.is_overdue as "isOverdue", exists (select from candidate) as "hasCandidates", task.* from overdue left join (
  select ${taskColumns('changed')} from changed
) as task on true
order by task.priority, task.id`,
  };
}
