import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { v7 as newId } from 'uuid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { applyMigrations, migrationsDirectory, readMigrations } from '../../src/database/migration-runner.js';
import { createLogger } from '../../src/kernel/logger.js';
import { type TestApp, useTestApp } from '../support/app.js';
import { type Answer, call } from '../support/graphql-call.js';
import { createEmptyDatabase } from '../support/postgres.js';

const logger = createLogger('silent');
const names = (await readMigrations()).map((migration) => migration.name);
const organizationId = '00000000-0000-7000-8000-000000000001';

/** A database as the version with so many migrations left it, with something of every kind that it could hold. */
async function useOldDatabase(migrationCount: number) {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-old-migrations-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const name of names.slice(0, migrationCount)) {
    await cp(path.join(migrationsDirectory(), name), path.join(directory, name), { recursive: true });
  }
  expect(await applyMigrations({ databaseUrl: database.url, logger, directory })).toHaveLength(migrationCount);
  return { databaseUrl: database.url, things: await fill(database.url) };
}

async function fill(databaseUrl: string) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  /** Columns that this version does not have are left out. */
  const insert = async (table: string, record: Record<string, unknown>) => {
    const { fields } = await client.query(`select * from ${table} limit 0`);
    const columns = fields.map(({ name }) => name).filter((name) => name in record);
    const places = columns.map((_, index) => `$${index + 1}`);
    const values = columns.map((name) => record[name]);
    await client.query(`insert into ${table} (${columns.join(', ')}) values (${places.join(', ')})`, values);
  };
  const id = {
    ...{
      project: newId(),
      agent: newId(),
      orchestrator: newId(),
      task: newId(),
      lapsed: newId(),
      done: newId(),
      thread: newId(),
    },
    ...{ plan: newId(), decision: newId() },
  };
  const common = { organization_id: organizationId, project_id: id.project };
  const hourAgo = new Date(Date.now() - 3_600_000);
  const own = (record: object) => ({ id: newId(), ...common, ...record });
  await insert('project', { id: id.project, organization_id: organizationId, name: 'Estuary' });
  await insert('actor', own({ id: id.agent, kind: 'AGENT', name: 'Otter', external_id: 'otter', health: 'ONLINE' }));
  await insert('actor', own({ id: id.orchestrator, kind: 'AGENT', name: 'Heron', is_orchestrator: true, public_id: 'heron' }));
  const keyId = newId();
  const secret = 'x'.repeat(43);
  const secretHash = createHash('sha256').update(secret).digest('hex');
  await insert('api_key', own({ id: keyId, agent_id: id.agent, name: 'otter', scopes: '{READ,WORK}', secret_hash: secretHash }));
  await insert('task', own({ id: id.task, title: 'waits' }));
  const lease = {
    holder_id: id.agent,
    claimed_at: hourAgo,
    lease_ttl_seconds: 60,
    lease_expires_at: hourAgo,
    lease_check_at: hourAgo,
  };
  await insert('task', own({ id: id.lapsed, title: 'was held', status: 'IN_PROGRESS', fence: 3, ...lease }));
  await insert('task', own({ id: id.done, title: 'is done', status: 'DONE', fence: 1, completed_at: hourAgo }));
  const attempt = { holder_id: id.agent, started_at: hourAgo };
  await insert('task_attempt', own({ ...attempt, task_id: id.lapsed, fence: 3 }));
  await insert('task_attempt', own({ ...attempt, task_id: id.done, fence: 1, ended_at: hourAgo, outcome: 'COMPLETED' }));
  await insert('job', own({ task_id: id.task, kind: 'TICKET' }));
  await insert('execution_log', own({ task_id: id.done, session_id: 'session', step: 'build', summary: 'built' }));
  await insert('pull_request', own({ task_id: id.done, url: 'https://estuary.example.org/pull/7' }));
  await insert('memory_document', own({ body: 'The tide turns twice.', content_hash: 'hash', search: `'tide':2 'turn':3` }));
  await insert('project_note', own({ title: 'Tides', content: 'Twice a day.' }));
  await insert('thread', own({ id: id.thread, title: 'On the tides' }));
  await insert(
    'message',
    own({ thread_id: id.thread, sender_id: id.agent, sender_name: 'Otter', payload: { text: 'High water.' } }),
  );
  const text = { title: 'Dredge', body_markdown: 'The northern channel first.', author_id: id.agent };
  await insert('plan', own({ ...text, id: id.plan }));
  await insert('plan_revision', { ...text, plan_id: id.plan, revision: 1 });
  await insert('decision', own({ ...text, id: id.decision }));
  await insert('coordination_record', own({ kind: 'DELEGATION', task_id: id.task, orchestrator_id: id.orchestrator }));
  await insert('idempotency_key', own({ caller: 'otter', key: 'key', operation: 'taskCreate', request_hash: 'hash' }));
  for (const taskId of [id.task, id.lapsed, id.done]) {
    const data = { after: 'READY' };
    await insert('event', own({ type: 'TaskCreated', subject_id: taskId, task_id: taskId, source: 'GRAPHQL', data }));
  }
  await client.end();
  return { ...id, apiKey: `baton_${keyId.replaceAll('-', '')}_${secret}` };
}

