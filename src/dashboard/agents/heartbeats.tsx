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

const [width, height] = [140, 24];

/** Times of heartbeats that this tab has seen, oldest first, by the id of the agent. */
const seen = new Map<string, number[]>();

function note(agentId: string, lastHeartbeatAt: string | null): void {
  if (!lastHeartbeatAt) return;
  const at = Date.parse(lastHeartbeatAt);
  const times = seen.get(agentId) ?? [];
  if (times.at(-1) === at) return;
  seen.set(
    agentId,
    [...times, at].filter((time) => time > at - spanMs),
  );
}

/** Looks at the agents' heartbeats now and then, as long as the page that asks for it is open. */
export function useHeartbeatWatch(agentIds: readonly string[]): void {
  const { client } = useSession();
  const ids = agentIds.slice(0, 100).join();
  useEffect(() => {
    const ending = new AbortController();
    const look = async () => {
      if (document.hidden || ids === '') return;
      const answer = await client
        .request(HeartbeatsDocument, { ids: ids.split(',') }, { signal: ending.signal })
        .catch(() => null);
      for (const node of answer?.nodes ?? []) if (node?.__typename === 'Agent') note(node.id, node.lastHeartbeatAt);
    };
    void look();
    const timer = setInterval(look, lookEveryMs);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [client, ids]);
}

/** The last five minutes of an agent's heartbeats, as far as they were seen here: a tick each, and the silence since. */
export function Heartbeats({ agentId, lastHeartbeatAt }: { agentId: string; lastHeartbeatAt: string | null }) {
  const now = useNow();
  note(agentId, lastHeartbeatAt);
  const times = seen.get(agentId) ?? [];
  const x = (time: number) => ((time - (now - spanMs)) / spanMs) * width;
  const last = times.at(-1);
  const words = last === undefined ? 'No heartbeat yet' : `Last heartbeat ${formatAge(now - last)} ago`;
  return (
    <figure className="heartbeats">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${words}; ${times.length} seen in the last five minutes`}>
        <path className="heartbeats-line" d={`M0 ${height - 4}H${width}`} />
        {times
          .filter((time) => time > now - spanMs)
          .map((time) => (
            <path key={time} className="heartbeats-beat" d={beat(x(time))} />
          ))}
      </svg>
      <figcaption>{last === undefined ? 'no heartbeat yet' : `${formatAge(now - last)} ago`}</figcaption>
    </figure>
  );
}

/** A spike, as on a monitor. */
function beat(x: number): string {
  const base = height - 4;
  return `M${(x - 3).toFixed(1)} ${base}l2 0l1 ${-(height - 8)}l1.500 ${height - 6}l1 -2`;
}
