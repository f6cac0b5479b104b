import pg from 'pg';
import { Prisma } from './generated/prisma/client.js';

/**
 * Classes of errors that Postgres reports of a statement that it has rolled back: bad data, a violated constraint, a
 * conflict with others, a statement that cannot be, a limit, an exception of a trigger. Not among them are those with
 * which a connection ends, after which nobody knows whether the statement was committed just before.
 */
const refusedClasses = ['22', '23', '40', '42', '54', 'P0'];
const canceledByTimeout = '57014';
const outcomeUnknown = '40003';

/** Whether the error says for certain that the statement was rolled back whole. */
export function isRolledBack(error: unknown): boolean {
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  return (refusedClasses.includes(code.slice(0, 2)) && code !== outcomeUnknown) || code === canceledByTimeout;
}

const conflicts = ['40001', '40P01'];

/**
 * Whether Postgres has rolled back a statement or a transaction, ours or Prisma's, because of what others did at the same
 * time: a deadlock, or a row that a younger transaction has written (the trigger of the migration `lease_checks`).
 */
export function isConflict(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return conflicts.includes(error.code ?? '');
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return false;
  // Prisma's own statements say P2034; those given to it as text have the code of Postgres beside one of Prisma's.
  const { cause } = (error.meta?.driverAdapterError ?? {}) as { cause?: { originalCode?: string } };
  return error.code === 'P2034' || conflicts.includes(cause?.originalCode ?? '');
}
