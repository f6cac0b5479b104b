import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { TestApp } from './app.js';
import { type CommandResult, type RunningCommand, startCommand } from './command-line.js';
import { rest } from './rest-call.js';
import { uniqueName } from './seed.js';

/** Everything that an agent runs against, save the server: a repository, a model, OpenCode and `gh`, each of the test's own. */
export interface AgentStage {
  origin: Origin;
  model: StubModel;
  openCode: StubOpenCode;
  /** What `gh` and `git` were called with: one entry per call. */
  programCalls(): Promise<{ program: string; args: string[]; token: string }[]>;
  /** Directory of programs that go before those of PATH. */
  bin: string;
  /** For the temporary files of the runs. */
  temporary: string;
  environment: Record<string, string>;
}

/** Secrets that are planted, and must turn up nowhere. */
export const planted = {
  workerKey: 'planted-worker-key-0001',
  githubToken: 'planted-github-token-0002',
  agentApiKey: 'planted-agent-api-key-0003',
  workerApiKey: 'planted-worker-api-key-0004',
  openCodePassword: 'planted-opencode-password-0005',
};

export const repoUrl = 'https://github.com/otters/holt.git';

export async function useAgentStage(): Promise<AgentStage> {
  const directory = await useDirectory('baton-agent-stage-');
  const [bin, temporary, home] = ['bin', 'tmp', 'home'].map((name) => path.join(directory, name)) as [string, string, string];
  await Promise.all([bin, temporary, home].map((each) => mkdir(each)));
  const origin = await createOrigin(path.join(directory, 'origin.git'));
  const model = await useStubModel();
  const openCode = await useStubOpenCode();
  const calls = path.join(directory, 'calls');
  await writeFile(calls, '');
  await installProgram(bin, 'git', `${recording('git', calls)}\nexec "${realGit}" "$@"`);
  await installProgram(bin, 'gh', `${recording('gh', calls)}\necho "https://github.com/otters/holt/pull/17"`);
  // GitHub is a directory here, for every git that the run starts.
  const gitConfig = path.join(home, '.gitconfig');
  await writeFile(gitConfig, `[url "file://${origin.directory}"]\n\tinsteadOf = ${repoUrl}\n`);
  return {
    ...{ origin, model, openCode, bin, temporary },
    programCalls: async () => (await readFile(calls, 'utf8')).split('\n\0\n').filter(Boolean).map(parseCall),
    environment: {
      ...{ PATH: `${bin}:${process.env.PATH}`, HOME: home, TMPDIR: temporary, REPO_URL: repoUrl },
      ...{ AGENT_LLM_URL: model.url, AGENT_MODEL: 'director-model', AGENT_API_KEY: planted.agentApiKey },
      ...{ WORKER_LLM_URL: model.url, WORKER_MODEL: 'worker-model', WORKER_API_KEY: planted.workerApiKey },
      ...{ OPENCODE_SERVER_URL: openCode.url, OPENCODE_SERVER_PASSWORD: planted.openCodePassword },
      ...{ GITHUB_TOKEN: planted.githubToken, TERARCHITECT_WORKER_API_KEY: planted.workerKey },
      ...{ CANCEL_POLL_INTERVAL_SEC: '0.05' },
    },
  };
}

/** A ticket in progress, as a coordinator would start an agent for it. */
export async function seedAgentTicket(app: TestApp, title = 'Add a greeting'): Promise<{ projectId: string; ticketId: string }> {
  const about = { name: uniqueName('holt'), description: 'A holt for otters', github_url: repoUrl, is_existing_repo: true };
  const project = await rest(app, 'POST', '/api/projects', { body: about });
  const ticket = { title, description: 'Say hello to whoever comes.', column_id: 'in_progress' };
  const { json } = await rest(app, 'POST', `/api/projects/${project.json.id}/tickets`, { body: ticket });
  return { projectId: project.json.id, ticketId: json.id };
}

export interface RunOptions {
  kind?: 'ticket' | 'review';
  /** Beside those of the stage; undefined takes one away. */
  env?: Record<string, string | undefined>;
}

