import type { Database } from './database.js';

/**
 * The database's clock, as near as this process can know it without asking: an instant it has answered, carried on by the
 * process's monotonic clock, so that a jump of the machine's wall clock changes nothing. Good for showing what has lapsed;
 * a decision about a lease is always the database's own.
 */
export class DatabaseClock {
  #databaseMs = Date.now();
  #observedAt = performance.now();

  /** Asks the database once. */
  static async start(database: Database): Promise<DatabaseClock> {
    const clock = new DatabaseClock();
    const [row] = await database.query<{ now: Date }>({ name: 'clock', text: 'select clock_timestamp() as now' }, []);
    if (row) clock.observe(row.now);
    return clock;
  }

  /** Sets the clock by an instant that the database has just answered. */
  observe(databaseTime: Date): void {
    this.#databaseMs = databaseTime.getTime();
    this.#observedAt = performance.now();
  }

  now(): Date {
    return new Date(this.#databaseMs + (performance.now() - this.#observedAt));
  }
}
