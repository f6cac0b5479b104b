import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { useTestApp } from '../support/app.js';
import { runCommand } from '../support/command-line.js';
import { type CannedAnswer, type RecordedRequest, useRecordingServer } from '../support/recording-server.js';

const task = {
  id: 1,
  title: 'Café “menu”',
  description: null,
  kind: 'email',
  priority: 20,
  model_tier: 'standard',
  status: 'queued',
  claimed_by: null,
  claimed_at: null,
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05Z',
  completed_at: null,
  result: null,
  metadata: { tags: ['a', 'b'], empty: {}, none: [] },
};

/** The task as Python's `json.dumps(task, indent=2)` writes it. */
const dumped = `{
  "id": 1,
  "title": "Caf\\u00e9 \\u201cmenu\\u201d",
  "description": null,
  "kind": "email",
  "priority": 20,
  "model_tier": "standard",
  "status": "queued",
  "claimed_by": null,
  "claimed_at": null,
  "created_at": "2026-01-02T03:04:05Z",
  "updated_at": "2026-01-02T03:04:05Z",
  "completed_at": null,
  "result": null,
  "metadata": {
    "tags": [
      "a",
      "b"
    ],
    "empty": {},
    "none": []
  }
}
`;

const agents = [
  { id: 'jared', host: '10.0.0.5', last_heartbeat: '2026-01-02T03:04:05Z', capabilities: {} },
  { id: 'jean', host: null, capabilities: {} },
  { id: 'otter', last_heartbeat: null, capabilities: {} },
];

/** A server of the dialect that knows one task and three agents. */
function answerAsQueue({ line }: RecordedRequest): CannedAnswer {
  if (line.startsWith('DELETE')) return { status: 204 };
  if (line === 'GET /agents') return { status: 200, body: agents };
  if (line.startsWith('GET /tasks?')) return { status: 200, body: [task] };
  return { status: line === 'POST /tasks' ? 201 : 200, body: line.startsWith('POST /agents') ? agents[0] : task };
}

const useQueue = () => useRecordingServer(answerAsQueue);

function tqc(args: string[], env: Record<string, string> = {}) {
  return runCommand('tqc', args, { env });
}

describe('what tqc sends', () => {
  const email = ['add', 'Test email', '--kind', 'email', '--priority', '20', '--tier', 'standard'];
  it.each<[string, string[], string, string]>([
    [
      'add with everything',
      [...email, '--desc', 'some desc', '--metadata', '{"a":1}'],
      'POST /tasks',
      '{"title": "Test email", "kind": "email", "priority": 20, "model_tier": "standard", "description": "some desc", "metadata": {"a": 1}}',
    ],
    [
      'add with a title alone',
      ['add', 'Bare'],
      'POST /tasks',
      '{"title": "Bare", "kind": "general", "priority": 50, "model_tier": "standard"}',
    ],
    [
      'add with what Python takes for nothing',
      ['add', 'Naïve', '--description', '', '--metadata', '{}'],
      'POST /tasks',
      '{"title": "Na\\u00efve", "kind": "general", "priority": 50, "model_tier": "standard"}',
    ],
    [
      'list with every filter',
      ['list', '--status', 'queued', '--agent', 'jared', '--kind', 'email', '--limit', '3'],
      'GET /tasks?limit=3&status=queued&agent=jared&kind=email',
      '',
    ],
    ['list', ['list'], 'GET /tasks?limit=20', ''],
    ['get', ['get', '1'], 'GET /tasks/1', ''],
    ['claim', ['claim', '1'], 'POST /tasks/1/claim', ''],
    ['update', ['update', '1', '--status', 'running'], 'PATCH /tasks/1/status', '{"status": "running"}'],
    [
      'complete with a result',
      ['complete', '1', '--result', 'Done!', '--artifacts', '["x.md"]'],
      'POST /tasks/1/complete',
      '{"result": {"description": "Done!", "artifacts": ["x.md"]}}',
    ],
    ['complete', ['complete', '2'], 'POST /tasks/2/complete', '{}'],
    ['cancel', ['cancel', '2'], 'DELETE /tasks/2', ''],
    [
      'heartbeat',
      ['heartbeat', '--capabilities', '{"email":true}'],
      'POST /agents/heartbeat',
      '{"agent_id": "jared", "capabilities": {"email": true}}',
    ],
    ['heartbeat for another', ['heartbeat', '--agent', 'jean'], 'POST /agents/heartbeat', '{"agent_id": "jean"}'],
    ['agents', ['agents'], 'GET /agents', ''],
  ])('by %s, is what the Python client sent', async (_name, args, line, body) => {
    const server = await useQueue();

    const { code } = await tqc(args, { TASK_API_URL: `${server.url}/`, AGENT_ID: 'jared' });

    expect(code).toBe(0);
    expect(server.requests).toMatchObject([{ line, body, headers: { 'x-agent-id': 'jared', accept: '*/*' } }]);
    const { headers } = server.requests[0] as RecordedRequest;
    expect(headers['content-type']).toBe(body ? 'application/json' : undefined);
    const isRead = line.startsWith('GET');
    expect(headers['content-length']).toBe(isRead ? undefined : String(body.length));
    expect(headers.authorization).toBeUndefined();
  });

  it('names no agent when none is set, and a token when one is', async () => {
    const server = await useQueue();

    await tqc(['claim', '1'], { TASK_API_URL: server.url, AGENT_ID: '', BATON_TOKEN: 'secret' });

    const { headers } = server.requests[0] as RecordedRequest;
    expect(headers).not.toHaveProperty('x-agent-id');
    expect(headers.authorization).toBe('Bearer secret');
  });
});

