import { eventType } from '../../graphql/event.js';
import { AgentRef } from '../agents/agent.graphql.js';
import { TaskEventRef } from '../tasks/task.events.graphql.js';
import { CoordinationRecordRef } from './orchestrator.graphql.js';

type EventFieldBuilder = Parameters<NonNullable<Parameters<typeof eventType>[2]>>[0];

const recordFact = (t: EventFieldBuilder) =>
  t.prismaField({
    type: CoordinationRecordRef,
    description: 'What is kept of it: who took part, the note, the context or the resolution.',
    resolve: (query, event, _args, { prisma }) =>
      prisma.coordinationRecord.findUniqueOrThrow({
        ...query,
        where: { id: String(event.data.recordId), organizationId: event.organizationId },
      }),
  });

const ownerFact = (t: EventFieldBuilder, name: 'before' | 'after', description: string) =>
  t.prismaField({
    type: AgentRef,
    description,
    resolve: (query, event, _args, { prisma }) => {
      const { orchestratorId } = event.data[name] as { orchestratorId: string };
      return prisma.actor.findUniqueOrThrow({ ...query, where: { id: orchestratorId, organizationId: event.organizationId } });
    },
  });

for (const type of ['TaskDelegated', 'TaskHandedOff'] as const) {
  eventType(type, TaskEventRef, (t) => ({
    fromOrchestrator: ownerFact(t, 'before', 'Orchestrator that owned the task until then.'),
    toOrchestrator: ownerFact(t, 'after', 'Orchestrator that owns it from then on.'),
    record: recordFact(t),
  }));
}
for (const type of ['CollaborationRequested', 'ConflictResolved'] as const) {
  eventType(type, TaskEventRef, (t) => ({ record: recordFact(t) }));
}
eventType('TeamConflictResolved', null, (t) => ({ record: recordFact(t) }));
