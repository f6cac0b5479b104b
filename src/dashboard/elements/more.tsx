import { useEffect, useRef } from 'react';
import type { LiveList } from '../live/use-live-list.js';

/** Pixels before the end of a list at which the next page is asked for. */
const aheadPx = 300;

/** Stands at the end of a list of which there is more: reads on as soon as it is scrolled to, or when it is pressed. */
export function More({
  list,
  what,
}: {
  list: Pick<LiveList<unknown>, 'hasMore' | 'isReadingMore' | 'error' | 'loadMore'>;
  what: string;
}) {
  const { hasMore, isReadingMore, error, loadMore } = list;
  const button = useRef<HTMLButtonElement>(null);
  const isWaiting = hasMore && !isReadingMore && !error;
  useEffect(() => {
    if (!isWaiting || !button.current) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && loadMore(), { rootMargin: `${aheadPx}px` });
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [isWaiting, loadMore]);
  if (!hasMore) return null;
  return (
    <button ref={button} type="button" className="button more" disabled={isReadingMore} onClick={loadMore}>
      {isReadingMore ? 'Reading on …' : `More ${what}`}
    </button>
  );
}
