import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { accessTo } from '../../src/worker/git/credentials.js';
import { Redactor } from '../../src/worker/redactor.js';
import {
  installProgram,
  logsOf,
  planted,
  realGit,
  recording,
  runAgent,
  seedAgentTicket,
  ticketOf,
  useAgentStage,
} from '../support/agent-run.js';
import { useTestApp } from '../support/app.js';
import { rest } from '../support/rest-call.js';

vi.setConfig({ testTimeout: 90_000 });

/** Secrets of the settings, which come to the runner with the context of the ticket. */
const stored = {
  github_agent_token: 'planted-stored-github-token-0006',
  openai_api_key: 'planted-stored-openai-key-0007',
  MEMORY_LLM_API_KEY: 'planted-stored-memory-key-0008',
};

const everySecret = [...Object.values(planted), ...Object.values(stored)];

const everyForm = everySecret.flatMap((secret) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1),
  Buffer.from(`x-access-token:${secret}`).toString('base64').replace(/=+$/, '').slice(0, -1),
]);

function secretsIn(text: string): string[] {
  return everyForm.filter((form) => text.includes(form));
}

async function useServer() {
  const variables = { TERARCHITECT_WORKER_API_KEY: planted.workerKey, TERARCHITECT_SECRET_KEY: 'ab'.repeat(32) };
  const app = await useTestApp(variables, { runsClockwork: false });
  await rest(app, 'PUT', '/api/settings', { body: stored });
  return app;
}

/** What an agent says that has looked where it should not. */
const leak = everyForm.join('\n');

describe('the secrets of a run', () => {
  it('reach no prompt, no log, no commit, no argument and no answer, not even when the models repeat them', async () => {
    const app = await useServer();
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    stage.openCode.onTurn = async ({ directory }) => {
      await writeFile(path.join(directory, 'greeting.txt'), 'Hello.\n');
      return leak;
    };
    stage.model.script.plan = [{ plan_approved: true, approved_plan_text: leak }];
    stage.model.script.turn = [
      { complete: false, next_prompt: leak },
      { complete: true, summary: leak },
    ];
    stage.model.script['pull-request'] = [{ title: leak, summary: leak }];

    const { code, stdout, stderr } = await runAgent(app, stage, ticket);

    expect(code).toBe(0);
    expect(secretsIn(stdout)).toEqual([]);
    expect(secretsIn(stderr)).toEqual([]);
    expect(secretsIn(JSON.stringify(await logsOf(app, ticket)))).toEqual([]);
    expect(secretsIn(JSON.stringify(await ticketOf(app, ticket)))).toEqual([]);
    expect(secretsIn(JSON.stringify(stage.openCode.requests.map(({ line, body }) => [line, body])))).toEqual([]);
    expect(secretsIn(JSON.stringify((await stage.programCalls()).map(({ args }) => args)))).toEqual([]);
    expect(secretsIn(stage.origin.git('log', '-p', '--all'))).toEqual([]);
    // What the Director itself has said is its own; nothing else is sent to it.
    expect(secretsIn(JSON.stringify(stage.model.requests.map(({ body }) => body)))).toEqual([]);
    expect(secretsIn(JSON.stringify(await app.sql('select row_to_json(each)::text from memory_document each')))).toEqual([]);
    expect(secretsIn(JSON.stringify(await app.sql('select row_to_json(each)::text from task each')))).toEqual([]);
  });

  it('shows the Director nothing of the settings, and no address', async () => {
    const app = await useServer();
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);

    await runAgent(app, stage, ticket);

    const asked = JSON.stringify(stage.model.requests.map(({ body }) => body));
    expect(asked).toContain('Say hello to whoever comes.');
    expect(asked).not.toContain('agent_settings');
    expect(asked).not.toContain('WORKER_MODE');
    expect(asked).not.toContain('github.com');
  });

  it('are pushed nowhere when the agent has written one into a file, or into a commit of its own that it took back', async () => {
    const app = await useServer();
    const stage = await useAgentStage();
    const inFile = await seedAgentTicket(app);
    const inHistory = await seedAgentTicket(app);

    stage.openCode.onTurn = async ({ directory }) => {
      await writeFile(path.join(directory, '.env'), `OPENAI_API_KEY=${stored.openai_api_key}\n`);
      return 'Done.';
    };
    const first = await runAgent(app, stage, inFile);
    stage.openCode.onTurn = async ({ directory, number }) => {
      const commit = async (text: string) => {
        await writeFile(path.join(directory, 'notes.txt'), text);
        execFileSync(realGit, ['add', '-A'], { cwd: directory });
        execFileSync(realGit, ['commit', '-q', '--allow-empty', '-m', 'Keep notes'], { cwd: directory });
      };
      await commit(`${planted.githubToken} ${number}\n`);
      await commit('Nothing.\n');
      return 'Done.';
    };
    stage.model.script.turn = [{ complete: true, summary: 'Done.' }];
    const second = await runAgent(app, stage, inHistory);

    for (const [{ code, stderr }, ticket] of [
      [first, inFile],
      [second, inHistory],
    ] as const) {
      expect(code).toBe(1);
      expect(stderr).toContain('Error: The agent has written one of its credentials into the repository, so nothing is pushed.');
      expect((await logsOf(app, ticket)).at(-1)).toMatchObject({ step: 'secret_found' });
      expect(await ticketOf(app, ticket)).toMatchObject({ column_id: 'in_progress' });
    }
    expect(stage.origin.git('branch', '--list')).toBe('* main');
  });

  it('come to git and gh by their environment alone, and only those that they need', async () => {
    const app = await useServer();
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const seen = path.join(stage.temporary, 'seen');
    await installProgram(
      stage.bin,
      'git',
      `env >> "${seen}"; cp .git/config "${seen}.config" 2>/dev/null\nexec "${realGit}" "$@"`,
    );

    await runAgent(app, stage, ticket);

    const environment = await readFile(seen, 'utf8');
    const basic = Buffer.from(`x-access-token:${planted.githubToken}`).toString('base64');
    expect(environment).toContain('=http.https://github.com/.extraHeader');
    expect(environment).toContain(`=Authorization: Basic ${basic}`);
    for (const secret of [planted.workerKey, planted.agentApiKey, planted.workerApiKey, planted.openCodePassword]) {
      expect(environment).not.toContain(secret);
    }
    expect(secretsIn(await readFile(`${seen}.config`, 'utf8'))).toEqual([]);
  });

  it('that stand in the address of a repository are taken out of it', async () => {
    const app = await useServer();
    const stage = await useAgentStage();
    const ticket = await seedAgentTicket(app);
    const calls = path.join(stage.temporary, 'calls');
    await installProgram(stage.bin, 'git', `${recording('git', calls)}\nexec "${realGit}" "$@"`);
    const REPO_URL = 'https://otter:planted-password-0009@127.0.0.1:1/holt.git';

    const { code, stderr } = await runAgent(app, stage, ticket, { env: { REPO_URL } });

    expect(code).toBe(1);
    expect(stderr).toContain('Error: could not clone https://127.0.0.1:1/holt.git: git clone ended with 128');
    expect(stderr + (await readFile(calls, 'utf8'))).not.toContain('planted-password-0009');
  });
});

