import type { BatonClient } from '../../src/sdk/baton-client.js';
import {
  AgentHeartbeatDocument,
  DecisionRecordDocument,
  ExecutionLogAppendDocument,
  JobStartDocument,
  MessagePostDocument,
  PlanCreateDocument,
  PlanReviseDocument,
  PlanSetStatusDocument,
  TaskCancelDocument,
  TaskCompleteDocument,
  TaskDelegateDocument,
  TaskFailDocument,
  TaskSetStatusDocument,
  ThreadCreateDocument,
} from '../../src/sdk/generated.js';
import { seedAgent, seedClaim, seedTask } from '../support/seed.js';
import { seedJob, seedProject } from '../support/tickets.js';

/** Ids of what the story is about. */
export interface Story {
  projectId: string;
  agentId: string;
  /** Has a description, attempts, a thread and a long history. */
  taskId: string;
  threadId: string;
  planId: string;
  decisionId: string;
  jobId: string;
}

/** A team in the middle of its work: something of everything that the dashboard shows. */
export async function seedStory(client: BatonClient): Promise<Story> {
  const projectId = await seedProject(client, { name: 'Checkout' });
  const agent = async (name: string, ...specializations: string[]) => {
    const { id } = await seedAgent(client, { name, specializations });
    await client.mutate(AgentHeartbeatDocument, { agentId: id });
    return id;
  };
  const otter = await agent('Otter', 'backend', 'database');
  const heron = await agent('Heron', 'backend');
  const finch = await agent('Finch', 'frontend');
  await agent('Badger', 'testing', 'security');
  const task = (title: string, priority: number, requiredSpecialization?: string, description?: string) =>
    seedTask(client, { title, priority, requiredSpecialization, description, projectId });

  for (const [title, priority, specialization] of [
    ['Limit requests per customer', 35, 'backend'],
    ['Show delivery dates', 14, 'frontend'],
    ['Threat-model guest checkout', 36, 'security'],
    ['Translate the checkout', 32, 'writing'],
    ['Tidy the issue labels', 80, undefined],
  ] as const) {
    await task(title, priority, specialization);
  }
  await seedTask(client, { title: 'Port the shop to WAP', status: 'BACKLOG', projectId });

  const charge = await task('Charge cards idempotently', 8, 'backend', description);
  await seedClaim(client, { taskId: charge.id, agentId: heron, leaseSeconds: 900 });
  await client.mutate(TaskSetStatusDocument, {
    taskId: charge.id,
    status: 'BLOCKED',
    blocker: 'The sandbox of the payment service is down',
  });
  await client.mutate(TaskSetStatusDocument, { taskId: charge.id, status: 'READY' });
  await seedClaim(client, { taskId: charge.id, agentId: otter, leaseSeconds: 900 });
  await client.mutate(TaskSetStatusDocument, { taskId: charge.id, status: 'IN_PROGRESS', agentId: otter });
  const claimed = await task('Model orders and order lines', 5, 'backend');
  await seedClaim(client, { taskId: claimed.id, agentId: heron, leaseSeconds: 600 });
  const reviewed = await task('Draw the checkout page', 6, 'frontend');
  await seedClaim(client, { taskId: reviewed.id, agentId: finch, leaseSeconds: 1800 });
  await client.mutate(TaskSetStatusDocument, { taskId: reviewed.id, status: 'IN_PROGRESS' });
  await client.mutate(TaskSetStatusDocument, { taskId: reviewed.id, status: 'REVIEW' });
  const blocked = await task('Send receipts by email', 25, 'backend');
  await client.mutate(TaskSetStatusDocument, {
    taskId: blocked.id,
    status: 'BLOCKED',
    blocker: 'Nobody has the credentials of the mail service',
  });
  for (const [title, agentId, specialization] of [
    ['Index orders by customer', otter, 'database'],
    ['Cache the price list', heron, 'backend'],
    ['Make forms work by keyboard', finch, 'frontend'],
  ] as const) {
    const done = await task(title, 20, specialization);
    await seedClaim(client, { taskId: done.id, agentId, leaseSeconds: 600 });
    await client.mutate(TaskCompleteDocument, { taskId: done.id, result: { commit: '4f2c1d9' } });
  }
  const failed = await task('Load-test the sale', 22);
  await seedClaim(client, { taskId: failed.id, agentId: otter, leaseSeconds: 600 });
  await client.mutate(TaskFailDocument, { taskId: failed.id, reason: 'The staging cluster gave up at 400 orders/s' });
  const canceled = await task('Archive old carts', 60);
  await client.mutate(TaskCancelDocument, { taskId: canceled.id, reason: 'Nobody has asked for it since' });

  const threadId = await seedThread(client, charge.id);
  const planId = await seedPlan(client, projectId, otter);
  const decisionId = await seedDecisions(client, projectId, otter);
  await seedOrchestrators(client, projectId);
  return { projectId, agentId: otter, taskId: charge.id, threadId, planId, decisionId, jobId: await seedRun(client) };
}

