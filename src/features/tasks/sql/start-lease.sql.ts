/**
 * What a claim sets, from a row aliased `claim` with `claimant_id` and `lease_seconds`. The lease runs from the database's
 * clock at the moment the row is written; the sweep looks at it no later than it lapses.
 */
export const startLease = (claim: string) => `
  status = 'CLAIMED', holder_id = ${claim}.claimant_id, assignee_id = ${claim}.claimant_id, fence = task.fence + 1,
  claimed_at = clock_timestamp(), lease_ttl_seconds = ${claim}.lease_seconds,
  lease_expires_at = clock_timestamp() + make_interval(secs => ${claim}.lease_seconds),
  lease_check_at = statement_timestamp() + make_interval(secs => ${claim}.lease_seconds),
  blocker = null, release_reason = null, cancel_requested_at = null, updated_at = clock_timestamp()`;

/** The data of the event of a claim, and its attempt, from rows of `changed` with `is_override` and `attempt_id`. */
export const claimedData = `jsonb_build_object('before', 'READY', 'after', 'CLAIMED', 'fence', changed.fence, 'leaseSeconds', changed.lease_ttl_seconds,
  'leaseExpiresAt', changed.lease_expires_at, 'isOverride', changed.is_override)`;

export const recordAttempts = `insert into task_attempt (id, organization_id, task_id, fence, holder_id, is_override, started_at)
  select attempt_id, organization_id, id, fence, holder_id, is_override, claimed_at from changed`;
