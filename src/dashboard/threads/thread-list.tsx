import { createContext, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from 'react';
import { LatelyWrittenThreadsDocument, type ThreadItemFragment, ThreadsDocument } from '../generated.js';
import type { FeedEvent } from '../live/feed.js';
import { type LiveList, useLiveList } from '../live/use-live-list.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import { isRead, ReadMarks } from './read-marks.js';

export interface ThreadListing {
  thread: ThreadItemFragment;
  isUnread: boolean;
}

interface ThreadList {
  /** Those that were written in last come first. Undefined until they were read. */
  threads: readonly ThreadListing[] | undefined;
  list: LiveList<unknown>;
  readMarks: ReadMarks;
}

const ThreadListContext = createContext<ThreadList | null>(null);

/** The threads, with what of them was not read yet: listed once for all who show something of them. */
export function useThreads(): ThreadList {
  const list = useContext(ThreadListContext);
  if (!list) throw new Error('There are no threads outside of ThreadListProvider.');
  return list;
}

export function ThreadListProvider({ children }: { children: ReactNode }) {
  const { viewer, clock } = useSession();
  const [person, organization] = [viewer.actor?.id ?? viewer.kind, viewer.organization.id];
  const readMarks = useMemo(() => new ReadMarks({ person, organization, now: clock.now() }), [person, organization, clock]);
  const isAboutThreads = (event: FeedEvent) => 'message' in event || 'thread' in event;
  const list = useLiveList(ThreadsDocument, {}, (data) => data.threads, isAboutThreads);
  const { data: lately } = useLiveQuery(LatelyWrittenThreadsDocument, {}, isAboutThreads);
  const marks = useSyncExternalStore(readMarks.watch, readMarks.marks);
  const { nodes } = list;
  const threads = useMemo(() => {
    if (!nodes || !lately) return undefined;
    const found = new Map<string, ThreadItemFragment>();
    for (const thread of [...nodes, ...lately.messages.nodes.map((message) => message.thread)]) found.set(thread.id, thread);
    return [...found.values()]
      .toSorted((one, other) => lastChange(other).localeCompare(lastChange(one)))
      .map((thread) => {
        const [last] = thread.messages.nodes;
        const isOwn = viewer.actor !== null && last?.sender?.id === viewer.actor.id;
        return { thread, isUnread: last !== undefined && !isOwn && !isRead(marks, thread.id, last.id) };
      });
  }, [nodes, lately, marks, viewer]);
  return <ThreadListContext value={{ threads, list, readMarks }}>{children}</ThreadListContext>;
}

/** Threads in which something was not read yet. */
export function useUnreadCount(): number {
  const { threads } = useThreads();
  return threads?.filter(({ isUnread }) => isUnread).length ?? 0;
}

/** Counts a thread as read up to this message while somebody looks at it. */
export function useReadMark(threadId: string, lastMessageId: string | undefined): void {
  const { readMarks } = useThreads();
  useEffect(() => {
    if (!lastMessageId) return;
    const mark = () => document.visibilityState === 'visible' && readMarks.mark(threadId, lastMessageId);
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => document.removeEventListener('visibilitychange', mark);
  }, [readMarks, threadId, lastMessageId]);
}

function lastChange(thread: ThreadItemFragment): string {
  return thread.messages.nodes[0]?.createdAt ?? thread.createdAt;
}
