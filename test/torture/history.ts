/**
 * What a run of the torture harness has seen from outside: every request with its answer, and every event that a
 * subscriber received. Nothing here comes from the server's own account of itself; the checker compares the two.
 */

/** What became of a request. `unknown`: no answer came, so that it may have been done or not. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

/** A task as a claim granted it. */
export interface Grant {
  taskId: string;
  fence: number;
  /** Time at which the lease ends, on the database's clock. */
  leaseExpiresAt: Date;
}

interface OperationBase {
  outcome: Outcome;
  /** Error code of a refusal. */
  code?: string | undefined;
  /** Attempts that may have reached a server, and those of them that got no whole answer. */
  sendings: number;
  unanswered: number;
  /** Whether it was sent under an idempotency key: then it happens at most once however often it was sent. */
  hasKey: boolean;
}

/** Creates tasks, each titled with a token of its own. */
export interface CreateOperation extends OperationBase {
  kind: 'create';
  tokens: string[];
}

export interface ClaimOperation extends OperationBase {
  kind: 'claim';
  agentId: string;
  /** Most tasks that it may take. */
  count: number;
  leaseSeconds: number;
  /** What was granted, when it was acknowledged. */
  grants: Grant[];
  /** Tasks that the answer names, whose leases were over by then: it had to be asked for again under its key. */
  lapsedTaskIds: string[];
}

export interface HeartbeatOperation extends OperationBase {
  kind: 'heartbeat';
  agentId: string;
  taskId: string;
  fence: number;
  leaseSeconds: number;
  /** End of the lease as it was answered; null unless acknowledged. */
  leaseExpiresAt: Date | null;
}

/** A write that ends the holding of a task. The token travels in the result or the reason, and the event keeps it. */
export interface EndOperation extends OperationBase {
  kind: 'complete' | 'release';
  agentId: string;
  taskId: string;
  fence: number;
  token: string;
}

export type Operation = CreateOperation | ClaimOperation | HeartbeatOperation | EndOperation;

/** One event as a subscriber received it. */
export interface Reception {
  cursor: string;
  /** Time at which it came, on the clock of the harness; absent where many are told of at once. */
  at?: Date;
}

/** What one subscriber received, in the order in which it came. */
export interface Subscriber {
  name: string;
  /** Cursor after which it began. */
  after: string;
  /** The project whose events it follows; without one it follows all. */
  projectId?: string | null;
  /** How many subscribers received just this; 1 unless there is a crowd. */
  count?: number;
  receptions: Reception[];
}

/** All that was seen of one run. */
export class History {
  readonly operations: Operation[] = [];
  readonly subscribers: Subscriber[] = [];

  record(operation: Operation): void {
    this.operations.push(operation);
  }
}
