import type { Endpoint } from './endpoint.js';
import { healthEndpoints } from './health.rest.js';

/** Every REST endpoint there is. */
export const endpoints: readonly Endpoint[] = [...healthEndpoints];
