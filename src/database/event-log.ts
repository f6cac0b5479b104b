import { encodeCursor, type LogPosition } from '../kernel/cursor.js';
import type { Sql, Statement } from './database.js';
import type { TaskSource } from './generated/prisma/enums.js';

/**
 * The event log: every state change, appended in the transaction that makes it.
 *
 * Transactions do not commit in the order in which they took their numbers, so a reader that follows a plain sequence
 * skips whatever commits late. We read in the order (xid, seq) and only below the oldest transaction that still runs:
 * there every transaction has ended, so nothing can appear behind a reader any more.
 *
 * Every position handed out is that of an event (or of the last pruned one), never merely "now" in transaction numbers:
 * whether a cursor belongs to this log is then one look at a primary key, exact also after a restore or a failover that
 * lost commits, and numbers that a crash gives out twice cannot hide an event behind a cursor.
 */

/** An event to be appended. Who, what, and what subscriptions filter on; ids in lower case. */
export interface NewEvent {
  organizationId: string;
  type: string;
  actorId?: string | null;
  actorLabel?: string | null;
  subjectId: string;
  taskId?: string | null;
  projectId?: string | null;
  threadId?: string | null;
  agentId?: string | null;
  specialization?: string | null;
  source?: TaskSource | null;
  /** The facts of the event, before and after; must survive JSON. */
  data?: Record<string, unknown>;
}

/** An event as the log holds it. `cursor` is `position` as text for clients: to resume after this event. */
export interface LoggedEvent {
  cursor: string;
  position: LogPosition;
  occurredAt: Date;
  organizationId: string;
  type: string;
  actorId: string | null;
  actorLabel: string | null;
  subjectId: string;
  taskId: string | null;
  projectId: string | null;
  threadId: string | null;
  agentId: string | null;
  specialization: string | null;
  source: TaskSource | null;
  data: Record<string, unknown>;
}

/** Which events somebody wants: all that is given must hold; an absent or null part does not restrict. Ids in lower case. */
export interface EventFilter {
  organizationId?: string | null;
  types?: readonly string[] | null;
  taskId?: string | null;
  projectId?: string | null;
  threadId?: string | null;
  agentId?: string | null;
  specialization?: string | null;
  sources?: readonly TaskSource[] | null;
}

/** What one read of the log saw, all of it in one snapshot. */
export interface EventPage {
  /** In safe order. */
  events: LoggedEvent[];
  /** The place up to which this read is complete, also when nothing matched: the next read starts here. */
  horizon: LogPosition;
  /** Whether `horizon` is the end of what may be read; otherwise there may be more to read at once. */
  isCaughtUp: boolean;
  /** False when the log cannot be resumed from the given place: pruned meanwhile, or not a place in this log. `events` is then empty. */
  isResumable: boolean;
  /** Age of the oldest committed event that an older, still running transaction holds back, in milliseconds; null when there is none. */
  pendingAgeMs: number | null;
}

/** Appends events in the given order, in one statement, within the caller's transaction. */
export async function appendEvents(tx: Sql, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx.query(appendStatement, [JSON.stringify(events)]);
}

/**
 * Looks at the next `rowLimit` rows after a place, at most 1000, in one statement, and gives back those that the filter wants.
 *
 * A page costs the same however rare a match is, and its horizon advances even when nothing matched: ask again from there.
 * A read by task or by organization walks that index only.
 */
export async function scanEvents(
  sql: Sql,
  { after, filter = {}, rowLimit }: { after: LogPosition; filter?: EventFilter; rowLimit: number },
): Promise<EventPage> {
  const rows = await sql.query<PageRow>(scanStatementFor(filter), [
    after.xid.toString(),
    after.seq.toString(),
    rowLimit,
    filter.organizationId ?? null,
    filter.taskId ?? null,
    filter.projectId ?? null,
    filter.threadId ?? null,
    filter.agentId ?? null,
    filter.specialization ?? null,
    filter.types ?? null,
    filter.sources ?? null,
  ]);
  const [summary] = rows;
  if (!summary) throw new Error('A scan of the event log always answers at least one row');
  return {
    events: summary.is_resumable ? rows.filter(isEventRow).map(toLoggedEvent) : [],
    horizon: { xid: BigInt(summary.horizon_xid), seq: BigInt(summary.horizon_seq) },
    isCaughtUp: !summary.is_full,
    isResumable: summary.is_resumable,
    pendingAgeMs: summary.pending_age_ms,
  };
}

