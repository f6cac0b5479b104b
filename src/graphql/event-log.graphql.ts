import { currentPosition } from '../database/event-log.js';
import { encodeCursor } from '../kernel/cursor.js';
import { builder } from './builder.js';
import { connectionOf } from './connection.js';
import { afterEventDescription, EventKindRef, EventRef, eventPage, subscribeToEvents, TaskSourceRef } from './event.js';
import type { CursorKind } from './page-plugin.js';

const EventFilterRef = builder.inputType('EventFilter', {
  description: 'Which events; every part that is given must hold.',
  fields: (t) => ({
    kinds: t.field({ type: [EventKindRef], description: 'Events of these kinds.' }),
    taskId: t.id({ description: 'Events that concern this task.' }),
    projectId: t.id({ description: 'Events that concern this project or what belongs to it.' }),
    threadId: t.id({ description: 'Events in this thread.' }),
    agentId: t.id({ description: 'Events that concern this agent: its own, and of tasks it holds or held until then.' }),
    specialization: t.string({ description: 'Events of tasks that require this specialization.' }),
    sources: t.field({ type: [TaskSourceRef], description: 'Events of tasks that came in by these faces.' }),
  }),
});

builder.queryField('events', (t) =>
  t.connection(
    {
      type: EventRef,
      extensions: { cursors: 'own' satisfies CursorKind },
      description:
        'The event log, oldest first, strictly after the cursor: everything that changed and is still kept. A cursor before what is kept is the error RESYNC_REQUIRED. Without a filter, `last` gives the newest.',
      args: { filter: t.arg({ type: EventFilterRef, description: 'Which events. Default: all that the caller may see.' }) },
      resolve: (_root, { filter, ...page }, context) => eventPage(context, withTypes(filter), page),
    },
    ...connectionOf('Event', EventRef),
  ),
);

builder.queryField('eventCursor', (t) =>
  t.string({
    description:
      'Cursor of the end of the event log. Read it before you read the state, then subscribe `after` it: whatever changes in between is delivered, and what changed the moment before may be as well.',
    resolve: async (_root, _args, { database }) => encodeCursor(await currentPosition(database)),
  }),
);

builder.subscriptionField('events', (t) =>
  t.field({
    type: EventRef,
    description:
      'Everything the caller may see, as it happens, each event once and in order: for dashboards, bridges and exports.',
    args: {
      filter: t.arg({ type: EventFilterRef, description: 'Which events. Default: all that the caller may see.' }),
      after: t.arg.string({ description: afterEventDescription }),
    },
    subscribe: (_root, { filter, after }, context) => subscribeToEvents(context, withTypes(filter), after),
    resolve: (event) => event,
  }),
);

function withTypes<Filter extends { kinds?: readonly string[] | null }>(filter: Filter | null | undefined) {
  const { kinds, ...rest } = filter ?? ({} as Filter);
  return { ...rest, types: kinds };
}
