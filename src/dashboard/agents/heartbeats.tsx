import { useEffect } from 'react';
import { formatAge } from '../elements/time.js';
import { HeartbeatsDocument } from '../generated.js';
import { useNow } from '../live/use-now.js';
import { useSession } from '../session/session.js';
import './heartbeats.css';

/** Milliseconds that the line goes back. */
const spanMs = 5 * 60_000;

/** Milliseconds between two looks: heartbeats are no events, as there are too many of them. */
const lookEveryMs = 5000;

/** The most that the server finds at once. */
const idsMax = 100;

const [width, height] = [140, 24];

/** Milliseconds without a look after which watching begins anew: nobody knows what happened in between. */
const lostMs = 3 * lookEveryMs;

/** What this tab has seen of an agent. The server keeps the last heartbeat alone. */
interface Watched {
  /** Since when it was looked at without a gap, and when last; milliseconds since the epoch, on the server's clock. */
  since: number;
  until: number;
  /** Times of its heartbeats, oldest first. */
  times: number[];
}

const watched = new Map<string, Watched>();

function note(agentId: string, lastHeartbeatAt: string | null, now: number): void {
  const last = watched.get(agentId);
  const { since, times } = last && now - last.until < lostMs ? last : { since: now, times: [] };
  const at = lastHeartbeatAt ? Date.parse(lastHeartbeatAt) : null;
  const isNew = at !== null && times.at(-1) !== at;
  watched.set(agentId, {
    since,
    until: now,
    times: isNew ? [...times, at].filter((time) => time > now - spanMs) : times,
  });
}

/** Looks at the agents' heartbeats now and then, as long as the page that asks for it is open. */
export function useHeartbeatWatch(agentIds: readonly string[]): void {
  const { client, clock } = useSession();
  const ids = agentIds.join();
  useEffect(() => {
    const ending = new AbortController();
    const look = async () => {
      if (document.hidden || ids === '') return;
      const all = ids.split(',');
      for (let from = 0; from < all.length; from += idsMax) {
        const page = { ids: all.slice(from, from + idsMax) };
        const answer = await client.request(HeartbeatsDocument, page, { signal: ending.signal }).catch(() => null);
        for (const node of answer?.nodes ?? [])
          if (node?.__typename === 'Agent') note(node.id, node.lastHeartbeatAt, clock.now());
      }
    };
    void look();
    const timer = setInterval(look, lookEveryMs);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [client, clock, ids]);
}

/** The heartbeats of an agent since this page was opened, for five minutes at most: a tick each, and the silence since. */
export function Heartbeats({ agentId, lastHeartbeatAt }: { agentId: string; lastHeartbeatAt: string | null }) {
  const now = useNow();
  const { since = now, times = [] } = watched.get(agentId) ?? {};
  const begin = Math.max(since, now - spanMs);
  const last = Math.max(times.at(-1) ?? 0, lastHeartbeatAt ? Date.parse(lastHeartbeatAt) : 0);
  const shown = times.filter((time) => time > now - spanMs);
  const x = (time: number) => (((time - (now - spanMs)) / spanMs) * width).toFixed(1);
  const words = last === 0 ? 'No heartbeat yet' : `Last heartbeat ${formatAge(now - last)} ago`;
  const watching = `watched for ${formatAge(now - begin)}, since this page was opened`;
  return (
    <figure className="heartbeats" title={`Each tick is a heartbeat; ${watching}`}>
      <figcaption>{last === 0 ? 'no heartbeat yet' : `heartbeat ${formatAge(now - last)} ago`}</figcaption>
      <svg
        preserveAspectRatio="none"
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${words}; ${shown.length} seen, ${watching}`}
      >
        <path className="heartbeats-unseen" d={`M0 ${height - 4}H${x(begin)}`} />
        <path className="heartbeats-line" d={`M${x(begin)} ${height - 4}H${width}`} />
        {shown.map((time) => (
          <path key={time} className="heartbeats-beat" d={beat(Number(x(time)))} />
        ))}
      </svg>
    </figure>
  );
}

/** A spike, as on a monitor. */
function beat(x: number): string {
  const base = height - 4;
  return `M${(x - 3).toFixed(1)} ${base}l2 0l1 ${-(height - 8)}l1.500 ${height - 6}l1 -2`;
}
