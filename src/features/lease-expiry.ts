import type { Database, Statement } from '../database/database.js';
import type { DatabaseClock } from '../database/database-clock.js';
import { DeadlineLoop } from '../kernel/deadline-loop.js';
import type { Logger } from '../kernel/logger.js';

/** What a sweep answers. */
export interface SweptLeases {
  expiredCount: number;
  databaseTime: Date;
  /** When to look again, before which no lease lapses: in the past when some were left or skipped, null when nothing is leased. */
  nextCheckAt: Date | null;
}

/** Whether a sweep has ended any lease, and so written events. */
export function hasExpired(rows: SweptLeases[]): boolean {
  return rows.some((row) => row.expiredCount > 0);
}

/**
 * Ends the leases of one kind of thing that have lapsed, within moments of the lapse.
 *
 * It schedules itself on the next lease that may lapse, as the database answers it, and looks at least every `intervalMs`, which
 * is at most the shortest lease: so a lease that another process granted is known before it lapses, also when that process
 * dies. Every process sweeps; sweeping twice is harmless.
 */
export class LeaseExpiry {
  readonly #loop: DeadlineLoop;

  constructor(
    private readonly database: Database,
    private readonly clock: DatabaseClock,
    private readonly sweep: Statement,
    options: { intervalMs: number; logger: Logger },
  ) {
    this.#loop = new DeadlineLoop({ ...options, name: `the sweep ${sweep.name}`, round: () => this.#round() });
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

  async #round(): Promise<number | null> {
    const [swept] = await this.database.write<SweptLeases>(this.sweep, [], hasExpired);
    if (!swept) throw new Error('the sweep answered nothing');
    this.clock.observe(swept.databaseTime);
    return swept.nextCheckAt && swept.nextCheckAt.getTime() - swept.databaseTime.getTime();
  }
}
