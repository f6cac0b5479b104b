import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useSession } from '../session/session.js';
import type { FeedEvent } from './feed.js';

/** Milliseconds from one answer to the next question, however many events come, unless a page says otherwise. */
const restMsDefault = 400;

/** Milliseconds in which events that come together are waited for. */
const togetherMs = 20;

export interface LiveQuery<Data> {
  /** Undefined until the first answer has come. */
  data: Data | undefined;
  /** Why the last question was not answered. What `data` has is then older. */
  error: Error | undefined;
  reload(): void;
}

/**
 * The answer to a query, asked again whenever an event arrives that may have changed it, and after the feed has lost its
 * place. While the variables change, the answer to the old ones stays, so that nothing flickers.
 */
export function useLiveQuery<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  mayChange: (event: FeedEvent) => boolean,
  { restMs = restMsDefault }: { restMs?: number } = {},
): LiveQuery<Data> {
  const { client, feed } = useSession();
  const [answer, setAnswer] = useState<{ key: string; data?: Data; error?: Error }>();
  const key = JSON.stringify(variables);
  const ask = useRef(() => {});
  const relevance = useRef(mayChange);
  relevance.current = mayChange;

  useEffect(() => {
    const ending = new AbortController();
    let isAsking = false;
    let isStale = false;
    let answeredAt = Number.NEGATIVE_INFINITY;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askNow = async () => {
      if (isAsking) {
        isStale = true;
        return;
      }
      isAsking = true;
      isStale = false;
      clearTimeout(timer);
      timer = undefined;
      try {
        const data = await client.request(document, JSON.parse(key) as Variables, { signal: ending.signal });
        if (!ending.signal.aborted) setAnswer({ key, data });
      } catch (error) {
        if (!ending.signal.aborted) setAnswer((last) => ({ key, data: last?.data, error: error as Error }));
      }
      isAsking = false;
      answeredAt = performance.now();
      if (isStale && !ending.signal.aborted) askSoon();
    };
    const askSoon = () => {
      isStale = true;
      // Nobody looks: one question will do when somebody does.
      if (window.document.hidden) return;
      if (!isAsking) timer ??= setTimeout(askNow, Math.max(togetherMs, answeredAt + restMs - performance.now()));
    };
    const askWhenSeen = () => isStale && askSoon();
    window.document.addEventListener('visibilitychange', askWhenSeen);
    let wasOffline = false;
    const stops = [
      feed.listen({ event: (event) => relevance.current(event) && askSoon(), reset: askSoon }),
      feed.watch(() => {
        const isOffline = feed.state.status === 'offline';
        // A question that was asked in vain is asked again once the server is back.
        if (wasOffline && !isOffline) askSoon();
        wasOffline = isOffline;
      }),
    ];
    ask.current = askNow;
    void askNow();
    return () => {
      ending.abort();
      clearTimeout(timer);
      window.document.removeEventListener('visibilitychange', askWhenSeen);
      for (const stop of stops) stop();
    };
  }, [client, feed, document, key, restMs]);

  const reload = useCallback(() => ask.current(), []);
  return { data: answer?.data, error: answer?.key === key ? answer.error : undefined, reload };
}
