import { defaultToken, defaultUrl } from './environment.js';
import { postJson } from './post-json.js';

/** Milliseconds that one call may take. */
const timeoutMs = 30_000;

export interface VPCoordinationClientOptions {
  /**
   * Where the server is, such as `http://127.0.0.1:4000`. Default: the environment variable `BATON_URL`; without one, in a
   * browser, where the page came from; else `http://127.0.0.1:4000`.
   */
  baseUrl?: string;
  /** Session token. Default: the environment variable `BATON_TOKEN`; without one, a browser sends its session cookie. */
  token?: string;
  /** Sends the requests. Default: the global one. */
  fetch?: typeof globalThis.fetch;
}

export interface DelegateInput {
  /** Id of the orchestrator that owns the task. */
  fromVpId: string;
  /** Id of the orchestrator that is to own it. */
  toVpId: string;
  taskId: string;
  /** At most 1,000 characters. */
  note?: string;
  /** Replaces the priority of the task. */
  priority?: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';
  /** Replaces the due date of the task; ISO 8601. */
  dueDate?: string;
}

export interface DelegateResult {
  success: true;
  taskId: string;
  fromVpId: string;
  toVpId: string;
  /** ISO 8601. */
  delegatedAt: string;
  message: string;
}

export interface CollaborateInput {
  /** Id of the orchestrator that owns the task. */
  vpId: string;
  taskId: string;
  /** Ids of 1 to 10 orchestrators. */
  requiredVpIds: string[];
  /** What each of them is to do, by its id; at most 100 characters each. Default: `collaborator`. */
  roles?: Record<string, string>;
  /** At most 1,000 characters. */
  note?: string;
}

export interface CollaborateResult {
  success: true;
  taskId: string;
  primaryVpId: string;
  collaboratorVpIds: string[];
  /** ISO 8601. */
  createdAt: string;
  message: string;
}

export interface HandoffInput {
  /** Id of the orchestrator that owns the task. */
  fromVpId: string;
  /** Id of the orchestrator that is to own it. */
  toVpId: string;
  taskId: string;
  /** What the next owner must know. */
  context?: Record<string, unknown>;
  /** At most 2,000 characters; comes back in the context as `handoffNotes`. */
  notes?: string;
}

export interface HandoffResult {
  success: true;
  taskId: string;
  fromVpId: string;
  toVpId: string;
  context: Record<string, unknown>;
  /** ISO 8601. */
  handoffAt: string;
  message: string;
}

export type ConflictType =
  | 'resource_conflict'
  | 'priority_conflict'
  | 'dependency_conflict'
  | 'ownership_conflict'
  | 'deadline_conflict'
  | 'other';

export interface ResolveConflictInput {
  /** Ids of the 2 to 10 orchestrators involved. */
  vpIds: string[];
  conflictType: ConflictType;
  /** What was decided, in any shape. */
  resolution: Record<string, unknown>;
  /** Id of the task that it was about. */
  taskId?: string;
  /** Id of the workspace that it was about. */
  workspaceId?: string;
  /** At most 2,000 characters. */
  note?: string;
}

export interface ResolveConflictResult {
  success: true;
  conflictType: ConflictType;
  involvedVpIds: string[];
  resolution: Record<string, unknown>;
  /** ISO 8601. */
  resolvedAt: string;
  message: string;
}

/** The server refused a call: nothing was changed. */
export class VPCoordinationError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** Such as `INVALID_OWNERSHIP`; undefined when it was not the server that answered, but something in between. */
  readonly code: string | undefined;
  /** For `VALIDATION_ERROR`, `errors` has what is wrong by field. */
  readonly details: { errors?: Record<string, string[]>; [fact: string]: unknown } | undefined;
  /** For `RATE_LIMITED`: seconds to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, facts: Pick<VPCoordinationError, 'status' | 'code' | 'details' | 'retryAfterSeconds'>) {
    super(message);
    this.name = 'VPCoordinationError';
    this.status = facts.status;
    this.code = facts.code;
    this.details = facts.details;
    this.retryAfterSeconds = facts.retryAfterSeconds;
  }
}

/**
 * Coordination among orchestrators, over the REST dialect under `/api/orchestrators`.
 *
 * Every method answers the `data` of the answer. It throws VPCoordinationError when the server refuses, and
 * BatonConnectionError when there was no answer: the call may then have taken effect or not.
 */
export class VPCoordinationClient {
  readonly #base: URL;
  readonly #token: string | undefined;
  readonly #fetch: typeof globalThis.fetch | undefined;

  constructor({ baseUrl = defaultUrl(), token = defaultToken(), fetch }: VPCoordinationClientOptions = {}) {
    // Resolving against it keeps the path of the address only when that ends in a slash.
    this.#base = new URL('api/orchestrators/', baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
    this.#token = token;
    this.#fetch = fetch;
  }

  /** Gives a task to another orchestrator for good. */
  delegate({ fromVpId, ...body }: DelegateInput): Promise<DelegateResult> {
    return this.#post(`${encodeURIComponent(fromVpId)}/delegate`, body);
  }

  /** Asks other orchestrators to work on a task together; its owner stays. */
  collaborate({ vpId, ...body }: CollaborateInput): Promise<CollaborateResult> {
    return this.#post(`${encodeURIComponent(vpId)}/collaborate`, body);
  }

  /** Gives work that has begun to another orchestrator, with what it must know. */
  handoff({ fromVpId, ...body }: HandoffInput): Promise<HandoffResult> {
    return this.#post(`${encodeURIComponent(fromVpId)}/handoff`, body);
  }

  /** Records how a conflict among orchestrators was settled. */
  resolveConflict(body: ResolveConflictInput): Promise<ResolveConflictResult> {
    return this.#post('conflicts', body);
  }

  async #post<Result>(path: string, body: object): Promise<Result> {
    const url = new URL(path, this.#base).href;
    const { response, answer } = await postJson<Answer>(url, body, { token: this.#token, timeoutMs, fetch: this.#fetch });
    if (response.ok && answer.data) return answer.data as Result;
    const { status, headers } = response;
    throw new VPCoordinationError(answer.error ?? `${url} answered ${status}, and not as the orchestrator dialect does.`, {
      status,
      code: answer.code,
      details: answer.details,
      retryAfterSeconds: Number(headers.get('retry-after')) || undefined,
    });
  }
}

/** The envelopes of success and failure in one. */
interface Answer {
  data: unknown;
  error: string;
  code: string;
  details: Record<string, unknown>;
}
