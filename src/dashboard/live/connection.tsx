import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { formatAge, formatLag } from '../elements/time.js';
import { useSession } from '../session/session.js';
import './connection.css';
import type { FeedState } from './feed.js';

/** Whether what the page shows is as of now, and if not, since when; opens into the details. */
export function Connection() {
  const { feed } = useSession();
  const state = useSyncExternalStore(feed.watch, () => feed.state);
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEverySecond(state.status !== 'live');

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

  const { label, detail, explanation } = describe(state);
  return (
    <div className="connection" ref={place}>
      <button
        type="button"
        className={`connection-state connection-${state.status}`}
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

function describe({ status, since, lagMs, lastEventAt }: FeedState): { label: string; detail: string; explanation: string } {
  switch (status) {
    case 'live':
      return {
        label: 'Live',
        detail: lagMs === null ? '' : formatLag(lagMs),
        explanation: 'Every change is shown as it happens. The figure is how long the last one took to get here.',
      };
    case 'catching-up':
      return {
        label: 'Catching up',
        detail: lagMs === null ? '' : `${formatLag(lagMs)} behind`,
        explanation: 'Connected again. What happened meanwhile is arriving, in order and without a gap.',
      };
    default:
      return {
        label: 'Offline',
        detail: formatAge(Date.now() - since),
        explanation: `The server cannot be reached; trying again. What you see is as of ${new Date(lastEventAt ?? since).toLocaleTimeString()}.`,
      };
  }
}

function useEverySecond(isWanted: boolean): void {
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!isWanted) return;
    const timer = setInterval(() => setTick((tick) => tick + 1), 1000);
    return () => clearInterval(timer);
  }, [isWanted]);
}
