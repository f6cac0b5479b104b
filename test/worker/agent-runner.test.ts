import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type AgentStage,
  installProgram,
  logsOf,
  planted,
  realGit,
  repoUrl,
  runAgent,
  seedAgentTicket,
  startAgent,
  ticketOf,
  useAgentStage,
  useDirectory,
  useProxy,
} from '../support/agent-run.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command-line.js';
import { rest } from '../support/rest-call.js';

// Each run is a process, and starts some twenty of git.
vi.setConfig({ testTimeout: 90_000 });

let app: TestApp;

beforeAll(async () => {
  const variables = { TERARCHITECT_WORKER_API_KEY: planted.workerKey, TERARCHITECT_SECRET_KEY: 'ab'.repeat(32) };
  app = await startTestApp(variables, { runsClockwork: false });
});
afterAll(() => app.stop());

type Ticket = Awaited<ReturnType<typeof seedAgentTicket>>;

async function stepsOf(ticket: Ticket): Promise<string[]> {
  return (await logsOf(app, ticket)).map(({ step }) => step);
}

async function lastStepOf(ticket: Ticket) {
  return (await logsOf(app, ticket)).at(-1);
}

const requestCancel = ({ projectId, ticketId }: Ticket) =>
  rest(app, 'POST', `/api/projects/${projectId}/tickets/${ticketId}/cancel`);

async function pullRequestCalls(stage: AgentStage): Promise<string[][]> {
  return (await stage.programCalls()).filter(({ program }) => program === 'gh').map(({ args }) => args);
}

/** Settings of the server, for as long as the test runs. */
async function useSettings(values: Record<string, string>): Promise<void> {
  const put = (body: Record<string, string | null>) => rest(app, 'PUT', '/api/settings', { body });
  const names = Object.keys(values);
  onTestFinished(async () => void (await put(Object.fromEntries(names.map((name) => [name, null])))));
  expect((await put(values)).status).toBe(200);
}

/** What the agent left behind: nothing, whatever became of it. */
async function expectNothingLeft(stage: AgentStage): Promise<void> {
  expect((await readdir(stage.temporary)).filter((name) => name.startsWith('baton-agent-'))).toEqual([]);
}

/** Nobody was told that the work is done, and nothing of it left the machine. */
async function expectNothingDone(stage: AgentStage, ticket: Ticket): Promise<void> {
  expect(await pullRequestCalls(stage)).toEqual([]);
  expect(stage.origin.git('branch', '--list', 'ticket-*')).toBe('');
  expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_progress', status: 'todo', pr_number: null });
  await expectNothingLeft(stage);
}

