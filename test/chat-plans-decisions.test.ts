import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import { EventCursorDocument } from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { seedAgent, seedTask, uniqueName } from './support/seed.js';

let app: TestApp;
let admin: BatonClient;
let stranger: BatonClient;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: 'an-admin-token-of-the-test-alone' });
  await app.sql(`insert into organization (id, slug, name) values (gen_random_uuid(), 'elsewhere', 'Elsewhere')`);
  const token = 'an-admin-token-of-the-test-alone';
  admin = app.client({ token });
  stranger = app.client({ token, organization: 'elsewhere' });
});

afterAll(() => app.stop());

describe('threads and messages', () => {
  it('reads back oldest first, under the names that the speakers had', async () => {
    const agent = await seedAgent(admin, { name: 'Ann' });
    const thread = await createThread(admin);
    const question = await post(admin, { threadId: thread.id, payload: { text: 'Who takes this?' } });
    await post(app.client({ token: agent.apiKey }), { threadId: thread.id, type: 'answer', replyToId: question.message?.id });
    await app.sql(`update actor set name = 'Ann the second' where id = $1`, [agent.id]);
    await post(admin, { threadId: thread.id, senderId: agent.id });

    const { messages } = await admin.request(messagesDocument, { filter: { threadId: thread.id } });

    expect(messages.nodes).toMatchObject([
      { senderName: 'admin', sender: null, type: 'note', payload: { text: 'Who takes this?' }, replyTo: null },
      { senderName: 'Ann', sender: { id: agent.id }, type: 'answer', payload: {}, replyTo: { id: question.message?.id } },
      { senderName: 'Ann the second', sender: { id: agent.id }, type: 'note', replyTo: null },
    ]);
  });

  it('lists the messages that every part of a filter wants, since an instant inclusive', async () => {
    const task = await seedTask(admin);
    const thread = await createThread(admin, { taskId: task.id });
    await post(admin, { threadId: thread.id, type: 'status' });
    const second = await post(admin, { threadId: thread.id, type: 'status' });
    const since = second.message?.createdAt;
    await post(admin, { threadId: thread.id, type: 'note' });

    const { messages } = await admin.request(messagesDocument, { filter: { taskId: task.id, types: ['status'], since } });

    expect(messages.nodes).toMatchObject([{ id: second.message?.id }]);
  });

  it('puts a thread about a task into the project of the task', async () => {
    const project = await createProject(admin);
    const task = await seedTask(admin, { projectId: project.id });

    const thread = await createThread(admin, { taskId: task.id });

    expect(thread).toMatchObject({
      project: { id: project.id },
      task: { id: task.id },
      type: 'general',
      createdByLabel: 'admin',
    });
    const { project: found } = await admin.request(projectDocument, { id: project.id });
    expect(found).toMatchObject({
      threads: { nodes: [{ id: thread.id }] },
      tasks: { nodes: [{ threads: { nodes: [{ id: thread.id }] } }] },
    });
  });

  it('refuses a reply to a message of another thread', async () => {
    const { message } = await post(admin, { threadId: (await createThread(admin)).id });

    const answer = await post(admin, { threadId: (await createThread(admin)).id, replyToId: message?.id });

    expect(answer).toMatchObject({ message: null, errors: [{ code: 'MESSAGE_NOT_FOUND', path: ['replyToId'] }] });
  });

  it('lets an agent speak for itself only', async () => {
    const [speaker, other] = [await seedAgent(admin), await seedAgent(admin)];
    const thread = await createThread(admin);

    const answer = await post(app.client({ token: speaker.apiKey }), { threadId: thread.id, senderId: other.id });

    expect(answer).toMatchObject({ message: null, errors: [{ code: 'FORBIDDEN', path: ['senderId'] }] });
  });

  // Ids that rise in another order than the commits would let a reader who pages by cursor step over a message.
  it('orders messages that are posted at once as their events are ordered', async () => {
    const thread = await createThread(admin);

    await Promise.all(Array.from({ length: 20 }, () => post(admin, { threadId: thread.id })));

    const { messages } = await admin.request(messagesDocument, { filter: { threadId: thread.id } });
    const events = await app.sql<{ id: string }>(
      `select subject_id as id from event where thread_id = $1 and type = 'MessagePosted' order by xid, seq`,
      [thread.id],
    );
    expect(messages.nodes.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  it('streams what the filter wants, and goes on after a cursor', async () => {
    const agent = await seedAgent(admin);
    const thread = await createThread(admin);
    const filter = { threadId: thread.id, senderId: agent.id, types: ['status'] };
    const { eventCursor } = await admin.request(EventCursorDocument, {});
    const live = admin.subscribe(messageEventsDocument, { filter, after: eventCursor });
    const first = live.next();
    const send = (type: string, senderId?: string) => post(admin, { threadId: thread.id, type, senderId });
    await send('status');
    await send('note', agent.id);
    const wanted = await send('status', agent.id);

    const delivered = (await first).value?.messageEvents;
    await live.return();

    expect(delivered).toMatchObject({ __typename: 'MessagePosted', message: { id: wanted.message?.id } });
    const missed = await send('status', agent.id);
    const resumed = admin.subscribe(messageEventsDocument, { filter, after: delivered?.cursor });
    expect((await resumed.next()).value?.messageEvents.message.id).toBe(missed.message?.id);
    await resumed.return();
  });
});

describe('plans', () => {
  it('are revised by exactly one of those who have read the same revision', async () => {
    const { plan } = await createPlan(admin, { title: 'Ship', bodyMarkdown: 'first' });
    const agent = await seedAgent(admin, { name: 'Ann' });
    const writers = [admin, app.client({ token: agent.apiKey })];

    const answers = await Promise.all(
      writers.map((writer) => revise(writer, { planId: plan?.id, expectedRevision: 1, bodyMarkdown: 'second' })),
    );

    expect(answers.filter((answer) => answer.plan)).toMatchObject([{ plan: { revision: 2, bodyMarkdown: 'second' } }]);
    expect(answers.flatMap((answer) => answer.errors)).toMatchObject([
      { __typename: 'RevisionConflictError', code: 'REVISION_CONFLICT', path: ['expectedRevision'], currentRevision: 2 },
    ]);
    const { plan: kept } = await admin.request(planDocument, { id: plan?.id });
    expect(kept?.revisions.nodes).toMatchObject([
      { revision: 1, title: 'Ship', bodyMarkdown: 'first' },
      { revision: 2, title: 'Ship', bodyMarkdown: 'second' },
    ]);
  });

  it('get no revision from a change that changes nothing', async () => {
    const { plan } = await createPlan(admin, { title: 'Ship', bodyMarkdown: 'first' });

    const answer = await revise(admin, { planId: plan?.id, expectedRevision: 1, title: 'Ship', bodyMarkdown: 'first' });

    expect(answer).toMatchObject({ plan: { revision: 1 }, errors: [] });
  });

  it('change their status without a revision, and are listed by it', async () => {
    const project = await createProject(admin);
    const { plan } = await createPlan(admin, { title: 'Ship', bodyMarkdown: '', projectId: project.id });
    await createPlan(admin, { title: 'Another', bodyMarkdown: '', projectId: project.id });

    const { planSetStatus } = await admin.request(planSetStatusDocument, { input: { planId: plan?.id, status: 'ACTIVE' } });

    expect(planSetStatus).toMatchObject({ plan: { status: 'ACTIVE', revision: 1 }, errors: [] });
    const { plans } = await admin.request(plansDocument, { projectId: project.id, status: 'ACTIVE' });
    expect(plans.nodes).toMatchObject([{ id: plan?.id }]);
  });

  it('take a text of 200,000 characters and refuse a longer one, and an empty title', async () => {
    const longest = await createPlan(admin, { title: 'Long', bodyMarkdown: 'x'.repeat(200_000) });
    const tooLong = await createPlan(admin, { title: ' ', bodyMarkdown: 'x'.repeat(200_001) });

    expect(longest.errors).toEqual([]);
    expect(tooLong.errors).toMatchObject([{ path: ['title'] }, { path: ['bodyMarkdown'] }]);
  });
});

describe('decisions', () => {
  it('are superseded by exactly one other, in the same project', async () => {
    const project = await createProject(admin);
    const { decision: old } = await decide(admin, { title: 'Use A', bodyMarkdown: '', projectId: project.id });

    const answers = await Promise.all(
      ['B', 'C', 'D'].map((name) => decide(admin, { title: `Use ${name}`, bodyMarkdown: '', supersedesId: old?.id })),
    );

    const winner = answers.find((answer) => answer.decision)?.decision;
    expect(winner).toMatchObject({ status: 'ACCEPTED', supersedes: { id: old?.id }, project: { id: project.id } });
    expect(answers.flatMap((answer) => answer.errors)).toMatchObject(
      Array.from({ length: 2 }, () => ({
        code: 'DECISION_ALREADY_SUPERSEDED',
        path: ['supersedesId'],
        supersededBy: { id: winner?.id },
      })),
    );
    const { decisions } = await admin.request(decisionsDocument, { projectId: project.id });
    expect(decisions.nodes).toMatchObject([
      { id: winner?.id, status: 'ACCEPTED' },
      { id: old?.id, status: 'SUPERSEDED', supersededBy: { id: winner?.id } },
    ]);
  });
});

it('answers for things of another organization as for things that do not exist', async () => {
  const project = await createProject(admin);
  const task = await seedTask(admin, { projectId: project.id });
  const thread = await createThread(admin, { taskId: task.id });
  await post(admin, { threadId: thread.id });
  const { plan } = await createPlan(admin, { title: 'Ours', bodyMarkdown: '' });
  const { decision } = await decide(admin, { title: 'Ours', bodyMarkdown: '' });

  const { threadCreate: aboutTask } = await stranger.request(threadCreateDocument, { input: { taskId: task.id } });
  const { threadCreate: aboutProject } = await stranger.request(threadCreateDocument, { input: { projectId: project.id } });
  const posted = await post(stranger, { threadId: thread.id });
  const revised = await revise(stranger, { planId: plan?.id, expectedRevision: 1, title: 'Theirs' });
  const planned = await createPlan(stranger, { title: 'Theirs', bodyMarkdown: '', projectId: project.id });
  const decided = await decide(stranger, { title: 'Theirs', bodyMarkdown: '', supersedesId: decision?.id });

  expect([aboutTask, aboutProject, posted, revised, planned, decided].map(({ errors }) => errors)).toMatchObject([
    [{ code: 'TASK_NOT_FOUND', path: ['taskId'] }],
    [{ code: 'PROJECT_NOT_FOUND', path: ['projectId'] }],
    [{ code: 'THREAD_NOT_FOUND', path: ['threadId'] }],
    [{ code: 'PLAN_NOT_FOUND', path: ['planId'] }],
    [{ code: 'PROJECT_NOT_FOUND', path: ['projectId'] }],
    [{ code: 'DECISION_NOT_FOUND', path: ['supersedesId'] }],
  ]);
  const seen = await stranger.request(everythingDocument, { thread: thread.id, plan: plan?.id, decision: decision?.id });
  expect(seen).toEqual({
    thread: null,
    plan: null,
    decision: null,
    threads: { nodes: [] },
    messages: { nodes: [] },
    plans: { nodes: [] },
    decisions: { nodes: [] },
  });
});

interface Failure {
  __typename: string;
  code: string;
  path: string[] | null;
}

interface Nodes<Item> {
  nodes: Item[];
}

type Input = Record<string, unknown>;

interface Message {
  id: string;
  createdAt: string;
}

interface Plan {
  id: string;
  revision: number;
}

interface Decision {
  id: string;
  status: string;
}

async function createProject(client: BatonClient): Promise<{ id: string }> {
  const { projectCreate } = await client.request(projectCreateDocument, { input: { name: uniqueName('project') } });
  return projectCreate.project;
}

async function createThread(client: BatonClient, input: Input = {}): Promise<{ id: string }> {
  const { threadCreate } = await client.request(threadCreateDocument, { input });
  if (!threadCreate.thread) throw new Error(`not created: ${JSON.stringify(threadCreate.errors)}`);
  return threadCreate.thread;
}

async function post(client: BatonClient, input: Input) {
  return (await client.request(messagePostDocument, { input })).messagePost;
}

async function createPlan(client: BatonClient, input: Input) {
  return (await client.request(planCreateDocument, { input })).planCreate;
}

async function revise(client: BatonClient, input: Input) {
  return (await client.request(planReviseDocument, { input })).planRevise;
}

async function decide(client: BatonClient, input: Input) {
  return (await client.request(decisionRecordDocument, { input })).decisionRecord;
}

function operation<Data>(text: string): TypedDocumentNode<Data, Record<string, unknown>> {
  return parse(text);
}

const failure = `errors {
  __typename code path
  ... on RevisionConflictError { currentRevision }
  ... on DecisionAlreadySupersededError { supersededBy { id } }
}`;

const projectCreateDocument = operation<{ projectCreate: { project: { id: string } } }>(
  'mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { project { id } } }',
);

const projectDocument = operation<{ project: unknown }>(
  `query ($id: ID!) {
    project(id: $id) { threads { nodes { id } } tasks { nodes { threads { nodes { id } } } } }
  }`,
);

const threadCreateDocument = operation<{ threadCreate: { thread: { id: string } | null; errors: Failure[] } }>(
  `mutation ($input: ThreadCreateInput!) {
    threadCreate(input: $input) { thread { id type project { id } task { id } createdByLabel } ${failure} }
  }`,
);

const messagePostDocument = operation<{ messagePost: { message: Message | null; errors: Failure[] } }>(
  `mutation ($input: MessagePostInput!) {
    messagePost(input: $input) { message { id createdAt } ${failure} }
  }`,
);

const messagesDocument = operation<{ messages: Nodes<Message> }>(
  `query ($filter: MessageFilter) {
    messages(filter: $filter) { nodes { id type payload sender { id } senderName replyTo { id } createdAt } }
  }`,
);

const messageEventsDocument = operation<{ messageEvents: { __typename: string; cursor: string; message: Message } }>(
  `subscription ($filter: MessageFilter, $after: String) {
    messageEvents(filter: $filter, after: $after) { __typename cursor message { id } }
  }`,
);

const planFields = 'plan { id title bodyMarkdown status revision }';

const planCreateDocument = operation<{ planCreate: { plan: Plan | null; errors: Failure[] } }>(
  `mutation ($input: PlanCreateInput!) { planCreate(input: $input) { ${planFields} ${failure} } }`,
);

const planReviseDocument = operation<{ planRevise: { plan: Plan | null; errors: Failure[] } }>(
  `mutation ($input: PlanReviseInput!) { planRevise(input: $input) { ${planFields} ${failure} } }`,
);

const planSetStatusDocument = operation<{ planSetStatus: { plan: Plan | null; errors: Failure[] } }>(
  `mutation ($input: PlanSetStatusInput!) { planSetStatus(input: $input) { ${planFields} ${failure} } }`,
);

const planDocument = operation<{ plan: { revisions: Nodes<{ revision: number }> } | null }>(
  'query ($id: ID!) { plan(id: $id) { revisions { nodes { revision title bodyMarkdown } } } }',
);

const plansDocument = operation<{ plans: Nodes<Plan> }>(
  'query ($projectId: ID, $status: PlanStatus) { plans(projectId: $projectId, status: $status) { nodes { id } } }',
);

const decisionRecordDocument = operation<{ decisionRecord: { decision: Decision | null; errors: Failure[] } }>(
  `mutation ($input: DecisionRecordInput!) {
    decisionRecord(input: $input) { decision { id status project { id } supersedes { id } } ${failure} }
  }`,
);

const decisionsDocument = operation<{ decisions: Nodes<Decision> }>(
  'query ($projectId: ID) { decisions(projectId: $projectId) { nodes { id status supersededBy { id } } } }',
);

const everythingDocument = operation<Record<string, unknown>>(
  `query ($thread: ID!, $plan: ID!, $decision: ID!) {
    thread(id: $thread) { id }
    plan(id: $plan) { id }
    decision(id: $decision) { id }
    threads { nodes { id } }
    messages { nodes { id } }
    plans { nodes { id } }
    decisions { nodes { id } }
  }`,
);
