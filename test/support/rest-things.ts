import type { TestApp } from './app.js';
import type { Caller } from './graphql-call.js';
import type { Known } from './openapi-requests.js';
import { mutate } from './organization.js';
import { rest } from './rest-call.js';
import { uniqueName } from './seed.js';

/** Whom the things belong to: who makes them, and a mark that stands in everything that people could read. */
export interface Owner {
  operator: Caller;
  mark: string;
}

/**
 * Makes one thing of every kind in a REST dialect, as its clients would, and says which of them a place means.
 * A dialect whose things are not made here has endpoints that never succeed, which fails the test of the OpenAPI document.
 */
export async function seedRestThings(app: TestApp, owner: Owner, dialect: string): Promise<Known> {
  const seed = seeds[dialect];
  if (!seed) throw new Error(`say in test/support/rest-things.ts how things of the ${dialect} dialect are made`);
  return seed(app, owner);
}

const seeds: Record<string, (app: TestApp, owner: Owner) => Promise<Known>> = {
  coordinator: seedCoordinator,
  orchestrator: seedOrchestrators,
  queue: seedQueue,
  worker: seedWorker,
};

async function seedCoordinator(app: TestApp, owner: Owner): Promise<Known> {
  const { mark } = owner;
  const post = (path: string, body: object) => create(app, owner, `/api/coord${path}`, body);
  const employeeId = `${uniqueName('agent')}-${mark}`;
  await post('/agents/register', { employee_id: employeeId, specialization_codes: [mark], metadata: { mark } });
  const work = { title: mark, description: mark, created_by: employeeId, metadata: { mark } };
  const ready = await post('/tasks', work);
  const claimed = await post('/tasks', work);
  await post(`/tasks/${claimed.id}/claim`, { employee_id: employeeId });
  const thread = await post('/threads', { title: mark, created_by: employeeId });
  const message = await post('/messages', { thread_id: thread.id, sender_id: employeeId, payload: { text: mark } });
  const plan = await post('/plans', { title: mark, body_markdown: mark, author_id: employeeId });
  const decision = await post('/decisions', { title: mark, body_markdown: mark, author_id: employeeId });
  const fields: Record<string, unknown[]> = {
    employee_id: [employeeId],
    created_by: [employeeId],
    sender_id: [employeeId],
    author_id: [employeeId],
    assignee_id: [employeeId],
    owner_employee_id: [employeeId],
    endpoint_url: [`https://${mark}.example.org`],
    thread_id: [thread.id],
    reply_to: [message.id],
    task_id: [ready.id],
    supersedes_id: [decision.id],
    plan_id: [plan.id],
  };
  return ({ path }, name) => {
    if (name === 'id' && path.startsWith('/api/coord/tasks/')) return [path.endsWith('/claim') ? ready.id : claimed.id];
    if (name === 'status' && path.endsWith('/status')) return ['in_progress'];
    return fields[name] ?? [];
  };
}

async function seedQueue(app: TestApp, owner: Owner): Promise<Known> {
  const { mark } = owner;
  const post = (path: string, body: object) => create(app, owner, path, body);
  const agentId = `${uniqueName('agent')}-${mark}`;
  await post('/agents/heartbeat', { agent_id: agentId, host: mark, capabilities: { mark }, metadata: { mark } });
  const work = { title: mark, description: mark, metadata: { mark } };
  const queued = await post('/tasks', work);
  const claimed = await post('/tasks', work);
  await post(`/tasks/${claimed.id}/claim`, { agent_id: agentId });
  return ({ path }, name) => {
    if (name === 'id') return [path.endsWith('/claim') ? queued.id : claimed.id];
    if (name === 'status' && path.endsWith('/status')) return ['running'];
    return ['X-Agent-ID', 'agent_id', 'agent'].includes(name) ? [agentId] : [];
  };
}

async function seedOrchestrators(app: TestApp, owner: Owner): Promise<Known> {
  const { mark } = owner;
  const post = async (path: string, body: object) => (await create(app, owner, `/api/orchestrators${path}`, body)).data;
  const [primary, ...others] = await Promise.all(
    ['primary', 'second', 'third'].map((name) => post('', { name: `${name} ${mark}`, role: mark, externalId: uniqueName('vp') })),
  );
  const task = await post(`/${primary.id}/tasks`, { title: mark, metadata: { mark } });
  const fields: Record<string, unknown[]> = {
    id: [primary.id],
    taskId: [task.id],
    toVpId: others.map(({ id }) => id),
    requiredVpIds: others.map(({ id }) => id),
    vpIds: [primary, ...others].map(({ id }) => id),
  };
  return (_, name) => fields[name] ?? [];
}

async function seedWorker(app: TestApp, { operator, mark }: Owner): Promise<Known> {
  const about = { name: mark, description: mark, repoUrl: `https://${mark}.example.org` };
  const { project } = await mutate<{ project: { id: string } }>(app, operator, 'projectCreate', about, 'project { id }');
  const createTicket = async () => {
    const card = { projectId: project.id, title: mark, description: mark, columnId: 'in_progress' };
    const { task } = await mutate<{ task: { id: string } }>(app, operator, 'ticketCreate', card, 'task { id }');
    return task.id;
  };
  const ticketId = await createTicket();
  const { job } = await mutate<{ job: { id: string } }>(app, operator, 'jobStart', { projectId: project.id }, 'job { id }');
  const finished = { taskId: ticketId, summary: mark, prUrl: `https://${mark}.example.org/pull/7`, reviewCommentBody: mark };
  await mutate(app, operator, 'ticketComplete', finished, 'task { id }');
  const entry = { taskId: ticketId, sessionId: mark, step: mark, summary: mark, rawOutput: mark };
  await mutate(app, operator, 'executionLogAppend', entry, 'log { id }');
  // Waits to be started.
  await createTicket();
  const linked = { projectId: project.id, title: mark, content: mark, nodeIds: [mark] };
  const { note } = await mutate<{ note: { id: string } }>(app, operator, 'noteCreate', linked, 'note { id }');
  const fields: Record<string, unknown[]> = {
    projectId: [project.id],
    noteId: [note.id],
    confirm_name: [mark],
    project_id: [project.id],
    ticketId: [ticketId],
    jobId: [job.id],
    fence: [1],
    pr_number: [7],
  };
  return (_, name) => fields[name] ?? [];
}

/** What a request that must succeed answers. */
async function create(app: TestApp, { operator }: Owner, path: string, body: object) {
  const answer = await rest(app, 'POST', path, { ...headersOf(operator), body });
  if (answer.status >= 300) throw new Error(`POST ${path} failed: ${answer.status} ${answer.text}`);
  return answer.json;
}

function headersOf({ token, organization }: Caller): { token: string | undefined; headers: Record<string, string> } {
  return { token, headers: organization === undefined ? {} : { 'x-organization': organization } };
}
