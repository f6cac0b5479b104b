import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Caller } from '../support/graphql-call.js';
import { type Document, operationsOf } from '../support/openapi.js';
import { mutate } from '../support/organization.js';
import { rest } from '../support/rest-call.js';
import { uniqueName } from '../support/seed.js';
import { allRecords } from '../support/table-rows.js';

/**
 * The same command over REST and over GraphQL leaves the same state and the same events: each pair runs in two organizations
 * that were made alike, and whatever then differs in any row of any table, but for what the pair says, fails.
 */

const adminToken = 'an-admin-token-of-the-test-alone';

let app: TestApp;
let document: Document;

beforeAll(async () => {
  app = await startTestApp(
    { ADMIN_TOKEN: adminToken, TERARCHITECT_SECRET_KEY: '5e'.repeat(32), QUEUE_LEASE_SECONDS: '600' },
    { runsClockwork: false },
  );
  document = (await rest(app, 'GET', '/openapi.json')).json;
});

afterAll(() => app.stop());

/** Things of one organization, by what they are called in both. */
interface Own extends Record<string, string> {
  organization: string;
}

interface Pair {
  /** The operation as the document names it; what is in braces is a thing's name. */
  rest: string;
  /** What is special about this use of it, where the operation stands here more than once. */
  when?: string;
  as: 'agent' | 'operator';
  things: (caller: Organization) => Promise<Own>;
  path?: (own: Own) => string;
  headers?: (own: Own) => Record<string, string>;
  body?: (own: Own) => object;
  /** The twins, one after the other. */
  mutations: (own: Own) => [name: string, input: object][];
  /** Columns that differ, by table, and why. */
  differs?: { columns: Record<string, string[]>; because: string };
}

interface Organization {
  slug: string;
  id: string;
  operator: Caller;
}

const cameInBy = {
  columns: { task: ['source', 'priority_label'], event: ['source'] },
  because: 'a task keeps by which face it came in, and the priority in the words of its caller',
};

const graph = { nodes: [{ id: 'n1', label: 'Gate' }, { id: 'n2' }], edges: [{ id: 'e1', source: 'n1', target: 'n2' }] };

const columns = [
  { id: 'backlog', title: 'Later', order: 0 },
  { id: 'in_progress', title: 'Now', order: 1 },
];

