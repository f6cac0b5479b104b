import type { GraphQLSchema } from 'graphql';
import { newId } from '../../src/kernel/ids.js';
import type { TestApp } from './app.js';
import { type Caller, call, userErrors } from './graphql-call.js';
import { type Operation, type Place, placesOf, variablesOf } from './schema-walk.js';
import { uniqueName } from './seed.js';

/** An organization with a user; `mark` stands in everything that people could read of it. */
interface Tenant {
  mark: string;
  slug: string;
  organizationId: string;
  /** The admin token, acting in this organization. */
  operator: Caller;
  /** An administrator of the organization, signed in; owns the agents. */
  user: Caller;
  userId: string;
  email: string;
  password: string;
  /** What must not be found in plain text anywhere. */
  secrets: string[];
}

/** The same with one thing of every kind. */
export interface SeededOrganization extends Tenant {
  agent: Caller;
  /** Id of the one thing of each type that `node` finds; the task is ready, and the job runs under the fence 1. */
  things: Record<string, string>;
  /** Held by the agent, under the fence. */
  claimedTaskId: string;
  /** Things to delete, which nothing else is about. */
  spare: { projectId: string; noteId: string; ticketId: string };
  fence: number;
  /** Of the worker dialect, in review with the pull request 7. */
  ticketId: string;
  /** Owns the task that is ready, and another one to give away. */
  orchestratorId: string;
  colleagueId: string;
  taskToGiveAwayId: string;
  externalId: string;
  /** Number of the task that is ready, as tasks of the queue dialect have one. */
  taskNumber: number;
}

type WithId<Name extends string> = Record<Name, { id: string }>;

/** Makes an organization, and in it one thing of every kind, as its users would. */
export async function seedOrganization(app: TestApp, adminToken: string): Promise<SeededOrganization> {
  const slug = uniqueName('org');
  const mark = `${slug}-zyzzyva`;
  const email = `${mark}@example.org`;
  const password = `password of ${mark}`;
  const operator = { token: adminToken, organization: slug };
  const { organization } = await mutate<WithId<'organization'>>(
    app,
    { token: adminToken },
    'organizationCreate',
    { slug, name: mark },
    'organization { id }',
  );
  const profile = { email, password, name: mark, role: 'ADMIN' };
  const { user } = await mutate<WithId<'user'>>(app, operator, 'userCreate', profile, 'user { id }');
  const session = await mutate<{ token: string }>(app, {}, 'sessionCreate', { email, password }, 'token');
  return seedThings(app, {
    mark,
    slug,
    operator,
    user: { token: session.token },
    email,
    password,
    organizationId: organization.id,
    userId: user.id,
    secrets: [session.token, password],
  });
}

/** Beyond the numbers that the server gives out in a test. */
let taskCount = 1_000_000;

