import { z } from 'zod';
import { type CommandOf, commandInput, id, longText, shortText } from '../input-fields.js';
import { stepDefault, stepLengthMax } from './execution-log.model.js';

export const executionLogAppendInput = commandInput({
  taskId: id('Id of the task that is worked on.'),
  sessionId: shortText('Name of the run, the same for all of its entries; of your choice, such as a UUID.', 255),
  step: shortText(`What was done, as a word such as \`plan_approved\`. Default \`${stepDefault}\`.`, stepLengthMax).default(
    stepDefault,
  ),
  summary: longText('What came of it, in a sentence or a page. Default: nothing.', 100_000).default(''),
  rawOutput: longText('All that was put out meanwhile, such as the transcript of the agent’s tool.', 1_000_000).optional(),
  success: z.boolean().optional().describe('Whether the step went well. Leave it out when that is no question.'),
});

export type ExecutionLogAppend = CommandOf<typeof executionLogAppendInput>;
