import { columns } from '../../../database/columns.js';
import type { Statement } from '../../../database/database.js';
import { Prisma, type Task } from '../../../database/generated/prisma/client.js';

const {
  id,
  number,
  title,
  description,
  kind,
  priority,
  modelTier,
  status,
  leaseExpiresAt,
  assigneeId,
  claimedAt,
  blocker,
  result,
  metadata,
  createdAt,
  updatedAt,
  completedAt,
} = Prisma.TaskScalarFieldEnum;
/** The fields of a task that the queue shows, or tells its state by. */
const shownFields = {
  id,
  number,
  title,
  description,
  kind,
  priority,
  modelTier,
  status,
  leaseExpiresAt,
  assigneeId,
  claimedAt,
  blocker,
  result,
  metadata,
  createdAt,
  updatedAt,
  completedAt,
};

export type ShownTask = Pick<Task, keyof typeof shownFields>;

/** Whose a task is: the text id of its assignee, and when that one claimed it. A task that is no longer leased has kept no time of its claim; its attempt has. */
export interface TaskClaimRow {
  assigneeName: string | null;
  newestClaimAt: Date | null;
}

const claimColumns = `coalesce(assignee.external_id, assignee.name) as "assigneeName", coalesce(task.claimed_at, attempt.started_at) as "newestClaimAt"`;

const claimTables = `left join actor as assignee on assignee.id = task.assignee_id
left join task_attempt as attempt on task.claimed_at is null and attempt.task_id = task.id and attempt.fence = task.fence`;

/** Whose one task is. Values: 1 task. */
export const queueClaimStatement: Statement = {
  name: 'task-queue-claim',
  text: `select ${claimColumns} from task ${claimTables} where task.id = $1::uuid`,
};

/**
 * A page of the tasks of the queue, most urgent first, oldest first within a priority: each of the two walks an index in
 * that order and stops when the page is full. Their conditions on source and status are constants of the text, because
 * Postgres must see them to know that a partial index has all that is wanted.
 * Values: 1 organization, 2 statuses that readers see, 3 now, 4 assignee or null, 5 kind or null, 6 model tier or null,
 * 7 limit, 8 offset.
 */
export const queuePageStatement = page('task-queue-page', `task.source = 'QUEUE'`);

/** The same for statuses that are not final, past which it need not walk. */
export const openQueuePageStatement = page(
  'task-queue-page-open',
  `task.source = 'QUEUE' and task.status not in ('DONE', 'FAILED', 'CANCELED')`,
);

function page(name: string, scope: string): Statement {
  const isLapsed = '(task.lease_expires_at is not null and task.lease_expires_at <= $3::timestamptz)';
  return {
    name,
    text: `
select ${columns(shownFields, 'task')}, ${claimColumns} from (
  select * from task
  where task.organization_id = $1::uuid and ${scope}
    and case when ${isLapsed} then 'READY' else task.status end = any($2::"TaskStatus"[])
    and ($4::uuid is null or (task.assignee_id = $4::uuid and not ${isLapsed}))
    and ($5::text is null or task.kind = $5::text) and ($6::text is null or task.model_tier = $6::text)
  order by task.priority, task.created_at, task.number limit $7::int offset $8::int
) as task ${claimTables}
order by task.priority, task.created_at, task.number`,
  };
}
