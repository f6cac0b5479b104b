import { callerName, type Viewer } from '../auth/viewer.js';
import { type Database, type Statement, type Transaction, withinTransaction } from '../database/database.js';
import { DomainError } from '../kernel/domain-error.js';
import { fingerprint, freeze, thaw } from '../kernel/snapshot.js';
import { toUserError, type UserErrorData } from '../kernel/user-error.js';
import type { ErrorCode } from './error-code.js';

/** What a command came to: its result, or the expected failures that stopped it. */
export type Outcome<Result> = { result: Result; errors: [] } | { result: null; errors: UserErrorData[] };

/** The key was used before for something else. */
export class IdempotencyKeyReusedError extends DomainError {
  readonly code = 'IDEMPOTENCY_KEY_REUSED' satisfies ErrorCode;

  constructor(key: string, operation: string) {
    super(
      `Idempotency key "${key}" was used before, for another input or operation (${operation}). Use a fresh key for a new request.`,
      {
        path: ['idempotencyKey'],
      },
    );
  }
}

/** Runs a command; expected failures come back as data, bugs are thrown. */
export async function attempt<Result>(command: () => Promise<Result>): Promise<Outcome<Result>> {
  try {
    return { result: await command(), errors: [] };
  } catch (error) {
    if (error instanceof DomainError) return failure(error);
    throw error;
  }
}

/**
 * Runs a command once per key.
 *
 * The first call takes the key in the transaction of its change, so that either both are kept or neither is; a second one
 * that comes meanwhile waits for it. The same caller with the same operation and input gets the first answer again, as it
 * was, whatever has happened since; a secret in it is not kept and reads as null. An expected failure is an answer too.
 * Another operation or input under the key is IdempotencyKeyReusedError. Keys live for the configured hours.
 */
export async function once<Result>(
  database: Database,
  request: { viewer: Viewer; operation: string; input: unknown; key: string },
  command: (database: Database) => Promise<Result>,
): Promise<Outcome<Result>> {
  const { viewer, operation, input, key } = request;
  const owner = [viewer.organizationId, callerName(viewer), key];
  const requestHash = fingerprint({ operation, input });
  const answer = (compute: (tx: Transaction) => Promise<Outcome<Result>>) =>
    database.transaction(async (tx) => {
      await tx.query(holdKeyStatement, owner);
      const kept = await firstAnswer<Result>(tx, owner, requestHash);
      if (kept) return kept;
      const outcome = await compute(tx);
      await tx.query(keepAnswerStatement, [...owner, operation, requestHash, JSON.stringify(freeze(outcome))]);
      return outcome;
    });
  try {
    return await answer(async (tx) => ({ result: await command(withinTransaction(tx)), errors: [] }));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    // The change was rolled back, and the key with it: keep the failure alone, unless another call was faster.
    return answer(async () => failure(error));
  }
}

/** What was answered to the key before; null when it is fresh. */
async function firstAnswer<Result>(tx: Transaction, owner: string[], requestHash: string): Promise<Outcome<Result> | null> {
  const [kept] = await tx.query<{ operation: string; requestHash: string; response: unknown }>(readAnswerStatement, owner);
  if (!kept) return null;
  if (kept.requestHash !== requestHash) return failure(new IdempotencyKeyReusedError(owner[2] ?? '', kept.operation));
  return thaw(kept.response) as Outcome<Result>;
}

function failure(error: DomainError): { result: null; errors: UserErrorData[] } {
  return { result: null, errors: [toUserError(error)] };
}

/**
 * Holds the key until the transaction ends, waiting for another that holds it. Not by inserting it: that would draw the
 * transaction's number, by which its events are ordered, before the command waits for the rows that it changes.
 */
const holdKeyStatement: Statement = {
  name: 'idempotency-hold',
  text: `select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, hashtextextended($3, 0))) is null as held`,
};

const keepAnswerStatement: Statement = {
  name: 'idempotency-keep',
  text: `insert into idempotency_key (organization_id, caller, key, operation, request_hash, response)
    values ($1::uuid, $2, $3, $4, $5, $6::jsonb)`,
};

const readAnswerStatement: Statement = {
  name: 'idempotency-read',
  text: `select operation, request_hash as "requestHash", response from idempotency_key
    where organization_id = $1::uuid and caller = $2 and key = $3`,
};