/** Reads the next `limit` wanted events after a place; fewer only at the end of what may be read, or when it cannot be resumed. */
export async function readEvents(
  sql: Sql,
  { after, filter, limit }: { after: LogPosition; filter?: EventFilter; limit: number },
): Promise<EventPage> {
  const events: LoggedEvent[] = [];
  let page = await scanEvents(sql, { after, filter, rowLimit: limit });
  for (;;) {
    events.push(...page.events);
    const last = events[limit - 1];
    if (last && events.length > limit)
      return { ...page, events: events.slice(0, limit), horizon: last.position, isCaughtUp: false };
    if (last || page.isCaughtUp || !page.isResumable) return { ...page, events };
    page = await scanEvents(sql, { after: page.horizon, filter, rowLimit: rowLimitMax });
  }
}

/** Whether an event is wanted: the same rule in memory that `scanEvents` applies in SQL. */
export function matches(filter: EventFilter, event: LoggedEvent): boolean {
  return (
    allows(filter.organizationId, event.organizationId) &&
    allows(filter.taskId, event.taskId) &&
    allows(filter.projectId, event.projectId) &&
    allows(filter.threadId, event.threadId) &&
    allows(filter.agentId, event.agentId) &&
    allows(filter.specialization, event.specialization) &&
    (filter.types == null || filter.types.includes(event.type)) &&
    (filter.sources == null || (event.source !== null && filter.sources.includes(event.source)))
  );
}

/**
 * The place "now": resuming after it misses nothing that commits later.
 * With `eventsBack`, the place that many events earlier, or the start of what is kept when there are fewer.
 */
export async function currentPosition(sql: Sql, eventsBack = 0): Promise<LogPosition> {
  const [row] = await sql.query<{ xid: string; seq: string }>(currentPositionStatement, [eventsBack]);
  if (!row) throw new Error('A read of the current position always answers one row');
  return { xid: BigInt(row.xid), seq: BigInt(row.seq) };
}

/**
 * The place behind which the last `count` events of an organization begin, of those before a place or of all; null when no
 * more than these are kept.
 */
export async function positionBefore(
  sql: Sql,
  { organizationId, before, count }: { organizationId: string; before: LogPosition | null; count: number },
): Promise<LogPosition | null> {
  const place = [before?.xid.toString() ?? null, before?.seq.toString() ?? null];
  const [row] = await sql.query<{ xid: string; seq: string }>(positionBeforeStatement, [organizationId, ...place, count]);
  return row ? { xid: BigInt(row.xid), seq: BigInt(row.seq) } : null;
}

/** The place before the oldest event that is kept. */
export async function oldestPosition(sql: Sql): Promise<LogPosition> {
  const [row] = await sql.query<{ xid: string; seq: string }>(oldestPositionStatement, []);
  if (!row) throw new Error('A read of the oldest position always answers one row');
  return { xid: BigInt(row.xid), seq: BigInt(row.seq) };
}

/**
 * Deletes the events that are older than the given age, in batches of one short statement each, and returns how many.
 *
 * Always a prefix of the safe order, and `event_log_horizon` moves in the same statement: no reader can see a gap that
 * it is not told of. Several processes may prune at once; all but one find the lock taken and delete nothing.
 */
export async function pruneEvents(
  sql: Sql,
  { olderThanDays, batchSize }: { olderThanDays: number; batchSize: number },
): Promise<number> {
  let deletedCount = 0;
  for (;;) {
    const [row] = await sql.query<{ count: number }>(pruneStatement, [olderThanDays, batchSize]);
    const count = row?.count ?? 0;
    deletedCount += count;
    if (count < batchSize) return deletedCount;
  }
}

/** Rows looked at in one go when few of them match. */
const rowLimitMax = 1000;

