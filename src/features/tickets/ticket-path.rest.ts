import { z } from '@hono/zod-openapi';
import { isId } from '../../kernel/ids.js';
import type { Call } from '../../rest/endpoint.js';
import { ProjectNotFoundError } from '../projects/project.errors.js';
import { requireProject } from '../projects/project.queries.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';
import { getTicket } from './ticket.queries.js';

/** What the path of everything about one ticket names. What is no UUID names nothing. */
export const ticketParams = z.object({
  projectId: z.string().describe('Id of the project.'),
  ticketId: z.string().describe('Id of the ticket.'),
});

/** The ticket that the path names. Throws ProjectNotFoundError, TaskNotFoundError. */
export async function ticketNamed({
  database: { prisma },
  viewer,
  params,
}: Pick<Call<typeof ticketParams>, 'database' | 'viewer' | 'params'>): ReturnType<typeof getTicket> {
  const [projectId, ticketId] = [params.projectId.toLowerCase(), params.ticketId.toLowerCase()];
  if (!isId(projectId)) throw new ProjectNotFoundError(projectId);
  await requireProject(prisma, viewer, projectId);
  if (!isId(ticketId)) throw new TaskNotFoundError(ticketId);
  return getTicket(prisma, viewer, ticketId, projectId);
}