describe('what tqc prints', () => {
  const listed = `Found 1 task(s):

#1 [queued] Café “menu”
  Kind: email | Priority: 20 | Tier: standard

`;
  const registered = `Registered agents (3):

jared
  Host: 10.0.0.5
  Last heartbeat: 2026-01-02T03:04:05Z

jean
  Host: None

otter
  Host: unknown

`;
  it.each<[string[], string]>([
    [['add', 'Café'], `Task added: #1\n${dumped}`],
    [['list'], listed],
    [['get', '1'], dumped],
    [['claim', '1'], `Task #1 claimed successfully\n${dumped}`],
    [['update', '1', '--status', 'failed'], 'Task #1 status updated to: failed\n'],
    [['complete', '1'], 'Task #1 completed\n'],
    [['cancel', '1'], 'Task #1 cancelled\n'],
    [['heartbeat', '--agent', 'jean'], 'Heartbeat registered for jean\n'],
    [['agents'], registered],
    [['config'], '{\n  "api_url": "URL",\n  "agent_id": "jared",\n  "redis_url": "redis://localhost:6379/0"\n}\n'],
  ])('for %j is what the Python client printed', async (args, stdout) => {
    const { url } = await useQueue();

    const result = await tqc(args, { TASK_API_URL: url, AGENT_ID: 'jared' });

    expect(result).toEqual({ code: 0, stdout: stdout.replace('URL', url), stderr: '' });
  });

  it('says so when there is nothing', async () => {
    const { url } = await useRecordingServer(() => ({ status: 200, body: [] }));

    expect(await tqc(['list'], { TASK_API_URL: url })).toMatchObject({ stdout: 'No tasks found.\n' });
    expect(await tqc(['agents'], { TASK_API_URL: url })).toMatchObject({ stdout: 'No agents registered.\n' });
  });

  // A worker loop greps for `^#\d+`: a title with a line of its own must not make it claim another task.
  it('keeps each task on the line of its number, whatever its title says', async () => {
    const forged = { ...task, title: 'Harmless\n#99 [queued] Forged\u001b[2J', claimed_by: 'jared' };
    const { url } = await useRecordingServer(() => ({ status: 200, body: [forged] }));

    const { stdout } = await tqc(['list'], { TASK_API_URL: url });

    expect(stdout.match(/^#\d+/gm)).toEqual(['#1']);
    expect(stdout).toContain('#1 [queued] Harmless #99 [queued] Forged [2J\n');
    expect(stdout).toContain('  Claimed by: jared\n');
  });

  it.each<[string[], unknown]>([
    [['add', 'Café'], task],
    [['list'], [task]],
    [['get', '1'], task],
    [['claim', '1'], task],
    [['update', '1', '--status', 'done'], task],
    [['complete', '1'], task],
    [['cancel', '1'], { id: 1, status: 'cancelled' }],
    [['heartbeat'], agents[0]],
    [['agents'], agents],
    [['config'], { api_url: expect.any(String), agent_id: 'jared', redis_url: expect.any(String) }],
  ])('for %j --json is one JSON document', async (args, document) => {
    const { url } = await useQueue();

    const { code, stdout } = await tqc([...args, '--json'], { TASK_API_URL: url, AGENT_ID: 'jared' });

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(document);
  });
});

describe('how tqc fails', () => {
  it('tells what the server refused, with the words of the server below', async () => {
    const { url } = await useRecordingServer(() => ({ status: 409, body: { error: 'Task 7 is claimed.', details: 'By jean.' } }));

    const told = await tqc(['claim', '7'], { TASK_API_URL: url });
    const inJson = await tqc(['claim', '7', '--json'], { TASK_API_URL: url });

    const message = `409 Client Error: Conflict for url: ${url}/tasks/7/claim`;
    expect(told).toEqual({ code: 1, stdout: '', stderr: `Error: ${message}\n  Task 7 is claimed.\n  By jean.\n` });
    expect(inJson).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(inJson.stderr)).toEqual({
      error: message,
      status: 409,
      url: `${url}/tasks/7/claim`,
      server: 'Task 7 is claimed.\nBy jean.',
    });
  });

  it.each<[string, CannedAnswer, string]>([
    [
      'a fault of the server',
      { status: 500, body: { error: 'Oops' } },
      '500 Server Error: Internal Server Error for url: URL\n  Oops',
    ],
    ['an empty 404', { status: 404 }, '404 Client Error: Not Found for url: URL'],
    ['a success that is no JSON', { status: 200 }, 'The answer is no JSON for url: URL'],
    [
      'another address',
      { status: 301, headers: { location: 'https://queue.example.org/tasks/7' } },
      '301 Redirect: Moved Permanently for url: URL\n  The server is at https://queue.example.org/tasks/7: set TASK_API_URL to that address.',
    ],
  ])('with 1 for %s', async (_name, answer, message) => {
    const { url } = await useRecordingServer(() => answer);

    const result = await tqc(['get', '7'], { TASK_API_URL: url });

    expect(result).toEqual({ code: 1, stdout: '', stderr: `Error: ${message.replace('URL', `${url}/tasks/7`)}\n` });
  });

  it('with 1 when nobody listens', async () => {
    const { code, stderr } = await tqc(['list'], { TASK_API_URL: 'http://127.0.0.1:1' });

    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: Connection error: .*ECONNREFUSED.* for url: http:\/\/127\.0\.0\.1:1\/tasks\?limit=20\n$/);
  });

  it.each([['list'], ['heartbeat']])('with 1 and a hint when no server is set: %s', async (command) => {
    const { code, stdout, stderr } = await tqc([command]);

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(`Error: Failed to initialize client: API URL not configured. Set TASK_API_URL environment variable.

Make sure TASK_API_URL is set:
  export TASK_API_URL=http://api-host:8080
`);
  });

  it('with 1 when a heartbeat is for nobody', async () => {
    const server = await useQueue();

    const { code, stderr } = await tqc(['heartbeat'], { TASK_API_URL: server.url });

    expect({ code, stderr }).toEqual({ code: 1, stderr: 'Error: No agent ID specified. Use --agent or set AGENT_ID\n' });
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['--metadata', ['add', 'x', '--metadata', '{']],
    ['--artifacts', ['complete', '1', '--artifacts', '[']],
    ['--capabilities', ['heartbeat', '--agent', 'jean', '--capabilities', 'yes']],
  ])('with 1, and sends nothing, when %s is no JSON', async (option, args) => {
    const server = await useQueue();

    const { code, stderr } = await tqc(args, { TASK_API_URL: server.url });

    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^Error: ${option} is not valid JSON: `));
    expect(server.requests).toEqual([]);
  });

  it('with 1, and help on stdout, when no command is given', async () => {
    const { code, stdout, stderr } = await tqc([]);

    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    for (const command of ['add', 'list', 'get', 'claim', 'update', 'complete', 'cancel', 'heartbeat', 'agents', 'config']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
  });

  it.each([
    [['nope']],
    [['add']],
    [['add', 'x', 'y']],
    [['add', 'x', '--kind', 'sport']],
    [['add', 'x', '--tier', 'huge']],
    [['add', 'x', '--priority', 'high']],
    [['list', '--limit', '1.5']],
    [['get', 'abc']],
    [['claim']],
    [['update', '1']],
    [['update', '1', '--status', 'paused']],
    [['cancel', '1', '--force']],
  ])('with 2, and the usage on stderr, for the wrong command line %j', async (args) => {
    const { code, stdout, stderr } = await tqc(args, { TASK_API_URL: 'http://127.0.0.1:1' });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^usage: tqc .*\ntqc.*: error: .+\n$/);
  });

  it('in JSON, when it is asked for, also for a wrong command line', async () => {
    const { code, stderr } = await tqc(['get', 'abc', '--json']);

    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toEqual({ error: expect.stringContaining('abc'), usage: 'usage: tqc get [options] <id>' });
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script for %s that asks tqc itself', async (shell) => {
    const { code, stdout } = await tqc(['completion', shell]);

    expect(code).toBe(0);
    expect(stdout).toContain('tqc completion complete -- ');
  });

  it.each<[string[], string[]]>([
    [['com'], ['complete', 'completion']],
    [
      ['complete', '--'],
      ['--json', '--result', '--artifacts'],
    ],
    [
      ['update', '1', '--status', ''],
      ['queued', 'claimed', 'running', 'done', 'failed'],
    ],
    [
      ['add', '--tier', ''],
      ['light', 'standard', 'heavy'],
    ],
    [['list', '--status', 'd'], ['done']],
  ])('offers, after %j, what can stand there', async (words, offered) => {
    const { stdout } = await tqc(['completion', 'complete', '--', ...words]);

    const values = stdout.split('\n').flatMap((line) => (line.includes('\t') ? [line.split('\t', 1)[0]] : []));
    expect(values.sort()).toEqual([...offered].sort());
  });

  // The scripts that are printed would ask `tqc complete -- ...` if left alone, and every press of Tab would finish tasks.
  it('leaves `complete --` to the command that finishes a task', async () => {
    const server = await useQueue();

    await tqc(['complete', '--', '5'], { TASK_API_URL: server.url });

    expect(server.requests).toMatchObject([{ line: 'POST /tasks/5/complete' }]);
  });
});

describe('tqc and the server', () => {
  const entry = path.join(import.meta.dirname, '../../dist/cli/tqc.js');

  /** Runs a script in which `tqc` is a command, as where it is installed. */
  async function bash(script: string, env: Record<string, string>): Promise<string> {
    const folder = mkdtempSync(path.join(tmpdir(), 'tqc-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, 'tqc'), `#!/bin/sh\nexec '${process.execPath}' '${entry}' "$@"\n`, { mode: 0o755 });
    const variables = { PATH: `${folder}:${process.env.PATH}`, ...env };
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script], { env: variables });
    return stdout;
  }

  it('do together what the queue’s own examples show', async () => {
    const { url } = await useTestApp();
    const script = `set -e
      tqc config
      tqc add "Triage urgent email from Sarah" --kind email --priority 20 --tier standard --desc "Check inbox, draft reply if needed"
      tqc add "Test code task" --kind code --priority 30 --tier heavy
      tqc add "Test research task" --kind research --priority 50 --tier light
      tqc list
      tqc list --status queued
      tqc claim 1
      tqc claim 1 2>&1 && exit 9
      tqc update 1 --status running
      tqc list --agent jared --status running
      tqc complete 1 --result "Email draft saved to drafts/" --artifacts '["drafts/email-42.md"]'
      tqc get 1
      tqc update 2 --status failed 2>&1 && exit 9
      tqc claim 2 > /dev/null
      tqc update 2 --status failed
      tqc update 2 --status queued
      tqc cancel 2
      tqc cancel 2 2>&1 && exit 9
      tqc heartbeat --agent jared
      tqc heartbeat --capabilities '{"email":true,"github":true,"browser":true}'
      tqc agents`;

    const stdout = await bash(script, { TASK_API_URL: `${url}/`, AGENT_ID: 'jared' });

    const task = (id: number, status: string, title: string, facts: string) => `#${id} [${status}] ${title}\n  ${facts}\n`;
    const first = 'Kind: email | Priority: 20 | Tier: standard';
    const rest = `
${task(2, 'queued', 'Test code task', 'Kind: code | Priority: 30 | Tier: heavy')}
${task(3, 'queued', 'Test research task', 'Kind: research | Priority: 50 | Tier: light')}
`;
    const queued = `Found 3 task(s):\n\n${task(1, 'queued', 'Triage urgent email from Sarah', first)}${rest}`;
    expect(stdout).toContain(`Task added: #1\n{\n  "id": 1,\n`);
    expect(stdout).toContain(`${queued}${queued}Task #1 claimed successfully\n{\n  "id": 1,\n`);
    expect(stdout).toContain(
      `Error: 409 Client Error: Conflict for url: ${url}/tasks/1/claim\n  Task already claimed\n  jared holds it`,
    );
    const running = task(1, 'running', 'Triage urgent email from Sarah', `${first}\n  Claimed by: jared`);
    expect(stdout).toContain(`Task #1 status updated to: running\nFound 1 task(s):\n\n${running}\nTask #1 completed\n`);
    expect(stdout).toContain('"description": "Email draft saved to drafts/"');
    expect(stdout).toContain(`${url}/tasks/2/status\n  Task is queued and cannot become failed\n  Claim it first.\n`);
    expect(stdout).toContain('Task #2 status updated to: failed\nTask #2 status updated to: queued\nTask #2 cancelled\n');
    expect(stdout).toContain(`Error: 404 Client Error: Not Found for url: ${url}/tasks/2\n  Task not found\n`);
    expect(stdout).toMatch(
      /Heartbeat registered for jared\nHeartbeat registered for jared\nRegistered agents \(1\):\n\njared\n {2}Host: unknown\n {2}Last heartbeat: \S+Z\n\n$/,
    );
  });

  it('give each task to one of the worker loops that shells run', { timeout: 120_000 }, async () => {
    const { url, sql } = await useTestApp();
    const env = { TASK_API_URL: url };
    await bash('for n in 1 2 3 4 5 6; do tqc add "Task $n" --priority $((60 - n)); done', env);
    const loop = `while TASK_ID=$(tqc list --status queued --limit 1 | grep -oP '^\\#\\K\\d+'); do
        if tqc claim $TASK_ID > /dev/null 2>&1; then
          tqc complete $TASK_ID --result "by $AGENT_ID" && echo "$TASK_ID"
        fi
      done`;

    const outputs = await Promise.all(['jared', 'jean'].map((agent) => bash(loop, { ...env, AGENT_ID: agent })));

    const done = outputs.flatMap((output) => output.match(/^\d+$/gm) ?? []);
    expect(done.sort()).toEqual(['1', '2', '3', '4', '5', '6']);
    const rows = await sql<{ fence: number; status: string }>('select distinct fence, status from task');
    expect(rows).toEqual([{ fence: 1, status: 'DONE' }]);
  });

  it.skipIf(!existsSync('/usr/bin/script'))('colour what stands on a terminal alone, and never against NO_COLOR', async () => {
    const { url } = await useQueue();
    const onTerminal = `script -qec 'tqc list' /dev/null`;

    const [coloured, plain, piped] = [
      await bash(onTerminal, { TASK_API_URL: url }),
      await bash(onTerminal, { TASK_API_URL: url, NO_COLOR: '1' }),
      await bash('tqc list', { TASK_API_URL: url, FORCE_COLOR: '1' }),
    ];

    expect(coloured).toContain('\u001b[');
    expect(plain).not.toContain('\u001b[');
    expect(plain).toContain('#1 [queued]');
    expect(piped).not.toContain('\u001b[');
  });
});
