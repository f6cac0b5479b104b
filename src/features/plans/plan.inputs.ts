import { z } from 'zod';
import { PlanStatus } from '../../database/generated/prisma/enums.js';
import { type CommandOf, commandInput, id, longText, title, wholeNumber } from '../input-fields.js';

const planId = id('Id of the plan.');
const planTitle = title('Name of the plan, in one line.');
const bodyMarkdown = longText('The plan itself, in Markdown.', 200_000);

const status = z.enum(PlanStatus).meta({ graphql: 'PlanStatus' });

const agentId = id(
  'Id of the agent that acts. Leave it out with an API key: the key says who acts. People and administrators name the agent they act for.',
).optional();

export const planCreateInput = commandInput({
  projectId: id('Id of the project that the plan is for.').optional(),
  title: planTitle,
  bodyMarkdown,
  status: status.default('DRAFT').describe('Status that the plan begins with. Default DRAFT.'),
  agentId,
});

export const planReviseInput = commandInput({
  planId,
  expectedRevision: wholeNumber(1, 2_147_483_647).describe(
    'Revision that you have read and now change. If the plan has another by now, nothing is written.',
  ),
  title: planTitle.optional(),
  bodyMarkdown: bodyMarkdown.optional(),
  agentId,
});

export const planSetStatusInput = commandInput({
  planId,
  status: status.describe('Status to go to; every status can be reached from every other.'),
  agentId,
});

export type PlanCreate = CommandOf<typeof planCreateInput>;
export type PlanRevise = CommandOf<typeof planReviseInput>;
export type PlanSetStatus = CommandOf<typeof planSetStatusInput>;
