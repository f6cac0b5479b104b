import type { BatonClient } from '../../src/sdk/baton-client.js';
import {
  JobsDocument,
  ProjectCreateDocument,
  type ProjectCreateInput,
  TicketCreateDocument,
  type TicketCreateInput,
} from '../../src/sdk/generated.js';
import type { TestApp } from './app.js';
import { uniqueName } from './seed.js';

export interface SeededTicket {
  projectId: string;
  taskId: string;
}

/** Creates a project that agents can run on. */
export async function seedProject(client: BatonClient, input: Partial<ProjectCreateInput> = {}): Promise<string> {
  const { projectCreate } = await client.request(ProjectCreateDocument, {
    input: { name: uniqueName('project'), repoUrl: 'https://github.com/otters/holt.git', ...input },
  });
  if (!projectCreate.project) throw new Error(`not created: ${JSON.stringify(projectCreate.errors)}`);
  return projectCreate.project.id;
}

/** Creates a ticket, in a project of its own unless one is given. */
export async function seedTicket(client: BatonClient, input: Partial<TicketCreateInput> = {}): Promise<SeededTicket> {
  const projectId = input.projectId ?? (await seedProject(client));
  const { ticketCreate } = await client.request(TicketCreateDocument, {
    input: { title: uniqueName('ticket'), ...input, projectId },
  });
  if (!ticketCreate.task) throw new Error(`not created: ${JSON.stringify(ticketCreate.errors)}`);
  return { projectId, taskId: ticketCreate.task.id };
}

/** Creates a ticket in progress, and so the job that runs it. */
export async function seedJob(client: BatonClient, projectId?: string): Promise<SeededTicket & { jobId: string }> {
  const ticket = await seedTicket(client, { columnId: 'in_progress', ...(projectId && { projectId }) });
  const { jobs } = await client.request(JobsDocument, { filter: { taskId: ticket.taskId } });
  const [job] = jobs.nodes;
  if (!job) throw new Error('a ticket in progress has no job');
  return { ...ticket, jobId: job.id };
}

/** Creates tickets in progress, many at once, and answers the ids of their jobs. */
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
