import type { BatonClient } from '../../sdk/baton-client.js';
import { ServerTimeDocument } from '../generated.js';

/** Comparisons while the page is young and busy, so that one of them is quick; then one a minute. */
const firstCount = 5;
const firstEveryMs = 1000;
const laterEveryMs = 60_000;

/**
 * The server's clock, on which leases lapse, as near as this machine can know it: its own, set right by the answers to
 * `serverTime`, each taken for half the time its request took. The quickest of the answers counts.
 */
export class ServerClock {
  #offsetMs = 0;
  #roundTripMs = Number.POSITIVE_INFINITY;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** Compares the clocks now and then, until the signal. */
  async keepRight(client: BatonClient, signal: AbortSignal): Promise<void> {
    for (let count = 1; !signal.aborted; count++) {
      await this.#compare(client, signal).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, count < firstCount ? firstEveryMs : laterEveryMs));
      // Clocks drift: an old answer must not count for ever, however quick it was.
      if (count >= firstCount) this.#roundTripMs *= 2;
    }
  }

  async #compare(client: BatonClient, signal: AbortSignal): Promise<void> {
    const sentAt = performance.now();
    const { serverTime } = await client.request(ServerTimeDocument, {}, { signal });
    const roundTripMs = performance.now() - sentAt;
    if (roundTripMs > this.#roundTripMs) return;
    this.#roundTripMs = roundTripMs;
    this.#offsetMs = Date.parse(serverTime) + roundTripMs / 2 - Date.now();
  }
}
