import type { BatonClient } from '../../sdk/baton-client.js';
import { isRetriable, ResyncRequiredError } from '../../sdk/errors.js';
import type { StreamState } from '../../sdk/event-stream.js';
import { QueueEventsDocument, type QueueEventsSubscription, type TaskStatus } from '../../sdk/generated.js';
import { coloredStatus, type Output, oneLine } from './output.js';

export interface WatchOptions {
  /** Only what happens to tasks of this kind. */
  kind?: string | undefined;
  /** Only what happens to tasks that this agent holds, or held until then. */
  agentId?: string | undefined;
  /** Cursor of an event, to go on after it. Default: what happens from now on. */
  after?: string | undefined;
  /** One JSON object a line. */
  wantsJson: boolean;
  /** Ends the watch. */
  signal: AbortSignal;
}

type QueueEvent = QueueEventsSubscription['taskEvents'];

/**
 * Prints one line for everything that happens to tasks of the queue, each event once and in order, over any number of
 * connections. Where the server cannot go on without a gap, it says so and goes on from now.
 * Throws BatonRequestError for what no new connection can mend, such as a wrong credential.
 */
export async function watch(client: BatonClient, output: Output, options: WatchOptions): Promise<void> {
  for (let after = options.after; ; after = undefined) {
    try {
      await follow(client, output, { ...options, after });
      return;
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof ResyncRequiredError)) throw error;
      notifyOf('Some events are no longer kept and were missed. Going on from now.', output, options);
    }
  }
}

async function follow(client: BatonClient, output: Output, options: WatchOptions): Promise<void> {
  const { kind, agentId, after, wantsJson, signal } = options;
  const notify = (notice: string) => notifyOf(notice, output, options);
  let wasConnected: boolean | undefined;
  const onState = ({ status, error }: StreamState) => {
    const isConnected = status !== 'offline';
    // Before the first connection, and after an error that ends the watch, there is nothing to tell.
    if (isConnected === wasConnected || (!isConnected && !isRetriable(error))) return;
    if (isConnected) notify(wasConnected === undefined ? 'Watching the queue.' : 'Connected again.');
    else notify(`Disconnected: ${error?.message} Trying again.`);
    wasConnected = isConnected;
  };
  const events = client.follow(QueueEventsDocument, { agentId, after }, { onState, signal });
  for await (const { taskEvents: event } of events) {
    if (kind !== undefined && event.task.kind !== kind) continue;
    output.print(wantsJson ? JSON.stringify(factsOf(event)) : lineOf(event, output));
  }
}

/** Says something about the watch itself, beside the events. */
function notifyOf(notice: string, output: Output, { wantsJson }: WatchOptions): void {
  output.warn(wantsJson ? JSON.stringify({ notice }) : notice);
}

function lineOf(event: QueueEvent, { colors }: Output): string {
  const { time, id, status, title, agent } = factsOf(event);
  const by = agent === null ? '' : ` ${colors.dim(`(${oneLine(agent)})`)}`;
  return `${colors.dim(time)} ${colors.bold(`#${id}`)} [${coloredStatus(status, colors)}] ${oneLine(title)}${by}`;
}

function factsOf(event: QueueEvent) {
  return {
    time: event.occurredAt,
    id: event.task.number,
    event: event.__typename,
    // The status that the event brought about; what the task has become since is told by another event.
    status: statusWords[(event.data as { after?: unknown }).after as TaskStatus] ?? statusWords[event.task.status],
    title: event.task.title,
    kind: event.task.kind,
    agent: agentOf(event),
    cursor: event.cursor,
  };
}

/** Whom the event concerns: who held the task until then, else the agent that did it. */
function agentOf(event: QueueEvent): string | null {
  const holder = 'formerHolder' in event ? event.formerHolder : null;
  const actor = holder ?? event.actor;
  return actor?.__typename === 'Agent' ? actor.externalId : null;
}

const statusWords: Record<TaskStatus, string> = {
  BACKLOG: 'queued',
  READY: 'queued',
  CLAIMED: 'claimed',
  IN_PROGRESS: 'running',
  REVIEW: 'running',
  DONE: 'done',
  FAILED: 'failed',
  BLOCKED: 'blocked',
  CANCELED: 'cancelled',
};