/** Starts `baton agent-runner` for the ticket. */
export function startAgent(
  app: { url: string },
  stage: AgentStage,
  { projectId, ticketId }: { projectId: string; ticketId: string },
  { kind = 'ticket', env = {} }: RunOptions = {},
): RunningCommand {
  const variables: Record<string, string | undefined> = {
    ...stage.environment,
    ...{ TERARCHITECT_API_URL: app.url, PROJECT_ID: projectId, TICKET_ID: ticketId, ...env },
  };
  const given = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return startCommand('baton', ['agent-runner', kind], { env: Object.fromEntries(given) });
}

export function runAgent(...args: Parameters<typeof startAgent>): Promise<CommandResult> {
  return startAgent(...args).ended;
}

/** What the ticket's log holds, oldest first. */
export async function logsOf(app: TestApp, { projectId, ticketId }: { projectId: string; ticketId: string }) {
  const { json } = await rest(app, 'GET', `/api/projects/${projectId}/tickets/${ticketId}/logs`);
  return json as { step: string; summary: string; raw_output: string | null; success: boolean | null; session_id: string }[];
}

export async function ticketOf(app: TestApp, { projectId, ticketId }: { projectId: string; ticketId: string }) {
  return (await rest(app, 'GET', `/api/projects/${projectId}/tickets/${ticketId}`)).json;
}

/** What a server between the run and Baton was asked, and answers in its place where `intercept` says so. */
export interface Proxy {
  url: string;
  requests: { line: string; headers: IncomingHttpHeaders; body: string }[];
  intercept: (line: string, body: string) => Promise<number | undefined> | number | undefined;
}

