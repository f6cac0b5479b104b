import { z } from 'zod';
import { type CommandOf, commandInput, id, jsonObject, listOf, longText, shortText } from '../input-fields.js';
import { dueAt, priority } from '../tasks/task.inputs.js';
import { collaboratorsMax, conflictTypes, defaultRole, longNoteMax, noteMax, partiesMax, roleMax } from './orchestrator.model.js';

const fromOrchestratorId = id(
  'Id of the orchestrator that acts: it must own the task. You must be it, its owner or an administrator.',
);
const toOrchestratorId = id('Id of the orchestrator that is to own the task.');
const taskId = id('Id of the task.');

export const taskDelegateInput = commandInput({
  fromOrchestratorId,
  toOrchestratorId,
  taskId,
  note: longText('Why it is delegated, or what to mind.', noteMax).optional(),
  priority: priority.optional().describe('New urgency of the task: 0 is most urgent, 100 least. Left out: unchanged.'),
  dueAt: dueAt.optional().describe('New time at which the task should be done; must lie in the future. Left out: unchanged.'),
});

export const collaborationRequestInput = commandInput({
  fromOrchestratorId,
  taskId,
  collaborators: listOf(
    z
      .object({
        orchestratorId: id('Id of the orchestrator that is asked.'),
        role: shortText(`What it is asked to be, such as \`code_reviewer\`. Default \`${defaultRole}\`.`, roleMax).default(
          defaultRole,
        ),
      })
      .meta({ graphql: 'CollaboratorInput', description: 'One of the orchestrators that are asked for help.' }),
    1,
    collaboratorsMax,
  ).describe(`Orchestrators that are asked for help, 1 to ${collaboratorsMax}; one that is named twice is asked once.`),
  note: longText('What help is needed.', noteMax).optional(),
});

export const taskHandOffInput = commandInput({
  fromOrchestratorId,
  toOrchestratorId,
  taskId,
  context: jsonObject('What the next owner needs to know, as a JSON object: progress, blockers, next steps.').default({}),
  note: longText('The same in words, or what the context does not say.', longNoteMax).optional(),
});

export const conflictResolveInput = commandInput({
  orchestratorIds: listOf(id('Id of a party to the conflict.'), 2, partiesMax).describe(
    `Ids of the orchestrators that the conflict was between: 2 to ${partiesMax} different ones.`,
  ),
  conflictType: z.enum(conflictTypes).meta({ graphql: 'ConflictType' }).describe('What the conflict was about.'),
  resolution: jsonObject('What was decided, as a JSON object.'),
  taskId: id('Id of the task that it was about. Left out: about no single task.').optional(),
  projectId: id('Id of the project that it was about. Left out: that of the task, if any.').optional(),
  note: longText('Why it was decided so.', longNoteMax).optional(),
  orchestratorId: id(
    'Id of the orchestrator that settles. Leave it out with an API key: the key says who acts. A person may leave it out too: who administers the organization, or owns a party, settles as such.',
  ).optional(),
});

export type TaskDelegate = CommandOf<typeof taskDelegateInput>;
export type CollaborationRequest = CommandOf<typeof collaborationRequestInput>;
export type TaskHandOff = CommandOf<typeof taskHandOffInput>;
export type ConflictResolve = CommandOf<typeof conflictResolveInput>;
