import { CommanderError } from 'commander';

/** What the process ends with; documented in docs/cli.md. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** The command line asks for something that makes no sense. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Tells on standard error what went wrong, unless commander has told already, and answers the exit code. */
export function report(error: unknown, { asJson }: { asJson: boolean }): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const message = messageOf(error);
  process.stderr.write(asJson ? `${JSON.stringify({ error: message })}\n` : `baton: ${message}\n`);
  return error instanceof UsageError ? exitCodes.usage : exitCodes.failed;
}

/** Expected failures are told in their own words; only a bug shows its stack. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isBug = error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
  return isBug ? `this is a bug of Baton: ${error.stack}` : error.message;
}