describe('a ticket run', () => {
  it('goes from the clone to the pull request, in the order of the older runner, and completes the ticket', async () => {
    const stage = await useAgentStage();
    const proxy = await useProxy(app);
    const ticket = await seedAgentTicket(app);
    const journal: string[] = [];
    proxy.intercept = (line, body) => {
      const place = line.slice(
        line.lastIndexOf('/', line.endsWith('/retrieve') || line.endsWith('/index') ? line.lastIndexOf('/') - 1 : undefined) + 1,
      );
      journal.push(place === 'logs' ? `log ${JSON.parse(body).step}` : place);
      return undefined;
    };
    stage.model.onRequest = () => void journal.push('[LLM]');
    const work = stage.openCode.onTurn;
    stage.openCode.onTurn = (turn) => {
      journal.push('[OpenCode]');
      return work(turn);
    };

    const { code, stdout } = await runAgent(proxy, stage, ticket, { env: { CANCEL_POLL_INTERVAL_SEC: '3600' } });

    expect(code).toBe(0);
    expect(journal).toEqual([
      ...['worker-context', 'log session_started', 'log context_loaded', 'cancel-requested', 'log branch_created'],
      ...['memory/retrieve', 'log worker_research_prompt', '[OpenCode]', 'log worker_research_done', 'cancel-requested'],
      ...['log worker_plan_prompt', '[OpenCode]', 'log worker_plan_done', 'cancel-requested', 'memory/retrieve', '[LLM]'],
      ...['log plan_approved', 'cancel-requested', 'memory/retrieve', '[LLM]', 'log worker_turn_1_prompt', '[OpenCode]'],
      ...['log worker_turn_1', 'cancel-requested', 'memory/retrieve', '[LLM]', 'memory/index', 'log memory_indexed'],
      ...['log task_complete', 'cancel-requested', 'log finalize', 'memory/retrieve', '[LLM]', 'cancel-requested'],
      ...['cancel-requested', 'log pull_request_opened', 'complete'],
    ]);
    const branch = `ticket-${ticket.ticketId}`;
    expect(stage.origin.git('ls-tree', '--name-only', branch).split('\n')).toEqual(['README.md', 'greeting.txt']);
    expect(stage.origin.git('log', '-1', '--format=%an <%ae>%n%s%n%b', branch)).toBe(
      'Terarchitect Agent <agent@terarchitect.local>\nAdd a greeting\nThe greeting is written.',
    );
    expect(await pullRequestCalls(stage)).toEqual([
      ['pr', 'create', '--title', 'Greet whoever comes', '--body', 'Adds a greeting.', '--head', branch],
    ]);
    expect(await ticketOf(app, ticket)).toMatchObject({
      column_id: 'in_review',
      status: 'completed',
      pr_url: 'https://github.com/otters/holt/pull/17',
      pr_number: 17,
    });
    expect(new Set((await logsOf(app, ticket)).map(({ session_id }) => session_id)).size).toBe(1);
    const questions = { queries: ['Add a greeting', 'Say hello to whoever comes.'], num_to_retrieve: 5 };
    expect(JSON.parse(proxy.requests.find(({ line }) => line.endsWith('/retrieve'))?.body ?? '')).toEqual(questions);
    const remembered = await app.sql<{ body: string }>('select body from memory_document where project_id = $1', [
      ticket.projectId,
    ]);
    expect(remembered.map(({ body }) => body)).toContain('Ticket "Add a greeting" was worked on. The greeting is written.');
    expect(stdout.split('\n')).toContain('[agent-runner] complete: https://github.com/otters/holt/pull/17');
    await expectNothingLeft(stage);
  });

  it('has one session of OpenCode in the clone, with the model of the settings and basic authentication', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);

    await runAgent(app, stage, ticket, { env: { WORKER_MODEL: 'terarchitect-proxy/worker-model' } });

    const [session, ...turns] = stage.openCode.requests;
    const [, directory = ''] = /^POST \/session\?directory=(.*)$/.exec(session?.line ?? '') ?? [];
    expect(session?.body).toEqual({ title: expect.stringMatching(/^terarchitect-[0-9a-f-]{36}$/) });
    expect(decodeURIComponent(directory)).toMatch(new RegExp(`^${stage.temporary}/baton-agent-`));
    for (const { line, body, authorization, directory: header } of turns) {
      expect(line).toBe('POST /session/ses_1/message');
      expect(body).toEqual({
        parts: [{ type: 'text', text: expect.any(String) }],
        model: { providerID: 'terarchitect-proxy', modelID: 'worker-model' },
      });
      expect(header).toBe(decodeURIComponent(directory));
      expect(authorization).toBe(`Basic ${Buffer.from(`opencode:${planted.openCodePassword}`).toString('base64')}`);
    }
    expect(turns).toHaveLength(3);
  });

  it('skips research and plan in the setup of a project, whatever the case of its title', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app, 'Project SETUP');

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect((await stepsOf(ticket)).slice(3, 7)).toEqual([
      ...['worker_setup_prompt', 'worker_setup_done', 'worker_turn_1_prompt', 'worker_turn_1'],
    ]);
    expect(stage.model.requests.some(({ kind }) => kind === 'plan')).toBe(false);
  });

  it('is never complete before the first turn of the execution', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.turn = [{ complete: true, summary: 'Nothing to do.' }];

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(await stepsOf(ticket)).toContain('worker_turn_1');
    const prompts = stage.openCode.requests.map(({ body }) => JSON.stringify(body?.parts));
    expect(prompts.at(-1)).toContain('Carry out the approved plan');
  });

  it('has a rejected plan revised until it is approved, and executes the plan that was', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const objection = 'Name the tests.';
    stage.model.script.plan = [
      { plan_approved: false, next_prompt: objection },
      { plan_approved: true, approved_plan_text: 'The better plan.' },
    ];

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    const logs = await logsOf(app, ticket);
    const planning = logs.filter(({ step }) => step.includes('plan'));
    expect(planning.map(({ step }) => step)).toEqual([
      ...['worker_plan_prompt', 'worker_plan_done', 'plan_rejected', 'worker_plan_prompt', 'worker_plan_done', 'plan_approved'],
    ]);
    expect(planning[3]?.raw_output).toContain(objection);
    expect(planning[5]?.raw_output).toBe('The better plan.');
    const turn = stage.model.requests.find(({ kind }) => kind === 'turn');
    expect(turn?.body.messages[1]?.content).toContain('The better plan.');
  });

  it('does nothing with a plan that no round of review approves', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.plan = [{ plan_approved: false, next_prompt: 'No.' }];

    const { code, stderr } = await runAgent(app, stage, ticket);

    expect(code).toBe(1);
    expect(stderr).toContain('Error: No plan was approved in 5 rounds; the last objection was: No.');
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'plan_not_approved', success: false });
    expect(stage.model.requests.map(({ kind }) => kind)).toEqual(Array(5).fill('plan'));
    await expectNothingDone(stage, ticket);
  });

  it('goes on from a branch that an earlier run has pushed, and finds the pull request that it has', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const branch = `ticket-${ticket.ticketId}`;
    stage.origin.commit(branch, 'earlier.txt', 'Earlier.\n');
    const said = `a pull request for branch "${branch}" into branch "main" already exists:\nhttps://github.com/otters/holt/pull/9`;
    await installProgram(stage.bin, 'gh', `echo '${said}' >&2; exit 1`);

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(stage.origin.git('ls-tree', '--name-only', branch).split('\n')).toEqual(['README.md', 'earlier.txt', 'greeting.txt']);
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: 9 });
  });

  it('completes the ticket without a pull request when there was nothing to change', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.openCode.onTurn = () => 'It greets already.';

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'nothing_to_push' });
    expect(await pullRequestCalls(stage)).toEqual([]);
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: null });
  });

  it('works in a checkout that is there already, without an address to clone', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const workspace = await useDirectory('baton-agent-workspace-');
    execFileSync(realGit, ['clone', '-q', stage.origin.directory, workspace]);

    const { code } = await runAgent(app, stage, ticket, { env: { AGENT_WORKSPACE: workspace, REPO_URL: undefined } });

    expect(code).toBe(0);
    expect(existsSync(path.join(workspace, 'greeting.txt'))).toBe(true);
    expect(stage.origin.git('ls-tree', '--name-only', `ticket-${ticket.ticketId}`)).toContain('greeting.txt');
  });

  it('touches nothing in a checkout with changes that nobody has committed', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const workspace = await useDirectory('baton-agent-workspace-');
    execFileSync(realGit, ['clone', '-q', stage.origin.directory, workspace]);
    await writeFile(path.join(workspace, 'mine.txt'), 'Mine.\n');

    const { code, stderr } = await runAgent(app, stage, ticket, { env: { AGENT_WORKSPACE: workspace } });

    expect(code).toBe(1);
    expect(stderr).toBe(
      `Error: cannot work in AGENT_WORKSPACE ${workspace}: it has changes that nobody has committed; commit or discard them\n`,
    );
    expect(await stepsOf(ticket)).toEqual([]);
  });
});

