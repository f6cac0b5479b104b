import { z } from '@hono/zod-openapi';
import { coordinator } from '../../rest/coordinator.js';
import { endpoint } from '../../rest/endpoint.js';
import { instantAnswer, integerText, listLimitMax } from '../../rest/fields.js';
import { knownId, knownPerson, speakingAs } from '../../rest/identity.js';
import { agentRegisterInput } from '../agents/agent.inputs.js';
import { findProjectId } from '../projects/project.queries.js';
import { decisionRecordInput } from './decision.inputs.js';
import { decisionWhere, listDecisions, type NamedDecision } from './decision.queries.js';

const decisionAnswer = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    title: z.string(),
    body_markdown: z.string(),
    status: z.string().openapi({ example: 'accepted' }),
    supersedes_id: z.string().nullable(),
    author_id: z.string().nullable(),
    created_at: instantAnswer,
  })
  .openapi('CoordinatorDecision');

export const decisionCoordEndpoints = [
  endpoint({
    dialect: coordinator,
    method: 'post',
    path: '/api/coord/decisions',
    summary: 'Record a decision.',
    description: 'An unknown project is created.',
    body: z.object({
      project_id: decisionRecordInput.shape.projectId,
      title: decisionRecordInput.shape.title,
      body_markdown: decisionRecordInput.shape.bodyMarkdown,
      supersedes_id: decisionRecordInput.shape.supersedesId,
      author_id: agentRegisterInput.shape.externalId
        .optional()
        .describe('Whose it is, where no credential says so: somebody registered, or any name.'),
    }),
    answers: { 201: { description: 'The new decision.', schema: decisionAnswer } },
    failures: { 404: '`decision_not_found`: the one to supersede.', 409: '`decision_already_superseded`.' },
    handle: async (call) => {
      const { body } = call;
      const viewer = await speakingAs(call, body.author_id);
      const answer = await call.run(
        async (services, database) => {
          const projectId = body.project_id && (await services.projects.ensure(viewer, body.project_id));
          const input = { projectId, title: body.title, bodyMarkdown: body.body_markdown, supersedesId: body.supersedes_id };
          const { decision } = await services.decisions.record(viewer, input);
          const [named] = await listDecisions(database.prisma, { id: decision.id }, 1);
          return named && toDecision(named);
        },
        { atomic: true },
      );
      return { status: 201, body: answer };
    },
  }),

  endpoint({
    dialect: coordinator,
    method: 'get',
    path: '/api/coord/decisions',
    summary: 'List decisions, oldest first.',
    query: z.object({
      project_id: z.string().optional().describe('Only decisions of this project.'),
      limit: integerText(1, listLimitMax, `The newest so many. Default ${listLimitMax}.`).optional(),
    }),
    answers: { 200: { description: 'The decisions.', schema: z.array(decisionAnswer) } },
    handle: async ({ query, viewer, database }) => {
      const projectId = query.project_id && (await findProjectId(database.prisma, viewer, query.project_id));
      if (projectId === null) return { status: 200, body: [] };
      const decisions = await listDecisions(database.prisma, decisionWhere(viewer, { projectId }), query.limit ?? listLimitMax);
      return { status: 200, body: decisions.map(toDecision) };
    },
  }),
];

function toDecision(decision: NamedDecision): z.input<typeof decisionAnswer> {
  return {
    id: decision.id,
    project_id: decision.project && knownId(decision.project),
    title: decision.title,
    body_markdown: decision.bodyMarkdown,
    status: decision.status.toLowerCase(),
    supersedes_id: decision.supersedesId,
    author_id: knownPerson(decision.author, decision.authorLabel),
    created_at: decision.createdAt.toISOString(),
  };
}
