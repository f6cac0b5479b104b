import { type SharedStatement, type Statement, taking } from '../../../database/database.js';
import type { Task } from '../../../database/generated/prisma/client.js';
import { claimantIsActive, hasSpecialization, taskIsReady } from './claimable.sql.js';
import { claimedData, recordAttempts, startLease } from './start-lease.sql.js';
import { isWanted, logChanged, taskColumns } from './task-rows.sql.js';

/** Who wants to claim which task. */
export interface Claim {
  organizationId: string;
  taskId: string;
  claimantId: string;
  leaseSeconds: number;
  override: boolean;
  attemptId: string;
}

/**
 * Claims named tasks, each by the first of the claimants who may have it. Answers null for all others, and for a row that
 * cannot be had at once.
 */
export const claims: SharedStatement<Claim, Task | null> = {
  name: 'task-claims',
  weightMax: 100,
  run: async (sql, items) => byPosition(items, await sql.write<ClaimedTask>(claimsStatement, claimValues(items))),
};

type ClaimedTask = Task & { position: number };

/** What both statements below take. */
export function claimValues(items: readonly Claim[]): unknown[] {
  return [JSON.stringify(items.map((item, position) => ({ ...item, position })))];
}

function byPosition(items: readonly Claim[], rows: ClaimedTask[]): (Task | null)[] {
  const answers = new Array<Task | null>(items.length).fill(null);
  for (const { position, ...task } of rows) answers[position] = task;
  return answers;
}

/** Values: claims with their positions (JSON). */
const claimsStatement = claim('task-claims', taking.shared('task'));

/** The same for one, in a transaction that has locked the row before, so that it sees the claimant as it is now. */
export const claimStatement = claim('task-claim', taking.alone('task'));

/**
 * Claims named tasks: the row is locked and changed by one statement, so that of any number of claimants over any number of
 * processes exactly one gets it.
 */
function claim(name: string, { condition, lock }: { condition: string; lock: string }): Statement {
  return {
    name,
    text: `
with wanted as materialized (
  select * from json_to_recordset($1::json) as wanted("organizationId" uuid, "taskId" uuid, "claimantId" uuid, "leaseSeconds" int,
    override boolean, "attemptId" uuid, position int)
), claimable as materialized (
  select task.id, claimant.id as claimant_id, not ${hasSpecialization} as is_override, wanted."leaseSeconds" as lease_seconds,
    wanted."attemptId" as attempt_id, wanted.position
  from wanted join actor as claimant on claimant.id = wanted."claimantId" and claimant.organization_id = wanted."organizationId"
  join task on task.id = wanted."taskId" and task.organization_id = wanted."organizationId"
  where ${isWanted} and ${taskIsReady} and ${claimantIsActive} and (wanted.override or ${hasSpecialization}) and ${condition}
  order by task.id ${lock}
), claim as materialized (
  select distinct on (id) * from claimable order by id, position
), changed as (
  update task set ${startLease('claim')} from claim where task.id = claim.id
  returning task.*, claim.is_override, claim.attempt_id, claim.position
), attempted as (
  ${recordAttempts}
), logged as (
  ${logChanged({ type: `'TaskClaimed'`, actorId: 'changed.holder_id', actorLabel: 'null', agentId: 'changed.holder_id', data: claimedData })}
)
select changed.position, ${taskColumns('changed')} from changed`,
  };
}