describe('a review run', () => {
  it('has its fix reach the branch of the pull request, answers the comment, and leaves the pull request as it is', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const branch = `ticket-${ticket.ticketId}`;
    await runAgent(app, stage, ticket);
    const before = stage.origin.git('rev-parse', branch);
    stage.openCode.onTurn = async ({ directory }) => {
      await writeFile(path.join(directory, 'greeting.txt'), 'HELLO.\n');
      return 'Louder.';
    };
    stage.model.script.turn = [
      { complete: false, next_prompt: 'Shout.' },
      { complete: true, summary: 'It shouts.' },
    ];
    const env = { PR_NUMBER: '17', COMMENT_BODY: 'Louder,\n"please".' };

    const { code } = await runAgent(app, stage, ticket, { kind: 'review', env });

    expect(code).toBe(0);
    expect(stage.origin.git('rev-parse', `${branch}~1`)).toBe(before);
    expect(stage.origin.git('show', `${branch}:greeting.txt`)).toBe('HELLO.');
    const [, ...replies] = await pullRequestCalls(stage);
    expect(replies).toEqual([['pr', 'comment', '17', '--body', 'The greeting is louder now.\n\n<!-- baton-agent -->']]);
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: 17 });
    const [row] = await app.sql<{ result: unknown }>('select result from task where id = $1', [ticket.ticketId]);
    expect(row?.result).toMatchObject({ summary: 'The greeting is louder now.', reviewComment: 'The greeting is louder now.' });
    expect(stage.openCode.requests.at(-1)?.body).toMatchObject({
      parts: [{ text: expect.stringContaining('## Comment\nLouder,\n"please".\n') }],
    });
    expect((await logsOf(app, ticket)).filter(({ step }) => step === 'branch_created').at(-1)?.summary).toContain(
      'is there already',
    );
  });

  it('stops after 50 turns, says so, and still hands over what was done', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.turn = [{ complete: false, next_prompt: 'Write greeting.txt.' }];

    const { code } = await runAgent(app, stage, ticket, { kind: 'review', env: { PR_NUMBER: '17', COMMENT_BODY: 'Louder.' } });

    expect(code).toBe(0);
    const steps = await stepsOf(ticket);
    expect(steps.filter((step) => /^worker_turn_\d+$/.test(step))).toHaveLength(50);
    expect((await logsOf(app, ticket)).find(({ step }) => step === 'task_complete')?.summary).toContain('its limit of 50 turns');
    const sessionCalls = stage.openCode.requests.map(({ line }) => line.split('/').at(-1));
    // Before turn 31, and never again up to turn 50; the first request started the session.
    expect(sessionCalls.flatMap((call, index) => (call === 'summarize' ? [index] : []))).toEqual([31]);
  });

  it('says so when the answer could not be posted, and hands it to the server', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    await installProgram(stage.bin, 'gh', 'echo "HTTP 403: Resource not accessible" >&2; exit 1');

    const { code } = await runAgent(app, stage, ticket, { kind: 'review', env: { PR_NUMBER: '17' } });

    expect(code).toBe(0);
    expect(await lastStepOf(ticket)).toMatchObject({
      step: 'comment_failed',
      summary: 'gh pr ended with 1: HTTP 403: Resource not accessible',
      raw_output: 'The greeting is louder now.',
    });
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review' });
  });
});

