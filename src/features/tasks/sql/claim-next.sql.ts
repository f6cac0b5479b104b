import type { SharedStatement, Statement } from '../../../database/database.js';
import type { Task, TaskSource } from '../../../database/generated/prisma/client.js';
import { claimCountMax } from '../task.model.js';
import { claimantIsActive, taskIsReady, waitsForSweep } from './claimable.sql.js';
import { claimedData, recordAttempts, startLease } from './start-lease.sql.js';
import { logChanged, taskColumns } from './task-rows.sql.js';

/** Which tasks an agent wants next; null does not restrict. */
export interface NextFilter {
  organizationId: string;
  projectId: string | null;
  kinds: readonly string[] | null;
  modelTiers: readonly string[] | null;
  sources: readonly TaskSource[] | null;
  /** Whether it takes nothing while a lapsed lease waits to be swept. */
  mindsOverdue: boolean;
  /** Where to walk on: behind the tasks that were looked at already. Null to begin with the most urgent. */
  after: Place | null;
}

/** The place of a task in the order of claims. */
export interface Place {
  priority: number;
  id: string;
}

/** Who wants how many of them, for how long. */
export interface NextClaim {
  filter: NextFilter;
  claimantId: string;
  leaseSeconds: number;
  /** One for each task that is wanted. */
  attemptIds: readonly string[];
  /** What the claimant is believed to be specialized in, as the last answer told; null when nothing is known. */
  expertise: string | null;
}

/** What came of it. */
export interface NextClaimed {
  /** Most urgent first. */
  tasks: Task[];
  /** A lapsed lease waits to be swept. */
  isOverdue: boolean;
  /** One of the organization does. */
  isOverdueHere: boolean;
  /** Stands for the ready tasks, each in its version, that were looked at while not everybody got what they wanted. Null when there were none. */
  sight: string | null;
  /** The last of them, when there may be more behind it. */
  last: Place | null;
  /** What the claimant is specialized in: equal for claimants who may have the same tasks. Null when it may not claim. */
  expertise: string | null;
  /** False when the claimant did not belong among the others, and is to ask again with its `expertise`. */
  isServed: boolean;
}

/**
 * Claims the most urgent ready tasks for several claimants of equal expertise, as if they came one after another in the
 * order given. Claimants of other expertise may be among them, because nobody knows it before: they are not served.
 */
export const nextClaims: SharedStatement<NextClaim, NextClaimed> = {
  name: 'task-next-claims',
  weightMax: claimCountMax,
  weightOf: ({ attemptIds }) => attemptIds.length,
  groupOf: ({ filter, expertise, claimantId }) => JSON.stringify([filter, expertise ?? claimantId]),
  async run(sql, items) {
    const { statement, values } = nextClaimsStatement(items);
    const rows = await sql.write<NextRow>(statement, values, (written) => written.some(({ id }) => id !== null));
    return answersOf(items, rows);
  },
};

type NextRow = Omit<NextClaimed, 'tasks'> & { position: number } & (Task | { id: null });

function answersOf(items: readonly NextClaim[], rows: NextRow[]): NextClaimed[] {
  const answers = items.map((): NextClaimed => ({ tasks: [], ...refused }));
  for (const { position, isOverdue, isOverdueHere, sight, last, expertise, isServed, ...task } of rows) {
    const answer = answers[position] as NextClaimed;
    Object.assign(answer, { isOverdue, isOverdueHere, sight, last, expertise, isServed });
    if (task.id !== null) answer.tasks.push(task);
  }
  return answers;
}

/** The claimant may not claim, or is none. */
const refused = { isOverdue: false, isOverdueHere: false, sight: null, last: null, expertise: null, isServed: true };

/** The statement for so many tasks, with its values: those of `claimNext`. */
export function nextClaimsStatement(items: readonly NextClaim[]): { statement: Statement; values: unknown[] } {
  const [first] = items;
  if (!first) throw new Error('nobody claims');
  const { organizationId, projectId, kinds, modelTiers, sources, mindsOverdue, after } = first.filter;
  const count = items.reduce((sum, { attemptIds }) => sum + attemptIds.length, 0);
  const size = after ? 'beyond' : (batchSizes.find((batchSize) => count <= batchSize) ?? claimCountMax);
  const statement = statements.get(`${size} ${projectId !== null}`);
  if (!statement) throw new Error(`no statement claims ${count} tasks`);
  const claimants = items.map(({ claimantId, leaseSeconds, attemptIds }, position) => ({
    position,
    claimantId,
    leaseSeconds,
    attemptIds,
  }));
  const values: unknown[] = [organizationId, JSON.stringify(claimants), kinds, modelTiers, sources, !mindsOverdue];
  if (after) values.push(after.priority, after.id);
  if (projectId !== null) values.push(projectId);
  return { statement, values };
}

const batchSizes = [1, 10, claimCountMax];

/** How many candidates are looked at for so many tasks: more, because others may be taking the best. */
const candidatesFor = (count: string | number) => `2 * ${count} + 8`;

const statements = new Map(
  [...batchSizes, 'beyond' as const].flatMap((size) => {
    const projectValue = size === 'beyond' ? '$9' : '$7';
    const inProject = `task.project_id = ${projectValue}::uuid and task.organization_id = $1::uuid`;
    return [
      [`${size} false`, claimNext(`task-claim-next-${size}`, size, `task.organization_id = $1::uuid`)],
      [`${size} true`, claimNext(`task-claim-next-${size}-in-project`, size, inProject)],
    ];
  }),
);

