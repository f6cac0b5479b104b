/**
 * The two endpoints by hand: bare hono over a pool of connections to the product's own database. Each request is one SQL
 * statement, which for a claim also records the attempt and appends the event. Its tokens are compared in memory.
 */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import pg from 'pg';
import { childArguments, serveParent } from '../child.js';

export interface HonoServerArgs {
  databaseUrl: string;
  poolSize: number;
  organizationId: string;
  /** Agents by their tokens. */
  agentIds: Record<string, string>;
}

const { databaseUrl, poolSize, organizationId, agentIds } = childArguments<HonoServerArgs>();
const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize });

const claim = {
  name: 'claim',
  text: `
    with claimant as (
      select id, specializations from actor where id = $3 and organization_id = $1 and status not in ('PENDING', 'INACTIVE')
    ), changed as (
      update task set status = 'CLAIMED', holder_id = claimant.id, assignee_id = claimant.id, fence = task.fence + 1,
        claimed_at = clock_timestamp(), lease_ttl_seconds = $4::int,
        lease_expires_at = clock_timestamp() + make_interval(secs => $4::int),
        lease_check_at = statement_timestamp() + make_interval(secs => $4::int), updated_at = clock_timestamp()
      from claimant
      where task.id = $2 and task.organization_id = $1 and task.source = 'COORDINATOR' and task.status = 'READY'
        and (task.required_specialization is null or task.required_specialization = any(claimant.specializations))
      returning task.*
    ), attempted as (
      insert into task_attempt (id, organization_id, task_id, fence, holder_id, started_at)
      select uuidv7(), organization_id, id, fence, holder_id, claimed_at from changed
    ), logged as (
      insert into event (organization_id, type, actor_id, subject_id, task_id, agent_id, specialization, source, data)
      select organization_id, 'TaskClaimed', holder_id, id, id, holder_id, required_specialization, source,
        jsonb_build_object('before', 'READY', 'after', 'CLAIMED', 'fence', fence, 'leaseSeconds', lease_ttl_seconds,
          'leaseExpiresAt', lease_expires_at, 'isOverride', false)
      from changed
    )
    select lease_expires_at, fence from changed`,
};

const list = {
  name: 'list',
  text: `
    select task.number as id, task.title, task.description, task.kind, task.priority, task.model_tier,
      case task.status when 'CLAIMED' then 'claimed' when 'DONE' then 'done' when 'FAILED' then 'failed'
        when 'IN_PROGRESS' then 'running' when 'REVIEW' then 'running' else 'queued' end as status,
      actor.external_id as claimed_by, task.claimed_at, task.created_at, task.updated_at, task.completed_at, task.result, task.metadata
    from task left join actor on actor.id = task.assignee_id
    where task.organization_id = $1 and task.source = 'QUEUE' and task.status not in ('CANCELED', 'BLOCKED')
    order by task.priority, task.created_at, task.number limit $2 offset $3`,
};

const app = new Hono<{ Variables: { agentId: string } }>();

app.use(async (c, next) => {
  const agentId = agentIds[c.req.header('authorization')?.slice('Bearer '.length) ?? ''];
  if (!agentId) return c.json({ error: 'unauthorized' }, 401);
  c.set('agentId', agentId);
  return next();
});

app.post('/api/coord/tasks/:id/claim', async (c) => {
  const body = await c.req.json<{ lease_ttl_sec?: number }>();
  const values = [organizationId, c.req.param('id'), c.get('agentId'), body.lease_ttl_sec ?? 1800];
  const { rows } = await pool.query<{ lease_expires_at: Date; fence: number }>({ ...claim, values });
  const [lease] = rows;
  return lease ? c.json({ status: 'ok', ...lease }) : c.json({ error: 'task_not_ready' }, 409);
});

app.get('/tasks', async (c) => {
  const values = [organizationId, Number(c.req.query('limit') ?? 20), Number(c.req.query('offset') ?? 0)];
  const { rows } = await pool.query({ ...list, values });
  return c.json(rows);
});

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => serveParent({ url: `http://127.0.0.1:${port}` }));
