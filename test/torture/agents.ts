import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { mutate, type Result } from './client.js';
import type { Grant, History } from './history.js';
import type { Random } from './random.js';

const claimDocument = `mutation ($input: TaskClaimNextInput!) {
  taskClaimNext(input: $input) { tasks { id lease { fence expiresAt } } errors { code } }
}`;
const heartbeatDocument = `mutation ($input: TaskHeartbeatInput!) {
  taskHeartbeat(input: $input) { task { lease { expiresAt } } errors { code } }
}`;
const completeDocument = `mutation ($input: TaskCompleteInput!) { taskComplete(input: $input) { errors { code } } }`;
const releaseDocument = `mutation ($input: TaskReleaseInput!) { taskRelease(input: $input) { errors { code } } }`;
const createDocument = `mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { errors { code } } }`;
const createProjectDocument = `mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { project { id } errors { code } } }`;
const registerDocument = `mutation ($input: AgentRegisterInput!) { agentRegister(input: $input) { agent { id } apiKey errors { code } } }`;

/** How an agent gets at the servers, and how long it insists. */
export interface Line {
  /** Addresses to try, one after the other. */
  urls(): readonly string[];
  /** Milliseconds for which a request under an idempotency key is sent again. */
  insistMs: number;
  /** How often each request is sent at once: twice, as a network that delivers twice would. */
  copies: number;
}

export interface Credentials {
  agentId: string;
  apiKey: string;
}

/** Who registers agents and creates projects and work. */
export class Operator {
  #created = 0;

  constructor(
    private readonly options: {
      line: Line;
      token: string;
      history: Pick<History, 'record'>;
      /** Projects over which the tasks spread. */
      projectIds?: readonly string[] | undefined;
    },
  ) {}

  /** Registers an agent, once the servers can be reached. */
  async register(name: string): Promise<Credentials> {
    const input = { externalId: `${name}-${randomUUID()}` };
    const { payload } = await this.#send<{ agent: { id: string } | null; apiKey: string | null }>(registerDocument, input, null);
    if (!payload?.agent || !payload.apiKey) throw new Error(`${name} could not be registered`);
    return { agentId: payload.agent.id, apiKey: payload.apiKey };
  }

  async createProject(name: string): Promise<string> {
    const { payload } = await this.#send<{ project: { id: string } | null }>(createProjectDocument, { name }, null);
    if (!payload?.project) throw new Error(`project ${name} could not be created`);
    return payload.project.id;
  }