/** Stands between a run and Baton; it ends with the test. */
export async function useProxy(app: { url: string }): Promise<Proxy> {
  const proxy: Proxy = { url: '', requests: [], intercept: () => undefined };
  proxy.url = await useHttpServer(async (request, response, body) => {
    const { method, url, headers } = request;
    const line = `${method} ${url}`;
    proxy.requests.push({ line, headers, body });
    const status = await proxy.intercept(line, body);
    if (status !== undefined) return sendJson(response, status, { error: 'Not today' });
    const { authorization, 'idempotency-key': key, 'content-type': type } = headers;
    const passed = Object.entries({ authorization, 'idempotency-key': key, 'content-type': type }).filter(([, value]) => value);
    const answer = await fetch(`${app.url}${url}`, {
      method,
      headers: Object.fromEntries(passed) as Record<string, string>,
      ...(body && { body }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
    response.end(await answer.text());
  });
  return proxy;
}

/** A bare repository with one commit on its default branch. */
export interface Origin {
  directory: string;
  /** Runs git in it; answers what it says, without the end of the last line. */
  git(...args: string[]): string;
  /** Commits a file on a branch, made from the default branch where it is new. */
  commit(branch: string, file: string, text: string): void;
}

async function createOrigin(directory: string): Promise<Origin> {
  const git = (args: string[], input = '') =>
    execFileSync(realGit, args, { cwd: directory, encoding: 'utf8', input, env: gitEnvironment });
  await mkdir(directory);
  // Few processes and no clone: each costs a test process, which is large, tens of milliseconds to start.
  git(['init', '-q', '--bare', '--template=', '-b', 'main']);
  const commit: Origin['commit'] = (branch, file, text) => {
    const parent = [branch, 'main'].find((name) => existsSync(path.join(directory, 'refs/heads', name)));
    const stream = [
      `commit refs/heads/${branch}`,
      'committer Otter <otter@example.org> now',
      dataOf(`Change ${file}\n`),
      ...(parent ? [`from refs/heads/${parent}^0`] : []),
      `M 644 inline ${file}`,
      dataOf(text),
    ];
    git(['fast-import', '--quiet', '--date-format=now'], `${stream.join('\n')}\n`);
  };
  commit('main', 'README.md', 'A holt for otters.\n');
  return { directory, git: (...args) => git(args).trimEnd(), commit };
}

/** A text as `git fast-import` reads it. */
function dataOf(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}`;
}

const gitEnvironment = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null' };

/** What the Director's model is asked for. */
export type QuestionKind = 'plan' | 'turn' | 'pull-request' | 'reply';

/** An object is sent as JSON, a text as it is; a number is an HTTP status; `hang` sends nothing, ever. */
export type ModelAnswer = object | string | number;

export interface StubModel {
  url: string;
  /** Told of each request, before it is answered. */
  onRequest: () => void;
  requests: { path: string; authorization: string | undefined; body: ChatRequest; kind: QuestionKind }[];
  /** What is answered to each kind in turn; the last answer again and again. */
  script: Record<QuestionKind, ModelAnswer[]>;
}

interface ChatRequest {
  model: string;
  messages: { role: string; content: string }[];
  max_tokens: number;
  temperature: number;
  stream: boolean;
}

export async function useStubModel(): Promise<StubModel> {
  const stub: StubModel = { url: '', onRequest: () => {}, requests: [], script: defaultScript() };
  stub.url = await useHttpServer(async (request, response, text) => {
    const body = JSON.parse(text) as ChatRequest;
    const kind = kindOf(body.messages[0]?.content ?? '');
    stub.requests.push({ path: request.url ?? '', authorization: request.headers.authorization, body, kind });
    stub.onRequest();
    const answers = stub.script[kind];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === 'hang') return;
    if (typeof answer === 'number') return sendJson(response, answer, { error: { message: 'The model is out.' } });
    const content = typeof answer === 'string' ? answer : JSON.stringify(answer);
    sendJson(response, 200, { choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }] });
  });
  return stub;
}

function defaultScript(): StubModel['script'] {
  return {
    plan: [{ plan_approved: true }],
    turn: [
      { complete: false, next_prompt: 'Write greeting.txt.' },
      { complete: true, summary: 'The greeting is written.' },
    ],
    'pull-request': [{ title: 'Greet whoever comes', summary: 'Adds a greeting.' }],
    reply: [{ summary: 'The greeting is louder now.' }],
  };
}

function kindOf(instructions: string): QuestionKind {
  if (instructions.includes('"plan_approved"')) return 'plan';
  if (instructions.includes('"title"')) return 'pull-request';
  return instructions.includes('"complete"') ? 'turn' : 'reply';
}

export interface Turn {
  text: string;
  /** Where the worker is to work. */
  directory: string;
  /** From 1. */
  number: number;
}

export interface StubOpenCode {
  url: string;
  requests: { line: string; authorization: string | undefined; directory: string; body: Record<string, unknown> | undefined }[];
  /** Does a turn, and answers what the worker says; `hang` never ends. */
  onTurn: (turn: Turn) => Promise<string> | string;
}

export async function useStubOpenCode(): Promise<StubOpenCode> {
  let turns = 0;
  const stub: StubOpenCode = {
    url: '',
    requests: [],
    onTurn: async ({ text, directory }) => {
      if (text.includes('Write greeting.txt.')) await writeFile(path.join(directory, 'greeting.txt'), 'Hello.\n');
      return 'Done.';
    },
  };
  stub.url = await useHttpServer(async (request, response, text) => {
    const { url = '', method, headers } = request;
    const directory = String(headers['x-opencode-directory'] ?? '');
    const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
    stub.requests.push({ line: `${method} ${url}`, authorization: headers.authorization, directory, body });
    if (url.startsWith('/session?')) return sendJson(response, 200, { id: 'ses_1' });
    if (!url.endsWith('/message')) return sendJson(response, 200, true);
    const [part] = (body?.parts ?? []) as { text: string }[];
    turns += 1;
    const said = await stub.onTurn({ text: part?.text ?? '', directory, number: turns });
    if (said !== 'hang') sendJson(response, 200, { info: { role: 'assistant' }, parts: [{ type: 'text', text: said }] });
  });
  return stub;
}

async function useHttpServer(
  handle: (request: IncomingMessage, response: ServerResponse, text: string) => Promise<void>,
): Promise<string> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    await handle(request, response, text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export async function useDirectory(prefix: string): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), prefix));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Puts a program of the test's own where it goes before any other of its name. */
export async function installProgram(bin: string, name: string, script: string): Promise<void> {
  await writeFile(path.join(bin, name), `#!/bin/bash\n${script}\n`);
  await chmod(path.join(bin, name), 0o755);
}

/** The part of a fake program that writes down how it was called. */
export function recording(name: string, calls: string): string {
  return `{ printf '%s\\0%s\\0' ${name} "$GH_TOKEN"; printf '%s\\0' "$@"; printf '\\n\\0\\n'; } >> "${calls}"`;
}

function parseCall(entry: string): { program: string; args: string[]; token: string } {
  const [program = '', token = '', ...args] = entry.split('\0');
  return { program, token, args: args.slice(0, -1) };
}

/** Where git is when nothing of a test's own goes before it. */
export const realGit = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
