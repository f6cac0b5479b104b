import { z } from '@hono/zod-openapi';
import { isId } from '../../kernel/ids.js';
import type { Call } from '../../rest/endpoint.js';
import { ProjectNotFoundError } from './project.errors.js';

/** What the path of everything about one project names. What is no UUID names nothing. */
export const projectParams = z.object({ projectId: z.string().describe('Id of the project.') });

/** The id in the path; throws ProjectNotFoundError when it cannot be one. */
export function projectIdIn({ params }: Pick<Call<typeof projectParams>, 'params'>): string {
  const projectId = params.projectId.toLowerCase();
  if (!isId(projectId)) throw new ProjectNotFoundError(projectId);
  return projectId;
}
