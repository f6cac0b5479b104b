import { z } from '@hono/zod-openapi';
import { endpoint } from '../../rest/endpoint.js';
import { worker } from '../../rest/worker.js';
import { priorityWord } from '../tasks/task.model.js';
import { columnOf, ticketPriorityWords, ticketStatusOf } from '../tickets/ticket.model.js';
import type { Ticket } from '../tickets/ticket.queries.js';
import { ticketNamed, ticketParams } from '../tickets/ticket-path.rest.js';
import { agentSettings } from './agent-environment.js';
import { graphOfTicket, type TicketGraph } from './worker-context.graph.js';
import { type Surroundings, surroundingsOf } from './worker-context.queries.js';

const graphItem = z.record(z.string(), z.unknown());

const graph = z.object({ nodes: z.array(graphItem), edges: z.array(graphItem) }).openapi('ReadableGraph');

const ticketSummary = z
  .object({
    id: z.string(),
    title: z.string(),
    description: z.string().nullable(),
    priority: z.string().openapi({ example: 'medium' }),
    column_id: z.string().openapi({ example: 'in_progress' }),
    status: z.string().openapi({ example: 'todo' }),
  })
  .openapi('TicketSummary');

const contextAnswer = z
  .object({
    project_id: z.string(),
    project_name: z.string(),
    project_description: z.string().nullable(),
    github_url: z.string().nullable(),
    repo_url: z.string().openapi({ description: 'Repository to clone; empty when the project has none.' }),
    current_ticket: ticketSummary.extend({
      _current_ticket: z.literal(true),
      associated_node_ids: z.array(z.string()).openapi({ description: 'The one item `*` means all.' }),
      associated_nodes_labeled: z.array(z.string()).openapi({ example: ['API: node-1'] }),
      associated_edges_labeled: z.array(z.string()).openapi({ example: ['API → Store: edge-1'] }),
    }),
    graph: graph.openapi({ description: 'The whole architecture; edges say the labels of their ends.' }),
    graph_relevant_to_current_ticket: graph.openapi({
      description: 'What of it concerns the ticket; every item has a `label_and_id`.',
    }),
    notes: z.array(z.object({ title: z.string(), content: z.string(), node_id: z.string().nullable() })),
    backlog_tickets: z.array(ticketSummary).openapi({ description: 'At most 10, the last changed first.' }),
    in_progress_tickets: z.array(ticketSummary).openapi({ description: 'At most 5, the current one first.' }),
    done_tickets: z.array(ticketSummary).openapi({ description: 'At most 5, the last changed first.' }),
    agent_settings: z.record(z.string(), z.string()).openapi({
      description: 'The settings that are set, secrets in plain text, and always `WORKER_MODE`.',
      example: { WORKER_MODE: 'opencode' },
    }),
  })
  .openapi('WorkerContext');

export const workerContextEndpoints = [
  endpoint({
    dialect: worker,
    method: 'get',
    path: '/api/projects/{projectId}/tickets/{ticketId}/worker-context',
    access: 'agent',
    summary: 'Tell an agent all that it needs to know to work on a ticket.',
    description: 'Secrets among the settings are in plain text, hence the key.',
    params: ticketParams,
    answers: { 200: { description: 'The ticket and what surrounds it.', schema: contextAnswer } },
    failures: {
      404: 'There is no such project or ticket.',
      503: 'A secret among the settings cannot be decrypted with the key that the server has now.',
    },
    handle: async (call) => {
      const { viewer, database, services } = call;
      const ticket = await ticketNamed(call);
      const surroundings = await surroundingsOf(database.prisma, viewer, ticket);
      const settings = await agentSettings(services.settings, viewer.organizationId);
      return { status: 200, body: contextOf(ticket, surroundings, settings) };
    },
  }),
];

function contextOf(ticket: Ticket, { notes, backlog, inProgress, done }: Surroundings, settings: Record<string, string>) {
  const { project } = ticket;
  const drawn = graphOfTicket(project, ticket);
  return {
    project_id: project.id,
    project_name: project.name,
    project_description: project.description,
    github_url: project.repoUrl,
    repo_url: project.repoUrl ?? '',
    current_ticket: { ...currentOf(ticket), ...labelsOf(drawn) },
    graph: drawn.graph,
    graph_relevant_to_current_ticket: drawn.relevant,
    notes: notes.map(({ title, content, nodeIds }) => ({ title, content, node_id: nodeIds[0] ?? null })),
    backlog_tickets: backlog.map(summaryOf),
    in_progress_tickets: inProgress.map((task) => (task.id === ticket.id ? currentOf(ticket) : summaryOf(task))),
    done_tickets: done.map(summaryOf),
    agent_settings: settings,
  };
}

function summaryOf(task: Surroundings['backlog'][number]) {
  return {
    id: task.id,
    title: task.title,
    description: task.description,
    priority: priorityWord(task, ticketPriorityWords),
    column_id: columnOf(task),
    status: ticketStatusOf(task),
  };
}

function currentOf(ticket: Ticket) {
  return { ...summaryOf(ticket), _current_ticket: true, associated_node_ids: ticket.nodeIds };
}

function labelsOf({ nodesLabeled, edgesLabeled }: TicketGraph) {
  return { associated_nodes_labeled: nodesLabeled, associated_edges_labeled: edgesLabeled };
}
