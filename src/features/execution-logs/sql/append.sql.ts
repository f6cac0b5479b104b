import { columns } from '../../../database/columns.js';
import type { SharedStatement, Statement } from '../../../database/database.js';
import { type ExecutionLog, Prisma } from '../../../database/generated/prisma/client.js';
import { rowsOf } from '../../../database/rows-of.js';
import { eventSummaryLength } from '../execution-log.model.js';

/** An entry without its output, which may be long: who wants it asks for it. */
export type ExecutionLogRow = Omit<ExecutionLog, 'rawOutput'>;

const { rawOutput: _, ...shortFields } = Prisma.ExecutionLogScalarFieldEnum;

/** An entry to append, and who appends it. */
export interface NewExecutionLog {
  organizationId: string;
  taskId: string;
  id: string;
  sessionId: string;
  step: string;
  summary: string;
  rawOutput: string | null;
  success: boolean | null;
  actorId: string | null;
  /** The caller's name when it is no actor. */
  actorLabel: string | null;
}

/** Appends entries. Answers null where there is no such task. */
export const appends: SharedStatement<NewExecutionLog, ExecutionLogRow | null> = {
  name: 'execution-log-appends',
  weightMax: 100,
  // A statement of about a million characters, or of one entry.
  weightOf: ({ summary, rawOutput }) => 1 + Math.floor((summary.length + (rawOutput?.length ?? 0)) / 10_000),
  async run(sql, items) {
    const rows = await sql.write<ExecutionLogRow>(appendStatement, [JSON.stringify(items)]);
    return rowsOf(
      items.map(({ id }) => id),
      rows,
    );
  },
};

/**
 * Appends entries to the logs of their tasks, and to those of the jobs that run them now, if there are any, with their
 * events, in the order given. It waits for nobody: an entry refers to its task, which whoever changes the task allows.
 * Values: entries (JSON).
 */
const appendStatement: Statement = {
  name: 'execution-log-append',
  text: `
with wanted as materialized (
  select * from rows from (json_to_recordset($1::json) as (id uuid, "organizationId" uuid, "taskId" uuid, "sessionId" text, step text,
    summary text, "rawOutput" text, success boolean, "actorId" uuid, "actorLabel" text)) with ordinality as wanted(id,
    organization_id, task_id, session_id, step, summary, raw_output, success, actor_id, actor_label, position)
), concerned as materialized (
  select wanted.position, task.id, task.project_id, task.assignee_id, task.required_specialization, task.source, run.id as job_id
  from wanted join task on task.id = wanted.task_id and task.organization_id = wanted.organization_id
  left join lateral (
    select id from job
    where job.task_id = task.id and job.status = 'RUNNING' and job.lease_expires_at > clock_timestamp()
    order by job.started_at desc limit 1
  ) as run on true
  where task.id = any(array(select task_id from wanted))
), changed as (
  insert into execution_log (id, organization_id, task_id, job_id, session_id, step, summary, raw_output, success, created_at)
  select wanted.id, wanted.organization_id, concerned.id, concerned.job_id, wanted.session_id, wanted.step, wanted.summary,
         wanted.raw_output, wanted.success, clock_timestamp()
  from wanted join concerned on concerned.position = wanted.position
  order by wanted.position
  returning *
), logged as (
  insert into event (organization_id, type, actor_id, actor_label, subject_id, task_id, project_id, agent_id, specialization, source, data)
  select changed.organization_id, 'ExecutionLogAppended', wanted.actor_id, wanted.actor_label, changed.id, concerned.id,
         concerned.project_id, concerned.assignee_id, concerned.required_specialization, concerned.source,
         jsonb_strip_nulls(jsonb_build_object('sessionId', changed.session_id, 'step', changed.step,
           'summary', left(changed.summary, ${eventSummaryLength}), 'jobId', changed.job_id, 'success', changed.success))
  from changed join wanted on wanted.id = changed.id join concerned on concerned.position = wanted.position
  order by wanted.position
)
select ${columns(shortFields, 'changed')} from changed`,
};
