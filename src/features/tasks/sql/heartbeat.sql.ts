import { type SharedStatement, type Statement, taking } from '../../../database/database.js';
import type { Task } from '../../../database/generated/prisma/client.js';
import { byTask, isWanted, taskColumns } from './task-rows.sql.js';

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
export const heartbeats: SharedStatement<Heartbeat, Task | null> = {
  name: 'task-heartbeats',
  weightMax: 100,
  keyOf: ({ taskId }) => taskId.toLowerCase(),
  run: async (sql, items) => byTask(items, await sql.query<Task>(heartbeatsStatement, [JSON.stringify(items)])),
};

/** Values: heartbeats (JSON). The planner does not see their number, so that it finds one plan for all. */
const heartbeatsStatement = heartbeat('task-heartbeats', taking.shared('task'));

/** The same for one, waiting for the row. */
export const heartbeatStatement = heartbeat('task-heartbeat', taking.alone('task'));

function heartbeat(name: string, { condition, lock }: { condition: string; lock: string }): Statement {
  return {
    name,
    text: `
with wanted as materialized (
  select * from json_to_recordset($1::json) as wanted("organizationId" uuid, "taskId" uuid, "holderId" uuid, fence int)
), held as materialized (
  select task.id from wanted join task on task.id = wanted."taskId" and task.organization_id = wanted."organizationId"
  where ${isWanted} and ${holdsLease('wanted."holderId"', 'wanted.fence')} and ${condition}
  order by task.id ${lock}
)
update task set lease_expires_at = clock_timestamp() + make_interval(secs => lease_ttl_seconds)
from held where task.id = held.id
returning ${taskColumns('task')}`,
  };
}
