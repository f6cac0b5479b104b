import type { Database } from '../../database/database.js';
import type { DatabaseClock } from '../../database/database-clock.js';
import { DeadlineLoop } from '../../kernel/deadline-loop.js';
import type { Logger } from '../../kernel/logger.js';
import { hasExpired, sweepStatement } from './sql/expire.sql.js';

/**
 * Returns tasks whose lease has lapsed to READY, within moments of the lapse.
 *
 * It schedules itself on the next lease to lapse, as the database answers it, and looks at least every `intervalMs`, which
 * is at most the shortest lease: so a lease that another process granted is known before it lapses, also when that process
 * dies. Every process sweeps; sweeping twice is harmless.
 */
export class TaskExpiry {
  readonly #loop: DeadlineLoop;

  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    options: { intervalMs: number; logger: Logger },
  ) {
    this.#loop = new DeadlineLoop({ ...options, name: 'the sweep of lapsed leases', round: () => this.#sweep() });
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
    const [swept] = await this.database.write(sweepStatement, [], hasExpired);
    if (!swept) throw new Error('the sweep answered nothing');
    this.clock.observe(swept.databaseTime);
    return swept.nextExpiryAt && swept.nextExpiryAt.getTime() - swept.databaseTime.getTime();
  }
}
