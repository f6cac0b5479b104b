import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { useDirectory } from '../support/agent-run.js';
import { useTestApp } from '../support/app.js';
import { type CommandResult, type RunningCommand, startCommand } from '../support/command-line.js';
import { useRecordingServer } from '../support/recording-server.js';
import { rest } from '../support/rest-call.js';
import { seedTicket } from '../support/tickets.js';

/** Secrets that are planted, and must reach the runner alone. */
const planted = {
  TERARCHITECT_WORKER_API_KEY: 'planted-worker-key-0001',
  GITHUB_TOKEN: 'planted-github-token-0002',
  AGENT_API_KEY: 'planted-agent-api-key-0003',
  openai_api_key: 'planted-openai-key-0004',
};

const model = { WORKER_LLM_URL: 'http://llm.example.org/v1', WORKER_MODEL: 'otters/swift' };

describe('the exit code of an agent’s container', () => {
  it.each([0, 1, 7])('is the runner’s: %i', async (code) => {
    const container = await useContainer({ ...model, FAKE_RUNNER_EXIT: String(code) });

    const { code: exitCode } = await container.end();

    expect(exitCode).toBe(code);
  });

  it('says which signal ended the runner', async () => {
    const container = await useContainer({ ...model, FAKE_RUNNER_EXIT: 'SIGKILL' });

    const { code } = await container.end();

    expect(code).toBe(137);
  });

  it.each([
    ['OpenCode ends before it is ready', { FAKE_OPENCODE: 'dies' }, 'opencode serve ended with exit code 3.'],
    ['OpenCode is not installed', { FAKE_MISSING: 'opencode' }, 'opencode serve is not installed.'],
    ['Docker cannot run', { DOCKER_HOST: '', FAKE_DOCKERD: 'dies' }, 'dockerd ended with exit code 1. It needs a container that'],
    ['the runner is not installed', { FAKE_MISSING: 'baton' }, 'The runner cannot be started:'],
    ['the port of OpenCode is none', { OPENCODE_SERVER_PORT: '99999' }, 'must be a port from 1 to 65535, not "99999"'],
    ['there is no server to ask for the model', { WORKER_MODEL: '' }, 'TERARCHITECT_API_URL is required, unless'],
  ])('is 1, with a reason, when %s', async (_, variables, reason) => {
    const container = await useContainer({ ...model, ...variables });

    const { code, stderr } = await container.end();

    expect(code).toBe(1);
    expect(stderr).toContain(reason);
    expect(await container.callsOf('baton')).toEqual([]);
  });

  it('is 1 when the server refuses the worker key, and says so', async () => {
    const server = await useRecordingServer(() => ({ status: 401, body: { error: 'Invalid worker API token' } }));
    const container = await useContainer({ ...planted, ...ticketAt(server.url) });

    const { code, stderr } = await container.end();

    expect(code).toBe(1);
    expect(stderr).toContain('The settings of the worker could not be read:');
    expect(stderr).toContain('was answered 401: Invalid worker API token');
    expect(await container.callsOf('opencode')).toEqual([]);
  });
});