const pairs: Pair[] = [
  {
    rest: 'POST /api/coord/agents/register',
    when: 'the agent is new',
    as: 'operator',
    things: seedAgent,
    body: () => ({
      employee_id: 'heron',
      name: 'Heron',
      endpoint_url: 'https://heron.example.org',
      specialization_codes: ['sql', 'docs', 'sql'],
      capabilities: { tools: ['git'] },
      metadata: { team: 'a' },
    }),
    mutations: () => [
      [
        'agentRegister',
        {
          externalId: 'heron',
          name: 'Heron',
          endpointUrl: 'https://heron.example.org',
          specializations: ['sql', 'docs', 'sql'],
          capabilities: { tools: ['git'] },
          metadata: { team: 'a' },
        },
      ],
    ],
  },
  {
    rest: 'POST /api/coord/agents/register',
    when: 'the agent is known',
    as: 'agent',
    things: seedAgent,
    body: () => ({ employee_id: 'otter', name: 'Otter the second', specialization_codes: ['docs'] }),
    mutations: () => [['agentRegister', { externalId: 'otter', name: 'Otter the second', specializations: ['docs'] }]],
  },
  {
    rest: 'POST /api/coord/agents/heartbeat',
    as: 'agent',
    things: seedAgent,
    body: () => ({ employee_id: 'otter', status: 'busy', metadata: { load: 1 } }),
    mutations: () => [['agentHeartbeat', { status: 'BUSY', metadata: { load: 1 } }]],
  },
  {
    rest: 'POST /api/coord/tasks',
    as: 'agent',
    things: seedAgent,
    body: ({ project }) => ({
      project_id: project,
      title: 'Mend the fence',
      description: 'All of it.',
      required_specialization_code: 'sql',
      priority: 20,
      metadata: { a: 1 },
    }),
    mutations: ({ project }) => [
      [
        'taskCreate',
        {
          projectId: project,
          title: 'Mend the fence',
          description: 'All of it.',
          requiredSpecialization: 'sql',
          priority: 20,
          metadata: { a: 1 },
        },
      ],
    ],
    differs: cameInBy,
  },
  {
    rest: 'POST /api/coord/tasks',
    when: 'it is parked',
    as: 'operator',
    things: seedAgent,
    body: () => ({ title: 'Mend the fence', status: 'backlog', priority: 'P1' }),
    mutations: () => [['taskCreate', { title: 'Mend the fence', status: 'BACKLOG', priority: 20 }]],
    differs: cameInBy,
  },
  {
    rest: 'POST /api/coord/tasks/{id}/claim',
    as: 'agent',
    things: seedCoordinator,
    path: ({ ready }) => `/api/coord/tasks/${ready}/claim`,
    body: () => ({ employee_id: 'otter', lease_ttl_sec: 600 }),
    mutations: ({ ready }) => [['taskClaim', { taskId: ready, leaseSeconds: 600 }]],
  },
  {
    rest: 'POST /api/coord/tasks/{id}/claim',
    when: 'it overrides the specialization',
    as: 'operator',
    things: seedCoordinator,
    path: ({ special }) => `/api/coord/tasks/${special}/claim?override=true`,
    body: () => ({ employee_id: 'otter' }),
    mutations: ({ special, agent }) => [['taskClaim', { taskId: special, agentId: agent, override: true }]],
  },
  {
    rest: 'POST /api/coord/tasks/{id}/heartbeat',
    as: 'agent',
    things: seedCoordinator,
    path: ({ claimed }) => `/api/coord/tasks/${claimed}/heartbeat`,
    body: () => ({ employee_id: 'otter', fence: 1 }),
    mutations: ({ claimed }) => [['taskHeartbeat', { taskId: claimed, fence: 1 }]],
  },
  {
    rest: 'POST /api/coord/tasks/{id}/release',
    as: 'agent',
    things: seedCoordinator,
    path: ({ claimed }) => `/api/coord/tasks/${claimed}/release`,
    body: () => ({ employee_id: 'otter', reason: 'Out of time.' }),
    mutations: ({ claimed }) => [['taskRelease', { taskId: claimed, reason: 'Out of time.' }]],
  },
  ...(
    [
      ['in_progress', {}, ['taskSetStatus', { status: 'IN_PROGRESS' }]],
      ['blocked', { blocker: 'No nails.' }, ['taskSetStatus', { status: 'BLOCKED', blocker: 'No nails.' }]],
      ['done', {}, ['taskComplete', {}]],
      ['failed', {}, ['taskFail', {}]],
      ['canceled', {}, ['taskCancel', {}]],
    ] as const
  ).map(
    ([status, rest, [name, input]]): Pair => ({
      rest: 'POST /api/coord/tasks/{id}/status',
      when: `it becomes ${status}`,
      as: 'agent',
      things: seedCoordinator,
      path: ({ claimed }) => `/api/coord/tasks/${claimed}/status`,
      body: () => ({ employee_id: 'otter', status, ...rest }),
      mutations: ({ claimed }) => [[name, { taskId: claimed, ...input }]],
    }),
  ),
  {
    rest: 'POST /api/coord/threads',
    as: 'agent',
    things: seedCoordinator,
    body: ({ project, ready }) => ({ title: 'Nails', thread_type: 'task', project_id: project, task_id: ready }),
    mutations: ({ project, ready }) => [['threadCreate', { title: 'Nails', type: 'task', projectId: project, taskId: ready }]],
  },
  {
    rest: 'POST /api/coord/messages',
    as: 'agent',
    things: seedCoordinator,
    body: ({ thread, message }) => ({
      thread_id: thread,
      message_type: 'question',
      payload: { text: 'Where?' },
      reply_to: message,
      sender_id: 'otter',
    }),
    mutations: ({ thread, message }) => [
      ['messagePost', { threadId: thread, type: 'question', payload: { text: 'Where?' }, replyToId: message }],
    ],
  },
  {
    rest: 'POST /api/coord/plans',
    as: 'agent',
    things: seedCoordinator,
    body: ({ project }) => ({ project_id: project, title: 'Fences', body_markdown: '# Fences' }),
    mutations: ({ project }) => [['planCreate', { projectId: project, title: 'Fences', bodyMarkdown: '# Fences' }]],
  },
  {
    rest: 'POST /api/coord/decisions',
    as: 'agent',
    things: seedCoordinator,
    body: ({ project, decision }) => ({
      project_id: project,
      title: 'No fences',
      body_markdown: 'Hedges.',
      supersedes_id: decision,
    }),
    mutations: ({ project, decision }) => [
      ['decisionRecord', { projectId: project, title: 'No fences', bodyMarkdown: 'Hedges.', supersedesId: decision }],
    ],
  },

  {
    rest: 'POST /tasks',
    as: 'agent',
    things: seedAgent,
    body: () => ({
      title: 'Mend the fence',
      description: 'All of it.',
      kind: 'code',
      priority: 7,
      model_tier: 'heavy',
      metadata: { a: 1 },
    }),
    mutations: () => [
      [
        'taskCreate',
        { title: 'Mend the fence', description: 'All of it.', kind: 'code', priority: 7, modelTier: 'heavy', metadata: { a: 1 } },
      ],
    ],
    differs: {
      columns: { task: ['source', 'number'], event: ['source'], organization: ['last_task_number'] },
      because: 'only tasks of the queue are numbered',
    },
  },
  {
    rest: 'POST /tasks/{id}/claim',
    as: 'agent',
    things: seedQueue,
    path: ({ readyNumber }) => `/tasks/${readyNumber}/claim`,
    headers: () => ({ 'x-agent-id': 'otter' }),
    mutations: ({ ready }) => [['taskClaim', { taskId: ready, leaseSeconds: 600 }]],
  },
  ...(
    [
      ['running', 'taskSetStatus', { status: 'IN_PROGRESS' }],
      ['done', 'taskComplete', {}],
      ['failed', 'taskFail', {}],
      ['queued', 'taskReset', {}],
    ] as const
  ).map(
    ([status, name, input]): Pair => ({
      rest: 'PATCH /tasks/{id}/status',
      when: `it becomes ${status}`,
      as: 'agent',
      things: seedQueue,
      path: ({ claimedNumber }) => `/tasks/${claimedNumber}/status`,
      body: () => ({ status }),
      mutations: ({ claimed }) => [[name, { taskId: claimed, ...input }]],
    }),
  ),
  {
    rest: 'PATCH /tasks/{id}/status',
    when: 'it becomes claimed',
    as: 'agent',
    things: seedQueue,
    path: ({ readyNumber }) => `/tasks/${readyNumber}/status`,
    body: () => ({ status: 'claimed' }),
    mutations: ({ ready }) => [['taskClaim', { taskId: ready, leaseSeconds: 600 }]],
  },
  {
    rest: 'POST /tasks/{id}/complete',
    as: 'agent',
    things: seedQueue,
    path: ({ claimedNumber }) => `/tasks/${claimedNumber}/complete`,
    body: () => ({ result: { description: 'Mended.', artifacts: ['fence.md'] } }),
    mutations: ({ claimed }) => [
      ['taskComplete', { taskId: claimed, result: { description: 'Mended.', artifacts: ['fence.md'] } }],
    ],
  },
  {
    rest: 'DELETE /tasks/{id}',
    as: 'agent',
    things: seedQueue,
    path: ({ claimedNumber }) => `/tasks/${claimedNumber}`,
    mutations: ({ claimed }) => [['taskCancel', { taskId: claimed }]],
  },

  {
    rest: 'POST /api/orchestrators',
    as: 'operator',
    things: seedAgent,
    body: () => ({ externalId: 'vp_1', name: 'Badger', role: 'Backend', discipline: 'Engineering' }),
    mutations: () => [
      ['agentRegister', { externalId: 'vp_1', name: 'Badger', role: 'Backend', discipline: 'Engineering', isOrchestrator: true }],
    ],
    differs: { columns: { actor: ['public_id'] }, because: 'the dialect shows orchestrators under an id of its own form' },
  },
  {
    rest: 'POST /api/orchestrators/{id}/tasks',
    as: 'operator',
    things: seedOrchestrators,
    path: ({ fromPublic }) => `/api/orchestrators/${fromPublic}/tasks`,
    body: () => ({ title: 'Mend the fence', description: 'All of it.', priority: 'HIGH', metadata: { a: 1 } }),
    mutations: ({ from }) => [
      [
        'taskCreate',
        { title: 'Mend the fence', description: 'All of it.', priority: 20, orchestratorId: from, metadata: { a: 1 } },
      ],
    ],
    differs: {
      columns: { task: ['source', 'priority_label', 'public_id'], event: ['source'] },
      because: 'the dialect shows its tasks under an id of its own form',
    },
  },
  {
    rest: 'POST /api/orchestrators/{id}/delegate',
    as: 'operator',
    things: seedOrchestrators,
    path: ({ fromPublic }) => `/api/orchestrators/${fromPublic}/delegate`,
    body: ({ toPublic, taskPublic }) => ({
      toVpId: toPublic,
      taskId: taskPublic,
      note: 'Yours.',
      priority: 'HIGH',
      dueDate: '2099-01-01T00:00:00Z',
    }),
    mutations: ({ from, to, task }) => [
      [
        'taskDelegate',
        {
          fromOrchestratorId: from,
          toOrchestratorId: to,
          taskId: task,
          note: 'Yours.',
          priority: 20,
          dueAt: '2099-01-01T00:00:00Z',
        },
      ],
    ],
    differs: { columns: { task: ['priority_label'] }, because: cameInBy.because },
  },
  {
    rest: 'POST /api/orchestrators/{id}/collaborate',
    as: 'operator',
    things: seedOrchestrators,
    path: ({ fromPublic }) => `/api/orchestrators/${fromPublic}/collaborate`,
    body: ({ toPublic, thirdPublic, taskPublic }) => ({
      taskId: taskPublic,
      requiredVpIds: [toPublic, thirdPublic],
      roles: { [toPublic as string]: 'reviewer' },
      note: 'Help.',
    }),
    mutations: ({ from, to, third, task }) => [
      [
        'collaborationRequest',
        {
          fromOrchestratorId: from,
          taskId: task,
          collaborators: [{ orchestratorId: to, role: 'reviewer' }, { orchestratorId: third }],
          note: 'Help.',
        },
      ],
    ],
  },
  {
    rest: 'POST /api/orchestrators/{id}/handoff',
    as: 'operator',
    things: seedOrchestrators,
    path: ({ fromPublic }) => `/api/orchestrators/${fromPublic}/handoff`,
    body: ({ toPublic, taskPublic }) => ({
      toVpId: toPublic,
      taskId: taskPublic,
      context: { branch: 'main' },
      notes: 'Half done.',
    }),
    mutations: ({ from, to, task }) => [
      [
        'taskHandOff',
        { fromOrchestratorId: from, toOrchestratorId: to, taskId: task, context: { branch: 'main' }, note: 'Half done.' },
      ],
    ],
  },
  {
    rest: 'POST /api/orchestrators/conflicts',
    as: 'operator',
    things: seedOrchestrators,
    body: ({ fromPublic, toPublic, taskPublic, project }) => ({
      vpIds: [fromPublic, toPublic],
      conflictType: 'deadline_conflict',
      resolution: { first: 'fence' },
      taskId: taskPublic,
      workspaceId: project,
      note: 'Agreed.',
    }),
    mutations: ({ from, to, task, project }) => [
      [
        'conflictResolve',
        {
          orchestratorIds: [from, to],
          conflictType: 'DEADLINE_CONFLICT',
          resolution: { first: 'fence' },
          taskId: task,
          projectId: project,
          note: 'Agreed.',
        },
      ],
    ],
  },

  {
    rest: 'PUT /api/settings',
    as: 'operator',
    things: seedAgent,
    body: () => ({ AGENT_MODEL: 'a-model', AGENT_LLM_URL: 'https://llm.example.org', MAX_CONCURRENT_AGENTS: '' }),
    mutations: () => [
      [
        'settingsUpdate',
        {
          settings: [
            { key: 'AGENT_MODEL', value: 'a-model' },
            { key: 'AGENT_LLM_URL', value: 'https://llm.example.org' },
            { key: 'MAX_CONCURRENT_AGENTS', value: null },
          ],
        },
      ],
    ],
  },
  {
    rest: 'POST /api/projects/{projectId}/memory/index',
    as: 'operator',
    things: seedAgent,
    path: ({ project }) => `/api/projects/${project}/memory/index`,
    body: () => ({ docs: ['Fences rot.', 'Hedges grow.'] }),
    mutations: ({ project }) => [['memoryIndex', { projectId: project, documents: ['Fences rot.', 'Hedges grow.'] }]],
  },
  {
    rest: 'POST /api/projects/{projectId}/memory/delete',
    as: 'operator',
    things: seedMemory,
    path: ({ project }) => `/api/projects/${project}/memory/delete`,
    body: () => ({ docs: ['Fences rot.', 'Nothing of the kind.'] }),
    mutations: ({ project }) => [['memoryDelete', { projectId: project, documents: ['Fences rot.', 'Nothing of the kind.'] }]],
  },

  {
    rest: 'POST /api/projects',
    as: 'operator',
    things: seedAgent,
    body: () => ({
      name: 'Hedges',
      description: 'Green.',
      github_url: 'https://hedges.example.org',
      execution_mode: 'local',
      project_path: '/srv/hedges',
      is_existing_repo: true,
    }),
    mutations: () => [
      [
        'projectCreate',
        {
          name: 'Hedges',
          description: 'Green.',
          repoUrl: 'https://hedges.example.org',
          executionMode: 'LOCAL',
          projectPath: '/srv/hedges',
          isExistingRepo: true,
        },
      ],
    ],
  },
  {
    rest: 'PUT /api/projects/{projectId}',
    as: 'operator',
    things: seedAgent,
    path: ({ project }) => `/api/projects/${project}`,
    body: () => ({ name: 'Hedges', description: 'Green.', github_url: '' }),
    mutations: ({ project }) => [['projectUpdate', { projectId: project, name: 'Hedges', description: 'Green.', repoUrl: null }]],
  },
  {
    rest: 'DELETE /api/projects/{projectId}',
    as: 'operator',
    things: seedBoard,
    path: ({ project }) => `/api/projects/${project}`,
    body: () => ({ confirm_name: 'Fences' }),
    mutations: ({ project }) => [['projectDelete', { projectId: project, confirmName: 'Fences' }]],
  },
  {
    rest: 'PUT /api/projects/{projectId}/graph',
    as: 'operator',
    things: seedAgent,
    path: ({ project }) => `/api/projects/${project}/graph`,
    body: () => graph,
    mutations: ({ project }) => [['graphReplace', { projectId: project, ...graph }]],
  },
  {
    rest: 'PUT /api/projects/{projectId}/kanban',
    as: 'operator',
    things: seedAgent,
    path: ({ project }) => `/api/projects/${project}/kanban`,
    body: () => ({ columns }),
    mutations: ({ project }) => [['boardReplace', { projectId: project, columns }]],
  },
  {
    rest: 'POST /api/projects/{projectId}/notes',
    as: 'operator',
    things: seedAgent,
    path: ({ project }) => `/api/projects/${project}/notes`,
    body: () => ({ title: 'Nails', content: 'Long ones.', node_ids: ['n1'], edge_ids: [] }),
    mutations: ({ project }) => [
      ['noteCreate', { projectId: project, title: 'Nails', content: 'Long ones.', nodeIds: ['n1'], edgeIds: [] }],
    ],
  },
  ...['PATCH', 'PUT'].map(
    (method): Pair => ({
      rest: `${method} /api/projects/{projectId}/notes/{noteId}`,
      as: 'operator',
      things: seedBoard,
      path: ({ project, note }) => `/api/projects/${project}/notes/${note}`,
      body: () => ({ content: 'Short ones.', node_ids: 'n1,n2' }),
      mutations: ({ note }) => [['noteUpdate', { noteId: note, content: 'Short ones.', nodeIds: ['n1', 'n2'] }]],
    }),
  ),
  {
    rest: 'DELETE /api/projects/{projectId}/notes/{noteId}',
    as: 'operator',
    things: seedBoard,
    path: ({ project, note }) => `/api/projects/${project}/notes/${note}`,
    mutations: ({ note }) => [['noteDelete', { noteId: note }]],
  },
  {
    rest: 'POST /api/projects/{projectId}/tickets',
    as: 'operator',
    things: seedAgent,
    path: ({ project }) => `/api/projects/${project}/tickets`,
    body: () => ({
      title: 'Mend the fence',
      description: 'All of it.',
      column_id: 'in_progress',
      priority: 'high',
      associated_node_ids: ['*'],
    }),
    mutations: ({ project }) => [
      [
        'ticketCreate',
        {
          projectId: project,
          title: 'Mend the fence',
          description: 'All of it.',
          columnId: 'in_progress',
          priority: 'high',
          nodeIds: ['*'],
        },
      ],
    ],
  },
  {
    rest: 'PATCH /api/projects/{projectId}/tickets/{ticketId}',
    as: 'operator',
    things: seedBoard,
    path: ({ project, ticket }) => `/api/projects/${project}/tickets/${ticket}`,
    body: () => ({ title: 'Mend it all', column_id: 'in_progress', priority: 'low', associated_edge_ids: ['e1'] }),
    mutations: ({ ticket }) => [
      ['ticketUpdate', { taskId: ticket, title: 'Mend it all', columnId: 'in_progress', priority: 'low', edgeIds: ['e1'] }],
    ],
  },
  {
    rest: 'DELETE /api/projects/{projectId}/tickets/{ticketId}',
    as: 'operator',
    things: seedWorker,
    path: ({ project, ticket }) => `/api/projects/${project}/tickets/${ticket}`,
    mutations: ({ ticket }) => [['ticketDelete', { taskId: ticket }]],
  },
  {
    rest: 'POST /api/projects/{projectId}/tickets/{ticketId}/cancel',
    as: 'operator',
    things: seedWorker,
    path: ({ project, ticket }) => `/api/projects/${project}/tickets/${ticket}/cancel`,
    mutations: ({ ticket }) => [['ticketCancelRequest', { taskId: ticket }]],
  },
  {
    rest: 'POST /api/worker/jobs/start',
    as: 'operator',
    things: seedWorker,
    body: ({ project }) => ({ project_id: project, lease_seconds: 600 }),
    mutations: ({ project }) => [['jobStart', { projectId: project, leaseSeconds: 600 }]],
  },
  ...(
    [
      ['heartbeat', 'jobHeartbeat', {}],
      ['complete', 'jobComplete', {}],
      ['fail', 'jobFail', { reason: 'The container was killed.' }],
      ['release', 'jobRelease', {}],
    ] as const
  ).map(
    ([word, name, rest]): Pair => ({
      rest: `POST /api/worker/jobs/{jobId}/${word}`,
      as: 'operator',
      things: seedWorker,
      path: ({ job }) => `/api/worker/jobs/${job}/${word}`,
      body: () => ({ fence: 1, ...rest }),
      mutations: ({ job }) => [[name, { jobId: job, fence: 1, ...rest }]],
    }),
  ),
  {
    rest: 'POST /api/projects/{projectId}/tickets/{ticketId}/logs',
    as: 'operator',
    things: seedWorker,
    path: ({ project, ticket }) => `/api/projects/${project}/tickets/${ticket}/logs`,
    body: () => ({ session_id: 's1', step: 'branch_created', summary: 'Branched.', raw_output: 'ok', success: true }),
    mutations: ({ ticket }) => [
      [
        'executionLogAppend',
        { taskId: ticket, sessionId: 's1', step: 'branch_created', summary: 'Branched.', rawOutput: 'ok', success: true },
      ],
    ],
  },
  {
    rest: 'POST /api/projects/{projectId}/tickets/{ticketId}/complete',
    as: 'operator',
    things: seedWorker,
    path: ({ project, ticket }) => `/api/projects/${project}/tickets/${ticket}/complete`,
    body: () => ({
      pr_url: 'https://fences.example.org/pull/7',
      pr_number: '7',
      summary: 'Mended.',
      review_comment_body: 'Done.',
    }),
    mutations: ({ ticket }) => [
      [
        'ticketComplete',
        {
          taskId: ticket,
          prUrl: 'https://fences.example.org/pull/7',
          prNumber: 7,
          summary: 'Mended.',
          reviewCommentBody: 'Done.',
        },
      ],
    ],
  },
  {
    rest: 'POST /api/projects/{projectId}/tickets/{ticketId}/review',
    as: 'operator',
    things: seedReview,
    path: ({ project, ticket }) => `/api/projects/${project}/tickets/${ticket}/review`,
    body: () => ({ comment_body: 'Nails?', github_comment_id: 99, pr_number: 7 }),
    mutations: ({ ticket }) => [['reviewRequest', { taskId: ticket, commentBody: 'Nails?', githubCommentId: '99', prNumber: 7 }]],
  },
];

