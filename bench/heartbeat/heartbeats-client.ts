/** Agents that keep their tasks alive: each has one connection, on which it sends heartbeats for all it holds, again and again. */
import { childArguments, serveParent } from '../child.js';
import { encodeRequest, type LoadResult, loadClosed } from '../http-load.js';
import { type Holding, heartbeatDocument } from './documents.js';

export type HeartbeatsCommand =
  /** Tells who holds what; every fence is 1. */
  | { kind: 'hold'; holdings: Holding[] }
  /** Sends heartbeats for a while, going on where the last time ended. */
  | { kind: 'send'; durationMs: number }
  /** Sends one for each task that was never sent one. */
  | { kind: 'finish' };

export interface HeartbeatsResult {
  perSecond: number;
  heartbeats: number;
  /** Tasks that were sent at least one. */
  tasks: number;
}

interface Agent {
  requests: Buffer[];
  /** Heartbeats that were sent, ever and since the last command began. */
  sent: number;
  sentNow: number;
}

const { origin } = childArguments<{ origin: string }>();
const finishMs = 60_000;
const rightStart = '{"data":{"taskHeartbeat":{"task":{"lease":{"expiresAt":"';
const rightEnd = '"}},"cancelRequested":false,"errors":[]}}';
let agents: Agent[] = [];

serveParent<HeartbeatsCommand, HeartbeatsResult>({}, async (command) => {
  switch (command.kind) {
    case 'hold':
      agents = command.holdings.map((holding) => ({ requests: requestsOf(holding), sent: 0, sentNow: 0 }));
      return { perSecond: 0, heartbeats: 0, tasks: 0 };
    case 'send':
      return resultOf(await send(command.durationMs, () => true));
    case 'finish':
      return resultOf(await send(finishMs, ({ sent, requests }) => sent < requests.length));
  }
});

function requestsOf({ token, taskIds }: Holding): Buffer[] {
  return taskIds.map((taskId) =>
    encodeRequest(origin, {
      path: '/graphql',
      headers: { authorization: `Bearer ${token}` },
      body: { query: heartbeatDocument, variables: { input: { taskId, fence: 1 } } },
    }),
  );
}

function send(durationMs: number, goesOn: (agent: Agent) => boolean): Promise<LoadResult> {
  for (const agent of agents) agent.sentNow = 0;
  return loadClosed({
    origin,
    connections: agents.length,
    durationMs,
    next: (connection) => {
      const agent = agents[connection];
      if (!agent || !goesOn(agent)) return null;
      const request = agent.requests[agent.sent % agent.requests.length];
      agent.sent += 1;
      agent.sentNow += 1;
      return request ?? null;
    },
    onAnswer: (_connection, status, body) => {
      const text = body.toString('latin1');
      if (status !== 200 || !text.startsWith(rightStart) || !text.includes(rightEnd))
        throw new Error(`a heartbeat was answered ${status}: ${body.toString('latin1', 0, 1000)}`);
    },
  });
}

function resultOf({ perSecond, requests: heartbeats }: LoadResult): HeartbeatsResult {
  const tasks = agents.reduce((sum, { sentNow, requests }) => sum + Math.min(sentNow, requests.length), 0);
  return { perSecond, heartbeats, tasks };
}
