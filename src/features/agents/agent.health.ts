import type { Database } from '../../database/database.js';
import { DeadlineLoop } from '../../kernel/deadline-loop.js';
import type { Logger } from '../../kernel/logger.js';
import type { HealthLimits } from './agent.model.js';
import { healthSweepStatement } from './sql/health.sql.js';

/** Announces, by an event, that an agent has fallen silent: STALE first, then OFFLINE. Every process runs it; twice is harmless. */
export class AgentHealthWatch {
  readonly #loop: DeadlineLoop;

  constructor(
    private readonly database: Database,
    private readonly limits: HealthLimits,
    options: { intervalMs: number; logger: Logger },
  ) {
    this.#loop = new DeadlineLoop({ ...options, name: 'the watch over silent agents', round: () => this.#sweep() });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #sweep(): Promise<number | null> {
    const { staleSeconds, offlineSeconds } = this.limits;
    const [swept] = await this.database.write<{ changedCount: number; databaseTime: Date; nextDueAt: Date | null }>(
      healthSweepStatement,
      [staleSeconds, offlineSeconds],
      (rows) => rows.some((row) => row.changedCount > 0),
    );
    if (!swept) throw new Error('the watch answered nothing');
    return swept.nextDueAt && swept.nextDueAt.getTime() - swept.databaseTime.getTime();
  }
}