describe('a run that somebody cancels', () => {
  it('ends between two turns: nothing is pushed, proposed or completed, and that is no failure', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const work = stage.openCode.onTurn;
    stage.openCode.onTurn = async (turn) => {
      if (turn.number === 3) await requestCancel(ticket);
      return work(turn);
    };

    const { code, stderr } = await runAgent(app, stage, ticket, { env: { CANCEL_POLL_INTERVAL_SEC: '3600' } });

    expect(code).toBe(0);
    expect(stderr).not.toContain('Error');
    expect((await stepsOf(ticket)).slice(-2)).toEqual(['worker_turn_1', 'cancelled']);
    await expectNothingDone(stage, ticket);
  });

  it('ends during a turn, and OpenCode is told to stop', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.openCode.onTurn = async ({ number }) => {
      if (number < 3) return 'Done.';
      await requestCancel(ticket);
      return 'hang';
    };

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect((await stepsOf(ticket)).slice(-2)).toEqual(['worker_turn_1_prompt', 'cancelled']);
    expect(stage.openCode.requests.at(-1)?.line).toBe('POST /session/ses_1/abort');
    await expectNothingDone(stage, ticket);
  });

  it('ends while the Director thinks', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.turn = ['hang'];
    stage.model.onRequest = () => {
      if (stage.model.requests.at(-1)?.kind === 'turn') void requestCancel(ticket);
    };

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'cancelled' });
    await expectNothingDone(stage, ticket);
  });

  it('does not even begin when it was cancelled before', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    await requestCancel(ticket);

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(await stepsOf(ticket)).toEqual(['session_started', 'context_loaded', 'cancelled']);
    expect(stage.openCode.requests).toEqual([]);
  });
});

