import { z } from '@hono/zod-openapi';
import { coordinator } from '../../rest/coordinator.js';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, integerText, listLimitMax } from '../../rest/fields.js';
import { knownId, knownPerson, speakingAs } from '../../rest/identity.js';
import { agentRegisterInput } from '../agents/agent.inputs.js';
import { findProjectId } from '../projects/project.queries.js';
import { planCreateInput } from './plan.inputs.js';
import { listPlans, type NamedPlan, planWhere } from './plan.queries.js';

const planAnswer = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    title: z.string(),
    body_markdown: z.string(),
    status: z.string().openapi({ example: 'draft' }),
    revision: z.int(),
    author_id: z.string().nullable(),
    created_at: instantAnswer,
    updated_at: instantAnswer,
  })
  .openapi('CoordinatorPlan');

export const planCoordEndpoints = [
  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/plans',
    summary: 'Write a plan: a draft.',
    description: 'An unknown project is created.',
    body: z.object({
      project_id: planCreateInput.shape.projectId,
      title: planCreateInput.shape.title,
      body_markdown: planCreateInput.shape.bodyMarkdown,
      author_id: agentRegisterInput.shape.externalId
        .optional()
        .describe('Whose it is, where no credential says so: somebody registered, or any name.'),
    }),
    answers: { 201: { description: 'The new plan.', schema: planAnswer } },
    handle: async (call) => {
      const { body } = call;
      const viewer = await speakingAs(call, body.author_id);
      const answer = await call.run(
        async (services, database) => {
          const projectId = body.project_id && (await services.projects.ensure(viewer, body.project_id));
          const input = { projectId, title: body.title, bodyMarkdown: body.body_markdown, status: 'DRAFT' as const };
          const { plan } = await services.plans.create(viewer, input);
          const [named] = await listPlans(database.prisma, { id: plan.id }, 1);
          return named && toPlan(named);
        },
        { atomic: true },
      );
      return { status: 201, body: answer };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/plans',
    summary: 'List plans, oldest first.',
    query: z.object({
      project_id: z.string().optional().describe('Only plans of this project.'),
      limit: integerText(1, listLimitMax, `The newest so many. Default ${listLimitMax}.`).optional(),
    }),
    answers: { 200: { description: 'The plans.', schema: z.array(planAnswer) } },
    handle: async ({ query, viewer, database }) => {
      const projectId = query.project_id && (await findProjectId(database.prisma, viewer, query.project_id));
      if (projectId === null) return { status: 200, body: [] };
      const plans = await listPlans(database.prisma, planWhere(viewer, { projectId }), query.limit ?? listLimitMax);
      return { status: 200, body: plans.map(toPlan) };
    },
  }),
];

function toPlan(plan: NamedPlan): z.input<typeof planAnswer> {
  return {
    id: plan.id,
    project_id: plan.project && knownId(plan.project),
    title: plan.title,
    body_markdown: plan.bodyMarkdown,
    status: plan.status.toLowerCase(),
    revision: plan.revision,
    author_id: knownPerson(plan.author, plan.authorLabel),
    created_at: plan.createdAt.toISOString(),
    updated_at: plan.updatedAt.toISOString(),
  };
}
