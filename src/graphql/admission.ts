import type { ExecutionArgs, GraphQLError } from 'graphql';
import { RateLimitedError } from '../auth/auth.errors.js';
import { credentialKey } from '../auth/viewer.js';
import { DomainError } from '../kernel/domain-error.js';
import type { Charge, CostBudget } from '../rate-limits/cost-budget.js';
import type { ErrorMask } from './error-mask.js';
import type { OperationSource } from './operation.js';
import { costOf } from './operation-cost.js';

/** What an operation was charged, as answers tell it in `extensions.cost`. */
export interface CostReport {
  /** What the operation costs. */
  requested: number;
  /** What the credential may spend in a window. */
  limit: number;
  /** What it may still spend in this one. */
  remaining: number;
  resetsInSeconds: number;
}

/** Lets an operation run if it is not too costly in itself, nor for what its credential has left to spend. */
export class Admission {
  readonly #limitText: string;

  constructor(private readonly options: { budget: CostBudget | null; maskError: ErrorMask }) {
    this.#limitText = String(options.budget?.limit);
  }

  /** Charges the operation, and tells its source what is left. Answers why it may not run, masked; null when it may. */
  admit(args: ExecutionArgs): GraphQLError | null {
    const source = args.contextValue as OperationSource;
    try {
      this.#charge(source, costOf(args) ?? 1);
      return null;
    } catch (error) {
      const refusal = this.options.maskError(error, { requestId: source.requestId, operationName: args.operationName ?? null });
      // 400 for every client, as for any other document over a limit.
      if (error instanceof DomainError) refusal.extensions.http ??= { status: 400 };
      return refusal;
    }
  }

  #charge(source: OperationSource, requested: number): void {
    const { budget } = this.options;
    // Nobody pays in open mode, nor where no credential was sent: that may only sign in.
    const payer = budget && credentialKey(source.viewer);
    if (!payer) return;
    const charge = budget.charge(payer, requested);
    const resetsInSeconds = Math.max(1, Math.ceil(charge.resetsInMs / 1000));
    source.cost = { requested, limit: budget.limit, remaining: charge.remaining, resetsInSeconds };
    tell(source, this.#limitText, charge);
    if (charge.isAllowed) return;
    throw new RateLimitedError(
      `The operation costs ${requested}, but of the ${budget.limit} that this credential may spend in ${budget.windowSeconds} seconds ${charge.remaining} are left.`,
      resetsInSeconds,
    );
  }
}

/** The same headers as the REST limit's. */
function tell({ setHeader }: OperationSource, limit: string, { remaining, resetsAt }: Charge): void {
  setHeader('x-ratelimit-limit', limit);
  setHeader('x-ratelimit-remaining', String(remaining));
  setHeader('x-ratelimit-reset', resetsAt);
}