/** Commands of REST that have no twin, and why. */
const withoutTwin: Record<string, string> = {
  'POST /agents/heartbeat': 'registers the agent and extends its claims: agents of the queue have no other sign of life',
  'POST /api/projects/{projectId}/memory/retrieve': 'a question, which GraphQL asks by a query',
};

describe('the same command over both faces', () => {
  it('stands here, whatever REST can do', () => {
    const covered = new Set([...pairs.map((pair) => pair.rest), ...Object.keys(withoutTwin)]);
    const commands = operationsOf(document).filter(({ method }) => method !== 'GET');

    expect(commands.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
    expect([...covered].filter((name) => !commands.some((command) => command.name === name))).toEqual([]);
  });

  it.each(pairs.map((pair) => ({ ...pair, name: `${pair.rest}${pair.when ? `, when ${pair.when}` : ''}` })))(
    'leaves the same: $name',
    async (pair) => {
      const overRest = await changesOf(pair, async (caller, own) => {
        const [method, path] = pair.rest.split(' ') as [string, string];
        const headers = { ...(caller.organization && { 'x-organization': caller.organization }), ...pair.headers?.(own) };
        const body = pair.body && { body: pair.body(own) };
        const answer = await rest(app, method, pair.path?.(own) ?? path, { token: caller.token, headers, ...body });
        expect(answer.status, answer.text).toBeLessThan(300);
      });
      const overGraphql = await changesOf(pair, async (caller, own) => {
        for (const [name, input] of pair.mutations(own)) await mutate(app, caller, name, input, '__typename');
      });

      expect(overRest.after.length + overRest.before.length).toBeGreaterThan(0);
      expect(overRest).toEqual(overGraphql);
    },
  );
});

/** What a command changes, in the same words for every organization: rows as they were, and as they are. */
async function changesOf(pair: Pair, command: (caller: Caller, own: Own) => Promise<void>) {
  const organization = await seedOrganization();
  const own = await pair.things(organization);
  const caller = pair.as === 'agent' ? { token: own.agentToken } : organization.operator;
  const before = await recordsBut(pair);
  await command(caller, own);
  const after = await recordsBut(pair);
  const seen = new Set(before.map(textOf));
  const still = new Set(after.map(textOf));
  const added = after.filter((row) => !seen.has(textOf(row)));
  const removed = before.filter((row) => !still.has(textOf(row)));
  const names = namesOf(own, [...before, ...added]);
  const inWords = (rows: Row[]) => rows.map((row) => described(row, names)).sort();
  return { before: inWords(removed), after: inWords(added) };
}

type Row = Awaited<ReturnType<typeof allRecords>>[number];

/** Columns that no two rows have alike. */
const unequal: Record<string, string[]> = {
  api_key: ['secret_hash'],
  event: ['xid', 'seq'],
};

function textOf({ table, record }: Row): string {
  return `${table} ${JSON.stringify(record)}`;
}

/** Every row, without the columns in which the faces may differ. */
async function recordsBut({ differs }: Pair): Promise<Row[]> {
  return (await allRecords(app)).map(({ table, record }) => ({ table, record: without(record, differs?.columns[table]) }));
}

function without(record: Row['record'], columns: string[] = []): Row['record'] {
  return Object.fromEntries(Object.entries(record).filter(([column]) => !columns.includes(column)));
}

/** What each id stands for: things that were made for the pair by their names, others by their table. */
function namesOf(own: Own, rows: Row[]): Map<string, string> {
  const names = new Map(Object.entries(own).map(([name, id]) => [id, `<${name}>`]));
  for (const { table, record } of rows) {
    if (typeof record.id === 'string' && !names.has(record.id)) names.set(record.id, `<a ${table}>`);
  }
  return names;
}

/** A row in words that are the same for every organization and at every time; short names are the same anyway. */
function described({ table, record }: Row, names: Map<string, string>): string {
  const text = JSON.stringify(without(record, unequal[table]), null, 1);
  const named = [...names].reduce((rest, [id, name]) => (id.length > 20 ? rest.replaceAll(id, name) : rest), text);
  return `${table} ${named.replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(?:Z|\+00:00)"/g, '"<time>"')}`;
}

async function seedOrganization(): Promise<Organization> {
  const slug = uniqueName('parity');
  const admin = { token: adminToken };
  const { organization } = await mutate<{ organization: { id: string } }>(
    app,
    admin,
    'organizationCreate',
    { slug, name: 'Parity' },
    'organization { id }',
  );
  return { slug, id: organization.id, operator: { ...admin, organization: slug } };
}

async function seedAgent({ id, operator }: Organization): Promise<Own> {
  const { agent, apiKey } = await mutate<{ agent: { id: string }; apiKey: string }>(
    app,
    operator,
    'agentRegister',
    { externalId: 'otter', specializations: ['sql'] },
    'agent { id } apiKey',
  );
  const about = { name: 'Fences', repoUrl: 'https://fences.example.org' };
  const { project } = await mutate<{ project: { id: string } }>(app, operator, 'projectCreate', about, 'project { id }');
  return { organization: id, agent: agent.id, agentToken: apiKey, project: project.id };
}

async function seedCoordinator(organization: Organization): Promise<Own> {
  const own = await seedAgent(organization);
  const post = (path: string, body: object) => create({ token: own.agentToken }, `/api/coord${path}`, body);
  const ready = await post('/tasks', { title: 'Ready' });
  const special = await post('/tasks', { title: 'Special', required_specialization_code: 'carving' });
  const claimed = await post('/tasks', { title: 'Claimed' });
  await post(`/tasks/${claimed.id}/claim`, { lease_ttl_sec: 600 });
  const thread = await post('/threads', { title: 'Talk' });
  const message = await post('/messages', { thread_id: thread.id, payload: { text: 'Hello.' } });
  const decision = await post('/decisions', { title: 'Fences', body_markdown: 'Yes.' });
  const ids = { ready, special, claimed, thread, message, decision };
  return { ...own, ...Object.fromEntries(Object.entries(ids).map(([name, { id }]) => [name, id as string])) };
}

async function seedQueue(organization: Organization): Promise<Own> {
  const own = await seedAgent(organization);
  const post = (path: string, body: object) => create({ token: own.agentToken }, path, body);
  const ready = await post('/tasks', { title: 'Ready' });
  const claimed = await post('/tasks', { title: 'Claimed' });
  await post(`/tasks/${claimed.id}/claim`, {});
  const idOf = async (number: number) => {
    const found = await app.sql<{ id: string }>('select id from task where organization_id = $1 and number = $2', [
      organization.id,
      number,
    ]);
    return found[0]?.id ?? '';
  };
  return {
    ...own,
    readyNumber: String(ready.id),
    claimedNumber: String(claimed.id),
    ready: await idOf(ready.id),
    claimed: await idOf(claimed.id),
  };
}

async function seedOrchestrators(organization: Organization): Promise<Own> {
  const own = await seedAgent(organization);
  const post = async (path: string, body: object) =>
    (await create(organization.operator, `/api/orchestrators${path}`, body)).data;
  const orchestrator = (name: string) => post('', { externalId: name, name, role: name });
  const [from, to, third] = [await orchestrator('badger'), await orchestrator('marten'), await orchestrator('finch')];
  const task = await post(`/${from.id}/tasks`, { title: 'Owned' });
  const idOf = async (table: string, publicId: string) =>
    (await app.sql<{ id: string }>(`select id from ${table} where public_id = $1`, [publicId]))[0]?.id ?? '';
  return {
    ...own,
    fromPublic: from.id,
    toPublic: to.id,
    thirdPublic: third.id,
    taskPublic: task.id,
    from: await idOf('actor', from.id),
    to: await idOf('actor', to.id),
    third: await idOf('actor', third.id),
    task: await idOf('task', task.id),
  };
}

async function seedMemory(organization: Organization): Promise<Own> {
  const own = await seedAgent(organization);
  await create(organization.operator, `/api/projects/${own.project}/memory/index`, { docs: ['Fences rot.', 'Hedges grow.'] });
  return own;
}

/** A ticket whose job runs, and another that waits. */
async function seedWorker(organization: Organization): Promise<Own> {
  const own = await seedAgent(organization);
  const { operator } = organization;
  const work = { projectId: own.project, title: 'Mend the fence', columnId: 'in_progress' };
  const { task } = await mutate<{ task: { id: string } }>(app, operator, 'ticketCreate', work, 'task { id }');
  const { job } = await mutate<{ job: { id: string } }>(app, operator, 'jobStart', {}, 'job { id }');
  const { task: waiting } = await mutate<{ task: { id: string } }>(app, operator, 'ticketCreate', work, 'task { id }');
  return { ...own, ticket: task.id, job: job.id, waiting: waiting.id };
}

/** A ticket that waits, and a note. */
async function seedBoard(organization: Organization): Promise<Own> {
  const own = await seedAgent(organization);
  const { operator } = organization;
  const projectId = own.project;
  const card = { projectId, title: 'Mend the fence', columnId: 'backlog' };
  const { task } = await mutate<{ task: { id: string } }>(app, operator, 'ticketCreate', card, 'task { id }');
  const text = { projectId, title: 'Nails', content: 'Long ones.' };
  const { note } = await mutate<{ note: { id: string } }>(app, operator, 'noteCreate', text, 'note { id }');
  return { ...own, ticket: task.id, note: note.id };
}

/** A ticket with a pull request. */
async function seedReview(organization: Organization): Promise<Own> {
  const own = await seedWorker(organization);
  const pullRequest = { taskId: own.ticket, prUrl: 'https://fences.example.org/pull/7', prNumber: 7 };
  await mutate(app, organization.operator, 'ticketComplete', pullRequest, '__typename');
  return own;
}

/** What a request that must succeed answers. */
async function create({ token, organization }: Caller, path: string, body: object) {
  const headers: Record<string, string> = organization === undefined ? {} : { 'x-organization': organization };
  const answer = await rest(app, 'POST', path, { token, headers, body });
  if (answer.status >= 300) throw new Error(`POST ${path} failed: ${answer.status} ${answer.text}`);
  return answer.json;
}
