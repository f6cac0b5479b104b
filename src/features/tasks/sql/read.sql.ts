import type { SharedStatement, Statement } from '../../../database/database.js';
import type { Task } from '../../../database/generated/prisma/client.js';
import { byTask, isWanted, taskColumns } from './task-rows.sql.js';

/** Tasks by their ids, for those who need one each at the same time, such as events that are delivered; null for one that is not there. */
export const taskReads: SharedStatement<{ organizationId: string; taskId: string }, Task | null> = {
  name: 'task-reads',
  weightMax: 100,
  groupOf: ({ organizationId }) => organizationId,
  async run(sql, items) {
    const taskIds = [...new Set(items.map(({ taskId }) => taskId))];
    const [first] = items;
    return byTask(items, await sql.query<Task>(readStatement, [JSON.stringify(taskIds), first?.organizationId]));
  },
};

/** Values: 1 ids (JSON), 2 organization. */
const readStatement: Statement = {
  name: 'task-reads',
  text: `
with wanted as materialized (select value::uuid as "taskId" from json_array_elements_text($1::json))
select ${taskColumns('task')} from task where ${isWanted} and task.organization_id = $2::uuid`,
};
