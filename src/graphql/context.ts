import type { Database } from '../database/database.js';
import type { DatabaseClock } from '../database/database-clock.js';
import type { PrismaClient } from '../database/generated/prisma/client.js';
import type { HealthLimits } from '../features/agents/agent.model.js';
import type { MemorySearch } from '../features/memory/memory.search.js';
import type { Services } from '../features/services.js';
import type { Metrics } from '../metrics/metrics.js';
import type { SubscriptionHub } from '../realtime/subscription-hub.js';
import type { OperationSource } from './operation.js';

/** What every resolver is given: who asks, and the parts that answer. */
export interface GraphqlContext extends OperationSource {
  /** For Pothos' planned reads. */
  prisma: PrismaClient;
  database: Database;
  clock: DatabaseClock;
  healthLimits: HealthLimits;
  hub: SubscriptionHub;
  memory: MemorySearch;
  services: Services;
  /** The services on another database: within the transaction that keeps an idempotency key. */
  servicesOn: (database: Database) => Services;
  metrics: Metrics;
}
