import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { formatAge, formatLag } from '../elements/time.js';
import { useSession } from '../session/session.js';
import './connection.css';
import type { FeedState } from './feed.js';

/** Milliseconds for which the lag of the last event says something of now. */
const flowingMs = 5000;

/** Milliseconds of lag from which the page is behind rather than live. */
const behindMs = 2000;

/** Whether what the page shows is as of now, and if not, since when; opens into the details. */
export function Connection() {
  const { feed } = useSession();
  const state = useSyncExternalStore(feed.watch, () => feed.state);
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEverySecond();

  useEffect(() => {
    if (!isOpen) return;
    const closeOutside = (event: PointerEvent) => !place.current?.contains(event.target as Node) && setOpen(false);
    const closeOnEscape = (event: KeyboardEvent) => event.key === 'Escape' && setOpen(false);
    document.addEventListener('pointerdown', closeOutside);
    document.addEventListener('keydown', closeOnEscape);
    return () => {
      document.removeEventListener('pointerdown', closeOutside);
      document.removeEventListener('keydown', closeOnEscape);
    };
  }, [isOpen]);

  const { status, label, detail, explanation } = describe(state);
  return (
    <div className="connection" ref={place}>
      <button
        type="button"
        className={`connection-state connection-${status}`}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <span className="connection-dot" aria-hidden="true" />
        <span role="status">{label}</span>
        {detail && <span className="connection-detail">{detail}</span>}
      </button>
      {isOpen && (
        <div className="connection-details">
          <p>{explanation}</p>
          <dl>
            <dt>Last event</dt>
            <dd>{state.lastEventAt ? new Date(state.lastEventAt).toLocaleTimeString() : 'none since this page was opened'}</dd>
            <dt>Lag of it</dt>
            <dd>{state.lagMs === null ? '–' : formatLag(state.lagMs)}</dd>
            <dt>Events received</dt>
            <dd>{state.eventCount.toLocaleString()}</dd>
          </dl>
          {state.reason && <p className="connection-reason">{state.reason}</p>}
        </div>
      )}
    </div>
  );
}

interface Description {
  status: FeedState['status'];
  label: string;
  detail: string;
  explanation: string;
}

function describe({ status, since, lagMs, lastEventAt, lastReceivedAt }: FeedState): Description {
  const isFlowing = lastReceivedAt !== null && Date.now() - lastReceivedAt < flowingMs;
  const lag = lagMs !== null && isFlowing ? lagMs : null;
  if (status === 'offline') {
    return {
      status,
      label: 'Offline',
      detail: formatAge(Date.now() - since),
      explanation: `The server cannot be reached; trying again. What you see is as of ${new Date(lastEventAt ?? since).toLocaleTimeString()}.`,
    };
  }
  // More happens than gets here at once: that is behind as well, whatever the connection.
  if (status === 'catching-up' || (lag !== null && lag > behindMs)) {
    return {
      status: 'catching-up',
      label: 'Catching up',
      detail: lag === null ? '' : `${formatLag(lag)} behind`,
      explanation: 'What has happened meanwhile is arriving, in order and without a gap.',
    };
  }
  return {
    status,
    label: 'Live',
    detail: lag === null ? '' : formatLag(lag),
    explanation:
      'Every change is shown as it happens. The figure, while something happens, is how long the last one took to get here.',
  };
}

/** Offline and behind are told in seconds, and what was the lag a while ago is none now. */
function useEverySecond(): void {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((tick) => tick + 1), 1000);
    return () => clearInterval(timer);
  }, []);
}
