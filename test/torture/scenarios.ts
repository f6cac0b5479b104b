import type { Scenario } from './run.js';
import { cutConnections } from './scenarios/cut-connections.js';
import { diskFull } from './scenarios/disk-full.js';
import { duplicates } from './scenarios/duplicates.js';
import { kills } from './scenarios/kills.js';
import { postgresCrashes } from './scenarios/postgres-crashes.js';
import { redisAway } from './scenarios/redis-away.js';
import { rollingRestarts } from './scenarios/rolling-restarts.js';
import { slowSubscriber } from './scenarios/slow-subscriber.js';
import { stoppedAgents } from './scenarios/stopped-agents.js';
import { wrongClocks } from './scenarios/wrong-clocks.js';

/** Everything that is done to Baton, in the order in which it is played. */
export const scenarios: readonly Scenario[] = [
  kills,
  stoppedAgents,
  postgresCrashes,
  redisAway,
  cutConnections,
  duplicates,
  slowSubscriber,
  rollingRestarts,
  diskFull,
  wrongClocks,
];
