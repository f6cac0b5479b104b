import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { useSession } from '../session/session.js';
import type { FeedEvent } from './feed.js';
import { useLiveAnswer } from './use-live-answer.js';

export interface LiveQuery<Data> {
  /** Undefined until the first answer has come. */
  data: Data | undefined;
  /** Why the last question was not answered. What `data` has is then older. */
  error: Error | undefined;
  reload(): void;
}

/** The answer to a query, kept right by the feed. */
export function useLiveQuery<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  mayChange: (event: FeedEvent) => boolean,
  { restMs }: { restMs?: number } = {},
): LiveQuery<Data> {
  const { client } = useSession();
  const question = (_: boolean, signal: AbortSignal) => client.request(document, variables, { signal });
  const { answer, error, reload } = useLiveAnswer(JSON.stringify(variables), question, mayChange, restMs);
  return { data: answer, error, reload };
}
