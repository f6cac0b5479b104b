import { builder } from '../../graphql/builder.js';
import { type SpecializationRow, specializationsStatement } from './sql/specializations.sql.js';

const SpecializationRef = builder.objectRef<SpecializationRow>('Specialization').implement({
  description:
    'Something that agents are specialized in, or that tasks require: how much of it is wanted, and who there is to do it.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What agents and tasks call it.' }),
    readyCount: t.exposeInt('readyCount', { description: 'Number of READY tasks that require it.' }),
    agentCount: t.exposeInt('agentCount', { description: 'Number of agents that have it, without the PENDING and INACTIVE.' }),
    onlineAgentCount: t.exposeInt('onlineAgentCount', {
      description: 'Number of those agents that are ONLINE. While it is 0, nobody takes the tasks that require it.',
    }),
  }),
});

builder.queryField('specializations', (t) =>
  t.field({
    type: [SpecializationRef],
    description: 'Every specialization that a READY task requires or an agent has, by name; the first 1,000 of them.',
    resolve: (_root, _args, { database, viewer, clock, healthLimits }) => {
      const onlineSince = new Date(clock.now().getTime() - healthLimits.staleSeconds * 1000);
      return database.query<SpecializationRow>(specializationsStatement, [viewer.organizationId, onlineSince]);
    },
  }),
);
