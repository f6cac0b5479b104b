import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useSession } from '../session/session.js';
import type { FeedEvent } from './feed.js';
import { useLiveAnswer } from './use-live-answer.js';

/** A page of a connection, from its front or, where the newest stand at its end, from there. */
export interface Page<Node> {
  nodes: readonly Node[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null } | { hasPreviousPage: boolean; startCursor: string | null };
}

export interface LiveList<Node> {
  /** Those of the pages that were read. Undefined until the first one was. */
  nodes: readonly Node[] | undefined;
  /** Why the last question was not answered. What `nodes` has is then older. */
  error: Error | undefined;
  hasMore: boolean;
  isReadingMore: boolean;
  loadMore(): void;
  reload(): void;
}

/**
 * A list, page by page as `loadMore` is called, kept right by the feed: after an event that may have changed it, the pages
 * that were read are read anew. The document takes the place to go on at as its variable `cursor`.
 */
export function useLiveList<Data, Variables extends { cursor?: string | null }, Node extends { id: string }>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Omit<Variables, 'cursor'>,
  pageOf: (data: Data) => Page<Node>,
  mayChange: (event: FeedEvent) => boolean,
  { restMs }: { restMs?: number } = {},
): LiveList<Node> {
  const { client } = useSession();
  const key = JSON.stringify(variables);
  // Of another list, one begins with its first page.
  const wanted = useRef({ key, count: 1 });
  if (wanted.current.key !== key) wanted.current = { key, count: 1 };
  const known = useRef<readonly Page<Node>[]>([]);
  const [isReadingMore, setReadingMore] = useState(false);

  const question = async (isAnew: boolean, signal: AbortSignal): Promise<readonly Page<Node>[]> => {
    const pages = isAnew ? [] : [...known.current];
    try {
      do {
        const cursor = placeBehind(pages.at(-1));
        pages.push(pageOf(await client.request(document, { ...variables, cursor } as Variables, { signal })));
      } while (pages.length < wanted.current.count && isMoreBehind(pages.at(-1)));
    } finally {
      setReadingMore(false);
    }
    known.current = pages;
    return pages;
  };
  const { answer, error, reload, goOn } = useLiveAnswer(key, question, mayChange, restMs);

  const loadMore = useCallback(() => {
    wanted.current.count = known.current.length + 1;
    setReadingMore(true);
    goOn();
  }, [goOn]);
  const nodes = useMemo(() => answer && onceEach(answer), [answer]);
  return { nodes, error, hasMore: isMoreBehind(answer?.at(-1)), isReadingMore, loadMore, reload };
}

function placeBehind(page: Page<unknown> | undefined): string | null {
  if (!page) return null;
  return 'endCursor' in page.pageInfo ? page.pageInfo.endCursor : page.pageInfo.startCursor;
}

function isMoreBehind(page: Page<unknown> | undefined): boolean {
  if (!page) return false;
  return 'hasNextPage' in page.pageInfo ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage;
}

/** What moved while the pages were read may stand on two of them. */
function onceEach<Node extends { id: string }>(pages: readonly Page<Node>[]): Node[] {
  return [...new Map(pages.flatMap(({ nodes }) => nodes).map((node) => [node.id, node])).values()];
}