const everything = `query ($project: ID!) {
  project(id: $project) {
    name
    tasks { nodes { title attempts { nodes { fence outcome } } } }
    plans { nodes { title bodyMarkdown revisions { nodes { revision } } } }
    decisions { nodes { title } }
    threads { nodes { title messages { nodes { payload } } } }
    notes { nodes { title } }
  }
  agents { nodes { name } }
}`;

describe.each(names.slice(0, -1).map((name, index) => ({ name, count: index + 1 })))('a database left at $name', ({ count }) => {
  it('is brought up to date by a server that starts on it, which goes on with all that was there', async () => {
    const { databaseUrl, things } = await useOldDatabase(count);

    const app = await useTestApp({}, { databaseUrl });

    const { data } = await ask(app, everything, { project: things.project });
    expect(data).toEqual({
      project: {
        name: 'Estuary',
        tasks: {
          nodes: expect.arrayContaining([
            { title: 'waits', attempts: { nodes: [] } },
            { title: 'was held', attempts: { nodes: [{ fence: 3, outcome: expect.toBeOneOf([null, 'EXPIRED']) }] } },
            { title: 'is done', attempts: { nodes: [{ fence: 1, outcome: 'COMPLETED' }] } },
          ]),
        },
        plans: {
          nodes: [{ title: 'Dredge', bodyMarkdown: 'The northern channel first.', revisions: { nodes: [{ revision: 1 }] } }],
        },
        decisions: { nodes: [{ title: 'Dredge' }] },
        threads: { nodes: [{ title: 'On the tides', messages: { nodes: [{ payload: { text: 'High water.' } }] } }] },
        notes: { nodes: [{ title: 'Tides' }] },
      },
      agents: { nodes: expect.arrayContaining([{ name: 'Otter' }, { name: 'Heron' }]) },
    });
    // The lease that nobody kept alive lapses, the old key still lets its agent in, and the fence goes on from where it was.
    const claims: unknown[] = [];
    await expect.poll(async () => claims.push(...(await claimNext(app, things.apiKey))) && claims.length).toBe(2);
    expect(new Set(claims)).toEqual(
      new Set([
        { id: things.task, lease: { fence: 1 } },
        { id: things.lapsed, lease: { fence: 4 } },
      ]),
    );
  });
});

function ask(app: TestApp, query: string, variables: object, token?: string): Promise<Answer> {
  return call(app.url, { token }, query, variables);
}

async function claimNext(app: TestApp, token: string): Promise<unknown[]> {
  const document = 'mutation { taskClaimNext(input: {}) { tasks { id lease { fence } } errors { code } } }';
  const { data } = await ask(app, document, {}, token);
  return (data as { taskClaimNext: { tasks: unknown[] } }).taskClaimNext.tasks;
}