/** Makes another of each thing in an organization, for its user. */
export async function seedThings(app: TestApp, tenant: Tenant): Promise<SeededOrganization> {
  const { mark, operator, user } = tenant;
  const externalId = `${uniqueName('agent')}-of-${mark}`;
  const profile = { specializations: [mark], capabilities: { mark }, metadata: { mark } };
  const { agent, apiKey } = await mutate<WithId<'agent'> & { apiKey: string }>(
    app,
    user,
    'agentRegister',
    { externalId, ...profile },
    'agent { id } apiKey',
  );
  const worker = { token: apiKey };
  const role = { externalId: `${uniqueName('orchestrator')}-of-${mark}`, isOrchestrator: true, role: mark, discipline: mark };
  const orchestrator = await mutate<WithId<'agent'>>(app, user, 'agentRegister', role, 'agent { id }');
  const likewise = { ...role, externalId: `${uniqueName('orchestrator')}-of-${mark}` };
  const colleague = await mutate<WithId<'agent'>>(app, user, 'agentRegister', likewise, 'agent { id }');
  const key = await mutate<WithId<'apiKey'> & { secret: string }>(
    app,
    operator,
    'apiKeyCreate',
    { name: mark, scopes: ['READ', 'WORKER'] },
    'apiKey { id } secret',
  );
  const about = { name: mark, description: mark, repoUrl: `https://${mark}.example.org` };
  const { project } = await mutate<WithId<'project'>>(app, user, 'projectCreate', about, 'project { id }');
  const projectId = project.id;
  const work = { title: mark, description: mark, projectId, requiredSpecialization: mark, metadata: { mark } };
  const { tasks } = await mutate<{ tasks: [{ id: string }, { id: string }, { id: string }] }>(
    app,
    user,
    'taskCreateMany',
    { tasks: [{ ...work, orchestratorId: orchestrator.agent.id }, work, { ...work, orchestratorId: orchestrator.agent.id }] },
    'tasks { id }',
  );
  const [ready, claimed, givenAway] = tasks;
  taskCount += 1;
  const taskNumber = taskCount;
  const asOtherFacesDo = 'update task set number = $2 where id = $1';
  await app.sql(asOtherFacesDo, [ready.id, taskNumber]);
  const { task } = await mutate<{ task: { lease: { fence: number }; attempts: { nodes: [{ id: string }] } } }>(
    app,
    worker,
    'taskClaim',
    { taskId: claimed.id },
    'task { lease { fence } attempts { nodes { id } } }',
  );
  const owner = { mark, organizationId: tenant.organizationId, things: { Project: projectId, Task: ready.id } };
  const jobId = await enqueueJob(app, owner);
  await enqueueJob(app, owner);
  await mutate(app, operator, 'jobStart', { projectId }, 'job { id }');
  const help = {
    fromOrchestratorId: orchestrator.agent.id,
    taskId: ready.id,
    collaborators: [{ orchestratorId: colleague.agent.id, role: mark }],
    note: mark,
  };
  const { record } = await mutate<WithId<'record'>>(app, user, 'collaborationRequest', help, 'record { id }');
  const { task: ticket } = await mutate<WithId<'task'>>(app, user, 'taskCreate', work, 'task { id }');
  await app.sql(`update task set source = 'WORKER', column_id = 'in_progress' where id = $1`, [ticket.id]);
  const finished = { taskId: ticket.id, summary: mark, prUrl: `https://${mark}.example.org/pull/7`, reviewCommentBody: mark };
  const completed = await mutate<{ task: { pullRequests: { nodes: [{ id: string; comments: { nodes: [{ id: string }] } }] } } }>(
    app,
    operator,
    'ticketComplete',
    finished,
    'task { pullRequests { nodes { id comments { nodes { id } } } } }',
  );
  const [pullRequest] = completed.task.pullRequests.nodes;
  const entry = { taskId: ready.id, sessionId: mark, step: mark, summary: mark, rawOutput: mark };
  const { log } = await mutate<WithId<'log'>>(app, operator, 'executionLogAppend', entry, 'log { id }');
  const subject = { title: mark, projectId, taskId: ready.id };
  const { thread } = await mutate<WithId<'thread'>>(app, user, 'threadCreate', subject, 'thread { id }');
  const said = { threadId: thread.id, type: mark, payload: { text: mark } };
  const { message } = await mutate<WithId<'message'>>(app, worker, 'messagePost', said, 'message { id }');
  const text = { title: mark, bodyMarkdown: mark, projectId };
  const { plan } = await mutate<WithId<'plan'>>(app, worker, 'planCreate', text, 'plan { id }');
  const { decision } = await mutate<WithId<'decision'>>(app, worker, 'decisionRecord', text, 'decision { id }');
  const lesson = { projectId, documents: [mark] };
  const { documents } = await mutate<{ documents: [{ id: string }] }>(app, user, 'memoryIndex', lesson, 'documents { id }');
  const linked = { title: mark, content: mark, nodeIds: [mark] };
  const note = await mutate<WithId<'note'>>(app, user, 'noteCreate', { ...linked, projectId }, 'note { id }');
  const card = { title: mark, description: mark, columnId: mark, nodeIds: [mark] };
  const spare = await mutate<WithId<'project'>>(app, user, 'projectCreate', about, 'project { id }');
  const inSpare = { projectId: spare.project.id };
  const spareNote = await mutate<WithId<'note'>>(app, user, 'noteCreate', { ...linked, ...inSpare }, 'note { id }');
  const spareTicket = await mutate<WithId<'task'>>(app, user, 'ticketCreate', { ...card, ...inSpare }, 'task { id }');
  await mutate(app, user, 'settingsUpdate', { settings: [{ key: 'AGENT_MODEL', value: mark }] }, '__typename');

  return {
    ...tenant,
    agent: worker,
    things: {
      Agent: agent.id,
      ApiKey: key.apiKey.id,
      CoordinationRecord: record.id,
      Decision: decision.id,
      ExecutionLog: log.id,
      Job: jobId,
      MemoryDocument: documents[0].id,
      Message: message.id,
      Organization: tenant.organizationId,
      Plan: plan.id,
      Project: projectId,
      PullRequest: pullRequest.id,
      ReviewComment: pullRequest.comments.nodes[0].id,
      ProjectNote: note.note.id,
      Task: ready.id,
      TaskAttempt: task.attempts.nodes[0].id,
      Thread: thread.id,
      User: tenant.userId,
    },
    claimedTaskId: claimed.id,
    ticketId: ticket.id,
    spare: { projectId: spare.project.id, noteId: spareNote.note.id, ticketId: spareTicket.task.id },
    fence: task.lease.fence,
    orchestratorId: orchestrator.agent.id,
    colleagueId: colleague.agent.id,
    taskToGiveAwayId: givenAway.id,
    externalId,
    taskNumber,
    secrets: [...tenant.secrets, apiKey, key.secret],
  };
}

