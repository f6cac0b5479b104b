import { isOlder, type SharedWrite, type Statement } from '../../../database/database.js';
import type { Task } from '../../../database/generated/prisma/client.js';
import { byTask, taskColumns } from './task-rows.sql.js';

/**
 * That the caller holds the task now: it is the holder, the lease still runs on the database's clock, and the fence, when
 * one is given, is the newest.
 */
export function holdsLease(holder: string, fence: string): string {
  return `(task.holder_id = ${holder} and task.lease_expires_at > clock_timestamp() and (${fence} is null or task.fence = ${fence}))`;
}

/** Who says that it still works on which task. */
export interface Heartbeat {
  organizationId: string;
  taskId: string;
  holderId: string | null;
  /** Null when the holder names none. */
  fence: number | null;
}

/**
 * Extends leases by their own TTL from now. Logs nothing: heartbeats are not events. Changes no indexed column, so that the
 * new version of a row stands beside the old one and no index is written.
 * Answers null for who does not hold its task, and for a row that it cannot have at once.
 */
export const heartbeats: SharedWrite<Heartbeat, Task | null> = {
  name: 'task-heartbeats',
  weightMax: 100,
  keyOf: ({ taskId }) => taskId.toLowerCase(),
  run: async (sql, items) => byTask(items, await sql.query<Task>(heartbeatsStatement, [JSON.stringify(items)])),
};

const extendLease = 'lease_expires_at = clock_timestamp() + make_interval(secs => lease_ttl_seconds)';

/** Values: the heartbeats as JSON, whose number the planner does not see, so that it finds one plan for all. */
const heartbeatsStatement: Statement = {
  name: 'task-heartbeats',
  text: `
with held as materialized (
  select task.id
  from json_to_recordset($1::json) as wanted("organizationId" uuid, "taskId" uuid, "holderId" uuid, fence int)
  join task on task.id = wanted."taskId" and task.organization_id = wanted."organizationId"
  where ${holdsLease('wanted."holderId"', 'wanted.fence')} and ${isOlder('task')}
  order by task.id for no key update of task skip locked
)
update task set ${extendLease} from held where task.id = held.id returning ${taskColumns('task')}`,
};

/** The same for one task, waiting for its row. Values: organization, task, holder, fence or null. */
export const heartbeatStatement: Statement = {
  name: 'task-heartbeat',
  text: `
update task set ${extendLease}
where id = $2::uuid and organization_id = $1::uuid and ${holdsLease('$3::uuid', '$4::int')}
returning ${taskColumns('task')}`,
};
