import { builder } from '../../graphql/builder.js';
import { afterEventDescription, eventInterface, eventType, subscribeToEvents } from '../../graphql/event.js';
import type { EventType } from '../domain-event.js';
import { JobRef } from './job.graphql.js';

const JobEventRef = eventInterface('JobEvent', 'Something that happened to a job.', (t) => ({
  job: t.prismaField({
    type: JobRef,
    description: 'The job, as it is when the event is delivered; what it was at the event is in the facts.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.job.findUniqueOrThrow({ ...query, where: { id: event.subjectId, organizationId: event.organizationId } }),
  }),
}));

type EventFieldBuilder = Parameters<NonNullable<Parameters<typeof eventType>[2]>>[0];

const fenceFact = (t: EventFieldBuilder) =>
  t.int({ description: 'Fence of the run that this concerns.', resolve: (event) => Number(event.data.fence) });

const leaseEnd = (t: EventFieldBuilder, description: string) =>
  t.field({ type: 'DateTime', description, resolve: (event) => new Date(String(event.data.leaseExpiresAt)) });

eventType('JobEnqueued', JobEventRef);
eventType('JobStarted', JobEventRef, (t) => ({
  fence: fenceFact(t),
  leaseExpiresAt: leaseEnd(t, 'Time at which the run counts as lost unless heartbeats extend the lease.'),
}));
eventType('JobLeaseExpired', JobEventRef, (t) => ({
  fence: fenceFact(t),
  leaseExpiresAt: leaseEnd(t, 'Time at which the lease lapsed.'),
}));
eventType('JobReleased', JobEventRef, (t) => ({ fence: fenceFact(t) }));
eventType('JobCompleted', JobEventRef, (t) => ({ fence: fenceFact(t) }));
eventType('JobFailed', JobEventRef, (t) => ({
  fence: fenceFact(t),
  reason: t.string({
    nullable: true,
    description: 'Why, as the coordinator said, or that the run was lost. Null when nothing was said.',
    resolve: (event) => (event.data.reason as string | undefined) ?? null,
  }),
}));

const jobEventTypes = [
  'JobEnqueued',
  'JobStarted',
  'JobLeaseExpired',
  'JobReleased',
  'JobCompleted',
  'JobFailed',
] as const satisfies EventType[];

builder.subscriptionField('jobEvents', (t) =>
  t.field({
    type: JobEventRef,
    description: 'What happens to jobs, each event once and in order. Heartbeats are not events.',
    args: {
      projectId: t.arg.id({ description: 'Events of the jobs of this project. Default: of all of the organization.' }),
      after: t.arg.string({ description: afterEventDescription }),
    },
    subscribe: (_root, { projectId, after }, context) => subscribeToEvents(context, { projectId, types: jobEventTypes }, after),
    resolve: (event) => event,
  }),
);