/** Puts a job for the organization's task into the queue, as the comment on a pull request does. */
export async function enqueueJob(
  app: TestApp,
  { organizationId, things, mark }: Pick<SeededOrganization, 'organizationId' | 'things' | 'mark'>,
): Promise<string> {
  const id = newId();
  await app.sql(
    `insert into job (id, organization_id, project_id, task_id, kind, pr_number, comment_body, github_comment_id)
     values ($1, $2, $3, $4, 'REVIEW', 7, $5, 99)`,
    [id, organizationId, things.Project, things.Task, mark],
  );
  return id;
}

/** Runs a mutation that must succeed; answers its payload. */
export async function mutate<Data>(app: TestApp, caller: Caller, name: string, input: object, selection: string): Promise<Data> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { ${selection} errors { code message path } } }`;
  const answer = await call(app.url, caller, query, { input });
  if (answer.errors.length > 0 || userErrors(answer).length > 0) throw new Error(`${name} failed: ${answer.text}`);
  return answer.data?.[name] as Data;
}

/**
 * What each operation needs to know beside the types of its arguments, as values by the name of the argument or field;
 * undefined leaves it out. An operation that does not stand here fails every test that walks the schema: whoever adds one
 * says here how it is called, and it is tested for isolation, retries and bad input.
 */
const operations: Record<string, (own: SeededOrganization) => Record<string, unknown>> = {
  agent: () => ({ externalId: undefined }),
  agents: () => ({}),
  apiKeys: () => ({}),
  coordinationHistory: () => ({}),
  decision: () => ({}),
  decisions: () => ({}),
  eventCursor: () => ({}),
  events: () => ({}),
  job: () => ({}),
  jobs: () => ({}),
  memorySearch: ({ mark }) => ({ queries: mark }),
  messages: () => ({}),
  node: () => ({}),
  nodes: () => ({}),
  orchestrators: () => ({}),
  organizations: () => ({}),
  plan: () => ({}),
  plans: () => ({}),
  project: () => ({}),
  projects: () => ({}),
  settings: () => ({}),
  serverTime: () => ({}),
  settingsCheck: () => ({}),
  specializations: () => ({}),
  task: () => ({ number: undefined }),
  taskActivity: () => ({ windowSeconds: 30 * 86_400, spanCount: 2 }),
  taskCounts: () => ({}),
  tasks: () => ({}),
  thread: () => ({}),
  threads: () => ({}),
  users: () => ({}),
  viewer: () => ({}),

  agentEvents: () => ({}),
  jobEvents: () => ({}),
  messageEvents: () => ({}),
  taskEvents: () => ({}),

  agentHeartbeat: () => ({ status: 'BUSY' }),
  agentRegister: () => ({}),
  agentSetStatus: () => ({ status: 'AWAY' }),
  apiKeyCreate: () => ({ scopes: 'READ' }),
  apiKeyRevoke: () => ({}),
  collaborationRequest: ({ colleagueId }) => ({ orchestratorId: colleagueId }),
  conflictResolve: () => ({}),
  boardReplace: () => ({}),
  decisionRecord: () => ({}),
  graphReplace: () => ({}),
  jobComplete: () => ({}),
  jobFail: () => ({}),
  jobHeartbeat: () => ({}),
  jobRelease: () => ({}),
  jobStart: () => ({}),
  executionLogAppend: () => ({}),
  memoryDelete: ({ mark }) => ({ documents: mark }),
  memoryIndex: ({ mark }) => ({ documents: `${uniqueName('lesson')} of ${mark}` }),
  messagePost: () => ({}),
  noteCreate: () => ({}),
  noteDelete: ({ spare }) => ({ noteId: spare.noteId }),
  noteUpdate: () => ({}),
  organizationCreate: () => ({}),
  planCreate: () => ({}),
  planRevise: () => ({}),
  planSetStatus: () => ({ status: 'COMPLETED' }),
  projectCreate: () => ({}),
  reviewRequest: ({ ticketId }) => ({ taskId: ticketId, prNumber: 7, githubCommentId: '99' }),
  projectDelete: ({ spare, mark }) => ({ projectId: spare.projectId, confirmName: mark }),
  projectUpdate: () => ({}),
  sessionCreate: ({ email, password }) => ({ email, password }),
  sessionEnd: () => ({}),
  settingsUpdate: () => ({ key: 'AGENT_MODEL', value: uniqueName('model') }),
  taskCancel: onClaimedTask,
  taskClaim: () => ({}),
  taskClaimNext: () => ({ kinds: 'general', modelTiers: 'standard' }),
  taskComplete: onClaimedTask,
  taskCreate: () => ({ status: 'READY' }),
  taskCreateMany: () => ({ status: 'BACKLOG' }),
  taskDelegate: ({ taskToGiveAwayId }) => ({ taskId: taskToGiveAwayId }),
  taskFail: onClaimedTask,
  taskHandOff: ({ taskToGiveAwayId }) => ({ taskId: taskToGiveAwayId }),
  taskHeartbeat: onClaimedTask,
  taskRelease: onClaimedTask,
  taskReset: onClaimedTask,
  taskSetStatus: (own) => ({ ...onClaimedTask(own), status: 'BLOCKED' }),
  // When the task was changed last is not known here.
  taskUpdate: () => ({ expectedUpdatedAt: undefined }),
  ticketComplete: ({ ticketId }) => ({ taskId: ticketId, prNumber: 7 }),
  threadCreate: () => ({}),
  ticketCancelRequest: ({ ticketId }) => ({ taskId: ticketId }),
  ticketCreate: () => ({}),
  ticketDelete: ({ spare }) => ({ taskId: spare.ticketId }),
  ticketUpdate: ({ ticketId }) => ({ taskId: ticketId }),
  userCreate: () => ({ role: 'MEMBER' }),

  'Agent.claimedTasks': () => ({}),
  'Job.logs': () => ({}),
  'Plan.revisions': () => ({}),
  'Project.decisions': () => ({}),
  'Project.jobs': () => ({}),
  'Project.memory': () => ({}),
  'Project.notes': () => ({}),
  'Project.plans': () => ({}),
  'Project.tasks': () => ({}),
  'Project.threads': () => ({}),
  'Task.coordination': () => ({}),
  'Task.attempts': ({ claimedTaskId }) => ({ node: claimedTaskId }),
  'Task.history': () => ({}),
  'PullRequest.comments': () => ({}),
  'Task.jobs': () => ({}),
  'Task.logs': () => ({}),
  'Task.pullRequests': ({ ticketId }) => ({ node: ticketId }),
  'Task.threads': () => ({}),
  'Task.whyNotClaimable': () => ({}),
  'Thread.messages': () => ({}),
};

function onClaimedTask({ claimedTaskId }: SeededOrganization) {
  return { taskId: claimedTaskId };
}

/** What each name of an id means; a name that does not stand here fails the walk. */
const ids: Record<string, (own: SeededOrganization) => string | undefined> = {
  agentId: ({ things }) => things.Agent,
  apiKeyId: ({ things }) => things.ApiKey,
  assigneeId: ({ things }) => things.Agent,
  createdById: ({ things }) => things.User,
  jobId: ({ things }) => things.Job,
  fromOrchestratorId: ({ orchestratorId }) => orchestratorId,
  noteId: ({ things }) => things.ProjectNote,
  orchestratorId: ({ orchestratorId }) => orchestratorId,
  orchestratorIds: ({ orchestratorId }) => orchestratorId,
  toOrchestratorId: ({ colleagueId }) => colleagueId,
  ownerId: ({ things }) => things.User,
  planId: ({ things }) => things.Plan,
  projectId: ({ things }) => things.Project,
  replyToId: ({ things }) => things.Message,
  senderId: ({ things }) => things.Agent,
  supersedesId: ({ things }) => things.Decision,
  taskId: ({ things }) => things.Task,
  threadId: ({ things }) => things.Thread,
  // `node` and `nodes` find any thing; what the others find is said by their own name.
  id: ({ things }) => things.Task,
  ids: ({ things }) => things.Task,
};

const numbers: Record<string, (own: SeededOrganization) => number> = {
  count: () => 1,
  expectedRevision: () => 1,
  expectedVersion: () => 1,
  fence: ({ fence }) => fence,
  first: () => 5,
  last: () => 5,
  leaseSeconds: () => 600,
  limit: () => 5,
  number: ({ taskNumber }) => taskNumber,
  order: () => 0,
  priority: () => 20,
};

const texts: Record<string, (own: SeededOrganization) => string | undefined> = {
  // Keys and cursors are the business of the tests that are about them.
  idempotencyKey: () => undefined,
  after: () => undefined,
  before: () => undefined,
  email: ({ mark }) => `${uniqueName('user')}-${mark}@example.org`,
  endpointUrl: ({ mark }) => `https://${mark}.example.org`,
  externalId: ({ mark }) => `${uniqueName('agent')}-${mark}`,
  requiredSpecialization: ({ mark }) => mark,
  slug: () => uniqueName('slug'),
  specialization: ({ mark }) => mark,
  specializations: ({ mark }) => mark,
  text: ({ mark }) => mark,
};

