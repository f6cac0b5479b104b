import { useEffect, useState } from 'react';
import { Doer, Subject, whatHappened } from '../activity/event-sentence.js';
import type { FeedEvent } from '../live/feed.js';
import { useSession } from '../session/session.js';
import './lately.css';

/** Sentences that are shown, newest first. */
const shownMax = 3;

/** Milliseconds between two looks: faster than this nobody reads. */
const lookEveryMs = 700;

/** What has just happened, in sentences, while the board is open: the story that the cards move along with. */
export function Lately() {
  const { feed } = useSession();
  const [events, setEvents] = useState<readonly FeedEvent[]>(() => feed.recent.slice(0, shownMax));
  useEffect(() => {
    let seen = feed.recent;
    const timer = setInterval(() => {
      if (feed.recent === seen) return;
      seen = feed.recent;
      setEvents(seen.slice(0, shownMax));
    }, lookEveryMs);
    return () => clearInterval(timer);
  }, [feed]);
  return (
    <section className="lately" aria-label="What has just happened">
      {events.length === 0 && <p>What happens is told here as it happens.</p>}
      <ol className="list">
        {events.map((event) => (
          <li key={event.cursor}>
            <Doer event={event} /> {whatHappened(event, <Subject event={event} />)}
          </li>
        ))}
      </ol>
    </section>
  );
}
