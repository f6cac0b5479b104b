import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../kernel/logger.js';

/** The database cannot be reached, or does not let us in. The message never has the password. */
export class DatabaseUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DatabaseUnavailableError';
  }
}

const patientAttempts = 10;
const retryMs = 500;

/**
 * Opens one connection, for work that is not of the pool: migrations, an export, an import.
 * Waits a little for a database that is starting, as one of the same compose file may be, unless `isPatient` is false.
 * Throws DatabaseUnavailableError.
 */
export async function connect(options: { databaseUrl: string; logger: Logger; isPatient?: boolean }): Promise<pg.Client> {
  const attempts = options.isPatient === false ? 1 : patientAttempts;
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: options.databaseUrl, connectionTimeoutMillis: 5000 });
    // Without a listener, a connection lost between two queries would end the process; the next query reports it as well.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (cause) {
      const reason = describe(cause);
      const { host, port, database } = client;
      if (attempt >= attempts || !isPassing(cause)) {
        throw new DatabaseUnavailableError(
          `The database ${database} at ${host}:${port} cannot be used: ${reason}. Check DATABASE_URL.`,
          { cause },
        );
      }
      options.logger.warn({ host, port, attempt, reason }, 'The database does not answer yet; trying again');
      await delay(retryMs);
    }
  }
}

/** Nobody listens yet, or the server says that it is starting up. Anything else, such as a wrong password, stays wrong. */
function isPassing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', '57P03', ''].includes(code);
}

function describe(error: unknown): string {
  // Node gives an AggregateError with an empty message when a name has several addresses and none answers.
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
