import { ProjectCreateDocument } from '../../src/sdk/generated.js';
import type { TestApp } from './app.js';
import { seedTask, uniqueName } from './seed.js';

export interface SeededTicket {
  projectId: string;
  taskId: string;
}

/** Creates a project that agents can run on. */
export async function seedProject(app: TestApp): Promise<string> {
  const input = { name: uniqueName('project'), repoUrl: 'https://github.com/otters/holt.git' };
  const { projectCreate } = await app.client().request(ProjectCreateDocument, { input });
  if (!projectCreate.project) throw new Error(`not created: ${JSON.stringify(projectCreate.errors)}`);
  return projectCreate.project.id;
}

/** Creates a ticket in progress, in a project of its own unless one is given. */
export async function seedTicket(app: TestApp, projectId?: string): Promise<SeededTicket> {
  const ownProjectId = projectId ?? (await seedProject(app));
  const { id: taskId } = await seedTask(app.client(), { projectId: ownProjectId });
  await app.sql(`update task set source = 'WORKER', status = 'IN_PROGRESS', column_id = 'in_progress' where id = $1`, [taskId]);
  return { projectId: ownProjectId, taskId };
}

/** Puts a job into the queue by hand, as operators of the worker dialect may. */
export async function seedJob(app: TestApp, { projectId, taskId }: SeededTicket): Promise<string> {
  const [row] = await app.sql<{ id: string }>(
    `insert into job (id, organization_id, project_id, task_id, kind, status)
     select uuidv7(), organization_id, $1, id, 'TICKET', 'PENDING' from task where id = $2 returning id`,
    [projectId, taskId],
  );
  if (!row) throw new Error('no such ticket');
  return row.id;
}

/** The same for a new ticket of the project. */
export async function seedTicketWithJob(app: TestApp, projectId?: string): Promise<SeededTicket & { jobId: string }> {
  const ticket = await seedTicket(app, projectId);
  return { ...ticket, jobId: await seedJob(app, ticket) };
}

/** Puts jobs for this many new tickets of the project into the queue, and answers their ids. */
export async function seedJobs(app: TestApp, projectId: string, count: number): Promise<string[]> {
  const rows = await app.sql<{ id: string }>(
    `with ticket as (
       insert into task (id, organization_id, source, title, status, column_id, project_id)
       select uuidv7(), organization_id, 'WORKER', 'one of many', 'IN_PROGRESS', 'in_progress', id
       from project, generate_series(1, $2::int) where id = $1
       returning id, organization_id, project_id
     )
     insert into job (id, organization_id, project_id, task_id, kind) select uuidv7(), organization_id, project_id, id, 'TICKET' from ticket
     returning id`,
    [projectId, count],
  );
  return rows.map(({ id }) => id);
}
