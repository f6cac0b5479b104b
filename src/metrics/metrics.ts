import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { OwnedDatabase, Statement } from '../database/database.js';
import type { DatabaseClock } from '../database/database-clock.js';
import type { EventTailer } from '../realtime/event-tailer.js';
import type { SubscriptionHub } from '../realtime/subscription-hub.js';

/** Seconds: a claim takes a few milliseconds, and ten seconds is as good as never. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** How long a count of the tasks is good for: counting a million takes most of a second. */
const countsKeptMs = 10_000;

/** What is looked at when somebody asks for the metrics. */
export interface Observed {
  database: OwnedDatabase;
  clock: DatabaseClock;
  hub: SubscriptionHub;
  tailer: EventTailer;
  /** Websockets that are open. */
  socketCount: () => number;
}

let ofProcess: Registry | undefined;

/** Memory, processor, garbage collection. What looks at these never ends: one does for every server that a process starts. */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/**
 * What a server tells Prometheus of itself; see docs/operations.md for what each is good for.
 *
 * Labels are names of the schema, of routes, of codes, of kinds and of states, so that callers cannot make new series.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #graphqlSeconds = new Histogram({
    name: 'baton_graphql_operation_seconds',
    help: 'Time from a parsed GraphQL query or mutation to its result, by its root field; `several` when it has more than one.',
    labelNames: ['operation'],
    buckets: secondsBuckets,
    registers: [this.#registry],
  });
  /** Finding a series by its label costs more than counting in it. */
  readonly #seriesByOperation = new Map<string, Histogram.Internal<'operation'>>();
  readonly #restSeconds = new Histogram({
    name: 'baton_rest_request_seconds',
    help: 'Time from a REST request to its answer, by its route.',
    labelNames: ['endpoint'],
    buckets: secondsBuckets,
    registers: [this.#registry],
  });
  readonly #deliverySeconds = new Histogram({
    name: 'baton_event_delivery_seconds',
    help: 'Time from the write of an event to its delivery to the subscribers of this server.',
    buckets: secondsBuckets,
    registers: [this.#registry],
  });
  readonly #events = new Counter({
    name: 'baton_events_total',
    help: 'Events of the log that this server has delivered, by type. Every server counts all of them: compare servers, or take the maximum, but do not add them up.',
    labelNames: ['type'],
    registers: [this.#registry],
  });
  readonly #refusals = new Counter({
    name: 'baton_refusals_total',
    help: 'Requests and commands that this server refused, by the code of the error. LEASE_LOST is a write of somebody whose lease had ended; INTERNAL_ERROR is a fault.',
    labelNames: ['code'],
    registers: [this.#registry],
  });

  readonly #process = processRegistry();

  /** A query or a mutation has its result. */
  executed(operation: string, seconds: number): void {
    let series = this.#seriesByOperation.get(operation);
    if (!series) {
      series = this.#graphqlSeconds.labels(operation);
      this.#seriesByOperation.set(operation, series);
    }
    series.observe(seconds);
  }

  /** A REST request has its answer. */
  answered(endpoint: string, seconds: number): void {
    this.#restSeconds.labels(endpoint).observe(seconds);
  }

  /** Somebody was told an error with this stable code. */
  refused(code: string): void {
    this.#refusals.labels(code).inc();
  }

  /** Adds what is known by looking: from now on each `text` looks at it. */
  observe({ database, clock, hub, tailer, socketCount }: Observed): void {
    hub.listen(({ type, occurredAt }) => {
      this.#events.labels(type).inc();
      this.#deliverySeconds.observe(Math.max(0, clock.now().getTime() - occurredAt.getTime()) / 1000);
    });
    this.#gauge('baton_websockets', 'Websockets that are open.', socketCount);
    this.#gauge('baton_subscribers', 'Subscriptions that are open.', () => hub.subscriberCount);
    this.#gauge(
      'baton_subscriber_backlog_max',
      'Events that wait for the slowest live subscriber; at SUBSCRIBER_BUFFER it is dropped.',
      () => hub.backlogMax,
    );
    this.#counter(
      'baton_dropped_subscribers_total',
      'Subscriptions that ended because their reader was too slow.',
      () => hub.droppedCount,
    );
    this.#gauge(
      'baton_event_log_held_back_seconds',
      'Age of the oldest committed event that readers do not see yet, because an older write of the same Postgres cluster is still open.',
      () => (tailer.pendingAgeMs ?? 0) / 1000,
    );
    this.#gauge('baton_event_log_failing', '1 while the event log cannot be read.', () => Number(tailer.isFailing));
    this.#observePool(database);
    this.#observeSharedStatements(database);
    this.#observeTasks(database);
  }

  /** All of it in the text format of Prometheus, with its media type. */
  async text(): Promise<{ contentType: string; body: string }> {
    const texts = await Promise.all([this.#process, this.#registry].map((registry) => registry.metrics()));
    return { contentType: this.#registry.contentType, body: texts.join('\n') };
  }

  #observePool({ pool, onWaited }: OwnedDatabase): void {
    const connections: Gauge<'state'> = new Gauge({
      name: 'baton_database_connections',
      help: 'Connections to Postgres, by state; `waiting` is how many callers wait for one.',
      labelNames: ['state'],
      registers: [this.#registry],
      collect: () => {
        connections.set({ state: 'idle' }, pool.idleCount);
        connections.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
        connections.set({ state: 'waiting' }, pool.waitingCount);
      },
    });
    const waits = new Histogram({
      name: 'baton_database_wait_seconds',
      help: 'Time that a caller waited for a connection to Postgres.',
      buckets: secondsBuckets,
      registers: [this.#registry],
    });
    onWaited((seconds) => waits.observe(seconds));
  }

  #observeSharedStatements(database: OwnedDatabase): void {
    const each = (
      tell: (kind: string, stats: { statements: number; items: number; splits: number; waiting: number }) => void,
    ) => {
      for (const [kind, { sizes, waitingCount, splitCount }] of database.sharedStatements()) {
        let statements = 0;
        let items = 0;
        for (const [size, count] of sizes) {
          statements += count;
          items += size * count;
        }
        tell(kind, { statements, items, splits: splitCount, waiting: waitingCount });
      }
    };
    const byKind = (name: string, help: string, valueIn: (stats: Parameters<Parameters<typeof each>[0]>[1]) => number) => {
      const counter: Counter<'kind'> = new Counter({
        name,
        help,
        labelNames: ['kind'],
        registers: [this.#registry],
        collect: () => {
          counter.reset();
          each((kind, stats) => counter.inc({ kind }, valueIn(stats)));
        },
      });
    };
    byKind('baton_shared_statements_total', 'Statements that commands of one kind have shared.', ({ statements }) => statements);
    byKind(
      'baton_shared_statement_items_total',
      'Commands that these statements took; divided by their number, the size of a batch.',
      ({ items }) => items,
    );
    byKind(
      'baton_shared_statement_splits_total',
      'Statements whose commands were run one by one, because one of them was refused.',
      ({ splits }) => splits,
    );
    const waiting: Gauge<'kind'> = new Gauge({
      name: 'baton_shared_statement_waiting',
      help: 'Commands that wait for the next statement of their kind.',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect: () => each((kind, stats) => waiting.set({ kind }, stats.waiting)),
    });
  }

  #observeTasks(database: OwnedDatabase): void {
    let counts: Promise<QueueRow | null> = Promise.resolve(null);
    let countedAt = Number.NEGATIVE_INFINITY;
    const count = () => {
      if (performance.now() - countedAt > countsKeptMs) {
        countedAt = performance.now();
        // A database that is away leaves the metrics of everything else.
        counts = database.query<QueueRow>(queueStatement, []).then(
          ([row]) => row ?? null,
          () => null,
        );
      }
      return counts;
    };
    const gauge = (name: string, help: string, valueIn: (row: QueueRow) => number) =>
      this.#gauge(name, `${help} Of all organizations, at most ten seconds old.`, async () => {
        const row = await count();
        return row ? valueIn(row) : Number.NaN;
      });
    gauge('baton_tasks_ready', 'Tasks that are ready to be claimed.', ({ ready }) => ready);
    gauge('baton_tasks_leased', 'Tasks that are held under a lease.', ({ leased }) => leased);
    gauge(
      'baton_tasks_overdue',
      'Tasks whose lease has lapsed and that the sweep has not returned yet; above 0 for more than a second is a fault.',
      ({ overdue }) => overdue,
    );
    gauge(
      'baton_oldest_ready_task_seconds',
      'Time since the task changed that has been ready for longest; 0 when none is.',
      (row) => row.oldestReadySeconds,
    );
  }

  #gauge(name: string, help: string, read: () => number | Promise<number>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: async () => gauge.set(await read()),
    });
  }

  #counter(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }
}

interface QueueRow {
  ready: number;
  leased: number;
  overdue: number;
  oldestReadySeconds: number;
}

/** Each count walks a partial index of few rows. */
const queueStatement: Statement = {
  name: 'metrics-queue',
  text: `
select ready.count as ready, leased.count as leased, leased.overdue,
  coalesce(extract(epoch from clock_timestamp() - ready.oldest), 0)::float8 as "oldestReadySeconds"
from (select count(*)::int as count, min(updated_at) as oldest from task where status = 'READY') as ready
cross join (
  select count(*)::int as count, (count(*) filter (where lease_expires_at <= clock_timestamp()))::int as overdue
  from task where lease_check_at is not null
) as leased`,
};
