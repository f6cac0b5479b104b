import type { EventFilter, LoggedEvent } from '../database/event-log.js';
import { oldestPosition, positionBefore, readEvents } from '../database/event-log.js';
import type { TaskSource } from '../database/generated/prisma/enums.js';
import { type EventType, eventTypes } from '../features/domain-event.js';
import { InvalidCursorError } from '../features/invalid-cursor-error.js';
import { ValidationError } from '../features/validation-error.js';
import { comparePositions, decodeCursor, type LogPosition } from '../kernel/cursor.js';
import { idOrNone } from '../kernel/ids.js';
import { ResyncRequiredError } from '../realtime/resync-required-error.js';
import { builder } from './builder.js';
import type { GraphqlContext } from './context.js';
import { pageSizeDefault, pageSizeMax } from './page-size.js';

export const TaskSourceRef = builder.enumType('TaskSource', {
  description: 'Face that a task came in by. Each REST dialect lists only its own; GraphQL sees all.',
  values: {
    GRAPHQL: { description: 'This API.' },
    COORDINATOR: { description: 'The REST dialect of the coordinator.' },
    ORCHESTRATOR: { description: 'The REST dialect of orchestrators, or this API with an `orchestratorId`.' },
    QUEUE: { description: 'The REST dialect of the task queue, whose tasks have a number.' },
    WORKER: { description: 'The REST dialect of workers, where a task is a ticket.' },
  } satisfies Record<TaskSource, { description: string }>,
});

export const EventKindRef = builder.enumType('EventKind', {
  description: 'Kind of event: the name of its type, in capitals.',
  values: Object.fromEntries(
    Object.entries(eventTypes).map(([type, description]) => [kindOf(type), { value: type as EventType, description }]),
  ) as Record<string, { value: EventType; description: string }>,
});

/** `TaskClaimed` -> `TASK_CLAIMED`. */
function kindOf(type: string): string {
  return type.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}

/** Something that happened: one row of the event log. */
export const EventRef = builder.interfaceRef<LoggedEvent>('Event').implement({
  description: 'Something that happened, as the event log keeps it. Each event has a type of its own with its facts.',
  resolveType: (event) => event.type,
  fields: (t) => ({
    cursor: t.exposeString('cursor', {
      description: 'Place of the event in the log. Pass it as `after` to go on behind this event.',
    }),
    kind: t.field({ type: EventKindRef, description: 'What happened.', resolve: (event) => event.type as EventType }),
    occurredAt: t.expose('occurredAt', {
      type: 'DateTime',
      description: 'Time at which it happened, on the clock of the database.',
    }),
    actorLabel: t.exposeString('actorLabel', {
      nullable: true,
      description: 'Who did it, when it was no agent or user: `admin`, `anonymous` or `system`. Null when `actor` did it.',
    }),
    data: t.field({
      type: 'JSON',
      description: 'All facts of the event, before and after, as stored.',
      resolve: (event) => event.data,
    }),
  }),
});

type EventInterface = ReturnType<typeof eventInterface>;
type EventFields = Parameters<ReturnType<typeof builder.interfaceRef<LoggedEvent>>['implement']>[0]['fields'];

/** Adds the interface of all events about one kind of thing. */
export function eventInterface(name: string, description: string, fields: EventFields) {
  return builder
    .interfaceRef<LoggedEvent>(name)
    .implement({ description, interfaces: [EventRef], resolveType: (event) => event.type, fields });
}

/** Adds the GraphQL type of one event, with the facts that are worth fields of their own. Its description is the catalogue's. */
export function eventType(type: EventType, about: EventInterface | null, fields?: EventFields): void {
  builder.objectRef<LoggedEvent>(type).implement({
    description: eventTypes[type],
    interfaces: about ? [EventRef, about] : [EventRef],
    fields: fields as never,
  });
}

/** The types a subscription delivers: those it is about, or of these the ones asked for. */
export function kindsAmong(types: readonly EventType[], kinds: readonly EventType[] | null | undefined): readonly EventType[] {
  return kinds ? types.filter((type) => kinds.includes(type)) : types;
}

