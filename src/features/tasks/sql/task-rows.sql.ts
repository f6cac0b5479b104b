import { columns } from '../../../database/columns.js';
import { Prisma, type Task } from '../../../database/generated/prisma/client.js';
import { rowsOf } from '../../../database/rows-of.js';

/** The columns of a task as Prisma would give them, from a row aliased `table`. */
export function taskColumns(table: string): string {
  return columns(Prisma.TaskScalarFieldEnum, table);
}

/**
 * The part of a statement that logs one event per row of `changed`; the filter columns are the task's own, save the agent
 * concerned, who may just have stopped being its assignee. All values are SQL expressions.
 */
export function logChanged(event: {
  type: string;
  actorId: string;
  actorLabel: string;
  agentId: string;
  data: string;
  from?: string;
}): string {
  return `insert into event (organization_id, type, actor_id, actor_label, subject_id, task_id, project_id, agent_id, specialization, source, data)
    select changed.organization_id, ${event.type}, ${event.actorId}, ${event.actorLabel}, changed.id, changed.id, changed.project_id,
           ${event.agentId}, changed.required_specialization, changed.source, ${event.data}
    from ${event.from ?? 'changed'}`;
}

/** That the task is one of those that `wanted` names: said once more in this form, so that they are looked up by their ids whatever the planner believes of the table. */
export const isWanted = 'task.id = any(array(select "taskId" from wanted))';

/** Answers each of the items by its task's row; null where there is none. No two of the items name the same task. */
export function byTask(items: readonly { taskId: string }[], rows: readonly Task[]): (Task | null)[] {
  return rowsOf(
    items.map(({ taskId }) => taskId),
    rows,
  );
}
