import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { useTestApp } from '../support/app.js';

const run = promisify(execFile);

/** Runs `curl` as the older documents show it, and answers the JSON that it prints. */
async function curl(...args: string[]) {
  const { stdout } = await run('curl', ['--silent', '--show-error', '--fail-with-body', ...args]);
  return JSON.parse(stdout);
}

it('the coordinator API’s documented requests work as they are written, one after another', async () => {
  const { url } = await useTestApp();
  const request = (path: string, body?: object) =>
    curl(...(body ? ['-X', 'POST', '-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : []), `${url}${path}`);
  const employee_id = '5b2e7a52-1f0e-4a65-9d3c-6f3f6d0b8a11';
  const project_id = '9c1a5f0e-2d7b-4c1e-8a55-0b7f4b1d2e33';
  const thread_id = '0f4d2c9a-7f1b-4e57-9b52-3f0a6c8d7e44';

  const registration = await request('/api/coord/agents/register', {
    employee_id,
    name: 'CLAUDE',
    endpoint_url: 'https://agent-host/api',
    specialization_codes: ['planning', 'backend', 'research'],
    capabilities: { tools: ['web', 'db'], models: ['claude-3'] },
    owner_employee_id: '1d8f4b7a-3e6c-4f2d-a901-5c2b7e9d4f55',
  });
  expect(registration).toMatchObject({ status: 'ok', agent_id: expect.any(String) });

  const heartbeat = await request('/api/coord/agents/heartbeat', { employee_id, status: 'active', metadata: { load: 0.2 } });
  expect(heartbeat).toEqual({ status: 'ok', next_heartbeat_sec: 60 });

  const agents = await request('/api/coord/agents?status=active&specialization=planning');
  expect(agents).toMatchObject([{ employee_id, name: 'CLAUDE', metadata: { load: 0.2 } }]);

  const task = await request('/api/coord/tasks', {
    project_id,
    title: 'Design Coordinator API',
    description: 'Create endpoint list and payloads',
    required_specialization_code: 'planning',
    created_by: '1d8f4b7a-3e6c-4f2d-a901-5c2b7e9d4f55',
    priority: 'P1',
  });
  expect(await request(`/api/coord/tasks?status=ready&project_id=${project_id}&specialization=planning`)).toEqual([task]);

  const claim = await request(`/api/coord/tasks/${task.id}/claim`, { employee_id, lease_ttl_sec: 1800 });
  expect(claim).toMatchObject({ status: 'ok', lease_expires_at: expect.stringMatching(/Z$/) });
  expect(await request(`/api/coord/tasks/${task.id}/heartbeat`, { employee_id })).toMatchObject({ status: 'ok' });

  const status = await request(`/api/coord/tasks/${task.id}/status`, {
    employee_id,
    status: 'blocked',
    blocker: 'Need API schema',
  });
  expect(status).toMatchObject({ status: 'ok', task: { status: 'blocked', blocker: 'Need API schema' } });

  await request(`/api/coord/tasks/${task.id}/status`, { employee_id, status: 'ready' });
  await request(`/api/coord/tasks/${task.id}/claim`, { employee_id, lease_ttl_sec: 1800 });
  const release = await request(`/api/coord/tasks/${task.id}/release`, { employee_id, reason: 'blocked by missing schema' });
  expect(release).toMatchObject({ status: 'ok', task: { status: 'ready', release_reason: 'blocked by missing schema' } });

  const message = await request('/api/coord/messages', {
    thread_id,
    sender_id: employee_id,
    message_type: 'task_update',
    payload: { status: 'blocked', summary: 'Need schema' },
  });
  expect(message).toMatchObject({ thread_id, sender_id: employee_id });
  expect(await request(`/api/coord/messages?thread_id=${thread_id}&since=2026-02-08T12:00:00Z`)).toEqual([message]);

  const plan = await request('/api/coord/plans', { project_id, title: 'Coordinator API Plan', body_markdown: '...' });
  expect(plan).toMatchObject({ project_id, status: 'draft' });
  const decision = await request('/api/coord/decisions', { project_id, title: 'Use Next.js', body_markdown: 'Why we chose it' });
  expect(decision).toMatchObject({ project_id, title: 'Use Next.js' });
});

it('a monitor that only knows curl sees who is there and what is said', async () => {
  const { url } = await useTestApp();
  await curl('-d', '{"employee_id": "code-001"}', `${url}/api/coord/agents/register`);
  await curl(
    '-d',
    '{"thread_id": "0f4d2c9a-7f1b-4e57-9b52-3f0a6c8d7e44", "sender_id": "CODE", "payload": {"text": "hello"}}',
    `${url}/api/coord/messages`,
  );

  const health = await curl(`${url}/health`);
  const messages = await curl(`${url}/api/coord/messages`);
  const agents = await curl(`${url}/api/coord/agents`);

  expect(health.status).toBe('ok');
  expect(messages).toMatchObject([{ sender_id: 'CODE', created_at: expect.any(String), payload: { text: 'hello' } }]);
  expect(agents).toMatchObject([{ name: 'code-001', status: 'active', specialization_codes: [] }]);
});