describe('a run that cannot go on', () => {
  it('asks nobody anything where the environment lacks something or holds what cannot be', async () => {
    const stage = await useAgentStage();
    const proxy = await useProxy(app);
    const ticket = await seedAgentTicket(app);
    const run = async (env: Record<string, string | undefined>, kind: 'ticket' | 'review' = 'ticket') => {
      const { code, stderr } = await runAgent(proxy, stage, ticket, { kind, env });
      return [code, stderr];
    };

    expect(await run({ TERARCHITECT_API_URL: undefined })).toEqual([1, 'Error: TERARCHITECT_API_URL is required\n']);
    expect(await run({ TICKET_ID: '' })).toEqual([1, 'Error: TICKET_ID is required\n']);
    expect(await run({ PROJECT_ID: undefined })).toEqual([1, 'Error: PROJECT_ID is required\n']);
    expect(await run({ REPO_URL: undefined })).toEqual([1, 'Error: REPO_URL is required\n']);
    expect(await run({}, 'review')).toEqual([1, 'Error: PR_NUMBER is required\n']);
    expect(await run({ TICKET_ID: '42' })).toEqual([1, 'Error: invalid TICKET_ID or PROJECT_ID: 42 is no UUID\n']);
    expect(await runCommand('baton', ['agent-runner', 'tickets'])).toMatchObject({
      code: 1,
      stderr: 'Usage: baton agent-runner ticket|review\n',
    });
    expect(proxy.requests).toEqual([]);
  });

  it('ends before the server is asked when the repository cannot be cloned', async () => {
    const stage = await useAgentStage();
    const proxy = await useProxy(app);
    const ticket = await seedAgentTicket(app);
    const missing = 'file:///nowhere/holt.git';

    const { code, stderr } = await runAgent(proxy, stage, ticket, { env: { REPO_URL: missing } });

    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Error: could not clone file:\/\/\/nowhere\/holt\.git: git clone ended with 128: fatal: '\/nowhere\/holt\.git' does not appear to be a git repository/,
    );
    expect(proxy.requests).toEqual([]);
    await expectNothingLeft(stage);
  });

  it('ends when the server does not give the context', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);

    const wrongKey = await runAgent(app, stage, ticket, { env: { TERARCHITECT_WORKER_API_KEY: 'another-key' } });
    const unknown = await runAgent(app, stage, { ...ticket, ticketId: '019aa1b2-0000-7000-8000-000000000000' });

    expect(wrongKey.code).toBe(1);
    expect(wrongKey.stderr).toMatch(
      /^Error: could not load the context of the ticket: GET .* was answered 401: Invalid worker API token\n$/,
    );
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/was answered 404: Ticket not found\n$/);
  });

  it('names every setting that is missing or wrong', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const env = { AGENT_MODEL: undefined, WORKER_API_KEY: undefined, WORKER_TIMEOUT_SEC: 'soon', WORKER_MODE: 'claude-code' };

    const { code, stderr } = await runAgent(app, stage, ticket, { env });

    expect(code).toBe(1);
    const problems = [
      'WORKER_MODE is claude-code: this runner works with opencode only.',
      'AGENT_MODEL is not set: the director does not know which model to ask for.',
      'WORKER_API_KEY is not set: the worker cannot sign in to its model.',
      'WORKER_TIMEOUT_SEC must be a number of seconds above 0 and at most 86400, and is soon.',
    ].join(' ');
    expect(stderr).toBe(`Error: ${problems}\n`);
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'misconfigured', summary: problems, success: false });
  });

  it('takes the settings of the server, and those of its environment before them', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    await useSettings({
      AGENT_MODEL: 'stored-director',
      AGENT_API_KEY: 'stored-agent-key',
      WORKER_MODEL: 'stored-worker',
      github_agent_token: 'stored-token',
    });
    const env = { AGENT_MODEL: undefined, AGENT_API_KEY: undefined, GITHUB_TOKEN: undefined, WORKER_MODEL: 'given-worker' };

    const { code } = await runAgent(app, stage, ticket, { env });

    expect(code).toBe(0);
    expect(stage.model.requests[0]).toMatchObject({
      path: '/v1/chat/completions',
      authorization: 'Bearer stored-agent-key',
      body: { model: 'stored-director', max_tokens: 1024, temperature: 0.2, stream: false },
    });
    expect(stage.openCode.requests[1]?.body).toMatchObject({ model: { modelID: 'given-worker' } });
    expect((await stage.programCalls()).find(({ program }) => program === 'gh')?.token).toBe('stored-token');
  });

  it('ends when OpenCode is not there', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);

    const { code, stderr } = await runAgent(app, stage, ticket, { env: { OPENCODE_SERVER_URL: 'http://127.0.0.1:1' } });

    expect(code).toBe(1);
    expect(stderr).toContain(
      'Error: OpenCode is not available: POST http://127.0.0.1:1/session could not be reached: connect ECONNREFUSED',
    );
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'worker_unavailable', success: false });
    await expectNothingDone(stage, ticket);
  });

  it('ends when a turn takes longer than it may, and tells OpenCode to stop', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.openCode.onTurn = () => 'hang';

    const { code } = await runAgent(app, stage, ticket, { env: { WORKER_TIMEOUT_SEC: '0.4' } });

    expect(code).toBe(1);
    expect(await lastStepOf(ticket)).toMatchObject({
      step: 'worker_unavailable',
      summary: expect.stringContaining('/session/ses_1/message did not answer within 0.4 s'),
    });
    expect(stage.openCode.requests.at(-1)?.line).toBe('POST /session/ses_1/abort');
    await expectNothingDone(stage, ticket);
  });

  it('ends when the Director does not answer in time', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.plan = ['hang'];

    const { code } = await runAgent(app, stage, ticket, { env: { AGENT_TIMEOUT_SEC: '0.4' } });

    expect(code).toBe(1);
    expect(await lastStepOf(ticket)).toMatchObject({
      step: 'director_failed',
      summary: expect.stringContaining('gave no answer: POST'),
    });
    await expectNothingDone(stage, ticket);
  });

  it('has a malformed answer of the Director mended, once', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.plan = ['Looks good to me!', 'Of course:\n```json\n{"plan_approved": true}\n```'];

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    const [, repair] = stage.model.requests;
    expect(repair?.body.messages.slice(2)).toEqual([
      { role: 'assistant', content: 'Looks good to me!' },
      { role: 'user', content: expect.stringContaining('Your answer cannot be used: it holds no JSON object.') },
    ]);
  });

  it('ends when the mended answer of the Director cannot be used either', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script.turn = [{ complete: 'soon' }, { complete: false }];

    const { code, stderr } = await runAgent(app, stage, ticket);

    expect(code).toBe(1);
    const message = 'could not be used, nor could the one that it was asked to mend: next_prompt: must say what to do next';
    expect(stderr).toContain(message);
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'director_failed', summary: expect.stringContaining(message) });
    expect(stage.model.requests.filter(({ kind }) => kind === 'turn')).toHaveLength(2);
    await expectNothingDone(stage, ticket);
  });

  it('keeps the work when only its description fails', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.model.script['pull-request'] = ['no', 'no'];

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    const [create] = await pullRequestCalls(stage);
    expect(create).toEqual(expect.arrayContaining(['Add a greeting', 'The greeting is written.']));
  });

  it('ends at the next step when its key is revoked: it could not be stopped any more', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.openCode.onTurn = async ({ number }) => {
      if (number === 3) await useSettings({ TERARCHITECT_WORKER_API_KEY: 'another-worker-key' });
      return 'Done.';
    };

    // It asks at each step as well: else it might find out in the middle of the turn.
    const { code, stderr } = await runAgent(app, stage, ticket, { env: { CANCEL_POLL_INTERVAL_SEC: '3600' } });

    expect(code).toBe(1);
    expect(stderr).toContain('[agent-runner] The step worker_turn_1 could not be logged: POST');
    expect(stderr).toMatch(/Error: The server no longer takes this runner's key, so the run ends here\. GET .* was answered 401/);
    await expectNothingDone(stage, ticket);
  });

  it('ends when the ticket is deleted', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.openCode.onTurn = async ({ number }) => {
      if (number === 2) await rest(app, 'DELETE', `/api/projects/${ticket.projectId}/tickets/${ticket.ticketId}`);
      return 'Done.';
    };

    const { code, stderr } = await runAgent(app, stage, ticket);

    expect(code).toBe(1);
    expect(stderr).toContain('Error: The ticket or its project is gone, so the run ends here.');
    expect(stage.openCode.requests.filter(({ line }) => line.endsWith('/message'))).toHaveLength(2);
  });

  it('ends when the disk of the clone is full, and nothing is pushed', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const full = 'fatal: unable to write new index file: No space left on device';
    const failing = (command: string) =>
      installProgram(stage.bin, 'git', `if [ "$1" = ${command} ]; then echo "${full}" >&2; exit 128; fi\nexec "${realGit}" "$@"`);

    await failing('clone');
    const atFirst = await runAgent(app, stage, ticket);
    await failing('add');
    const atLast = await runAgent(app, stage, ticket);

    expect(atFirst).toMatchObject({
      code: 1,
      stderr: `Error: could not clone ${repoUrl}: git clone ended with 128: ${full}\n`,
    });
    expect(atLast.code).toBe(1);
    expect(await lastStepOf(ticket)).toMatchObject({
      step: 'commit_failed',
      summary: `The work could not be committed, so nothing is pushed: git add ended with 128: ${full}`,
    });
    await expectNothingDone(stage, ticket);
  });

  it('is stopped by a signal: OpenCode and the log are told, and the clone is removed', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const isWorking = new Promise<void>((resolve) => {
      stage.openCode.onTurn = () => {
        resolve();
        return 'hang';
      };
    });

    const running = startAgent(app, stage, ticket);
    await isWorking;
    running.process.kill('SIGTERM');
    const { code, stderr } = await running.ended;

    expect(code).toBe(143);
    expect(stderr).toContain('Error: The runner was stopped by SIGTERM: what is not pushed is gone.');
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'stopped' });
    expect(stage.openCode.requests.at(-1)?.line).toBe('POST /session/ses_1/abort');
    await expectNothingDone(stage, ticket);
  });
});

