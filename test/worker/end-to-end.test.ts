import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { EventLogDocument, EventsDocument, JobsDocument, ReviewRequestDocument } from '../../src/sdk/generated.js';
import { installProgram, planted, repoUrl, seedAgentTicket, useAgentStage } from '../support/agent-run.js';
import { startCommand } from '../support/command-line.js';
import { requireOpenCode } from '../support/opencode-install.js';
import { openCodeSurroundings, useOpenCode } from '../support/opencode-server.js';
import { createTestDatabase } from '../support/postgres.js';
import { rest } from '../support/rest-call.js';
import { useServerProcess } from '../support/server-process.js';
import { StreamReader } from '../support/stream.js';
import { type ToolCall, useStreamingModel } from '../support/streaming-model.js';

const builtBaton = path.join(import.meta.dirname, '../../dist/cli/baton.js');

/** Long enough to install OpenCode in, the first time. */
const timeout = 360_000;

/** Everything but GitHub and the two models is real: server, coordinator, runner, git and OpenCode are processes of their own. */
describe('a ticket that is moved to in progress', () => {
  it('becomes a pull request, and a comment on that a change of its branch, while a dashboard watches', {
    timeout,
  }, async (context) => {
    const world = await useWorld(context);
    const { server, stage, workerModel, watched, client } = world;
    const openCode = await useOpenCode(world.openCode, {
      ...{ url: workerModel.url, model: 'worker-model', apiKey: planted.workerApiKey, password: planted.openCodePassword },
    });
    const directory = path.join(stage.temporary, 'project');
    await mkdir(directory);
    workerModel.onPrompt = (prompt) => {
      const filePath = path.join(directory, 'greeting.txt');
      if (prompt.includes('Write greeting.txt.')) return { name: 'write', arguments: { filePath, content: 'Hello.\n' } };
      if (prompt.includes('Make it louder.')) return shell("echo 'HELLO!' > greeting.txt");
      return undefined;
    };
    const about = { name: 'Holt', github_url: repoUrl, execution_mode: 'local', project_path: directory, is_existing_repo: true };
    const project = (await rest(server, 'POST', '/api/projects', { body: about })).json;
    const tickets = `/api/projects/${project.id}/tickets`;
    const ticket = (await rest(server, 'POST', tickets, { body: { title: 'Greet whoever comes', column_id: 'backlog' } })).json;
    const coordinator = startCommand('baton', ['coordinator'], {
      env: {
        ...{ PATH: stage.environment.PATH as string, HOME: stage.environment.HOME as string, TMPDIR: stage.temporary },
        ...{ TERARCHITECT_API_URL: server.url, TERARCHITECT_WORKER_API_KEY: planted.workerKey },
        ...{ OPENCODE_SERVER_URL: openCode.url, OPENCODE_SERVER_PASSWORD: planted.openCodePassword },
        ...{ POLL_INTERVAL_SEC: '0.2', COORDINATOR_STATE_DIR: path.join(stage.temporary, 'state') },
      },
    });

    await rest(server, 'PATCH', `${tickets}/${ticket.id}`, { body: { column_id: 'in_progress' } });
    await watched.find(({ events: { kind } }) => kind === 'JOB_COMPLETED' || kind === 'JOB_FAILED');

    expect(stage.origin.git('show', `ticket-${ticket.id}:greeting.txt`)).toBe('Hello.');
    expect((await rest(server, 'GET', `${tickets}/${ticket.id}`)).json).toMatchObject({
      ...{ column_id: 'in_review', status: 'completed', pr_number: 17, pr_url: 'https://github.com/otters/holt/pull/17' },
    });
    const logs = (await rest(server, 'GET', `${tickets}/${ticket.id}/logs`)).json as { step: string }[];
    expect(logs.map(({ step }) => step).filter((step) => step !== 'container_output')).toEqual(stepsOfTicket);
    const query = { queries: ['Was the greeting written?'] };
    const token = planted.workerKey;
    const remembered = await rest(server, 'POST', `/api/projects/${project.id}/memory/retrieve`, { body: query, token });
    expect(remembered.text).toContain('The greeting is written.');

    stage.model.script.turn = [
      { complete: false, next_prompt: 'Make it louder.' },
      { complete: true, summary: 'It is louder.' },
    ];
    const review = { taskId: ticket.id, prNumber: 17, commentBody: 'Could it be louder?', githubCommentId: '99' };
    await client.request(ReviewRequestDocument, { input: review });
    await watched.find(() => ended(watched).length === 2);

    expect(stage.origin.git('show', `ticket-${ticket.id}:greeting.txt`)).toBe('HELLO!');
    expect(stage.origin.git('rev-list', '--count', `main..ticket-${ticket.id}`)).toBe('2');
    const said = (await stage.programCalls()).filter(({ program }) => program === 'gh').map(({ args }) => args.slice(0, 3));
    expect(said).toEqual([expect.arrayContaining(['pr', 'create']), ['pr', 'comment', '17']]);
    const { jobs } = await client.request(JobsDocument, { filter: { taskId: ticket.id } });
    expect(jobs.nodes.map(({ kind, status }) => `${kind} ${status}`).sort()).toEqual(['REVIEW COMPLETED', 'TICKET COMPLETED']);

    coordinator.process.kill('SIGTERM');
    const { code, stdout, stderr } = await coordinator.ended;
    expect(code).toBe(0);
    // What the dashboard was sent is the log of events: all of it, once, in its order.
    const happened = await world.eventLog();
    await watched.take(happened.length);
    expect(watched.items.map(({ events }) => events.cursor)).toEqual(happened.map(({ cursor }) => cursor));
    expect(storyOf(happened)).toEqual([
      ...['PROJECT_CREATED', 'MEMORY_INDEXED', 'TASK_CREATED', 'TASK_UPDATED', 'TASK_STATUS_CHANGED'],
      ...['JOB_ENQUEUED', 'JOB_STARTED', ...eventsOf(stepsOfTicket), 'TICKET_COMPLETED', 'JOB_COMPLETED'],
      ...['JOB_ENQUEUED', 'JOB_STARTED', ...eventsOf(stepsOfReview), 'TICKET_COMPLETED', 'JOB_COMPLETED'],
    ]);
    await expectNoSecretIn({ stdout, stderr, happened, ...(await world.everything()) });
  });
});

