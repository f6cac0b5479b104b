import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../src/database/embedded/server-process.js';
import { type RedisServer, startRedisServer } from './redis-server.js';

const slotCount = 16_384;

/** A Redis Cluster of one's own: three nodes, each with a third of the slots, and no replicas. */
export interface RedisCluster {
  urls: string[];
  nodes: RedisServer[];
  /** The node that has the slot of the key or channel, and the others. */
  nodesOf(key: string): Promise<{ owner: RedisServer; others: RedisServer[] }>;
  /** Has all running nodes hold another one for the owner of the slot, as an operator does when a node is lost. */
  moveSlotOf(key: string, to: RedisServer): Promise<void>;
  /** Starts nodes that were stopped, and returns when the cluster is whole. */
  heal(): Promise<void>;
  /** Stops it for good and removes its directories. */
  remove(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all([0, 1, 2].map(startNode));
  const running = () => nodes.filter((node) => node.isRunning);
  const cluster: RedisCluster = {
    nodes,
    urls: nodes.map(({ url }) => url),
    async nodesOf(key) {
      const slot = await slotOf(running(), key);
      const owner = await ownerOf(running(), slot, nodes);
      return { owner, others: nodes.filter((node) => node !== owner) };
    },
    async moveSlotOf(key, to) {
      const slot = await slotOf(running(), key);
      const id = (await ask(to, 'MYID')) as string;
      // Of two nodes that claim a slot, the one with the later epoch is believed: else the old owner, as long as it has not been told, or when it comes back.
      await ask(to, 'BUMPEPOCH');
      for (const node of [to, ...running().filter((each) => each !== to)]) await ask(node, 'SETSLOT', slot, 'NODE', id);
    },
    async heal() {
      for (const node of nodes) await node.start();
      await untilWhole(nodes);
    },
    async remove() {
      await Promise.all(nodes.map((node) => node.remove()));
    },
  };
  try {
    await join(nodes);
    return cluster;
  } catch (error) {
    await cluster.remove();
    throw error;
  }
}

async function startNode(): Promise<RedisServer> {
  return startRedisServer({
    'cluster-enabled': 'yes',
    // That of the gossip between nodes, which else is the other port plus 10,000.
    'cluster-port': String(await freePort()),
    'cluster-node-timeout': '1000',
  });
}

async function join(nodes: RedisServer[]): Promise<void> {
  const [first] = nodes as [RedisServer];
  const share = Math.ceil(slotCount / nodes.length);
  for (const [index, node] of nodes.entries()) {
    await ask(node, 'ADDSLOTSRANGE', index * share, Math.min((index + 1) * share, slotCount) - 1);
    // Of nodes that have the same epoch, one gets a new one, later: a change of slots in between would be undone.
    await ask(node, 'SET-CONFIG-EPOCH', index + 1);
  }
  const gossipPort = /@(\d+)/.exec((await ask(first, 'NODES')) as string)?.[1] as string;
  for (const node of nodes.slice(1)) await ask(node, 'MEET', '127.0.0.1', first.port, gossipPort);
  await untilWhole(nodes);
}

/** Until every node knows all others, and holds the cluster for whole. */
async function untilWhole(nodes: RedisServer[]): Promise<void> {
  for (const node of nodes) {
    for (;;) {
      const info = (await ask(node, 'INFO')) as string;
      if (info.includes('cluster_state:ok') && info.includes(`cluster_size:${nodes.length}\r\n`)) break;
      await delay(20);
    }
  }
}

async function slotOf([node]: RedisServer[], key: string): Promise<number> {
  return (await ask(node as RedisServer, 'KEYSLOT', key)) as number;
}

async function ownerOf([node]: RedisServer[], slot: number, nodes: RedisServer[]): Promise<RedisServer> {
  const ranges = (await ask(node as RedisServer, 'SLOTS')) as [from: number, to: number, [host: string, port: number]][];
  const range = ranges.find(([from, to]) => from <= slot && slot <= to);
  const owner = nodes.find(({ port }) => port === range?.[2][1]);
  if (!owner) throw new Error(`no node has the slot ${slot}`);
  return owner;
}

/** One `CLUSTER` command, over a connection of its own. */
async function ask(node: RedisServer, ...args: [string, ...(string | number)[]]): Promise<unknown> {
  const connection = new Redis(node.url);
  try {
    return await connection.call('CLUSTER', ...args);
  } finally {
    connection.disconnect();
  }
}
