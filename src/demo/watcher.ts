import type { BatonClient } from '../sdk/baton-client.js';
import { EventLogDocument, ProjectFeedDocument, type ProjectFeedSubscription } from '../sdk/generated.js';
import type { Stage } from './stage.js';

export type FeedEvent = ProjectFeedSubscription['events'];

type FeedEventOf<Type extends FeedEvent['__typename']> = Extract<FeedEvent, { __typename: Type }>;

export interface WatcherOptions {
  connect: () => BatonClient;
  projectId: string;
  /** Cursor after which the first connection begins. */
  after: string;
  onEvent: (event: FeedEvent) => void;
  /** The stream ended with an error. */
  onFailure: (error: unknown) => void;
}

/** Follows everything in a project over the websocket, and survives losing the connection: it goes on after the last event. */
export class Watcher {
  /** All that was received, in order, over all connections. */
  readonly events: FeedEvent[] = [];
  #connection: BatonClient | undefined;
  #listening: Promise<void> | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly options: WatcherOptions,
  ) {}

  /** Cursor of the last event that was handled. */
  get cursor(): string {
    return this.events.at(-1)?.cursor ?? this.options.after;
  }

  /** Opens a connection, after the last event that was handled. */
  connect(): void {
    this.#connection = this.options.connect();
    this.#listening = this.#listen(this.#connection).catch(this.options.onFailure);
  }

  /** Closes the connection; nothing is received until the next connect(). */
  async disconnect(): Promise<void> {
    await this.#connection?.close();
    await this.#listening;
  }

  eventsOf<Type extends FeedEvent['__typename']>(type: Type): FeedEventOf<Type>[] {
    return this.events.filter((event): event is FeedEventOf<Type> => event.__typename === type);
  }

  /** Waits for an event of a type, unless it has come already. */
  async seen<Type extends FeedEvent['__typename']>(
    type: Type,
    isWanted: (event: FeedEventOf<Type>) => boolean = () => true,
  ): Promise<FeedEventOf<Type>> {
    return this.stage.until(() => this.eventsOf(type).find(isWanted));
  }

  async #listen(client: BatonClient): Promise<void> {
    const { projectId } = this.options;
    for await (const { events: event } of client.subscribe(ProjectFeedDocument, { projectId, after: this.cursor })) {
      this.events.push(event);
      this.options.onEvent(event);
    }
  }
}

/** Cursors of all events of the project after a place of the log, as the log itself has them. */
export async function readLog(
  client: BatonClient,
  { projectId, after }: { projectId: string; after: string },
): Promise<string[]> {
  const cursors: string[] = [];
  for (let hasNextPage = true; hasNextPage; ) {
    const variables = { filter: { projectId }, first: 100, after: cursors.at(-1) ?? after };
    const { events } = await client.request(EventLogDocument, variables);
    cursors.push(...events.nodes.map(({ cursor }) => cursor));
    hasNextPage = events.pageInfo.hasNextPage;
  }
  return cursors;
}
