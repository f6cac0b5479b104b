import { type CommandOf, code, commandInput, id, listOf, longText, title } from '../input-fields.js';
import { ticketPriorityDefault } from './ticket.model.js';

const taskId = id('Id of the ticket.');
const ticketTitle = title('What is to be done, in one line.');
const description = longText('What is to be done, in Markdown.', 100_000);
const columnId = code(
  'Column of the board that it stands in: `backlog`, `in_progress`, `in_review` and `done` set its status, and entering `in_progress` has it run; any other keeps its status.',
);
const nodeIds = listOf(code('Id of a node.'), 0, 1000).describe(
  'Nodes of the graph that it concerns; the one item `*` means all. Ids of 1 to 100 characters, at most 1000.',
);
const edgeIds = listOf(code('Id of an edge.'), 0, 1000).describe(
  'Edges of the graph that it concerns; the one item `*` means all. Ids of 1 to 100 characters, at most 1000.',
);
const priority = code('Urgency in a word: `critical`, `high`, `medium` or `low`; any other is kept, and means medium.');
const status = code(
  'Your own word for its status, read back as written. Default `todo`, and `completed` once it is in review or done.',
);

export const ticketCreateInput = commandInput({
  projectId: id('Id of the project that the ticket belongs to.'),
  title: ticketTitle,
  columnId: columnId.default('backlog'),
  description: description.optional(),
  nodeIds: nodeIds.default([]),
  edgeIds: edgeIds.default([]),
  priority: priority.default(ticketPriorityDefault),
  status: status.optional(),
});

export const ticketUpdateInput = commandInput({
  taskId,
  title: ticketTitle.optional(),
  columnId: columnId.optional(),
  description: description.nullable().optional(),
  nodeIds: nodeIds.optional(),
  edgeIds: edgeIds.optional(),
  priority: priority.optional(),
  status: status.optional(),
});

export const ticketDeleteInput = commandInput({ taskId });

export const ticketCancelRequestInput = commandInput({ taskId });

export type TicketCreate = CommandOf<typeof ticketCreateInput>;
export type TicketUpdate = CommandOf<typeof ticketUpdateInput>;
export type TicketDelete = CommandOf<typeof ticketDeleteInput>;
export type TicketCancelRequest = CommandOf<typeof ticketCancelRequestInput>;
