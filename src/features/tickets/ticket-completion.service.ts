import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database, Transaction } from '../../database/database.js';
import { appendEvents } from '../../database/event-log.js';
import type { Prisma, Project, PullRequest, Task, TaskStatus } from '../../database/generated/prisma/client.js';
import { newId } from '../../kernel/ids.js';
import { addressOf, numberInAddress } from '../pull-requests/pull-request.model.js';
import { currentPullRequest } from '../pull-requests/pull-request.queries.js';
import { eventOnTask } from '../tasks/task.recording.js';
import { columnOf } from './ticket.model.js';
import { lockTicket } from './ticket.service.js';
import type { TicketCompletionEventData } from './ticket-completion.events.js';
import type { TicketComplete } from './ticket-completion.inputs.js';

/** Where a ticket stands whose work waits for people. Its status reads `completed`, whatever word it had before. */
const inReview = { columnId: 'in_review', status: 'REVIEW', ticketStatus: null } as const;

/** Statuses in which a ticket is over: completing it again moves it nowhere. */
const overStatuses: readonly TaskStatus[] = ['DONE', 'FAILED', 'CANCELED'];

/** Characters of the summary that the event carries. */
const eventSummaryLength = 500;

/** How an agent says that its work on a ticket is finished. */
export class TicketCompletionService {
  constructor(private readonly database: Database) {}

  /**
   * The agent has finished: the ticket goes to review, never to done, and keeps what the agent says of it.
   *
   * What is left out stays as it is, so the completion of a review does not lose the pull request. A ticket that is done
   * stays done, and one that somebody asked to cancel stays where it is. Saying the same again changes nothing.
   * Throws TaskNotFoundError. Source: contracts.md, traps 24 and 25.
   */
  async complete(viewer: Viewer, input: TicketComplete): Promise<{ task: Task }> {
    requireScope(viewer, 'WORKER');
    return this.database.transaction(async (tx) => {
      const { project, pullRequests: _, ...before } = await lockTicket(tx, viewer, input.taskId);
      const namesNew = await keepPullRequest(tx, before, project, input);
      const answersNew = await keepAnswer(tx, viewer, before, input.reviewCommentBody);
      const data = { ...movement(before), ...result(before, input) };
      const isSame = Object.keys(data).length === 0;
      if (isSame && !namesNew && !answersNew) return { task: before };
      const task = isSame ? before : await tx.prisma.task.update({ where: { id: before.id }, data });
      await appendEvents(tx, [completionEvent(viewer, before, task, input)]);
      return { task };
    });
  }
}

/** Where the ticket goes; nowhere when it is there or over, or when somebody asked to cancel. */
function movement(ticket: Task): Partial<typeof inReview> & { blocker?: null } {
  const column = columnOf(ticket);
  const isThere = column === inReview.columnId && ticket.status === inReview.status && ticket.ticketStatus === null;
  const isOver = column === 'done' || overStatuses.includes(ticket.status);
  return isThere || isOver || ticket.cancelRequestedAt !== null ? {} : { ...inReview, blocker: null };
}

/** What the agent says of its work, beside what it said before. */
function result(ticket: Task, { summary, reviewCommentBody }: TicketComplete): { result?: Prisma.InputJsonObject } {
  const before = isObject(ticket.result) ? ticket.result : {};
  const after = {
    ...before,
    ...(summary !== undefined && { summary }),
    ...(reviewCommentBody !== undefined && { reviewComment: reviewCommentBody }),
  };
  const isSame = before.summary === after.summary && before.reviewComment === after.reviewComment;
  return isSame ? {} : { result: after as Prisma.InputJsonObject };
}

function isObject(value: Prisma.JsonValue): value is Prisma.JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keeps the pull request that the agent names; answers whether anything about it is new. */
async function keepPullRequest(tx: Transaction, ticket: Task, project: Project, input: TicketComplete): Promise<boolean> {
  const url = input.prUrl ?? (input.prNumber === undefined ? null : addressOf(project.repoUrl, input.prNumber));
  if (url === null) return false;
  const number = input.prNumber ?? numberInAddress(url);
  const { id: taskId, organizationId } = ticket;
  const known = await tx.prisma.pullRequest.findUnique({ where: { taskId_url: { taskId, url } } });
  if (!known) {
    await tx.prisma.pullRequest.create({ data: { id: newId(), organizationId, taskId, url, number } });
    return true;
  }
  if (number === null || number === known.number) return false;
  await tx.prisma.pullRequest.update({ where: { id: known.id }, data: { number } });
  return true;
}

/** Keeps the agent's answer with the ticket's pull request, unless it is the last one said again; answers whether it is new. */
async function keepAnswer(tx: Transaction, viewer: Viewer, ticket: Task, body: string | undefined): Promise<boolean> {
  const pullRequest: PullRequest | null =
    body === undefined ? null : await currentPullRequest(tx.prisma, viewer, { taskId: ticket.id });
  if (body === undefined || !pullRequest) return false;
  const last = await tx.prisma.reviewComment.findFirst({
    where: { pullRequestId: pullRequest.id, isAnswer: true },
    orderBy: { id: 'desc' },
  });
  if (last?.body === body) return false;
  const { actorId, actorLabel } = stampOf(viewer);
  await tx.prisma.reviewComment.create({
    data: {
      id: newId(),
      organizationId: ticket.organizationId,
      pullRequestId: pullRequest.id,
      author: viewer.actor?.name ?? actorLabel ?? actorId,
      body,
      isAnswer: true,
    },
  });
  return true;
}

function completionEvent(viewer: Viewer, before: Task, task: Task, { summary, prUrl, prNumber }: TicketComplete) {
  const data: TicketCompletionEventData['TicketCompleted'] = {
    before: before.status,
    after: task.status,
    ...(summary !== undefined && { summary: summary.slice(0, eventSummaryLength).toWellFormed() }),
    ...(prUrl !== undefined && { prUrl }),
    ...(prNumber !== undefined && { prNumber }),
  };
  return eventOnTask(viewer, task, 'TicketCompleted', data);
}
