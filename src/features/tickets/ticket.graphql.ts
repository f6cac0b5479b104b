import type { Task } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { mutation } from '../../graphql/mutation.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { priorityWord } from '../tasks/task.model.js';
import { ticketCancelRequestInput, ticketCreateInput, ticketDeleteInput, ticketUpdateInput } from './ticket.inputs.js';
import { columnOf, ticketPriorityWords, ticketStatusOf } from './ticket.model.js';

const TicketRef = builder.objectRef<Task>('Ticket').implement({
  description: 'What a task is as a ticket on the board of its project.',
  fields: (t) => ({
    columnId: t.string({
      description:
        'Column that it stands in. `backlog`, `in_progress`, `in_review` and `done` follow the status of the task, whoever changes it; a column of the board’s own leaves the status as it is.',
      resolve: columnOf,
    }),
    status: t.string({
      description:
        'Its status in a word of the board: as its writer put it, else `completed` in review and done, and `todo` before.',
      resolve: ticketStatusOf,
    }),
    priority: t.string({
      description: 'Its urgency in a word, as its writer put it.',
      resolve: (task) => priorityWord(task, ticketPriorityWords),
    }),
    nodeIds: t.exposeStringList('nodeIds', {
      description: 'Nodes of the graph of the project that it concerns; the one item `*` means all.',
    }),
    edgeIds: t.exposeStringList('edgeIds', {
      description: 'Edges of the graph of the project that it concerns; the one item `*` means all.',
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which somebody asked that the work on it be stopped. Null when nobody did since the last run was asked for.',
    }),
  }),
});

builder.prismaObjectField(TaskRef, 'ticket', (t) =>
  t.field({
    type: TicketRef,
    nullable: true,
    description: 'The task as a ticket on a board. Null unless its source is WORKER.',
    resolve: (task) => (task.source === 'WORKER' ? task : null),
  }),
);

const ticketPayload = {
  type: TaskRef,
  nullable: true,
  description: 'The ticket as this command left it. Null on errors.',
  resolve: (payload: { task: Task | null }) => payload.task,
} as const;

mutation('ticketCreate', {
  description:
    'Create a ticket on the board of a project. One that begins in the column `in_progress` is run at once, by a job that a coordinator takes.',
  input: ticketCreateInput,
  run: (services, context, input) => services.tickets.create(context.viewer, input),
  payload: (t) => ({ task: t.field(ticketPayload) }),
});

mutation('ticketUpdate', {
  description:
    'Change a ticket, and move it to another column, also backwards. What is left out stays; null clears. Entering the column `in_progress` has it run by a new job, unless one waits or runs already.',
  input: ticketUpdateInput,
  run: (services, context, input) => services.tickets.update(context.viewer, input),
  payload: (t) => ({ task: t.field(ticketPayload) }),
});

mutation('ticketDelete', {
  description: 'Take a ticket off its board for good: the task is CANCELED, and its jobs that wait or run have failed.',
  input: ticketDeleteInput,
  run: (services, context, input) => services.tickets.delete(context.viewer, input),
  payload: (t) => ({ task: t.field(ticketPayload) }),
});

mutation('ticketCancelRequest', {
  description:
    'Ask whoever works on a ticket to stop; its agent polls for it and ends in its own time. The next run of the ticket takes it back.',
  input: ticketCancelRequestInput,
  run: (services, context, input) => services.tickets.requestCancel(context.viewer, input),
  payload: (t) => ({ task: t.field(ticketPayload) }),
});
