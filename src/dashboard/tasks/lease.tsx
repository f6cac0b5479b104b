import { formatAge, formatCountdown } from '../elements/time.js';
import { useNow } from '../live/use-now.js';
import './lease.css';

/** A share of its length below which a lease is about to lapse. */
const shortShare = 0.25;

/** How much of a lease is left, counting down on the server's clock. */
export function Lease({ expiresAt, ttlSeconds }: { expiresAt: string; ttlSeconds: number }) {
  // Never longer than it was granted for, however little the clocks agree.
  const leftMs = Math.min(Date.parse(expiresAt) - useNow(), ttlSeconds * 1000);
  const share = Math.min(1, Math.max(0, leftMs / (ttlSeconds * 1000)));
  const tone = leftMs <= 0 ? 'over' : share < shortShare ? 'short' : 'good';
  return (
    <span
      className={`lease lease-${tone}`}
      title={`The lease lapses at ${new Date(expiresAt).toLocaleTimeString()} unless a heartbeat extends it by ${formatAge(ttlSeconds * 1000)}`}
    >
      <span className="lease-bar" aria-hidden="true">
        <span style={{ inlineSize: `${share * 100}%` }} />
      </span>
      <span className="lease-time">
        <span className="visually-hidden">Lease: </span>
        {leftMs <= 0 ? 'lapsed' : formatCountdown(leftMs)}
      </span>
    </span>
  );
}