export const afterEventDescription =
  'Cursor to go on after: of the last event handled, or an `eventCursor` read before the state was. Without it: only what happens from now on.';

/** The stream of the events that a filter wants, within the caller's organization and never beyond. */
export function subscribeToEvents(
  context: GraphqlContext,
  filter: Omit<EventFilter, 'organizationId'>,
  after: string | null | undefined,
): AsyncIterable<LoggedEvent> {
  return context.hub.subscribe({
    filter: { ...normalized(filter), organizationId: context.viewer.organizationId },
    after: after ? positionOf(after, 'after') : null,
  });
}

/**
 * The events of a stream that pass what the event log itself cannot filter by.
 * No generator: that would take return() only between two events, and the next one may never come.
 */
export function onlyWanted(
  events: AsyncIterable<LoggedEvent>,
  isWanted: (event: LoggedEvent) => boolean | Promise<boolean>,
): AsyncIterableIterator<LoggedEvent> {
  const source = events[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      let result = await source.next();
      while (!result.done && !(await isWanted(result.value))) result = await source.next();
      return result;
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}

interface EventPageArguments {
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
}

/**
 * One page of the log in the shape of a connection, oldest first. With a filter it is read forwards only.
 * Throws ValidationError for `last` or `before` with a filter, InvalidCursorError, ResyncRequiredError for a cursor before
 * retention.
 */
export async function eventPage(context: GraphqlContext, filter: Omit<EventFilter, 'organizationId'>, page: EventPageArguments) {
  const backwards = (['last', 'before'] as const).find((name) => page[name] != null);
  if (backwards) {
    if (Object.values(filter).every((part) => part == null)) return newestEvents(context, page);
    const advice = 'ask for `first` events `after` a cursor';
    throw new ValidationError([backwards], `\`${backwards}\` is not possible here, among some of the events: ${advice}.`);
  }
  const first = Math.min(page.first ?? pageSizeDefault, pageSizeMax);
  const wanted = { ...normalized(filter), organizationId: context.viewer.organizationId };
  const after = page.after ? positionOf(page.after, 'after') : await oldestPosition(context.database);
  const read = await readEvents(context.database, { after, filter: wanted, limit: first + 1 });
  if (!read.isResumable) throw new ResyncRequiredError('CURSOR_LOST');
  return connectionPage(read.events.slice(0, first), { hasNextPage: read.events.length > first, hasPreviousPage: false });
}

/** The end of the organization's log, or what is before a cursor: as many steps back as events are wanted, and on from there. */
async function newestEvents(
  { database, viewer: { organizationId } }: GraphqlContext,
  { last, before: cursor }: EventPageArguments,
) {
  const count = Math.min(last ?? pageSizeDefault, pageSizeMax);
  const before = cursor ? positionOf(cursor, 'before') : null;
  const place = await positionBefore(database, { organizationId, before, count });
  const after = place ?? (await oldestPosition(database));
  const { events } = await readEvents(database, { after, filter: { organizationId }, limit: count });
  const wanted = before ? events.filter(({ position }) => comparePositions(position, before) < 0) : events;
  return connectionPage(wanted, { hasNextPage: before !== null, hasPreviousPage: place !== null });
}

function connectionPage(events: readonly LoggedEvent[], more: { hasNextPage: boolean; hasPreviousPage: boolean }) {
  return {
    edges: events.map((event) => ({ cursor: event.cursor, node: event })),
    pageInfo: { ...more, startCursor: events[0]?.cursor ?? null, endCursor: events.at(-1)?.cursor ?? null },
  };
}

function positionOf(cursor: string, name: 'after' | 'before'): LogPosition {
  const position = decodeCursor(cursor);
  if (!position) throw new InvalidCursorError(name);
  return position;
}

function normalized(filter: Omit<EventFilter, 'organizationId'>): Omit<EventFilter, 'organizationId'> {
  const lower = (id: string | null | undefined) => (id ? idOrNone(id).toLowerCase() : null);
  return {
    ...filter,
    taskId: lower(filter.taskId),
    projectId: lower(filter.projectId),
    threadId: lower(filter.threadId),
    agentId: lower(filter.agentId),
  };
}
