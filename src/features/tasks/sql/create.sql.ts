import type { SharedStatement, Statement } from '../../../database/database.js';
import type { Task, TaskSource, TaskStatus } from '../../../database/generated/prisma/client.js';
import { logChanged, taskColumns } from './task-rows.sql.js';

/** A task to be created. What it names is there: that is looked up before. */
export interface NewTask {
  id: string;
  organizationId: string;
  source: TaskSource;
  number: number | null;
  publicId: string | null;
  title: string;
  description: string | null;
  status: TaskStatus;
  priority: number;
  priorityLabel: string | null;
  requiredSpecialization: string | null;
  kind: string;
  modelTier: string;
  projectId: string | null;
  orchestratorId: string | null;
  createdById: string | null;
  createdByLabel: string | null;
  dueAt: Date | null;
  /** A JSON object. */
  metadata: unknown;
}

/** Creates tasks, all of an item or none, and logs an event for each. Answers them in the order given. */
export const creations: SharedStatement<readonly NewTask[], Task[]> = {
  name: 'task-creations',
  weightOf: (tasks) => tasks.length,
  weightMax: 100,
  run: async (sql, items) => {
    const rows = await sql.write<Task>(creationsStatement, [JSON.stringify(items.flat())]);
    const rowOf = new Map(rows.map((row) => [row.id, row]));
    return items.map((tasks) => tasks.flatMap(({ id }) => rowOf.get(id) ?? []));
  },
};

/** Values: tasks (JSON). */
const creationsStatement: Statement = {
  name: 'task-creations',
  text: `
with wanted as materialized (
  select * from rows from (
    json_to_recordset($1::json) as (
      id uuid, "organizationId" uuid, source "TaskSource", number int, "publicId" text, title text, description text,
      status "TaskStatus", priority int, "priorityLabel" text, "requiredSpecialization" text, kind text, "modelTier" text,
      "projectId" uuid, "orchestratorId" uuid, "createdById" uuid, "createdByLabel" text, "dueAt" timestamptz, metadata jsonb
    )
  ) with ordinality
), changed as (
  insert into task (id, organization_id, source, number, public_id, title, description, status, priority, priority_label,
    required_specialization, kind, model_tier, project_id, orchestrator_id, created_by_id, created_by_label, due_at, metadata)
  select id, "organizationId", source, number, "publicId", title, description, status, priority, "priorityLabel",
    "requiredSpecialization", kind, "modelTier", "projectId", "orchestratorId", "createdById", "createdByLabel", "dueAt", metadata
  from wanted order by ordinality
  returning *
), logged as (
  ${logChanged({
    type: `'TaskCreated'`,
    actorId: 'changed.created_by_id',
    actorLabel: 'changed.created_by_label',
    agentId: 'changed.assignee_id',
    data: `jsonb_build_object('after', changed.status, 'title', changed.title, 'priority', changed.priority)`,
    from: 'changed join wanted on wanted.id = changed.id order by wanted.ordinality',
  })}
)
select ${taskColumns('changed')} from changed`,
};