/** A value for the place that makes the operation succeed in the organization; undefined when it is best left out. */
export function validValue(operation: Operation, place: Place, own: SeededOrganization): unknown {
  const special = knownOperation(operation)(own);
  if (place.name in special) return special[place.name];
  switch (place.type) {
    case 'ID':
      return idAt(operation, place, own);
    case 'Int':
      return known(numbers, place, operation)(own);
    case 'String':
      return place.name in texts ? texts[place.name]?.(own) : `${place.name} of ${own.mark}`;
    case 'Boolean':
      return false;
    case 'JSON':
      return { text: own.mark };
    case 'DateTime':
      return place.name === 'since' ? '2020-01-01T00:00:00.000Z' : '2099-01-01T00:00:00.000Z';
    default:
      if (place.enumValues.length > 0) return place.enumValues[0];
      throw new Error(`${operation.name}: nothing is known about the type ${place.type} of ${place.path.join('.')}`);
  }
}

/** Arguments with which the operation succeeds: a command with everything it takes, a read with what it is about and a small page. */
export function validVariables(operation: Operation, own: SeededOrganization): Record<string, unknown> {
  const isRead = operation.kind !== 'mutation';
  const [, parent] = operation.name.split('.').reverse();
  return {
    ...variablesOf(placesOf(operation.args), (place) =>
      isRead && !place.isRequired && !['id', 'first'].includes(place.name) ? undefined : validItems(operation, place, own),
    ),
    ...(parent && { node: knownOperation(operation)(own).node ?? own.things[parent] }),
  };
}