/** Everything below the oldest running transaction has ended, and this snapshot sees all of it that committed. */
const isFinished = 'xid < pg_snapshot_xmin(pg_current_snapshot())';

/** Numbers are drawn above the sort, so `seq` rises in the given order. */
const appendStatement: Statement = {
  name: 'event_append',
  text: `
    insert into event (organization_id, type, actor_id, actor_label, subject_id, task_id, project_id, thread_id,
                       agent_id, specialization, source, data)
    select "organizationId", type, "actorId", "actorLabel", "subjectId", "taskId", "projectId", "threadId",
           "agentId", specialization, source::"TaskSource", coalesce(data, '{}')
    from rows from (
      jsonb_to_recordset($1::jsonb) as (
        "organizationId" uuid, type text, "actorId" uuid, "actorLabel" text, "subjectId" uuid, "taskId" uuid,
        "projectId" uuid, "threadId" uuid, "agentId" uuid, specialization text, source text, data jsonb
      )
    ) with ordinality
    order by ordinality`,
};

/** How far the log has been pruned; (0, 0) when it never was. */
const prunedPosition = `(
  select
    coalesce((select pruned_xid from event_log_horizon), '0'::xid8) as pruned_xid,
    coalesce((select pruned_seq from event_log_horizon), 0) as pruned_seq
)`;

const scanAll = scanStatement('event_scan_all', '');
const scanOrganization = scanStatement('event_scan_organization', 'organization_id = $4::uuid and');
const scanTask = scanStatement('event_scan_task', 'task_id = $5::uuid and');

function scanStatementFor(filter: EventFilter): Statement {
  if (filter.taskId != null) return scanTask;
  return filter.organizationId != null ? scanOrganization : scanAll;
}

/**
 * `scope` picks the index to walk; the other conditions are checked on the rows that were looked at. The constant limit tells
 * the planner that it is about few rows: with the other one alone, it would plan each scan anew.
 */
function scanStatement(name: string, scope: string): Statement {
  return {
    name,
    text: `
      with looked_at as materialized (
        select * from (
          select * from event
          where ${scope} (xid, seq) > ($1::xid8, $2::bigint) and ${isFinished}
          order by xid, seq
          limit ${rowLimitMax}
        ) as range
        limit $3::int
      ),
      summary as materialized (
        select
          page.is_full,
          case when page.is_full then last.xid else coalesce(newest.xid, $1::xid8) end as horizon_xid,
          case when page.is_full then last.seq else coalesce(newest.seq, $2::bigint) end as horizon_seq,
          case
            when $1::xid8 = pruned_xid and $2::bigint = pruned_seq then true
            when ($1::xid8, $2::bigint) < (pruned_xid, pruned_seq) then false
            else exists (select from event where seq = $2::bigint and xid = $1::xid8)
          end as is_resumable,
          (
            select (extract(epoch from clock_timestamp() - occurred_at) * 1000)::float8
            from event where not (${isFinished}) order by xid, seq limit 1
          ) as pending_age_ms
        from
          (select count(*) = $3::int as is_full from looked_at) as page
          left join (select xid, seq from looked_at order by xid desc, seq desc limit 1) as last on true
          left join (select xid, seq from event where ${isFinished} order by xid desc, seq desc limit 1) as newest on true
          cross join ${prunedPosition} as pruned
      )
      select
        summary.is_full, summary.horizon_xid::text, summary.horizon_seq::text, summary.is_resumable,
        summary.pending_age_ms, found.xid::text, found.seq::text, found.occurred_at, found.organization_id, found.type,
        found.actor_id, found.actor_label, found.subject_id, found.task_id, found.project_id, found.thread_id,
        found.agent_id, found.specialization, found.source::text, found.data
      from summary
      left join looked_at as found on
        ($4::uuid is null or found.organization_id = $4::uuid)
        and ($5::uuid is null or found.task_id = $5::uuid)
        and ($6::uuid is null or found.project_id = $6::uuid)
        and ($7::uuid is null or found.thread_id = $7::uuid)
        and ($8::uuid is null or found.agent_id = $8::uuid)
        and ($9::text is null or found.specialization = $9::text)
        and ($10::text[] is null or found.type = any($10::text[]))
        and ($11::text[] is null or found.source::text = any($11::text[]))
      order by found.xid, found.seq`,
  };
}