describe('the access to a repository', () => {
  const headerOf = (credentials: string) => `Authorization: Basic ${Buffer.from(credentials).toString('base64')}`;

  it('gives the GitHub token to https://github.com, and to no other address', () => {
    const github = accessTo('https://github.com/otters/holt.git', 'tok');

    expect(github).toEqual({
      url: 'https://github.com/otters/holt.git',
      config: [['http.https://github.com/.extraHeader', headerOf('x-access-token:tok')]],
    });
    for (const url of [
      'http://github.com/otters/holt.git',
      'https://github.com.example.org/otters/holt.git',
      'https://github.com@example.org/otters/holt.git',
      'git@github.com:otters/holt.git',
      'file:///srv/holt.git',
      '/srv/holt.git',
    ]) {
      expect(JSON.stringify(accessTo(url, 'tok'))).not.toContain(Buffer.from('x-access-token:tok').toString('base64'));
    }
  });

  it('gives what the address carries to the host that it names', () => {
    expect(accessTo('https://otter:p%40ss@git.example.org/holt.git', 'tok')).toEqual({
      url: 'https://git.example.org/holt.git',
      config: [['http.https://git.example.org/.extraHeader', headerOf('otter:p@ss')]],
    });
  });
});

describe('the redactor', () => {
  it('finds a secret wherever base64 has put it, and leaves short words alone', () => {
    const redactor = new Redactor(['a-long-secret-of-an-agent', 'dummy']);

    for (const before of ['', 'a', 'ab', 'abc']) {
      const hidden = redactor.hide(Buffer.from(`${before}a-long-secret-of-an-agent and more`).toString('base64'));
      expect(hidden).toContain('[secret]');
    }
    expect(redactor.hide('a dummy and a-long-secret-of-an-agent')).toBe('a dummy and [secret]');
  });
});