const stepsOfTicket = [
  ...['session_started', 'context_loaded', 'branch_created', 'worker_research_prompt', 'worker_research_done'],
  ...['worker_plan_prompt', 'worker_plan_done', 'plan_approved', 'worker_turn_1_prompt', 'worker_turn_1', 'memory_indexed'],
  ...['task_complete', 'finalize', 'pull_request_opened'],
];

const stepsOfReview = [
  ...['session_started', 'context_loaded', 'branch_created', 'worker_turn_1_prompt', 'worker_turn_1', 'memory_indexed'],
  ...['task_complete', 'finalize'],
];

/** The steps, and the event of the memory itself before its step. */
function eventsOf(steps: string[]): string[] {
  return steps.flatMap((step) => (step === 'memory_indexed' ? ['MEMORY_INDEXED', step] : [step]));
}

describe('an agent’s container', () => {
  it('works with the real OpenCode, which no command of its model can ask for a secret', { timeout }, async (context) => {
    const { server, stage, workerModel, openCode, everything } = await useWorld(context);
    workerModel.onPrompt = (prompt) =>
      prompt.includes('Write greeting.txt.') ? shell('env; echo Hello. > greeting.txt') : undefined;
    const ticket = await seedAgentTicket(server as never);
    await installProgram(stage.bin, 'baton', `exec '${process.execPath}' '${builtBaton}' "$@"`);
    if (path.isAbsolute(openCode)) await symlink(openCode, path.join(stage.bin, 'opencode'));
    const container = startCommand('baton', ['agent-entrypoint'], {
      env: {
        ...(await openCodeSurroundings()),
        // git finds the repository by the home directory of the stage.
        ...{ PATH: stage.environment.PATH as string, HOME: stage.environment.HOME as string, TMPDIR: stage.temporary },
        ...{ TERARCHITECT_API_URL: server.url, TERARCHITECT_WORKER_API_KEY: planted.workerKey, REPO_URL: repoUrl },
        ...{ PROJECT_ID: ticket.projectId, TICKET_ID: ticket.ticketId, GITHUB_TOKEN: planted.githubToken },
        ...{ DOCKER_HOST: 'tcp://elsewhere:2375', OPENCODE_SERVER_PORT: String(await freePort()) },
      },
    });

    const { code, stdout, stderr } = await container.ended;

    expect(code, stdout + stderr).toBe(0);
    expect(stage.origin.git('show', `ticket-${ticket.ticketId}:greeting.txt`)).toBe('Hello.');
    const seen = workerModel.requests.map(({ body }) => body).join('\n');
    expect(seen).toContain('OPENCODE=1');
    expect(seen).not.toContain('OPENCODE_SERVER_PASSWORD');
    await expectNoSecretIn({ stdout, stderr, ...(await everything()) });
  });
});