const currentPositionStatement: Statement = {
  name: 'event_current_position',
  text: `
    select coalesce(newest.xid, pruned_xid)::text as xid, coalesce(newest.seq, pruned_seq)::text as seq
    from ${prunedPosition} as pruned
    left join (
      select xid, seq from event where ${isFinished} order by xid desc, seq desc limit 1 offset $1::int
    ) as newest on true`,
};

const positionBeforeStatement: Statement = {
  name: 'event_position_before',
  text: `
    select xid::text as xid, seq::text as seq from event
    where organization_id = $1::uuid and ($2::xid8 is null or (xid, seq) < ($2::xid8, $3::bigint)) and ${isFinished}
    order by event.xid desc, event.seq desc
    limit 1 offset $4::int`,
};

const oldestPositionStatement: Statement = {
  name: 'event_oldest_position',
  text: `select pruned_xid::text as xid, pruned_seq::text as seq from ${prunedPosition} as pruned`,
};

/** The lock (`bato` and `prun` in ASCII) ends with the statement. A batch ends before the first event that is young enough to stay. */
const pruneStatement: Statement = {
  name: 'event_prune',
  text: `
    with turn as materialized (
      select pg_try_advisory_xact_lock(x'6261746f'::int, x'7072756e'::int) as is_mine
    ),
    oldest as materialized (
      select xid, seq, occurred_at < now() - make_interval(days => $1::int) as is_expired
      from event, ${prunedPosition} as pruned
      where (select is_mine from turn) and (xid, seq) > (pruned_xid, pruned_seq) and ${isFinished}
      order by xid, seq
      limit $2::int
    ),
    first_kept as (
      select xid, seq from oldest where not is_expired order by xid, seq limit 1
    ),
    expired as materialized (
      select oldest.xid, oldest.seq
      from oldest left join first_kept on true
      where first_kept.seq is null or (oldest.xid, oldest.seq) < (first_kept.xid, first_kept.seq)
    ),
    deleted as (
      delete from event using expired where event.seq = expired.seq
    ),
    moved as (
      insert into event_log_horizon as horizon (id, pruned_xid, pruned_seq)
      select 1, xid, seq from expired order by xid desc, seq desc limit 1
      on conflict (id) do update set pruned_xid = excluded.pruned_xid, pruned_seq = excluded.pruned_seq
      where (horizon.pruned_xid, horizon.pruned_seq) < (excluded.pruned_xid, excluded.pruned_seq)
    )
    select count(*)::int as count from expired`,
};

interface PageRow {
  is_full: boolean;
  horizon_xid: string;
  horizon_seq: string;
  is_resumable: boolean;
  pending_age_ms: number | null;
  /** Null, as all that follows, in the one row of a page without events. */
  seq: string | null;
}

interface EventRow extends PageRow {
  xid: string;
  seq: string;
  occurred_at: Date;
  organization_id: string;
  type: string;
  actor_id: string | null;
  actor_label: string | null;
  subject_id: string;
  task_id: string | null;
  project_id: string | null;
  thread_id: string | null;
  agent_id: string | null;
  specialization: string | null;
  source: TaskSource | null;
  data: Record<string, unknown>;
}

function isEventRow(row: PageRow): row is EventRow {
  return row.seq !== null;
}

function toLoggedEvent(row: EventRow): LoggedEvent {
  const position = { xid: BigInt(row.xid), seq: BigInt(row.seq) };
  return {
    cursor: encodeCursor(position),
    position,
    occurredAt: row.occurred_at,
    organizationId: row.organization_id,
    type: row.type,
    actorId: row.actor_id,
    actorLabel: row.actor_label,
    subjectId: row.subject_id,
    taskId: row.task_id,
    projectId: row.project_id,
    threadId: row.thread_id,
    agentId: row.agent_id,
    specialization: row.specialization,
    source: row.source,
    data: row.data,
  };
}

function allows(wanted: string | null | undefined, actual: string | null): boolean {
  return wanted == null || wanted === actual;
}
