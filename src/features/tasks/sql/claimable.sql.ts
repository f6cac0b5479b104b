/**
 * The claim's predicate, once: the statements that claim and those that explain why not are built from these pieces,
 * over the row aliases `task` and `claimant`.
 */

/** An agent that waits for approval or was switched off may not claim. */
export const claimantIsActive = `claimant.status not in ('PENDING', 'INACTIVE')`;

export const taskIsReady = `task.status = 'READY'`;

/** A lease that has run out, swept or not. */
export const leaseHasLapsed = `(task.lease_expires_at is not null and task.lease_expires_at <= clock_timestamp())`;

/** The same, of a lease that no sweep has ended yet, in a form that an index is searched by. */
export const waitsForSweep = `task.lease_check_at <= statement_timestamp() and task.lease_expires_at <= clock_timestamp()`;

export const hasSpecialization = `(task.required_specialization is null or task.required_specialization = any(claimant.specializations))`;

/** What of the task itself keeps everybody from it, as an error code; null when nothing does. */
export const obstacleToAll = `case when ${taskIsReady} or ${leaseHasLapsed} then null
       when task.holder_id is not null then 'TASK_ALREADY_CLAIMED'
       else 'TASK_NOT_READY' end`;

/** The reasons, as error codes, why the claimant cannot claim the task; empty when it can. */
export const obstaclesOf = `array_remove(array[
  case when not (${claimantIsActive}) then 'AGENT_INACTIVE' end,
  ${obstacleToAll},
  case when not ${hasSpecialization} then 'SPECIALIZATION_MISMATCH' end
], null)`;
