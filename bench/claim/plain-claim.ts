import { plainOrganizationId } from '../peers/plain-tables.js';

/**
 * The plain way to claim from a queue in Postgres, on the tables of peers/plain-tables.ts: one statement, which takes ready tasks with
 * `skip locked` and writes down the attempts and the events. It stays as it is while the product's gets faster.
 *
 * Takes the most urgent tasks that need no specialization, in the order of the index of ready tasks.
 */
export function plainClaim(claim: { agentId: string; leaseSeconds: number; count: number }): string {
  const { leaseSeconds, count } = claim;
  const agentId = `'${claim.agentId}'::uuid`;
  const organizationId = `'${plainOrganizationId}'::uuid`;
  return `with claimed as (
    update task set status = 'CLAIMED', holder_id = ${agentId}, assignee_id = ${agentId}, fence = fence + 1, claimed_at = now(),
      lease_ttl_seconds = ${leaseSeconds}, lease_expires_at = now() + make_interval(secs => ${leaseSeconds}), updated_at = now()
    where id = any(array(
      select id from task
      where organization_id = ${organizationId} and status = 'READY' and required_specialization is null
      order by required_specialization, priority, id limit ${count} for update skip locked))
    returning *
  ), attempted as (
    insert into task_attempt (id, organization_id, task_id, fence, holder_id, started_at)
    select uuidv7(), organization_id, id, fence, holder_id, claimed_at from claimed
  ), logged as (
    insert into event (organization_id, type, actor_id, subject_id, task_id, project_id, agent_id, specialization, source, data)
    select organization_id, 'TaskClaimed', holder_id, id, id, project_id, holder_id, required_specialization, source,
      jsonb_build_object('before', 'READY', 'after', 'CLAIMED', 'fence', fence, 'leaseExpiresAt', lease_expires_at)
    from claimed
  )
  select id, title, fence, lease_expires_at as "leaseExpiresAt" from claimed`;
}
