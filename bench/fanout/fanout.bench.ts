/**
 * `fanout`: events that go to 1,000 and to 10,000 websocket subscribers, who all have one document or, between them, fifty.
 *
 * A burst of events is made by one mutation. What is compared is the messages delivered per second, from sending the mutation until
 * the last subscriber has the last event: that is what subscribers notice, and what the goals speak of. Client, server and Postgres
 * share the cores, so the processor time of the server's process for each 1,000 messages is reported beside it: it says what one
 * core could deliver if nobody else wanted it. Every frame of every subscriber is looked at: each event once, in order.
 *
 * Subscribers are spread over fifty agents with keys of their own. The burst is far below the buffers of all sides (10,000 events for a
 * subscriber of ours, 1,024 in Yoga's pub/sub). `--quick` leaves out 10,000. Peer: stock graphql-ws with Yoga's pub/sub. Limit: ws alone, sending the same bytes.
 */
import { type Benchmark, check, type Goal, type Measurement } from '../benchmark.js';
import { adminToken, type BenchContext } from '../context.js';
import { registerAgents } from '../organization.js';
import type { BareTrigger, Sample } from './bare-server.js';
import { markerOf, variedDocuments, wholeDocument } from './documents.js';
import type { SubscribersArgs, SubscribersCommand, SubscribersResult, Trigger } from './subscribers-client.js';

interface Case {
  subscribers: number;
  documents: string[];
  /** Events in a burst. */
  events: number;
}

const agentCount = 50;
const oneDocument = [wholeDocument];
const fiftyDocuments = variedDocuments(50);
const settleMs = 10_000;
const burstTimeoutMs = 120_000;

const oneDocumentGoals: Goal[] = [
  { against: 'stock graphql-ws', atLeast: 5 },
  { against: 'bare ws', atLeast: 0.7 },
];
const fiftyDocumentsGoals: Goal[] = [{ against: 'stock graphql-ws', atLeast: 3 }];

export const benchmark: Benchmark = {
  name: 'fanout',
  description: 'events go to 1,000 and 10,000 websocket subscribers',
  run: async (context) => {
    const sides = {
      ours: await startOurs(context),
      'stock graphql-ws': await startStock(context),
      'bare ws': await startBare(context),
    };
    const measurements: Measurement[] = [];
    for (const round of casesOf(context)) measurements.push(...(await measure(context, sides, round)));
    return measurements;
  },
};

/** In an order in which sockets that are open are used again. */
function casesOf({ isQuick }: BenchContext): Case[] {
  const few = isQuick ? 20 : 50;
  const cases = [
    { subscribers: 1000, documents: fiftyDocuments, events: few },
    { subscribers: 1000, documents: oneDocument, events: few },
  ];
  if (isQuick) return cases;
  const many = [oneDocument, fiftyDocuments].map((documents) => ({ subscribers: 10_000, documents, events: 10 }));
  return [...cases, ...many];
}

async function measure(
  context: BenchContext,
  sides: Record<'ours' | 'stock graphql-ws' | 'bare ws', Side>,
  { subscribers, documents, events }: Case,
): Promise<Measurement[]> {
  let samples: Sample[] = [];
  for (const side of Object.values(sides)) samples = await side.subscribe(subscribers, documents, samples);
  const figures = await context.alternate(sides, (side) => side.burst(events));
  const isOne = documents.length === 1;
  const name = `fanout: ${subscribers.toLocaleString('en')} subscribers, ${isOne ? 'one document' : `${documents.length} documents`}`;
  const { ours, 'stock graphql-ws': stock, 'bare ws': bare } = figures;
  return [
    {
      name,
      unit: 'messages/s',
      ours: ours.perSecond,
      peers: { 'stock graphql-ws': stock.perSecond },
      limit: bare.perSecond,
      limitName: 'bare ws',
      goals: isOne ? oneDocumentGoals : fiftyDocumentsGoals,
    },
    {
      name: `${name}, processor time of the server`,
      unit: 'ms/1,000 messages',
      ours: ours.cpuMsPerThousand,
      peers: { 'stock graphql-ws': stock.cpuMsPerThousand },
      limit: bare.cpuMsPerThousand,
      limitName: 'bare ws',
      goals: [],
    },
  ];
}

