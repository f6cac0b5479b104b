import type { Database } from '../../database/database.js';
import { DeadlineLoop } from '../../kernel/deadline-loop.js';
import type { Logger } from '../../kernel/logger.js';
import { hasExpired, type SweptJobs, sweepStatement } from './sql/expire.sql.js';

/** Ends the runs of jobs whose lease has lapsed, within moments of the lapse. Every process sweeps; sweeping twice is harmless. */
export class JobExpiry {
  readonly #loop: DeadlineLoop;

  constructor(
    private readonly database: Database,
    options: { intervalMs: number; logger: Logger },
  ) {
    this.#loop = new DeadlineLoop({ ...options, name: 'the sweep of lost jobs', round: () => this.#sweep() });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Tells the sweep that a lease was granted or extended, so that it looks when that one may lapse. */
  expectLapseIn(leaseSeconds: number): void {
    this.#loop.wakeIn(leaseSeconds * 1000);
  }

  async #sweep(): Promise<number | null> {
    const [swept] = await this.database.write<SweptJobs>(sweepStatement, [], hasExpired);
    if (!swept) throw new Error('the sweep answered nothing');
    return swept.nextExpiryAt && swept.nextExpiryAt.getTime() - swept.databaseTime.getTime();
  }
}