describe('an agent’s container', () => {
  it.each([
    [undefined, 'ticket'],
    ['ticket', 'ticket'],
    ['review', 'review'],
    ['something', 'ticket'],
  ])('with JOB_KIND %s runs the runner for a %s', async (jobKind, kind) => {
    const container = await useContainer({ ...model, ...(jobKind && { JOB_KIND: jobKind }) });

    await container.end();

    expect((await container.callsOf('baton')).map(({ args }) => args)).toEqual([['agent-runner', kind]]);
  });

  it('tells OpenCode its model and a password, and the runner where OpenCode is', async () => {
    const container = await useContainer({
      ...model,
      WORKER_MODEL: 'terarchitect-proxy/otters/swift',
      WORKER_API_KEY: 'key-of-the-model',
    });

    await container.end();

    const [openCode] = await container.callsOf('opencode');
    const [runner] = await container.callsOf('baton');
    expect(openCode?.args).toEqual(['serve', '--port', container.port, '--hostname', '127.0.0.1']);
    expect(JSON.parse(openCode?.env.OPENCODE_CONFIG_CONTENT ?? '')).toMatchObject({
      model: 'terarchitect-proxy/otters/swift',
      provider: {
        'terarchitect-proxy': {
          npm: '@ai-sdk/openai-compatible',
          options: { baseURL: 'http://llm.example.org/v1', apiKey: 'key-of-the-model' },
          models: { 'otters/swift': {} },
        },
      },
    });
    expect(runner?.env).toMatchObject({
      OPENCODE_SERVER_URL: `http://127.0.0.1:${container.port}`,
      OPENCODE_SERVER_PASSWORD: openCode?.env.OPENCODE_SERVER_PASSWORD,
    });
    expect(openCode?.env.OPENCODE_SERVER_PASSWORD).toMatch(/^[\w-]{43}$/);
  });

  it('signs in to a model without a key as dummy, and keeps a password that it is given', async () => {
    const container = await useContainer({ ...model, OPENCODE_SERVER_PASSWORD: 'given-password' });

    await container.end();

    const [openCode] = await container.callsOf('opencode');
    const config = JSON.parse(openCode?.env.OPENCODE_CONFIG_CONTENT ?? '');
    expect(config.provider['terarchitect-proxy'].options.apiKey).toBe('dummy');
    expect(openCode?.env.OPENCODE_SERVER_PASSWORD).toBe('given-password');
  });

  it('hands every secret to the runner and none to OpenCode, whose model may read its environment', async () => {
    const addresses = {
      REPO_URL: 'https://otter:planted-repository-0005@git.example.org/holt.git',
      HTTPS_PROXY: 'http://a:b@proxy:3128',
    };
    const container = await useContainer({ ...model, ...planted, ...addresses });

    const { stdout, stderr } = await container.end();

    const [openCode] = await container.callsOf('opencode');
    const [runner] = await container.callsOf('baton');
    expect(runner?.env).toMatchObject({ ...planted, ...addresses });
    expect(JSON.stringify(openCode)).not.toMatch(/planted/);
    expect(openCode?.env.HTTPS_PROXY).toBe(addresses.HTTPS_PROXY);
    expect(stdout + stderr).not.toMatch(/planted/);
    // Nor what OpenCode itself must know, in the commands that it runs.
    expect(openCode?.shellSetup).toBe('unset OPENCODE_CONFIG_CONTENT OPENCODE_SERVER_PASSWORD BASH_ENV\n');
  });

  it('asks the server for the model that the environment does not name', async () => {
    const app = await useTestApp({ TERARCHITECT_SECRET_KEY: '0'.repeat(64) });
    const settings = {
      WORKER_LLM_URL: 'http://stored.example.org/v1',
      WORKER_MODEL: 'stored',
      WORKER_API_KEY: 'planted-stored-0006',
    };
    await rest(app, 'PUT', '/api/settings', { body: settings });
    const { projectId, taskId } = await seedTicket(app.client());
    const container = await useContainer({ ...ticketAt(app.url, projectId, taskId), WORKER_MODEL: 'given' });

    const { code, stderr } = await container.end();

    expect(code).toBe(0);
    const [openCode] = await container.callsOf('opencode');
    expect(JSON.parse(openCode?.env.OPENCODE_CONFIG_CONTENT ?? '')).toMatchObject({
      model: 'terarchitect-proxy/given',
      provider: { 'terarchitect-proxy': { options: { baseURL: settings.WORKER_LLM_URL, apiKey: settings.WORKER_API_KEY } } },
    });
    expect(stderr).not.toContain(settings.WORKER_API_KEY);
  });

  it('leaves it to the runner to tell, in the ticket’s log, that there is no model', async () => {
    const app = await useTestApp();
    const { projectId, taskId } = await seedTicket(app.client());
    const container = await useContainer(ticketAt(app.url, projectId, taskId));

    await container.end();

    const [openCode] = await container.callsOf('opencode');
    expect(openCode?.env.OPENCODE_CONFIG_CONTENT).toBeUndefined();
    expect(await container.callsOf('baton')).toHaveLength(1);
  });

  it('runs no OpenCode for another program that does the work', async () => {
    const container = await useContainer({ WORKER_MODE: 'claude-code' });

    await container.end();

    const [runner] = await container.callsOf('baton');
    expect(runner?.env.OPENCODE_SERVER_URL).toBeUndefined();
    expect(await container.callsOf('opencode')).toEqual([]);
  });
});

describe('Docker in an agent’s container', () => {
  it('is started, and ended with the agent', async () => {
    const container = await useContainer({ ...model, ...planted, DOCKER_HOST: '' });

    const { code, stderr } = await container.end();

    expect(code).toBe(0);
    expect(stderr).toContain('started a Docker engine of its own');
    const [engine] = await container.callsOf('dockerd');
    expect(engine?.args[0]).toBe('--host=unix:///var/run/docker.sock');
    expect(JSON.stringify(engine)).not.toMatch(/planted/);
    expect(isAlive(engine?.pid)).toBe(false);
  });

  it.each([
    ['at an address', { DOCKER_HOST: 'tcp://docker:2375' }],
    ['at a socket of the host', { DOCKER_HOST: '', FAKE_ENGINE_IS_THERE: '1' }],
    ['nowhere, in an image without it', { DOCKER_HOST: '', FAKE_MISSING: 'dockerd' }],
  ])('is not started where it is %s', async (_, variables) => {
    const container = await useContainer({ ...model, ...variables });

    const { code } = await container.end();

    expect(code).toBe(0);
    expect(await container.callsOf('dockerd')).toEqual([]);
  });
});