interface SideOptions {
  origin: string;
  /** Of the server. */
  pid: number;
  authorizations: string[];
  /** What makes so many events, the first of this number. */
  trigger: (first: number, count: number, samples: Sample[]) => Trigger;
}

/** A server with its subscribers, who are a process of their own. */
class Side {
  #next = 0;
  #samples: Sample[] = [];

  private constructor(
    private readonly context: BenchContext,
    private readonly options: SideOptions,
    private readonly client: Awaited<ReturnType<typeof spawnClient>>,
  ) {}

  static async start(context: BenchContext, options: SideOptions): Promise<Side> {
    return new Side(context, options, await spawnClient(context, options));
  }

  /**
   * Has so many subscribers, and returns when events reach each of them. Takes messages that another side sent, one for each document,
   * and returns its own.
   */
  async subscribe(count: number, documents: string[], samples: Sample[]): Promise<Sample[]> {
    await this.client.request({ kind: 'subscribe', count, documents }, { timeoutMs: burstTimeoutMs });
    this.#samples = samples;
    for (let tries = 1; ; tries++) {
      const number = this.#next++;
      const settled = await this.client.request({
        kind: 'settle',
        trigger: this.options.trigger(number, 1, samples),
        number,
        waitMs: settleMs,
      });
      if (settled.received === count)
        return settled.samples.map((sample, index) => ({ ...sample, document: documents[index] ?? '' }));
      check(tries < 10, `only ${settled.received} of ${count} subscribers get events`);
    }
  }

  async burst(count: number): Promise<{ perSecond: number; cpuMsPerThousand: number }> {
    const first = this.#next;
    this.#next += count;
    const cpuBefore = this.context.cpuSeconds(this.options.pid);
    const { seconds, received } = await this.client.request(
      { kind: 'burst', trigger: this.options.trigger(first, count, this.#samples), first, count },
      { timeoutMs: burstTimeoutMs },
    );
    const cpuMs = (this.context.cpuSeconds(this.options.pid) - cpuBefore) * 1000;
    return { perSecond: received / seconds, cpuMsPerThousand: cpuMs / (received / 1000) };
  }
}

function spawnClient(context: BenchContext, { origin, authorizations }: SideOptions) {
  const args: SubscribersArgs = { origin, authorizations };
  return context.spawn<object, SubscribersCommand, SubscribersResult>('fanout/subscribers-client.ts', args);
}

async function startOurs(context: BenchContext): Promise<Side> {
  const { createDatabase } = await context.postgres();
  const { url: origin, pid } = await context.startServer({ databaseUrl: await createDatabase('fanout', { migrated: true }) });
  const agents = await registerAgents(origin, { name: 'subscriber', count: agentCount });
  const authorizations = agents.map(({ apiKey }) => `Bearer ${apiKey}`);
  return Side.start(context, { origin, pid, authorizations, trigger: (first, count) => createTasks(origin, first, count) });
}

async function startStock(context: BenchContext): Promise<Side> {
  const { ready, pid } = await context.spawnServer<{ url: string }>('fanout/yoga-server.ts');
  const origin = ready.url;
  return Side.start(context, {
    origin,
    pid,
    authorizations: ['nobody'],
    trigger: (first, count) => createTasks(origin, first, count),
  });
}

async function startBare(context: BenchContext): Promise<Side> {
  const { ready, pid } = await context.spawnServer<{ url: string }>('fanout/bare-server.ts');
  const trigger = (first: number, count: number, samples: Sample[]): Trigger => {
    return { url: ready.url, authorization: 'nobody', body: { first, count, samples } satisfies BareTrigger };
  };
  return Side.start(context, { origin: ready.url, pid, authorizations: ['nobody'], trigger });
}

function createTasks(origin: string, first: number, count: number): Trigger {
  const tasks = Array.from({ length: count }, (_, index) => ({ title: markerOf(first + index) }));
  const query = 'mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { errors { code message } } }';
  return {
    url: `${origin}/graphql`,
    authorization: `Bearer ${adminToken}`,
    body: { query, variables: { input: { tasks } } },
  };
}
