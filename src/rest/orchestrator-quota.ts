import { RateLimitedError } from '../auth/auth.errors.js';
import { callerName, type Viewer } from '../auth/viewer.js';
import type { CountedRequest, RateLimiter } from '../rate-limits/rate-limiter.js';

/** What the orchestrator dialect limits: requests of one caller, and of all callers of one organization. */
export type OrchestratorLimit = 'user' | 'organization';

/**
 * The limits of the orchestrator dialect. Every request with a good credential counts, also one that then fails; one that
 * its user's limit refuses does not count against the organization, so that nobody uses up what belongs to all.
 */
export class OrchestratorQuota {
  constructor(private readonly limiter: RateLimiter<OrchestratorLimit>) {}

  /** Counts the request, and tells by headers how many more there may be. Throws RateLimitedError. */
  async admit(viewer: Viewer, setHeader: (name: string, value: string) => void): Promise<void> {
    const own = await this.limiter.count('user', `${viewer.organizationId}:${callerName(viewer)}`);
    if (!own.isAllowed) return this.#tell('user', own, setHeader);
    const shared = await this.limiter.count('organization', viewer.organizationId);
    // Of two windows the caller needs to know the one that will stop it first.
    if (shared.isAllowed && own.remaining <= shared.remaining) return this.#tell('user', own, setHeader);
    return this.#tell('organization', shared, setHeader);
  }

  #tell(name: OrchestratorLimit, counted: CountedRequest, setHeader: (name: string, value: string) => void): void {
    const { requests, windowSeconds } = this.limiter.limits[name];
    const resetsInSeconds = Math.max(1, Math.ceil(counted.resetsInMs / 1000));
    setHeader('x-ratelimit-limit', String(requests));
    setHeader('x-ratelimit-remaining', String(counted.remaining));
    setHeader('x-ratelimit-reset', String(Math.ceil((Date.now() + counted.resetsInMs) / 1000)));
    if (counted.isAllowed) return;
    const whose = name === 'user' ? 'you' : 'your organization';
    throw new RateLimitedError(`Too many requests: ${whose} may send ${requests} in ${windowSeconds} seconds.`, resetsInSeconds, {
      scope: name,
      limit: requests,
      windowSeconds,
    });
  }
}
