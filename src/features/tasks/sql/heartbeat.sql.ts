import type { Statement } from '../../../database/database.js';
import { taskColumns } from './task-rows.sql.js';

/**
 * That the caller holds the task now: it is the holder, the lease still runs on the database's clock, and the fence, when
 * one is given, is the newest.
 */
export function holdsLease(holder: string, fence: string): string {
  return `(task.holder_id = ${holder} and task.lease_expires_at > clock_timestamp() and (${fence} is null or task.fence = ${fence}))`;
}

/** Extends a lease by its own TTL from now. Logs nothing: heartbeats are not events. Values: organization, task, holder, fence or null. */
export const heartbeatStatement: Statement = {
  name: 'task-heartbeat',
  text: `
update task set lease_expires_at = clock_timestamp() + make_interval(secs => lease_ttl_seconds)
where id = $2::uuid and organization_id = $1::uuid and ${holdsLease('$3::uuid', '$4::int')}
returning ${taskColumns('task')}`,
};