describe('work that cannot be handed over', () => {
  it('goes on top of what somebody else has pushed meanwhile', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const branch = `ticket-${ticket.ticketId}`;
    stage.origin.commit(branch, 'earlier.txt', 'Earlier.\n');
    const work = stage.openCode.onTurn;
    stage.openCode.onTurn = async (turn) => {
      if (turn.number === 3) stage.origin.commit(branch, 'theirs.txt', 'Theirs.\n');
      return work(turn);
    };

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    const files = stage.origin.git('ls-tree', '--name-only', branch).split('\n');
    expect(files).toEqual(['README.md', 'earlier.txt', 'greeting.txt', 'theirs.txt']);
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: 17 });
  });

  it('is kept as a patch in the log when the push is rejected, and the ticket is completed without a pull request', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    await mkdir(path.join(stage.origin.directory, 'hooks'), { recursive: true });
    await installProgram(
      path.join(stage.origin.directory, 'hooks'),
      'pre-receive',
      'echo "This branch is protected." >&2; exit 1',
    );

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    const failure = (await logsOf(app, ticket)).find(({ step }) => step === 'push_failed');
    expect(failure?.summary).toContain('This branch is protected.');
    expect(failure?.raw_output).toContain('+++ b/greeting.txt\n@@ -0,0 +1 @@\n+Hello.');
    expect(await pullRequestCalls(stage)).toEqual([]);
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: null });
    const [row] = await app.sql<{ result: { summary: string } }>('select result from task where id = $1', [ticket.ticketId]);
    expect(row?.result.summary).toContain('Nothing could be pushed: git push ended with 1');
  });

  it('is on its branch when the pull request cannot be opened', async () => {
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    await installProgram(stage.bin, 'gh', 'echo "GraphQL: Resource not accessible by integration" >&2; exit 1');

    const { code } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(await lastStepOf(ticket)).toMatchObject({
      step: 'pull_request_failed',
      summary: `The work is pushed to ticket-${ticket.ticketId}. gh pr ended with 1: GraphQL: Resource not accessible by integration`,
    });
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: null });
  });

  it('is a failure when the server cannot be told, and says where the work is', async () => {
    const stage = await useAgentStage();
    const proxy = await useProxy(app);
    const ticket = await seedAgentTicket(app);
    proxy.intercept = (line) => (line.endsWith('/complete') ? 403 : undefined);

    const { code, stderr } = await runAgent(proxy, stage, ticket);

    expect(code).toBe(1);
    expect(stderr).toContain(
      'Error: The work is done (https://github.com/otters/holt/pull/17), and the server could not be told: POST',
    );
    expect(await lastStepOf(ticket)).toMatchObject({ step: 'complete_failed' });
  });

  it('goes on when steps cannot be logged, each told on standard error, and completes by a second attempt', async () => {
    const stage = await useAgentStage();
    const proxy = await useProxy(app);
    const ticket = await seedAgentTicket(app);
    let completions = 0;
    proxy.intercept = (line) => {
      if (line.endsWith('/logs')) return 413;
      if (line.endsWith('/complete')) completions += 1;
      return line.endsWith('/complete') && completions === 1 ? 503 : undefined;
    };

    const { code, stderr } = await runAgent(proxy, stage, ticket);

    expect(code).toBe(0);
    expect(stderr).toContain('[agent-runner] The step session_started could not be logged: POST');
    expect(stderr).toMatch(/\/complete was answered 503: Not today; trying again \(2 of 6\)\./);
    const keys = proxy.requests.filter(({ line }) => line.endsWith('/complete')).map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_review', pr_number: 17 });
  });
});
