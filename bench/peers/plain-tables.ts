import type pg from 'pg';

/** Whose tasks they are. */
export const plainOrganizationId = '00000000-0000-7000-8000-000000000001';

/**
 * The tables of a task queue with one plain statement for each act: those of the product as they were when it had that, with every
 * index. They stay as they are while the product's change, so that what ours is compared with does not.
 */
export const plainTables = `
  create table task (
    id uuid primary key,
    organization_id uuid not null default '${plainOrganizationId}',
    source text not null default 'GRAPHQL',
    number int,
    public_id text unique,
    title text not null,
    description text,
    status text not null default 'READY',
    blocker text,
    release_reason text,
    failure_reason text,
    priority int not null default 50 check (priority between 0 and 100),
    priority_label text,
    required_specialization text,
    kind text not null default 'general',
    model_tier text not null default 'standard',
    project_id uuid,
    created_by_id uuid,
    created_by_label text,
    assignee_id uuid,
    orchestrator_id uuid,
    due_at timestamptz(3),
    result jsonb,
    metadata jsonb not null default '{}',
    holder_id uuid,
    claimed_at timestamptz(3),
    lease_ttl_seconds int check (lease_ttl_seconds between 1 and 86400),
    lease_expires_at timestamptz(3),
    fence int not null default 0,
    created_at timestamptz(3) not null default now(),
    updated_at timestamptz(3) not null default now(),
    completed_at timestamptz(3),
    check (num_nulls(holder_id, claimed_at, lease_ttl_seconds, lease_expires_at) in (0, 4)),
    check (holder_id is null or status in ('CLAIMED', 'IN_PROGRESS', 'REVIEW')),
    unique (organization_id, number),
    unique (organization_id, id)
  ) with (fillfactor = 80);
  create index on task (organization_id, required_specialization, priority, id) where status = 'READY';
  create index on task (project_id, required_specialization, priority, id) where status = 'READY';
  create index on task (lease_expires_at) where lease_expires_at is not null;
  create index on task (holder_id) where holder_id is not null;
  create index on task (organization_id, priority, created_at, number) where source = 'QUEUE';
  create index on task (organization_id, priority, created_at, number) where source = 'QUEUE' and status not in ('DONE', 'FAILED', 'CANCELED');
  create index on task (organization_id, status, id);
  create index on task (organization_id, priority, id);
  create index on task (project_id, id) where project_id is not null;
  create index on task (assignee_id, id) where assignee_id is not null;
  create index on task (orchestrator_id, id) where orchestrator_id is not null;

  create table task_attempt (
    id uuid primary key,
    organization_id uuid not null,
    task_id uuid not null references task,
    fence int not null,
    holder_id uuid not null,
    started_at timestamptz(3) not null,
    ended_at timestamptz(3),
    outcome text,
    unique (task_id, fence),
    unique (organization_id, id)
  );
  create index on task_attempt (holder_id, id);

  create table event (
    seq bigserial primary key,
    xid xid8 not null default pg_current_xact_id(),
    organization_id uuid not null,
    type text not null,
    occurred_at timestamptz(3) not null default clock_timestamp(),
    actor_id uuid,
    subject_id uuid not null,
    task_id uuid,
    project_id uuid,
    agent_id uuid,
    specialization text,
    source text,
    data jsonb not null default '{}'
  );
  create index on event (xid, seq);
  create index on event (organization_id, xid, seq);
  create index on event (task_id, xid, seq) where task_id is not null;
  create index on event (occurred_at);
`;

/** Adds ready tasks until there are so many of them. */
export async function fillUpPlainTasks(database: pg.Pool, readyCount: number): Promise<void> {
  await database.query(
    `insert into task (id, title)
     select uuidv7(), 'task ' || n from generate_series((select count(*) + 1 from task where status = 'READY'), $1::bigint) as n`,
    [readyCount],
  );
  await database.query('vacuum (analyze) task');
}
