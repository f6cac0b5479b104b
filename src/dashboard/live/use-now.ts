import { useSyncExternalStore } from 'react';
import { useSession } from '../session/session.js';

/** One timer for everything on the page that counts seconds. */
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let second = 0;

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(() => {
    second += 1;
    for (const each of watchers) each();
  }, 1000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Time on the server's clock, in milliseconds since the epoch, renewed every second. */
export function useNow(): number {
  const { clock } = useSession();
  useSyncExternalStore(watch, () => second);
  return clock.now();
}
