import { useEffect, useRef } from 'react';
import type { LiveList } from '../live/use-live-list.js';

/** Pixels before the end of a list at which the next page is asked for. */
const aheadPx = 300;

export interface MoreProps {
  list: Pick<LiveList<unknown>, 'hasMore' | 'isReadingMore' | 'error' | 'loadMore'>;
  /** More of what. */
  what: string;
  /** Whether it reads on as soon as it is scrolled to, and not only when it is pressed. */
  isEager?: boolean;
}

/** Stands at the end of a list of which there is more. */
export function More({ list: { hasMore, isReadingMore, error, loadMore }, what, isEager = true }: MoreProps) {
  const button = useRef<HTMLButtonElement>(null);
  const isWaiting = isEager && hasMore && !isReadingMore && !error;
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
