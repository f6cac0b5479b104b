import { coordinator } from './coordinator.js';
import type { Dialect } from './dialect.js';
import { orchestrator } from './orchestrator.js';
import { queue } from './queue.js';
import { worker } from './worker.js';

/** The four older APIs, in the order in which the document shows them. */
export const dialects: readonly Dialect[] = [coordinator, orchestrator, queue, worker];
