import { afterAll, describe, expect, it } from 'vitest';
import {
  AgentRegisterDocument,
  DecisionRecordDocument,
  ExecutionLogAppendDocument,
  JobStartDocument,
  MessagePostDocument,
  PlanReviseDocument,
  TaskUpdateDocument,
  ThreadCreateDocument,
  UserCreateDocument,
} from '../../src/sdk/generated.js';
import { useTestApp } from '../support/app.js';
import { seedAgent, seedTask } from '../support/seed.js';
import { seedJob } from '../support/tickets.js';
import { seedStory } from './story.js';
import { closeBrowser, visit } from './visit.js';

const adminToken = 'an-admin-token-of-the-test-alone';

afterAll(closeBrowser);

describe('in the dashboard', { timeout: 60_000 }, () => {
  it('two people see what each other says, as it is said, and what they have not read yet', async (context) => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken });
    const operator = app.client({ token: adminToken });
    const { thread } = await operator.mutate(ThreadCreateDocument, { title: 'Charging cards' });
    const { thread: other } = await operator.mutate(ThreadCreateDocument, { title: 'Elsewhere' });
    const enter = async (name: string) => {
      const [email, password] = [`${name.toLowerCase()}@example.org`, `the password of ${name}`];
      await operator.mutate(UserCreateDocument, { name, email, password });
      const page = await visit(context, `${app.url}/ui/threads/${thread?.id}`, { expectedErrors: /401|Unauthorized/ });
      await page.getByLabel('Email', { exact: true }).fill(email);
      await page.getByLabel('Password', { exact: true }).fill(password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Charging cards' }).waitFor();
      return page;
    };
    const [jean, jared] = [await enter('Jean'), await enter('Jared')];

    await jean.getByLabel('Your message').fill('Which key do we **send**?');
    await jean.getByLabel('Your message').press('Enter');
    await jared.locator('.message', { hasText: 'Which key do we send?' }).locator('strong', { hasText: 'send' }).waitFor();
    await jared.getByRole('button', { name: 'Answer Jean' }).click();
    await jared.getByLabel('Your message').fill('That of the order.');
    await jared.getByRole('button', { name: 'Send' }).click();
    await jean.locator('.message', { hasText: 'That of the order.' }).locator('.message-reply', { hasText: 'Jean' }).waitFor();

    expect(await jean.locator('.shell-unread').count()).toBe(0);
    await operator.mutate(MessagePostDocument, { threadId: other?.id ?? '', payload: { text: 'Look here' } });
    const otherTab = await jean.context().newPage();
    await otherTab.goto(app.url);
    for (const tab of [jean, otherTab]) await tab.locator('.shell-unread', { hasText: '1' }).waitFor();
    await jean.locator('.thread-unread', { hasText: 'Elsewhere' }).click();
    await jean.locator('.message', { hasText: 'Look here' }).waitFor();
    for (const tab of [jean, otherTab]) await tab.locator('.shell-unread').waitFor({ state: 'detached' });
  });

  it('a task has its description without what could run, its history, its attempts and its thread, all live', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const { taskId, threadId } = await seedStory(client);
    const page = await visit(context, `${app.url}/ui/tasks/${taskId}`);

    const markdown = page.locator('.task-main .markdown').first();
    await markdown.getByRole('cell', { name: 'try again, with the same key' }).waitFor();
    expect(await page.locator('.markdown :is(script, img, iframe)').count()).toBe(0);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    await page.locator('.timeline', { hasText: 'blocked it: “The sandbox of the payment service is down”' }).waitFor();
    await page.locator('.attempts', { hasText: 'Otter works on it' }).waitFor();
    await client.mutate(MessagePostDocument, { threadId, payload: { text: 'Live, too' } });
    await page.locator('.message', { hasText: 'Live, too' }).waitFor();

    await page.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Review' }).click();
    await page.locator('.page-head', { hasText: 'Review' }).waitFor();
    await page.locator('.timeline', { hasText: 'moved it to review' }).waitFor();
  });

  it('a plan shows what each revision changed, and a revision that came in between is not overwritten', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const { planId } = await seedStory(client);
    const page = await visit(context, `${app.url}/ui/plans/${planId}`);
    await page.locator('.diff-added mark', { hasText: 'idempotent' }).waitFor();
    await page.locator('.diff-added', { hasText: '4. Rehearse the rollback' }).waitFor();

    await page.getByRole('button', { name: 'Revise' }).click();
    await client.mutate(PlanReviseDocument, { planId, expectedRevision: 2, bodyMarkdown: 'Something else altogether' });
    await page.getByLabel('Text').fill('Mine');
    await page.getByRole('button', { name: 'Save the revision' }).click();

    await page.locator('.notice-bad').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.panel-body', { hasText: 'Something else altogether' }).first().waitFor();
    await page.getByRole('button', { name: 'Revision 3' }).waitFor();
  });

  it('a decision that is superseded says by which', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const { decisionId } = await seedStory(client);
    const page = await visit(context, `${app.url}/ui/decisions`);
    await page.getByRole('link', { name: 'Keep carts in Postgres' }).first().waitFor();

    await client.mutate(DecisionRecordDocument, { title: 'Keep no carts', bodyMarkdown: 'Simpler.', supersedesId: decisionId });

    await page.locator('.decision-superseded', { hasText: 'Superseded by Keep no carts' }).waitFor();
  });

  it('a task is edited by a form that keeps what others have changed meanwhile', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const { id: taskId } = await seedTask(client, { title: 'Charge cards', priority: 20 });
    const page = await visit(context, `${app.url}/ui/tasks/${taskId}`);

    await page.getByRole('button', { name: 'Edit' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Priority').fill('900');
    await form.getByLabel('Title').fill('Charge cards once');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByLabel('Priority').and(page.locator('[aria-invalid="true"]')).waitFor();
    await form.getByLabel('Priority').fill('9');
    await client.mutate(TaskUpdateDocument, { taskId, title: 'Charge cards twice', description: 'Of *theirs*' });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('alert').getByText('Charge cards twice').waitFor();
    const untouched = await app.sql('select title, priority from task where id = $1', [taskId]);
    await form.getByRole('button', { name: 'Save mine' }).click();

    await page.getByRole('heading', { name: 'Charge cards once' }).waitFor();
    expect(untouched).toEqual([{ title: 'Charge cards twice', priority: 20 }]);
    const [row] = await app.sql('select title, priority, description from task where id = $1', [taskId]);
    expect(row).toEqual({ title: 'Charge cards once', priority: 9, description: 'Of *theirs*' });
  });

  it('a list goes on as it is scrolled, and what changes far down in it is seen', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const first = await seedAgent(client, { name: 'Agent 0' });
    await app.sql(
      `insert into actor (id, organization_id, kind, name, external_id)
       select ('ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, organization_id, kind, 'Agent ' || n, 'listed-' || n
       from actor, generate_series(1, 250) as n where id = $1`,
      [first.id],
    );
    const page = await visit(context, `${app.url}/ui/agents`);
    await page.getByRole('heading', { name: 'Silent or offline 100+' }).waitFor();

    for (const count of ['200+', '251']) {
      await page.mouse.wheel(0, 100_000);
      await page.getByRole('heading', { name: `Silent or offline ${count}` }).waitFor();
    }
    await client.mutate(AgentRegisterDocument, { externalId: 'listed-240', name: 'Pine marten' });
    await page.locator('.agent', { hasText: 'Pine marten' }).waitFor();
    expect(await page.locator('.agent').count()).toBe(251);
    await page.getByLabel('Name or specialization').fill('pine');

    await page.getByRole('heading', { name: 'Silent or offline 1', exact: true }).waitFor();
  });

  it('an orchestrator gives a task away by a form that tells what the server says is wrong', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const from = await seedAgent(client, { name: 'Marten', isOrchestrator: true });
    const to = await seedAgent(client, { name: 'Sable', isOrchestrator: true });
    const task = await seedTask(client, { title: 'Split the service', orchestratorId: from.id });
    const page = await visit(context, `${app.url}/ui/orchestrators?id=${from.id}`);

    await page.getByRole('button', { name: 'Delegate' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('To', { exact: true }).selectOption(to.id);
    await form.getByLabel('New priority').fill('900');
    await form.getByRole('button', { name: 'Delegate' }).click();
    await form.getByLabel('New priority').and(page.locator('[aria-invalid="true"]')).waitFor();
    expect(await form.getByRole('alert').textContent()).toContain('100');
    await form.getByLabel('New priority').fill('9');
    await form.getByRole('button', { name: 'Delegate' }).click();

    await page.locator('.coordination', { hasText: 'Split the service' }).waitFor();
    await page.getByText('Owns no task').waitFor();
    const [row] = await app.sql('select orchestrator_id, priority from task where id = $1', [task.id]);
    expect(row).toEqual({ orchestrator_id: to.id, priority: 9 });
  });

  it('the log of a job grows as the agent writes it', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const { jobId, taskId } = await seedJob(client);
    await client.mutate(JobStartDocument, { leaseSeconds: 900 });
    const page = await visit(context, `${app.url}/ui/jobs/${jobId}`);
    await page.getByText('Nothing was logged').waitFor();

    for (const summary of ['Cloned', 'Tested']) {
      await client.mutate(ExecutionLogAppendDocument, { taskId, sessionId: 'run', step: 'work', summary });
      await page.locator('.job-lines', { hasText: summary }).waitFor();
    }

    expect(await page.locator('.job-lines li').allTextContents()).toEqual([
      expect.stringContaining('Cloned'),
      expect.stringContaining('Tested'),
    ]);
  });

  it('the charts count what the log has, and what happens is told in sentences', async (context) => {
    const app = await useTestApp();
    const client = app.client();
    const { taskId } = await seedStory(client);
    const page = await visit(context, `${app.url}/ui/activity`);
    await page.locator('.figures div', { hasText: 'completed' }).getByText('3', { exact: true }).waitFor();
    await page.locator('.chart', { hasText: 'Throughput' }).locator('rect').first().waitFor();

    // What was before the page was opened, too.
    await page.locator('.happenings', { hasText: 'decided: Keep carts in Postgres' }).waitFor();
    await seedTask(client, { title: 'Say it in a sentence' });
    await page.locator('.happenings', { hasText: 'Somebody created Say it in a sentence' }).waitFor();
    await page.goto(`${app.url}/ui/tasks/${taskId}`);
    await page.goBack();
    await page.getByRole('heading', { name: 'Activity' }).waitFor();
  });

  it('the schema is there to be read, and GraphiQL runs without a network', async (context) => {
    const app = await useTestApp();
    const page = await visit(context, `${app.url}/ui/schema/Task`);
    await page.getByText('Statuses that a person can move the task to now').waitFor();
    await page.getByLabel('Find a type or a field').fill('taskClaimNext');
    await page.getByRole('link', { name: 'Mutation', exact: true }).click();
    await page.locator('.schema-fields', { hasText: 'taskClaimNext' }).waitFor();

    const foreign: string[] = [];
    await page.route('**', (route) => {
      if (new URL(route.request().url()).origin === app.url) return route.continue();
      foreign.push(route.request().url());
      return route.abort();
    });
    await page.goto(`${app.url}/graphql`);
    await page.getByRole('tab', { name: 'WhoAmI' }).waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: /Execute query/ }).click();
    await page.locator('.graphiql-response', { hasText: 'OPEN' }).waitFor();
    await page.getByRole('tab', { name: 'WatchTasks' }).click();
    // The editor changes a moment after the tab: what is executed is what it shows.
    await page.locator('.graphiql-query-editor', { hasText: 'subscription' }).waitFor();
    await page.getByRole('button', { name: /Execute query/ }).click();
    await page.getByRole('button', { name: /Stop/ }).waitFor({ timeout: 30_000 });
    await expect
      .poll(async () => {
        await seedTask(app.client(), { title: 'Seen in GraphiQL' });
        return (await page.locator('.graphiql-response').textContent())?.replaceAll('\u00a0', ' ');
      })
      .toContain('Seen in GraphiQL');
    expect(foreign.filter((url) => !/^(data|blob):/.test(url))).toEqual([]);
  });
});