  /** Creates so many tasks in one request. */
  async create(count: number): Promise<void> {
    const tokens = Array.from({ length: count }, () => `task ${randomUUID()}`);
    const { projectIds, history, line } = this.options;
    const inProject = (index: number) => (projectIds ? { projectId: projectIds[index % projectIds.length] } : {});
    const tasks = tokens.map((title) => ({ title, ...inProject(this.#created++) }));
    const retryUntil = performance.now() + line.insistMs;
    const sent = await this.#send(createDocument, { tasks, idempotencyKey: randomUUID() }, retryUntil);
    history.record({ kind: 'create', tokens, ...factsOf({ ...sent, hasKey: true }) });
  }

  #send<Payload>(query: string, input: object, retryUntil: number | null): Promise<Result<Payload>> {
    const { line, token } = this.options;
    return mutate<Payload>({ urls: line.urls(), token, query, variables: { input }, retryUntil });
  }
}

/** What an agent does with a task that it has claimed. */
type Deed = 'complete' | 'release' | 'abandon' | 'heartbeat, then complete';

const deeds: readonly Deed[] = [
  ...(Array(12).fill('complete') as Deed[]),
  ...(Array(4).fill('heartbeat, then complete') as Deed[]),
  'release',
  'release',
  'abandon',
];

/**
 * An agent that works as real ones do, and as bad ones do: it claims, keeps alive, completes and gives back; now and then
 * it walks away from a task and comes back to finish it long after its lease is over.
 */
export class Agent {
  /** Left without a word. */
  readonly #abandoned: Grant[] = [];

  constructor(
    private readonly options: {
      credentials: Credentials;
      line: Line;
      history: Pick<History, 'record'>;
      random: Random;
      leaseSeconds: number;
      /** Milliseconds of rest between two claims. */
      pauseMs: number;
    },
  ) {}

  async run(until: () => boolean): Promise<void> {
    const { pauseMs } = this.options;
    while (!until()) {
      if (pauseMs > 0) await delay(pauseMs);
      const grants = await this.claim(this.options.random.between(1, 3));
      if (grants.length === 0) await delay(this.options.random.between(10, 50));
      for (const grant of grants) await this.#work(grant);
      const old = this.#abandoned.length > 3 ? this.#abandoned.shift() : undefined;
      if (old) await this.end('complete', old);
    }
  }

  async #work(grant: Grant): Promise<void> {
    const { random } = this.options;
    const deed = random.pick(deeds);
    if (deed === 'abandon') this.#abandoned.push(grant);
    else if (deed === 'release') await this.end('release', grant);
    else {
      if (deed === 'heartbeat, then complete') await this.heartbeat(grant);
      await this.end('complete', grant);
    }
  }

  async claim(count: number): Promise<Grant[]> {
    const { agentId } = this.options.credentials;
    const { leaseSeconds, history } = this.options;
    const input = { count, leaseSeconds };
    const sent = await this.#send<{ tasks: { id: string; lease: { fence: number; expiresAt: string } | null }[] }>(
      claimDocument,
      input,
    );
    const tasks = sent.payload?.tasks ?? [];
    const grants = tasks.flatMap(({ id, lease }) =>
      lease ? [{ taskId: id, fence: lease.fence, leaseExpiresAt: new Date(lease.expiresAt) }] : [],
    );
    const lapsedTaskIds = tasks.flatMap(({ id, lease }) => (lease ? [] : [id]));
    history.record({ kind: 'claim', agentId, count, leaseSeconds, grants, lapsedTaskIds, ...factsOf(sent) });
    return grants;
  }

  async heartbeat({ taskId, fence }: Grant): Promise<void> {
    const { agentId } = this.options.credentials;
    const { leaseSeconds, history } = this.options;
    const sent = await this.#send<{ task: { lease: { expiresAt: string } | null } | null }>(heartbeatDocument, { taskId, fence });
    const expiresAt = sent.payload?.task?.lease?.expiresAt;
    const leaseExpiresAt = expiresAt ? new Date(expiresAt) : null;
    history.record({ kind: 'heartbeat', agentId, taskId, fence, leaseSeconds, leaseExpiresAt, ...factsOf(sent) });
  }

  async end(kind: 'complete' | 'release', { taskId, fence }: Grant): Promise<void> {
    const { agentId } = this.options.credentials;
    const token = randomUUID();
    const input = { taskId, fence, ...(kind === 'complete' ? { result: { token } } : { reason: token }) };
    const sent = await this.#send(kind === 'complete' ? completeDocument : releaseDocument, input);
    this.options.history.record({ kind, agentId, taskId, fence, token, ...factsOf(sent) });
  }

  /** Half of the requests carry a key and are sent until there is an answer; the others are sent once, and their fate may stay unknown. */
  async #send<Payload>(query: string, input: object): Promise<Result<Payload> & { hasKey: boolean }> {
    const { credentials, line, random } = this.options;
    const hasKey = line.copies > 1 || random.chance(0.5);
    const request = {
      ...{ token: credentials.apiKey, query },
      variables: { input: hasKey ? { ...input, idempotencyKey: randomUUID() } : input },
      retryUntil: hasKey ? performance.now() + line.insistMs : null,
    };
    const copies = Array.from({ length: line.copies }, () => mutate<Payload>({ ...request, urls: line.urls() }));
    const [first, ...others] = await Promise.all(copies);
    if (!first) throw new Error('a request is sent once at least');
    for (const other of others) requireSame(first, other);
    return { ...first, hasKey };
  }
}

/** The copies of a request under one key get the same answer. */
function requireSame<Payload>(first: Result<Payload>, other: Result<Payload>): void {
  if (first.outcome === 'unknown' || other.outcome === 'unknown') return;
  const [one, two] = [first, other].map(({ outcome, code, payload }) => JSON.stringify({ outcome, code, payload }));
  if (one !== two) throw new Error(`one key, two answers: ${one} and ${two}`);
}

function factsOf({ payload: _, ...facts }: Result<unknown> & { hasKey: boolean }) {
  return facts;
}
