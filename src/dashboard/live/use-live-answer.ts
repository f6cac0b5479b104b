import { useCallback, useEffect, useRef, useState } from 'react';
import { useSession } from '../session/session.js';
import type { FeedEvent } from './feed.js';

/** Milliseconds from one answer to the next question, however many events come, unless a page says otherwise. */
const restMsDefault = 400;

/** Rest for so many times as long as the answer took: what is slow to answer is asked less often. */
const restPerAnswer = 2;

/** Milliseconds in which events that come together are waited for. */
const togetherMs = 20;

export interface LiveAnswer<Answer> {
  /** Undefined until the first one has come. While another question is put, the answer to the last one stays: nothing flickers. */
  answer: Answer | undefined;
  /** Why the last question was not answered. What `answer` has is then older. */
  error: Error | undefined;
  /** Asks anew. */
  reload(): void;
  /** Asks for more of what is there already. */
  goOn(): void;
}

/**
 * Asks, and asks again whenever an event arrives that may have changed the answer, and after the feed has lost its place.
 * `key` names the question. `isAnew` says that what was answered before may no longer hold.
 */
export function useLiveAnswer<Answer>(
  key: string,
  question: (isAnew: boolean, signal: AbortSignal) => Promise<Answer>,
  mayChange: (event: FeedEvent) => boolean,
  restMs = restMsDefault,
): LiveAnswer<Answer> {
  const { feed } = useSession();
  const [last, setLast] = useState<{ key: string; answer?: Answer; error?: Error }>();
  const current = useRef({ question, mayChange });
  current.current = { question, mayChange };
  const asking = useRef({ reload: () => {}, goOn: () => {} });

  useEffect(() => {
    const ending = new AbortController();
    let isAsking = false;
    let isStale = true;
    let restUntil = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askNow = async () => {
      if (isAsking) {
        isStale = true;
        return;
      }
      const isAnew = isStale;
      const askedAt = performance.now();
      isAsking = true;
      isStale = false;
      clearTimeout(timer);
      timer = undefined;
      try {
        const answer = await current.current.question(isAnew, ending.signal);
        if (!ending.signal.aborted) setLast({ key, answer });
      } catch (error) {
        if (!ending.signal.aborted) setLast((before) => ({ key, answer: before?.answer, error: error as Error }));
      }
      isAsking = false;
      const answeredAt = performance.now();
      restUntil = answeredAt + Math.max(restMs, restPerAnswer * (answeredAt - askedAt));
      if (isStale && !ending.signal.aborted) askSoon();
    };
    const askSoon = () => {
      isStale = true;
      // Nobody looks: one question will do when somebody does.
      if (document.hidden) return;
      if (!isAsking) timer ??= setTimeout(askNow, Math.max(togetherMs, restUntil - performance.now()));
    };
    const askWhenSeen = () => isStale && askSoon();
    document.addEventListener('visibilitychange', askWhenSeen);
    let wasOffline = false;
    const stops = [
      feed.listen({ event: (event) => current.current.mayChange(event) && askSoon(), reset: askSoon }),
      feed.watch(() => {
        const isOffline = feed.state.status === 'offline';
        // A question that was asked in vain is asked again once the server is back.
        if (wasOffline && !isOffline) askSoon();
        wasOffline = isOffline;
      }),
    ];
    asking.current = {
      reload: () => {
        isStale = true;
        void askNow();
      },
      goOn: () => void askNow(),
    };
    void askNow();
    return () => {
      ending.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', askWhenSeen);
      for (const stop of stops) stop();
    };
  }, [feed, key, restMs]);

  const reload = useCallback(() => asking.current.reload(), []);
  const goOn = useCallback(() => asking.current.goOn(), []);
  return { answer: last?.answer, error: last?.key === key ? last.error : undefined, reload, goOn };
}
