import http from 'node:http';
import https from 'node:https';
import { CommandFailure } from '../command-failure.js';
import { pythonJson } from './python-json.js';
import { requireApiUrl, type Settings } from './settings.js';

/** A task as the queue dialect shows it. */
export interface QueueTask {
  id: number;
  title: string;
  description: string | null;
  kind: string;
  priority: number;
  model_tier: string;
  status: string;
  claimed_by: string | null;
  claimed_at: string | null;
  created_at: string;
  updated_at: string;
  completed_at: string | null;
  result: unknown;
  metadata: Record<string, unknown>;
}

/** An agent as the queue dialect shows it. */
export interface QueueAgent {
  id: string;
  host?: string | null;
  last_heartbeat?: string | null;
  capabilities: Record<string, unknown>;
}

/** What `tqc list` filters by; what is empty is not asked for. */
export interface TaskListFilter {
  limit: number;
  status?: string | undefined;
  agent?: string | undefined;
  kind?: string | undefined;
}

/**
 * The queue dialect over HTTP. Every request is the one that the Python client made: the same keys in the same order,
 * no body where it sent none, `X-Agent-ID` if and only if an agent is set.
 * Every method throws CommandFailure for an answer of 400 and up, and when there is no answer.
 */
export class QueueClient {
  readonly #apiUrl: string;
  readonly #headers: Record<string, string>;

  /** Throws CommandFailure when no server is set. */
  constructor({ agentId, token, ...settings }: Settings) {
    this.#apiUrl = requireApiUrl({ agentId, token, ...settings });
    this.#headers = {
      'User-Agent': 'tqc',
      Accept: '*/*',
      ...(agentId && { 'X-Agent-ID': agentId }),
      ...(token && { Authorization: `Bearer ${token}` }),
    };
  }

  addTask(task: {
    title: string;
    kind: string;
    priority: number;
    modelTier: string;
    description?: string | undefined;
    metadata?: unknown;
  }): Promise<QueueTask> {
    const { title, kind, priority, modelTier, description, metadata } = task;
    return this.#request('POST', '/tasks', {
      title,
      kind,
      priority,
      model_tier: modelTier,
      ...(description && { description }),
      ...(isTrue(metadata) && { metadata }),
    });
  }

  listTasks({ limit, ...filters }: TaskListFilter): Promise<QueueTask[]> {
    const query = new URLSearchParams({ limit: String(limit) });
    for (const name of ['status', 'agent', 'kind'] as const) {
      if (filters[name]) query.set(name, filters[name]);
    }
    return this.#request('GET', `/tasks?${query}`);
  }

  getTask(taskId: string): Promise<QueueTask> {
    return this.#request('GET', `/tasks/${taskId}`);
  }

  claimTask(taskId: string): Promise<QueueTask> {
    return this.#request('POST', `/tasks/${taskId}/claim`);
  }

  updateStatus(taskId: string, status: string): Promise<QueueTask> {
    return this.#request('PATCH', `/tasks/${taskId}/status`, { status });
  }

  completeTask(taskId: string, result?: Record<string, unknown>): Promise<QueueTask> {
    return this.#request('POST', `/tasks/${taskId}/complete`, result ? { result } : {});
  }

  async cancelTask(taskId: string): Promise<void> {
    await this.#request('DELETE', `/tasks/${taskId}`);
  }

  heartbeat(agentId: string, capabilities?: unknown): Promise<QueueAgent> {
    return this.#request('POST', '/agents/heartbeat', {
      agent_id: agentId,
      ...(isTrue(capabilities) && { capabilities }),
    });
  }

  listAgents(): Promise<QueueAgent[]> {
    return this.#request('GET', '/agents');
  }

  async #request<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const url = `${this.#apiUrl}${path}`;
    const text = body === undefined ? '' : pythonJson(body);
    const headers = {
      ...this.#headers,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(method !== 'GET' && { 'Content-Length': Buffer.byteLength(text) }),
    };
    const response = await send(url, { method, headers }, text);
    if (response.status < 200 || response.status > 299) throw refusal(response, url);
    return (response.status === 204 ? null : parseAnswer(response.text, url)) as Answer;
  }
}

interface Response {
  status: number;
  reason: string;
  location: string | undefined;
  text: string;
}

/** Not by `fetch`, which leaves out the length of an empty DELETE, and which will not talk to some ports. */
function send(
  url: string,
  options: { method: string; headers: Record<string, string | number> },
  body: string,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new CommandFailure(`Connection error: ${reasonOf(cause)} for url: ${url}`, { facts: { url }, cause }));
    const protocol = url.startsWith('https:') ? https : http;
    const request = protocol.request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        const { statusCode: status = 0, statusMessage, headers } = response;
        const reason = statusMessage || (http.STATUS_CODES[status] ?? '');
        resolve({ status, reason, location: headers.location, text: Buffer.concat(chunks).toString('utf8') });
      });
    });
    request.on('error', fail);
    request.end(body);
  });
}

/** Any answer but success, in the words of python-requests; what the server says of it stands below. */
function refusal({ status, reason, location, text }: Response, url: string): CommandFailure {
  const kind = status < 400 ? 'Redirect' : status < 500 ? 'Client Error' : 'Server Error';
  const said = location === undefined ? serverWords(text) : [`The server is at ${location}: set TASK_API_URL to that address.`];
  return new CommandFailure(`${status} ${kind}: ${reason} for url: ${url}`, {
    hint: said.map((line) => `  ${line}`).join('\n') || undefined,
    facts: { status, url, ...(said.length > 0 && { server: said.join('\n') }) },
  });
}

/** `error` and `details` of the dialect's envelope, where the answer is one. */
function serverWords(text: string): string[] {
  try {
    const { error, details } = JSON.parse(text) as { error?: unknown; details?: unknown };
    return [error, details].filter((words) => typeof words === 'string' && words !== '') as string[];
  } catch {
    // What is no JSON is the page of some proxy: the status line says enough.
    return [];
  }
}

function parseAnswer(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`The answer is no JSON for url: ${url}`, { facts: { url }, cause: error });
  }
}

/** Where a name has several addresses, each has failed: the first says why. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0].message : error.message;
}

/** What Python takes for true: an empty object or list is not. */
function isTrue(value: unknown): boolean {
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0;
  return Boolean(value);
}
