import type { Statement } from '../database/database.js';
import { visibleApiKeys } from '../features/api-keys/api-key.queries.js';
import { ValidationError } from '../features/validation-error.js';
import { isId } from '../kernel/ids.js';
import { builder } from './builder.js';
import type { GraphqlContext } from './context.js';
import { NodeRef } from './node.js';

/** The type behind each id that the caller's organization has. Values: organization, ids. */
const findTypesStatement: Statement = {
  name: 'node-types',
  text: `
select id, case when kind = 'AGENT' then 'Agent' else 'User' end as type from actor where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'ApiKey' from api_key where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'CoordinationRecord' from coordination_record where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'Decision' from decision where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'ExecutionLog' from execution_log where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'Job' from job where organization_id = $1::uuid and id = any($2::uuid[])
union all select memory_document.id, 'MemoryDocument' from memory_document join project on project.id = project_id and deleted_at is null
  where memory_document.organization_id = $1::uuid and memory_document.id = any($2::uuid[])
union all select id, 'Message' from message where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'Organization' from organization where id = $1::uuid and id = any($2::uuid[])
union all select id, 'Plan' from plan where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'Project' from project where organization_id = $1::uuid and id = any($2::uuid[]) and deleted_at is null
union all select id, 'PullRequest' from pull_request where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'ReviewComment' from review_comment where organization_id = $1::uuid and id = any($2::uuid[])
union all select note.id, 'ProjectNote' from project_note as note join project on project.id = note.project_id
  where note.organization_id = $1::uuid and note.id = any($2::uuid[]) and project.deleted_at is null
union all select id, 'Task' from task where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'TaskAttempt' from task_attempt where organization_id = $1::uuid and id = any($2::uuid[])
union all select id, 'Thread' from thread where organization_id = $1::uuid and id = any($2::uuid[])`,
};

type NodeTypeName =
  | 'Agent'
  | 'User'
  | 'ApiKey'
  | 'CoordinationRecord'
  | 'Decision'
  | 'ExecutionLog'
  | 'Job'
  | 'MemoryDocument'
  | 'Message'
  | 'Organization'
  | 'Plan'
  | 'Project'
  | 'PullRequest'
  | 'ReviewComment'
  | 'ProjectNote'
  | 'Task'
  | 'TaskAttempt'
  | 'Thread';
type Row = { id: string };
type Loader = (context: GraphqlContext, ids: string[]) => Promise<Row[]>;

const loaders: Record<NodeTypeName, Loader> = {
  Agent: ({ prisma }, ids) => prisma.actor.findMany({ where: { id: { in: ids } } }),
  User: ({ prisma }, ids) => prisma.actor.findMany({ where: { id: { in: ids } } }),
  ApiKey: ({ prisma, viewer }, ids) =>
    prisma.apiKey.findMany({ where: { id: { in: ids }, ...visibleApiKeys(viewer) }, omit: { secretHash: true } }),
  CoordinationRecord: ({ prisma }, ids) => prisma.coordinationRecord.findMany({ where: { id: { in: ids } } }),
  Decision: ({ prisma }, ids) => prisma.decision.findMany({ where: { id: { in: ids } } }),
  ExecutionLog: ({ prisma }, ids) => prisma.executionLog.findMany({ where: { id: { in: ids } }, omit: { rawOutput: true } }),
  Job: ({ prisma }, ids) => prisma.job.findMany({ where: { id: { in: ids } } }),
  MemoryDocument: ({ prisma }, ids) => prisma.memoryDocument.findMany({ where: { id: { in: ids } } }),
  Message: ({ prisma }, ids) => prisma.message.findMany({ where: { id: { in: ids } } }),
  Organization: ({ prisma }, ids) => prisma.organization.findMany({ where: { id: { in: ids } } }),
  Plan: ({ prisma }, ids) => prisma.plan.findMany({ where: { id: { in: ids } } }),
  Project: ({ prisma }, ids) => prisma.project.findMany({ where: { id: { in: ids } } }),
  PullRequest: ({ prisma }, ids) => prisma.pullRequest.findMany({ where: { id: { in: ids } } }),
  ReviewComment: ({ prisma }, ids) => prisma.reviewComment.findMany({ where: { id: { in: ids } } }),
  ProjectNote: ({ prisma }, ids) => prisma.projectNote.findMany({ where: { id: { in: ids } } }),
  Task: ({ prisma }, ids) => prisma.task.findMany({ where: { id: { in: ids } } }),
  TaskAttempt: ({ prisma }, ids) => prisma.taskAttempt.findMany({ where: { id: { in: ids } } }),
  Thread: ({ prisma }, ids) => prisma.thread.findMany({ where: { id: { in: ids } } }),
};

/** Ids that one `nodes` may name. */
const idsMax = 100;

/** The things with these ids, in their order; null for what does not exist or is not the caller's to see. */
async function findNodes(context: GraphqlContext, ids: readonly string[]): Promise<(Row | null)[]> {
  const wanted = ids.filter(isId).map((id) => id.toLowerCase());
  const types = await context.database.query<{ id: string; type: NodeTypeName }>(findTypesStatement, [
    context.viewer.organizationId,
    wanted,
  ]);
  const found = new Map<string, Row>();
  for (const typeName of new Set(types.map((row) => row.type))) {
    const rows = await loaders[typeName](
      context,
      types.filter((row) => row.type === typeName).map((row) => row.id),
    );
    for (const row of rows) found.set(row.id, Object.assign(row, { __typename: typeName }));
  }
  return ids.map((id) => found.get(id.toLowerCase()) ?? null);
}

builder.queryField('node', (t) =>
  t.field({
    type: NodeRef,
    nullable: true,
    description: 'The thing with this id, of whatever type. Null when there is none, or it is not yours to see.',
    args: { id: t.arg.id({ required: true, description: 'Id of the thing.' }) },
    resolve: async (_root, { id }, context) => (await findNodes(context, [id]))[0] ?? null,
  }),
);

builder.queryField('nodes', (t) =>
  t.field({
    type: [NodeRef],
    nullable: { list: false, items: true },
    description: `The things with these ids, in the order given; null in the place of one that does not exist or is not yours to see. At most ${idsMax}.`,
    args: { ids: t.arg.idList({ required: true, description: `Ids of the things, at most ${idsMax}.` }) },
    resolve: (_root, { ids }, context) => {
      if (ids.length > idsMax) throw new ValidationError(['ids'], `\`ids\` must name at most ${idsMax} things.`);
      return findNodes(context, ids);
    },
  }),
);
