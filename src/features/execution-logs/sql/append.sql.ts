import { columns } from '../../../database/columns.js';
import type { Statement } from '../../../database/database.js';
import { type ExecutionLog, Prisma } from '../../../database/generated/prisma/client.js';
import { eventSummaryLength } from '../execution-log.model.js';

/** An entry without its output, which may be long: who wants it asks for it. */
export type ExecutionLogRow = Omit<ExecutionLog, 'rawOutput'>;

const { rawOutput: _, ...shortFields } = Prisma.ExecutionLogScalarFieldEnum;

/**
 * Appends an entry to the log of a task, and to that of the job that runs it now, if there is one, with its event: one
 * statement, as agents log often. No row when there is no such task.
 * Values: 1 organization, 2 task, 3 id of the entry, 4 session, 5 step, 6 summary, 7 output or null, 8 success or null,
 * 9 actor or null, 10 label of the caller when no actor.
 */
export const appendStatement: Statement = {
  name: 'execution-log-append',
  text: `
with changed as (
  insert into execution_log (id, organization_id, task_id, job_id, session_id, step, summary, raw_output, success, created_at)
  select $3::uuid, task.organization_id, task.id, run.id, $4::text, $5::text, $6::text, $7::text, $8::boolean, clock_timestamp()
  from task left join lateral (
    select id from job
    where job.task_id = task.id and job.status = 'RUNNING' and job.lease_expires_at > clock_timestamp()
    order by job.started_at desc limit 1
  ) as run on true
  where task.id = $2::uuid and task.organization_id = $1::uuid
  returning *
), logged as (
  insert into event (organization_id, type, actor_id, actor_label, subject_id, task_id, project_id, agent_id, specialization, source, data)
  select changed.organization_id, 'ExecutionLogAppended', $9::uuid, $10::text, changed.id, task.id, task.project_id, task.assignee_id,
         task.required_specialization, task.source,
         jsonb_strip_nulls(jsonb_build_object('sessionId', changed.session_id, 'step', changed.step,
           'summary', left(changed.summary, ${eventSummaryLength}), 'jobId', changed.job_id, 'success', changed.success))
  from changed join task on task.id = changed.task_id
)
select ${columns(shortFields, 'changed')} from changed`,
};