describe('a signal to an agent’s container', () => {
  it('goes to the runner, whose exit code counts, and then ends OpenCode', async () => {
    const container = await useContainer({ ...model, FAKE_RUNNER_EXIT: 'on SIGTERM' });
    await container.command.untilStdout((text) => text.includes('runner waits'));

    container.command.process.kill('SIGTERM');
    const { code } = await container.end();

    expect(code).toBe(42);
    const [openCode] = await container.callsOf('opencode');
    expect(isAlive(openCode?.pid)).toBe(false);
  });

  it('that comes while OpenCode starts ends OpenCode, and runs nothing', async () => {
    const container = await useContainer({ ...model, FAKE_OPENCODE: 'is silent' });
    await container.command.untilStderr((text) => text.includes('fake opencode is silent'));

    container.command.process.kill('SIGTERM');
    const { code, stderr } = await container.end();

    expect(code).toBe(143);
    expect(stderr).toContain('stopped by SIGTERM before the agent ran');
    const [openCode] = await container.callsOf('opencode');
    expect(isAlive(openCode?.pid)).toBe(false);
    expect(await container.callsOf('baton')).toEqual([]);
  });

  it('that comes while a server does not answer is obeyed at once', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const asked = once(silent, 'connection');
    const container = await useContainer(ticketAt(`http://127.0.0.1:${port}`));
    await asked;

    container.command.process.kill('SIGTERM');
    const { code } = await container.end();
    silent.close();

    expect(code).toBe(143);
  });
});

/** What a fake program was called with. */
interface Call {
  args: string[];
  env: Record<string, string>;
  pid: number;
  /** What its shells run first. */
  shellSetup: string | undefined;
}

interface Container {
  command: RunningCommand;
  /** Port of OpenCode. */
  port: string;
  end(): Promise<CommandResult>;
  callsOf(program: string): Promise<Call[]>;
}

/** Starts the entrypoint with fakes of all that it starts. Docker counts as being elsewhere unless DOCKER_HOST says otherwise. */
async function useContainer(variables: Record<string, string>): Promise<Container> {
  const directory = await useDirectory('baton-entrypoint-');
  const port = variables.OPENCODE_SERVER_PORT ?? String(await freePort());
  for (const [name, script] of Object.entries(fakes)) {
    if (variables.FAKE_MISSING === name) continue;
    await writeFile(path.join(directory, name), `#!${process.execPath}\n${prelude}\n${script}`, { mode: 0o755 });
  }
  const engine = path.join(directory, 'engine');
  if (variables.FAKE_ENGINE_IS_THERE) await writeFile(engine, '');
  const command = startCommand('baton', ['agent-entrypoint'], {
    env: {
      ...{ PATH: directory, TMPDIR: directory, FAKE_CALLS: directory, FAKE_ENGINE: engine, OPENCODE_SERVER_PORT: port },
      ...{ DOCKER_HOST: 'tcp://elsewhere:2375', ...variables },
    },
  });
  return {
    ...{ command, port, end: () => command.ended },
    callsOf: async (program) => {
      const file = path.join(directory, `${program}.calls`);
      if (!existsSync(file)) return [];
      const lines = (await readFile(file, 'utf8')).trim().split('\n');
      return lines.map((line) => JSON.parse(line) as Call);
    },
  };
}

function ticketAt(url: string, projectId = '11111111-1111-4111-8111-111111111111', ticketId = projectId) {
  return { TERARCHITECT_API_URL: url, PROJECT_ID: projectId, TICKET_ID: ticketId };
}

/** What every fake does first: it writes down its call. */
const prelude = `
const fs = require('node:fs'), path = require('node:path');
const { env } = process, args = process.argv.slice(2);
const shellSetup = env.BASH_ENV && fs.readFileSync(env.BASH_ENV, 'utf8');
const call = JSON.stringify({ args, env, pid: process.pid, shellSetup });
fs.appendFileSync(path.join(env.FAKE_CALLS, path.basename(__filename) + '.calls'), call + '\\n');
const wait = () => setInterval(() => {}, 1000);
`;

const fakes = {
  baton: `
    const exit = env.FAKE_RUNNER_EXIT ?? '0';
    if (exit === 'on SIGTERM') {
      process.on('SIGTERM', () => process.exit(42));
      console.log('runner waits');
      wait();
    } else if (exit.startsWith('SIG')) process.kill(process.pid, exit);
    else process.exit(Number(exit));`,
  opencode: `
    if (env.FAKE_OPENCODE === 'dies') process.exit(3);
    if (env.FAKE_OPENCODE === 'is silent') { console.log('fake opencode is silent'); wait(); return; }
    const expected = 'Basic ' + Buffer.from('opencode:' + env.OPENCODE_SERVER_PASSWORD).toString('base64');
    require('node:http').createServer((request, response) => {
      const isGood = request.url === '/global/health' && request.headers.authorization === expected;
      response.writeHead(isGood ? 200 : 401).end('{"healthy":true}');
    }).listen(Number(args[2]), '127.0.0.1');`,
  docker: `process.exit(args[0] === 'info' && fs.existsSync(env.FAKE_ENGINE) ? 0 : 1);`,
  dockerd: `
    if (env.FAKE_DOCKERD === 'dies') { console.error('mount: permission denied'); process.exit(1); }
    fs.writeFileSync(env.FAKE_ENGINE, '');
    wait();`,
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
