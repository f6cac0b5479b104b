import { columns } from '../../../database/columns.js';
import { type Job, Prisma } from '../../../database/generated/prisma/client.js';

/** A job as a hand-written statement answers it: what Prisma gives, with the one `bigint` as text. */
export type JobRow = Omit<Job, 'githubCommentId'> & { githubCommentIdText: string | null };

const { githubCommentId: _, ...plainFields } = Prisma.JobScalarFieldEnum;

/** The columns of a job, from a row aliased `table`. */
export function jobColumns(table: string): string {
  return `${columns(plainFields, table)}, ${table}.github_comment_id::text as "githubCommentIdText"`;
}

/** The same job as Prisma would give it. */
export function toJob({ githubCommentIdText, ...row }: JobRow): Job {
  return { ...row, githubCommentId: githubCommentIdText === null ? null : BigInt(githubCommentIdText) };
}

/** The part of a statement that logs one event per row of `changed`. All values are SQL expressions. */
export function logJobs(event: { type: string; actorId: string; actorLabel: string; data: string }): string {
  return `insert into event (organization_id, type, actor_id, actor_label, subject_id, task_id, project_id, agent_id, source, data)
    select changed.organization_id, ${event.type}, ${event.actorId}, ${event.actorLabel}, changed.id, changed.task_id, changed.project_id,
           ${event.actorId}, task.source, ${event.data}
    from changed join task on task.id = changed.task_id`;
}