/** The same, as a list where one item is too few. */
function validItems(operation: Operation, place: Place, own: SeededOrganization): unknown {
  const value = validValue(operation, place, own);
  return place.name === 'orchestratorIds' ? [value, own.colleagueId] : value;
}

/** Everything that the walks have to know of the schema and do not; empty when they know it all. */
export function unknownTo(schema: GraphQLSchema, all: Operation[], own: SeededOrganization): string[] {
  const unknown: string[] = [];
  for (const operation of all) {
    for (const place of placesOf(operation.args)) {
      try {
        validValue(operation, place, own);
      } catch (error) {
        unknown.push(String(error));
      }
    }
    if (!(operation.name in operations)) unknown.push(`operation ${operation.name}`);
  }
  const types = Object.values(schema.getTypeMap()).filter((type) => 'getInterfaces' in type);
  for (const type of types) {
    if (type.getInterfaces().some(({ name }) => name === 'Node') && 'isTypeOf' in type && !own.things[type.name])
      unknown.push(`thing ${type.name}`);
  }
  return [...new Set(unknown)];
}

function knownOperation({ name }: Operation): (own: SeededOrganization) => Record<string, unknown> {
  const special = operations[name];
  if (!special) throw new Error(`nothing is known about the operation ${name}: say in test/support how it is called`);
  return special;
}

function idAt({ name }: Operation, place: Place, own: SeededOrganization): string | undefined {
  const ofItself = own.things[`${name.charAt(0).toUpperCase()}${name.slice(1)}`];
  if (place.name === 'id' && ofItself) return ofItself;
  const id = ids[place.name];
  if (!id) throw new Error(`nothing is known about the id ${place.path.join('.')} of ${name}: say in test/support what it means`);
  return id(own);
}

function known<Value>(
  table: Record<string, (own: SeededOrganization) => Value>,
  { name, path }: Place,
  operation: Operation,
): (own: SeededOrganization) => Value {
  const value = table[name];
  if (!value) throw new Error(`nothing is known about ${path.join('.')} of ${operation.name}`);
  return value;
}
