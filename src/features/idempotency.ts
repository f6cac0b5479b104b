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
      const taken = await tx.query(takeKeyStatement, [...owner, operation, requestHash]);
      if (taken.length === 0) return firstAnswer<Result>(tx, owner, requestHash);
      const outcome = await compute(tx);
      await tx.query(keepAnswerStatement, [...owner, JSON.stringify(freeze(outcome))]);
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

async function firstAnswer<Result>(tx: Transaction, owner: string[], requestHash: string): Promise<Outcome<Result>> {
  const [kept] = await tx.query<{ operation: string; requestHash: string; response: unknown }>(readAnswerStatement, owner);
  if (!kept) throw new Error('a key that is taken stays until its hours are over');
  if (kept.requestHash !== requestHash) return failure(new IdempotencyKeyReusedError(owner[2] ?? '', kept.operation));
  return thaw(kept.response) as Outcome<Result>;
}

function failure(error: DomainError): { result: null; errors: UserErrorData[] } {
  return { result: null, errors: [toUserError(error)] };
}

/** Takes the key, waiting for a transaction that is taking it; no row when it is taken. */
const takeKeyStatement: Statement = {
  name: 'idempotency-take',
  text: `insert into idempotency_key (organization_id, caller, key, operation, request_hash)
    values ($1::uuid, $2, $3, $4, $5) on conflict do nothing returning true as taken`,
};

const keepAnswerStatement: Statement = {
  name: 'idempotency-keep',
  text: `update idempotency_key set response = $4::jsonb where organization_id = $1::uuid and caller = $2 and key = $3`,
};

const readAnswerStatement: Statement = {
  name: 'idempotency-read',
  text: `select operation, request_hash as "requestHash", response from idempotency_key
    where organization_id = $1::uuid and caller = $2 and key = $3`,
};
