import { z } from '@hono/zod-openapi';
import { type Call, endpoint } from '../../rest/endpoint.js';
import { instantAnswer, listLimitMax } from '../../rest/fields.js';
import { worker } from '../../rest/worker.js';
import { requireProject } from '../projects/project.queries.js';
import { deleted } from '../projects/project.worker.rest.js';
import { projectIdIn, projectParams } from '../projects/project-path.rest.js';
import { priorityWord } from '../tasks/task.model.js';
import { ticketCreateInput, ticketUpdateInput } from './ticket.inputs.js';
import { columnOf, ticketPriorityWords, ticketStatusOf } from './ticket.model.js';
import { listTickets, type TicketWithPullRequest } from './ticket.queries.js';
import { ticketNamed, ticketParams } from './ticket-path.rest.js';

const { title, columnId, description, nodeIds, edgeIds, priority, status } = ticketUpdateInput.shape;

/** A list that may be left out, for which null is an empty one. */
const links = (list: typeof nodeIds) => z.preprocess((value) => value ?? [], list).optional();

const ticketBody = z.object({
  title,
  column_id: columnId,
  description,
  associated_node_ids: links(nodeIds),
  associated_edge_ids: links(edgeIds),
  priority,
  status,
});

const ticketAnswer = z
  .object({
    id: z.string(),
    project_id: z.string(),
    column_id: z.string().openapi({ example: 'backlog' }),
    title: z.string(),
    description: z.string().nullable(),
    associated_node_ids: z.array(z.string()),
    associated_edge_ids: z.array(z.string()),
    priority: z.string().openapi({ example: 'medium' }),
    status: z.string().openapi({ example: 'todo' }),
    created_at: instantAnswer,
    updated_at: instantAnswer,
    pr_url: z.string().nullable(),
    pr_number: z.int().nullable(),
  })
  .openapi('WorkerTicket');

const collection = {
  dialect: worker,
  path: '/api/projects/{projectId}/tickets',
  params: projectParams,
  failures: { 404: 'There is no such project.' },
} as const;
const one = {
  dialect: worker,
  path: '/api/projects/{projectId}/tickets/{ticketId}',
  params: ticketParams,
  failures: { 404: 'There is no such project or ticket.' },
} as const;

export const ticketEndpoints = [
  endpoint({
    ...collection,
    method: 'get',
    summary: 'List the tickets on the board of a project, oldest first.',
    answers: { 200: { description: 'Its tickets.', schema: z.array(ticketAnswer) } },
    handle: async (call) => {
      const projectId = projectIdIn(call);
      await requireProject(call.database.prisma, call.viewer, projectId);
      const tickets = await listTickets(call.database.prisma, call.viewer, projectId, listLimitMax);
      return { status: 200, body: tickets.map(toTicket) };
    },
  }),
  endpoint({
    ...collection,
    method: 'post',
    summary: 'Create a ticket.',
    description:
      'One that begins in the column `in_progress` is run at once: the project must have a repository (`github_url`), or for `local` execution a directory (`project_path`).',
    body: ticketBody.extend({ title: ticketCreateInput.shape.title, column_id: columnId.unwrap() }),
    answers: { 201: { description: 'The new ticket.', schema: ticketAnswer } },
    handle: async (call) => {
      const { body, viewer } = call;
      const input = ticketCreateInput.parse({
        projectId: projectIdIn(call),
        title: body.title,
        columnId: body.column_id,
        description: body.description ?? undefined,
        nodeIds: body.associated_node_ids,
        edgeIds: body.associated_edge_ids,
        priority: body.priority,
        status: body.status,
      });
      const { task } = await call.run((services) => services.tickets.create(viewer, input));
      return { status: 201, body: toTicket({ ...task, pullRequests: [] }) };
    },
  }),
  endpoint({
    ...one,
    method: 'get',
    summary: 'Show a ticket.',
    answers: { 200: { description: 'The ticket.', schema: ticketAnswer } },
    handle: async (call) => ({ status: 200, body: toTicket(await ticketNamed(call)) }),
  }),
  endpoint({
    ...one,
    method: 'patch',
    summary: 'Change a ticket, and move it to another column.',
    description:
      'What is left out stays. A board moves freely, also backwards. Entering the column `in_progress` has the ticket run by a new job, unless one waits or runs already; a project that cannot be run is a 400, and nothing is changed.',
    body: ticketBody,
    answers: { 200: { description: 'The ticket as it is now.', schema: ticketAnswer } },
    handle: async (call) => {
      const { body, viewer } = call;
      const ticket = await onTicket(call, async (services, taskId) => {
        await services.tickets.update(viewer, {
          taskId,
          title: body.title,
          columnId: body.column_id,
          description: body.description,
          nodeIds: body.associated_node_ids,
          edgeIds: body.associated_edge_ids,
          priority: body.priority,
          status: body.status,
        });
      });
      return { status: 200, body: ticket };
    },
  }),
  endpoint({
    ...one,
    method: 'delete',
    summary: 'Take a ticket off the board for good.',
    description: 'Its jobs that wait or run have failed.',
    answers: { 200: deleted('Ticket') },
    handle: async (call) => {
      await call.run(async (services, database) => {
        const { id: taskId } = await ticketNamed({ ...call, database });
        await services.tickets.delete(call.viewer, { taskId });
      });
      return { status: 200, body: { message: 'Ticket deleted' } };
    },
  }),
  endpoint({
    ...one,
    method: 'post',
    path: `${one.path}/cancel`,
    summary: 'Ask the agent that works on a ticket to stop.',
    description: 'It polls for the request and ends in its own time. The next run of the ticket takes it back.',
    answers: {
      200: {
        description: 'It will be told.',
        schema: z.object({ message: z.literal('Cancellation requested') }).openapi('CancellationRequested'),
      },
    },
    handle: async (call) => {
      await onTicket(call, (services, taskId) => services.tickets.requestCancel(call.viewer, { taskId }));
      return { status: 200, body: { message: 'Cancellation requested' } };
    },
  }),
];

type TicketCall = Pick<Call<typeof ticketParams>, 'params' | 'viewer' | 'database' | 'run'>;

/** Does something to the ticket that the path names, and answers it as it is then. */
function onTicket(
  call: TicketCall,
  act: (services: Parameters<Parameters<TicketCall['run']>[0]>[0], taskId: string) => Promise<unknown>,
): Promise<z.input<typeof ticketAnswer>> {
  return call.run(
    async (services, database) => {
      const { id } = await ticketNamed({ ...call, database });
      await act(services, id);
      return toTicket(await ticketNamed({ ...call, database }));
    },
    { atomic: true },
  );
}

function toTicket(ticket: TicketWithPullRequest): z.input<typeof ticketAnswer> {
  const [pullRequest] = ticket.pullRequests;
  return {
    id: ticket.id,
    project_id: ticket.projectId ?? '',
    column_id: columnOf(ticket),
    title: ticket.title,
    description: ticket.description,
    associated_node_ids: ticket.nodeIds,
    associated_edge_ids: ticket.edgeIds,
    priority: priorityWord(ticket, ticketPriorityWords),
    status: ticketStatusOf(ticket),
    created_at: ticket.createdAt.toISOString(),
    updated_at: ticket.updatedAt.toISOString(),
    pr_url: pullRequest?.url ?? null,
    pr_number: pullRequest?.number ?? null,
  };
}
