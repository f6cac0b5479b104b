import { builder } from '../../graphql/builder.js';
import { idOrNone } from '../../kernel/ids.js';
import { ValidationError } from '../validation-error.js';
import type { Activity } from './task.activity.js';

const windowSecondsMin = 60;
const windowSecondsMax = 30 * 86_400;
const spanCountMax = 200;

const TaskActivityRef = builder.objectRef<Activity>('TaskActivity').implement({
  description: 'What happened to tasks within one span of time, and how many there were at its end.',
  fields: (t) => ({
    startsAt: t.expose('startsAt', { type: 'DateTime', description: 'Time at which the span begins.' }),
    endsAt: t.expose('endsAt', { type: 'DateTime', description: 'Time at which it ends, and the next one begins.' }),
    createdCount: t.exposeInt('createdCount', { description: 'Number of tasks that were created.' }),
    completedCount: t.exposeInt('completedCount', { description: 'Number of tasks that were done: the throughput.' }),
    failedCount: t.exposeInt('failedCount', { description: 'Number of tasks that failed.' }),
    canceledCount: t.exposeInt('canceledCount', { description: 'Number of tasks that were canceled.' }),
    expiredCount: t.exposeInt('expiredCount', { description: 'Number of leases that lapsed.' }),
    medianLeadSeconds: t.exposeFloat('medianLeadSeconds', {
      nullable: true,
      description:
        'Seconds from creation to completion that half of the completed tasks took at most. Null when none was completed.',
    }),
    slowLeadSeconds: t.exposeFloat('slowLeadSeconds', {
      nullable: true,
      description: 'The same for nine tenths of them.',
    }),
    readyCount: t.exposeInt('readyCount', {
      description: 'Number of READY tasks at the end of the span: the depth of the queue.',
    }),
    unfinishedCount: t.exposeInt('unfinishedCount', {
      description: 'Number of tasks at the end of the span that were not DONE, FAILED or CANCELED.',
    }),
  }),
});

builder.queryField('taskActivity', (t) =>
  t.field({
    type: [TaskActivityRef],
    complexity: 500,
    description:
      'What happened to tasks lately, in equal spans, oldest first, of which the last still runs: for charts. It is counted from the event log, so it goes back no further than events are kept.',
    args: {
      windowSeconds: t.arg.int({
        required: true,
        description: `Seconds that all spans together last. ${windowSecondsMin} to ${windowSecondsMax}.`,
      }),
      spanCount: t.arg.int({ defaultValue: 30, description: `Number of spans. 1 to ${spanCountMax}, default 30.` }),
      projectId: t.arg.id({ description: 'Tasks of this project only.' }),
    },
    resolve: (_root, { windowSeconds, spanCount, projectId }, { services, viewer, clock }) => {
      const count = spanCount ?? 30;
      requireWithin('windowSeconds', windowSeconds, windowSecondsMin, windowSecondsMax);
      requireWithin('spanCount', count, 1, spanCountMax);
      const spans = { projectId: projectId ? idOrNone(projectId) : null, spanSeconds: windowSeconds / count, count };
      return services.activity.spans(viewer, spans, clock.now());
    },
  }),
);

function requireWithin(name: string, value: number, minimum: number, maximum: number): void {
  if (value >= minimum && value <= maximum) return;
  throw new ValidationError([name], `${name} must be from ${minimum} to ${maximum}.`);
}