/** A server, a dashboard that watches it, a repository, a fake `gh`, both models, and the settings that lead to them. */
async function useWorld(context: TestContext) {
  const openCode = await requireOpenCode(context);
  const stage = await useAgentStage();
  const workerModel = await useStreamingModel();
  const { url: databaseUrl } = await createTestDatabase();
  const server = await useServerProcess(databaseUrl, {
    TERARCHITECT_WORKER_API_KEY: planted.workerKey,
    TERARCHITECT_SECRET_KEY: 'ab'.repeat(32),
  });
  const settings = {
    ...{ AGENT_LLM_URL: stage.model.url, AGENT_MODEL: 'director-model', AGENT_API_KEY: planted.agentApiKey },
    ...{ WORKER_LLM_URL: workerModel.url, WORKER_MODEL: 'worker-model', WORKER_API_KEY: planted.workerApiKey },
    github_agent_token: planted.githubToken,
  };
  await rest(server, 'PUT', '/api/settings', { body: settings });
  const client = new BatonClient({ url: server.url });
  context.onTestFinished(() => client.close());
  const after = await client.eventCursor();
  const watched = new StreamReader(client.follow(EventsDocument, { after }));
  const eventLog = async () => (await client.request(EventLogDocument, { first: 100, after })).events.nodes;
  return {
    ...{ openCode, stage, workerModel, server, client, watched, eventLog },
    /** Whatever somebody may read of it afterwards. */
    everything: async () => ({
      events: await eventLog(),
      serverLog: server.logLines,
      directorSaw: stage.model.requests.map(({ body }) => body),
      workerSaw: workerModel.requests.map(({ body }) => body),
      arguments: (await stage.programCalls()).map(({ args }) => args),
      commits: stage.origin.git('log', '--all', '-p'),
    }),
  };
}

function shell(command: string): ToolCall {
  return { name: 'bash', arguments: { command, description: 'Does what was asked for' } };
}

type World = Awaited<ReturnType<typeof useWorld>>;

function ended(watched: World['watched']) {
  return watched.items.filter(({ events: { kind } }) => kind === 'JOB_COMPLETED' || kind === 'JOB_FAILED');
}

/** Kinds of events, and of steps their names; what a running process printed is left out, for it may come in between. */
function storyOf(events: Awaited<ReturnType<World['eventLog']>>): string[] {
  return (
    events
      .map(({ kind, data }) => (kind === 'EXECUTION_LOG_APPENDED' ? (data as { step: string }).step : kind))
      // The settings were stored before the story began, and may be told again: see `eventCursor`.
      .filter((word) => !['container_output', 'SETTINGS_CHANGED'].includes(word))
  );
}

async function expectNoSecretIn(everything: Record<string, unknown>): Promise<void> {
  for (const [name, value] of Object.entries(everything)) {
    const text = JSON.stringify(value);
    for (const secret of Object.values(planted)) expect(text, `${name} holds ${secret}`).not.toContain(secret);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
