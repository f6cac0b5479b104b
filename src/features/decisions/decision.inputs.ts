import { type CommandOf, commandInput, id, longText, title } from '../input-fields.js';

export const decisionRecordInput = commandInput({
  projectId: id(
    'Id of the project that the decision is about. Default: the project of the decision that it supersedes, if any.',
  ).optional(),
  title: title('What was decided, in one line.'),
  bodyMarkdown: longText('The decision, its reasons and its consequences, in Markdown.', 200_000),
  supersedesId: id('Id of the decision that this one replaces. That one becomes SUPERSEDED.').optional(),
  agentId: id(
    'Id of the agent that decided. Leave it out with an API key: the key says who acts. People and administrators name the agent they act for.',
  ).optional(),
});

export type DecisionRecord = CommandOf<typeof decisionRecordInput>;