/**
 * Claims the most urgent ready tasks that the claimants may have, oldest first within a priority.
 *
 * It serves the first claimant and all who are specialized as it is. It walks one index range per specialization, and one
 * for tasks that need none, and locks only the rows that it gives out, best first, to the claimants in their order; rows
 * that another claim is taking are skipped, and so are rows whose version is not the one that the walk has seen (of a
 * younger transaction, perhaps: see `taking`). While a lapsed lease waits to be swept it takes nothing and says so, unless
 * told not to mind: the caller sweeps and asks again, so that a stopped sweeper hides no work.
 * When the candidates do not suffice because others are taking them, it says where to walk on. The statement that does,
 * `beyond`, looks at as many as one may, however few are wanted: there is a crowd.
 * Its shape keeps every part on an index whatever the planner believes, and the number of candidates is a constant of
 * the text, so that Postgres finds the plan that it can keep as cheap as one made for each call: the cost must not grow
 * with the queue, nor with the planning.
 * Values: 1 organization, 2 claimants in their order (JSON), 3 kinds or null, 4 model tiers or null, 5 sources or null,
 * 6 does not mind overdue leases[, priority and id to walk on behind][, project].
 */
function claimNext(name: string, size: number | 'beyond', scope: string): Statement {
  const [candidatesMax, candidateCount] =
    size === 'beyond'
      ? [candidatesFor(claimCountMax), candidatesFor(claimCountMax)]
      : [candidatesFor(size), candidatesFor('max(upto)')];
  const wanted = `${scope} and ${taskIsReady}${size === 'beyond' ? ' and (task.priority, task.id) > ($7::int, $8::uuid)' : ''}
      and ($3::text[] is null or task.kind = any($3::text[])) and ($4::text[] is null or task.model_tier = any($4::text[]))
      and ($5::"TaskSource"[] is null or task.source = any($5::"TaskSource"[]))`;
  // The constant limit tells the planner that it is about few rows, the other one ends the walk.
  const range = (condition: string, order: string) => `
    select * from (
      select task.id, task.priority, task.xmin as version from task
      where ${wanted} and ${condition} order by ${order} limit ${candidatesMax}
    ) as range limit (select candidate_count from demand)`;
  return {
    name,
    text: `
with claimant as materialized (
  select wanted.*, claimant.specializations
  from json_to_recordset($2::json) as wanted(position int, "claimantId" uuid, "leaseSeconds" int, "attemptIds" uuid[])
  join actor as claimant on claimant.id = wanted."claimantId" and claimant.organization_id = $1::uuid
  where ${claimantIsActive}
), served as materialized (
  select claimant.*, sum(cardinality("attemptIds")) over (order by position) as upto from claimant
  where specializations = (select specializations from claimant order by position limit 1)
), demand as materialized (
  select max(upto) as task_count, ${candidateCount} as candidate_count from served
), overdue as materialized (
  select exists (select from task where ${waitsForSweep}) as is_overdue
), candidate as materialized (
  select id, priority, version from (
    (${range('task.required_specialization is null', 'task.required_specialization, task.priority, task.id')})
    union all
    select ready.id, ready.priority, ready.version
    from (select specializations from served limit 1) as claimant
    cross join unnest(claimant.specializations) as specialization(code)
    cross join lateral (${range('task.required_specialization = specialization.code', 'task.priority, task.id')}) as ready
  ) as best
  where exists (select from served) and ($6::boolean or not (select is_overdue from overdue))
  order by priority, id limit (select candidate_count from demand)
), chosen as materialized (
  select task.id, task.priority from task
  where task.id = any(array(select id from candidate)) and task.xmin = any(array(select version from candidate)) and ${taskIsReady}
  order by task.priority, task.id limit (select task_count from demand)
  for no key update skip locked
), numbered as (
  select id, row_number() over (order by priority, id) as number from chosen
), claim as materialized (
  select numbered.id, served.position, served."claimantId" as claimant_id, served."leaseSeconds" as lease_seconds,
    served."attemptIds"[served.upto - numbered.number + 1] as attempt_id
  from numbered
  join served on numbered.number <= served.upto and numbered.number > served.upto - cardinality(served."attemptIds")
), changed as (
  update task set ${startLease('claim')} from claim where task.id = claim.id
  returning task.*, false as is_override, claim.attempt_id, claim.position
), attempted as (
  ${recordAttempts}
), logged as (
  ${logChanged({
    type: `'TaskClaimed'`,
    actorId: 'changed.holder_id',
    actorLabel: 'null',
    agentId: 'changed.holder_id',
    data: claimedData,
    from: '(select * from changed order by position, priority, id) as changed',
  })}
)
select claimant.position, overdue.is_overdue as "isOverdue", view.sight, view.last,
  overdue.is_overdue and exists (select from task where ${waitsForSweep} and organization_id = $1::uuid) as "isOverdueHere",
  claimant.specializations::text as expertise, served.position is not null as "isServed", ${taskColumns('changed')}
from claimant cross join overdue
cross join (
  select md5(string_agg(id::text || version::text, ' ' order by priority, id)) as sight,
    case when count(*) = (select candidate_count from demand)
      then (array_agg(json_build_object('priority', priority, 'id', id) order by priority, id))[count(*)] end as last
  from candidate where (select count(*) from chosen) < (select task_count from demand)
) as view
left join served on served.position = claimant.position
left join changed on changed.position = claimant.position
order by claimant.position, changed.priority, changed.id`,
  };
}
