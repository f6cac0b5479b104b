import type { Viewer } from '../../auth/viewer.js';
import type { Prisma, ProjectNote, Task } from '../../database/generated/prisma/client.js';
import { visibleNotes } from '../projects/note.queries.js';
import { columnOf, standingIn } from '../tickets/ticket.model.js';
import { type Ticket, visibleTickets } from '../tickets/ticket.queries.js';

/** Tickets of each column that an agent is told of. Source: contracts.md 1.2, the worker-context object. */
const countMax = { backlog: 10, in_progress: 5, done: 5 } as const;

/** What surrounds a ticket that an agent is to work on. Tickets are those last changed first. */
export interface Surroundings {
  notes: ProjectNote[];
  backlog: Task[];
  /** The ticket itself first, when it stands there. */
  inProgress: Task[];
  done: Task[];
}

export async function surroundingsOf(prisma: Prisma.TransactionClient, viewer: Viewer, ticket: Ticket): Promise<Surroundings> {
  const { id, projectId } = ticket;
  const newestIn = (columnId: keyof typeof countMax, others?: Prisma.TaskWhereInput) => {
    const { columnIds, statuses } = standingIn(columnId);
    const stands = { status: { in: statuses }, OR: [{ columnId: null }, { columnId: { in: columnIds } }] };
    return prisma.task.findMany({
      where: { AND: [visibleTickets(viewer), { projectId }, stands, others ?? {}] },
      orderBy: [{ updatedAt: 'desc' }, { id: 'desc' }],
      take: countMax[columnId],
    });
  };
  const notes = await prisma.projectNote.findMany({
    where: { AND: [visibleNotes(viewer), { projectId }] },
    orderBy: { id: 'asc' },
  });
  const backlog = await newestIn('backlog');
  const othersInProgress = await newestIn('in_progress', { id: { not: id } });
  const inProgress = columnOf(ticket) === 'in_progress' ? [ticket, ...othersInProgress] : othersInProgress;
  const done = await newestIn('done');
  return { notes, backlog, inProgress: inProgress.slice(0, countMax.in_progress), done };
}