const description = `A customer who presses the button twice must be charged **once**.

1. Send the \`idempotency_key\` of the order
2. Keep the answer for 24 hours

| answer | what to do |
| --- | --- |
| \`409\` | the same key, another amount: give up |
| \`5xx\` | try again, with the same key |

<script>alert('never run')</script> [and this](javascript:alert(1)) ![picture](https://example.com/spy.png)
`;

async function seedThread(client: BatonClient, taskId: string): Promise<string> {
  const { thread } = await client.mutate(ThreadCreateDocument, { taskId, title: 'Charging cards' });
  if (!thread) throw new Error('no thread');
  const say = (type: string, text: string, replyToId?: string) =>
    client.mutate(MessagePostDocument, { threadId: thread.id, type, payload: { text }, replyToId });
  const { message } = await say('question', 'Which key do we send: that of the **order** or that of the attempt?');
  await say('answer', 'That of the order, or every retry is a new charge.', message?.id);
  return thread.id;
}

async function seedPlan(client: BatonClient, projectId: string, agentId: string): Promise<string> {
  const body = '# By Friday\n\n1. Orders\n2. Payment\n3. Tests\n';
  const { plan } = await client.mutate(PlanCreateDocument, {
    projectId,
    agentId,
    title: 'Checkout by Friday',
    bodyMarkdown: body,
  });
  if (!plan) throw new Error('no plan');
  const revised = body.replace('2. Payment', '2. Payment, idempotent').concat('4. Rehearse the rollback\n');
  await client.mutate(PlanReviseDocument, { planId: plan.id, expectedRevision: plan.revision, bodyMarkdown: revised });
  await client.mutate(PlanSetStatusDocument, { planId: plan.id, status: 'ACTIVE' });
  return plan.id;
}

async function seedDecisions(client: BatonClient, projectId: string, agentId: string): Promise<string> {
  const record = async (title: string, bodyMarkdown: string, supersedesId?: string) => {
    const { decision } = await client.mutate(DecisionRecordDocument, { projectId, agentId, title, bodyMarkdown, supersedesId });
    if (!decision) throw new Error('no decision');
    return decision.id;
  };
  const first = await record('Keep carts in Redis', 'It is there already, and fast.');
  return record('Keep carts in Postgres', 'A cart must survive a restart, as an order does.', first);
}

async function seedOrchestrators(client: BatonClient, projectId: string): Promise<void> {
  const orchestrator = (name: string, role: string) => seedAgent(client, { name, role, isOrchestrator: true });
  const backend = await orchestrator('Marten', 'Backend Engineer');
  const frontend = await orchestrator('Sable', 'Frontend Engineer');
  const owned = await seedTask(client, { title: 'Split the checkout service', orchestratorId: backend.id, projectId });
  await seedTask(client, { title: 'Agree on the design tokens', orchestratorId: frontend.id, projectId });
  await client.mutate(TaskDelegateDocument, {
    taskId: owned.id,
    fromOrchestratorId: backend.id,
    toOrchestratorId: frontend.id,
    note: 'The page changes more than the service does.',
  });
}

async function seedRun(client: BatonClient): Promise<string> {
  const { jobId, taskId } = await seedJob(client);
  await client.mutate(JobStartDocument, { leaseSeconds: 900 });
  const say = (step: string, summary: string, rawOutput?: string, success = true) =>
    client.mutate(ExecutionLogAppendDocument, { taskId, sessionId: 'run-1', step, summary, rawOutput, success });
  await say('clone', 'Cloned otters/holt at 4f2c1d9');
  await say('work', 'Wrote the migration and its test', '12 files changed, 340 insertions(+)');
  await say('test', 'One test fails', 'Error: expected 1 to be 2', false);
  return jobId;
}
