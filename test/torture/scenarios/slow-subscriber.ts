import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { startCrowd, subscribersOf } from '../crowd.js';
import { History } from '../history.js';
import { eventCursor, play, type Scenario } from '../run.js';
import { adminToken } from '../stage.js';

const crowdSize = 500;

/** One who never reads, beside many who do. */
export const slowSubscriber: Scenario = {
  name: 'slow-subscriber',
  description: `One subscriber that never reads its socket, beside ${crowdSize} that do; the buffer of the server is small.`,
  async run(stage, settings) {
    const { url: databaseUrl } = await stage.postgres();
    const [replica] = await stage.replicas(1, { DATABASE_URL: databaseUrl, SUBSCRIBER_BUFFER: '200' });
    const url = replica?.url as string;
    const history = new History();
    const after = await eventCursor(url);
    const crowd = await startCrowd(stage, { urls: [url], count: crowdSize, after });
    const stalled = await neverRead(url);
    stage.onCleanUp(() => stalled.terminate());
    return play({
      ...settings,
      ...{ stage, databaseUrl, history, agentCount: 12, leaseSeconds: 3, followUrls: [url] },
      line: { urls: () => [url], insistMs: 20_000, copies: 1 },
      faults: async (isOver) => {
        while (!isOver()) await delay(50);
        return {};
      },
      atRest: async (events) => {
        const report = await crowd.reach(events, 30_000);
        history.subscribers.push(...subscribersOf('the crowd', after, report));
        if (report.connectionsLost > 0) throw new Error(`${report.connectionsLost} of those who read lost their connection`);
      },
    });
  },
};

/** Subscribes to everything, with every field, and reads nothing that comes. */
async function neverRead(url: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => {});
  const send = (message: object) => socket.send(JSON.stringify(message));
  await new Promise((resolve) => socket.once('open', resolve));
  send({ type: 'connection_init', payload: { authorization: `Bearer ${adminToken}` } });
  await new Promise((resolve) => socket.once('message', resolve));
  const query = 'subscription { taskEvents { cursor data task { title history(first: 20) { nodes { data } } } } }';
  send({ id: '1', type: 'subscribe', payload: { query } });
  socket.pause();
  return socket;
}
